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
import sys
import threading
import weakref
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from ..drivers.binding import detach, running_loop
from ..errors import UsageError
from ..locks import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Ending = Callable[[UsageError], Coroutine[Any, Any, None]]


class Loop:
    """One event loop in one thread of one process.

    `ending` is awaited before it ends, each with the error that its owner is to raise; `then` is called afterwards.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.ended = False
        self.ending: dict[Callable[[UsageError], Coroutine[Any, Any, None]], None] = {}
        self.then: list[Callable[[], object]] = []
        ready: Future[tuple[Any, Any, Callable[[], None]]] = Future()
        parts = (ready, self.ending, self.then)  # not itself: its thread is not to keep it
        self.thread = threading.Thread(target=_serve, args=parts, name="toolfan-portal", daemon=True)
        self.thread.start()
        self.portal, self.soon, self._stop = ready.result()

    def stop(self) -> None:
        self.ended = True  # first: who comes to `ending` too late is to see it
        if self.process == os.getpid():  # the parent's loop is none of a forked child's
            self._stop()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """`function(*args)`, awaited if need be, in the event loop and a copy of this thread's context.

        Whatever it raises passes; Ctrl-C in this thread does not end it.  Raises UsageError if the loop is ended.
        """
        try:
            future: Future[Any] = self.portal.start_task_soon(function, *args)
        except RuntimeError:
            self.ended = True
            raise ended() from None
        done = threading.Lock()  # no condition: what a signal's handler raises in the midst of one may leave it locked
        done.acquire()
        future.add_done_callback(lambda _: done.release())
        done.acquire()
        try:
            return future.result()
        except CancelledError:
            self.ended = True
            raise ended() from None


def ended() -> UsageError:
    """The error of what ran in a loop that was ended."""
    return UsageError(
        "the event loop that ran the tools was ended while they ran",
        hint="Close the client when its runs have ended; leave the loop to those who made it.",
    )


def check_threads() -> None:
    """Raises UsageError where a thread cannot have an event loop of its own.

    gevent makes all threads parts of one, and of that asyncio runs one loop at a time.
    """
    gevent: Any = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("threading") and hasattr(running_loop(), "call_soon"):
        raise UsageError(
            "tools run in an event loop, one runs here already, and under gevent a thread cannot have another",
            hint="Close the client whose run() started it, or share that client; or take the calls from create(), "
            "and call each one's run().",
        )


def _serve(ready: Future[tuple[Any, Any, Callable[[], None]]], ending: dict[Any, None], then: list[Any]) -> None:
    import anyio
    from anyio.from_thread import BlockingPortal

    async def main() -> None:
        stopped = anyio.Event()
        soon = thread_safe()
        async with BlockingPortal() as portal:
            ready.set_result((portal, soon, lambda: soon(stopped.set)))
            await stopped.wait()
            async with anyio.create_task_group() as group:
                for end in tuple(ending):
                    group.start_soon(end, ended())
            await portal.stop(cancel_remaining=True)

    try:
        anyio.run(main)
    except BaseException as exc:  # noqa: BLE001 - whoever waits for something is told that the loop has ended
        if not ready.done():
            ready.set_exception(exc)
    finally:
        for one in then:
            one()


def thread_safe() -> Callable[[Callable[[], object]], None]:
    """What has the running event loop call a function soon, from any thread; nothing happens once the loop is gone."""
    loop = running_loop()
    call: Callable[[Callable[[], object]], object] = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon

    def soon(function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):
            call(function)

    return soon


def begin_here(function: Callable[[], Coroutine[Any, Any, None]], done: Callable[[], object]) -> Callable[[], object]:
    """`Portal.begin`, in the running event loop of asyncio."""
    task = detach(function)
    task.add_done_callback(lambda _: done())
    cancel: Callable[[], object] = task.cancel
    return cancel


class Portal:
    """Runs coroutine functions for blocking code.  Safe to share between threads; a forked child gets a new loop."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._loop: Loop | None = None
        self._inherited: list[Loop] = []
        self._finalizer: Any = None
        self._tools: Portal | None = None

    @property
    def tools(self) -> Portal:
        """The portal to the loop in which coroutine functions run as tools."""
        with self._lock.here():
            if self._tools is None:
                self._tools = Portal()
            return self._tools

    def begin(
        self, function: Callable[[], Coroutine[Any, Any, None]], done: Callable[[], object]
    ) -> Callable[[], object]:
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
        """`Loop.call`.  Raises what `loop` raises, too."""
        return self.loop().call(function, *args)

    def loop(self) -> Loop:
        """The loop, for blocking calls.  Raises UsageError in the thread of the loop, or of its tools."""
        loop = self._running()
        tools = self._tools._loop if self._tools is not None else None
        if threading.current_thread() in (loop.thread, tools.thread if tools is not None else None):
            raise UsageError(
                "a coroutine function that runs as a tool called the blocking execute() or run()",
                hint="Await execute_async(), or run() of an AsyncClient.",
            )
        return loop

    def open(self) -> None:
        """Start the loop, unless it runs: what is done first then takes no longer than what comes later."""
        self._running()

    def check(self) -> None:
        """Raises the UsageError of `loop` that can be told beforehand."""
        loop = self._loop
        if loop is None or loop.ended or loop.process != os.getpid():
            check_threads()

    def _running(self) -> Loop:
        with self._lock.here():
            loop = self._loop
            if loop is not None and loop.process != os.getpid():
                self._inherited.append(loop)  # kept, so that nothing of another process is closed here
                loop = None
            if loop is None or loop.ended or not loop.thread.is_alive():
                check_threads()
                self._loop = loop = Loop()
                self._finalizer = weakref.finalize(self, loop.stop)
                setattr(self._finalizer, "atexit", False)  # noqa: B010 - its stubs do not know it
            return loop

    def close(self) -> None:
        """End the loop, if one runs here, and after it that of the tools; neither is waited for.

        The next call would start another one.
        """
        with self._lock.here():
            loop, finalizer, tools = self._loop, self._finalizer, self._tools
            self._loop = self._finalizer = None
        if tools is not None:
            if loop is not None and loop.process == os.getpid() and loop.thread.is_alive():
                loop.then.append(tools.close)  # what runs there is ended from here
            else:
                tools.close()
        if finalizer is not None:
            finalizer()


shared = Portal()
"""For `execute`, which belongs to no client."""
