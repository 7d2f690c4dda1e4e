"""A portal from blocking code to an event loop in a thread of its own, so that coroutine functions run from sync code,
inside another running event loop too (Jupyter).

One for each client and process, started when it is first needed; the thread is a daemon.  Tools have a second loop and
thread: one that blocks its loop cannot hold those who watch it.

Knows: threads, event loops, processes.  Must not know: what runs in it.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
import weakref
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from .binding import running_loop
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


class _Loop:
    """One event loop in one thread of one process."""

    def __init__(self) -> None:
        self.process = os.getpid()
        ready: Future[tuple[Any, Any, Callable[[], None]]] = Future()
        self.thread = threading.Thread(target=_serve, args=(ready,), name="toolfan-portal", daemon=True)
        self.thread.start()
        self.portal, self.soon, self._stop = ready.result()

    def stop(self) -> None:
        if self.process == os.getpid():  # the parent's loop is none of a forked child's
            self._stop()


def _serve(ready: Future[tuple[Any, Any, Callable[[], None]]]) -> None:
    import anyio
    from anyio.from_thread import BlockingPortal

    async def main() -> None:
        stopped = anyio.Event()
        soon = thread_safe()
        async with BlockingPortal() as portal:
            ready.set_result((portal, soon, lambda: soon(stopped.set)))
            await stopped.wait()
            await portal.stop(cancel_remaining=True)

    try:
        anyio.run(main)
    except BaseException as exc:  # noqa: BLE001 - whoever waits for something is told that the loop has ended
        if not ready.done():
            ready.set_exception(exc)


def thread_safe() -> Callable[[Callable[[], object]], None]:
    """What has the running event loop call a function soon, from any thread; nothing happens once the loop is gone."""
    loop = running_loop()
    call: Callable[[Callable[[], object]], object] = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon

    def soon(function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):
            call(function)

    return soon


class Portal:
    """Runs coroutine functions for blocking code.  Safe to share between threads; a forked child gets a new loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._inherited: list[_Loop] = []
        self._finalizer: Any = None
        self._tools: Portal | None = None

    @property
    def tools(self) -> Portal:
        """The portal to the loop in which coroutine functions run as tools."""
        with self._lock:
            if self._tools is None:
                self._tools = Portal()
            return self._tools

    def begin(self, function: Callable[[], Coroutine[Any, Any, Any]], done: Callable[[], object]) -> Callable[[], None]:
        """Begin `function()` in the portal's event loop, and return at once, whatever that loop does.

        It runs in a copy of the context of the caller, must not raise, and `done` is called in its loop when it has
        ended.  What is returned cancels it.
        """
        loop, context = self._running(), contextvars.copy_context()
        tasks: list[Any] = []

        def start() -> None:
            task = running_loop().create_task(function(), context=context)
            task.add_done_callback(lambda _: done())
            tasks.append(task)

        loop.soon(start)
        return lambda: loop.soon(lambda: [task.cancel() for task in tasks])

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """`function(*args)`, awaited if need be, in the portal's event loop and a copy of this thread's context.

        Whatever it raises passes; Ctrl-C in this thread does not end it.  Raises UsageError in the thread of the loop,
        or of its tools, and if the loop is ended meanwhile.
        """
        loop = self._running()
        tools = self._tools._loop if self._tools is not None else None
        if threading.current_thread() in (loop.thread, tools.thread if tools is not None else None):
            raise UsageError(
                "a coroutine function that runs as a tool called the blocking execute() or run()",
                hint="Await execute_async(), or run() of an AsyncClient.",
            )
        try:
            future: Future[Any] = loop.portal.start_task_soon(function, *args)
        except RuntimeError:
            raise self._ended(loop) from None
        try:
            return future.result()
        except CancelledError:
            raise self._ended(loop) from None

    def open(self) -> None:
        """Start the loop, unless it runs: what is done first then takes no longer than what comes later."""
        self._running()

    def _running(self) -> _Loop:
        with self._lock:
            if self._loop is None or self._loop.process != os.getpid() or not self._loop.thread.is_alive():
                if self._loop is not None and self._loop.process != os.getpid():
                    self._inherited.append(self._loop)  # kept, so that nothing of another process is closed here
                self._loop = _Loop()
                self._finalizer = weakref.finalize(self, self._loop.stop)
                setattr(self._finalizer, "atexit", False)  # noqa: B010 - its stubs do not know it
            return self._loop

    def _ended(self, loop: _Loop) -> UsageError:
        with self._lock:
            if self._loop is loop:
                self._loop = None
        return UsageError(
            "the event loop that ran the tools was ended while they ran",
            hint="Close the client when its runs have ended; leave the loop to those who made it.",
        )

    def forget(self) -> None:
        """Start anew, in a forked child: whoever held the lock is not there."""
        self._lock = threading.Lock()
        if self._tools is not None:
            self._tools.forget()

    def close(self) -> None:
        """End the loop, if one runs here; it is not waited for.  The next call would start another one."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()
            self._loop = self._finalizer = None
        if self._tools is not None:
            self._tools.close()


shared = Portal()
"""For `execute`, which belongs to no client."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared.forget)
