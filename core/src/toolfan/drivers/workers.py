"""Threads for blocking work, so that a deadline can return control while what cannot be ended goes on.

Threads are reused (starting one costs as much as the rest of a call) and are daemons: a hung request or tool never
keeps the process alive.  Work that was left behind is counted; when there is too much of it, none is started.  What is
under way by then may join it: a bound on that too would refuse healthy requests of many threads.

Knows: threads and time.  Must not know: what runs in them.
"""

from __future__ import annotations

import contextvars
import os
import threading
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

IDLE_SECONDS = 20.0
MAX_ABANDONED = 64


class TooManyAbandoned(OSError):
    """So much was left behind that nothing more is started."""


class Job(Generic[R]):
    """One piece of work in a thread: its `result` or its `error`, once `wake` was called."""

    __slots__ = ("_abandoned", "_finished", "_lock", "context", "error", "on_late", "result", "wake", "work")

    def __init__(self, work: Callable[[], R], wake: Callable[[], None], on_late: Callable[[], None]) -> None:
        self.work = work
        self.wake = wake
        self.on_late = on_late
        self.context = contextvars.copy_context()
        self.result: Any = None
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._abandoned = self._finished = False

    def execute(self, then: Callable[[], None]) -> None:
        """Do the work, call `then`, and only after that wake who waits."""
        try:
            self.result = self.context.run(self.work)
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the result is waited for
            self.error = exc
        with self._lock:
            self._finished = True
            late = self._abandoned
        then()
        self.wake()
        if late:
            self.on_late()

    def abandon(self) -> bool:
        """Whether the job is still running, and now left behind."""
        with self._lock:
            self._abandoned = not self._finished
            return self._abandoned


class WorkerPool:
    """Daemon threads, made on demand and reused; see the module.  `what` names the work, in messages and threads."""

    def __init__(self, max_abandoned: int = MAX_ABANDONED, what: str = "request") -> None:
        self._lock = threading.Lock()
        self._what = what
        self._inbox: SimpleQueue[Job[Any]] = SimpleQueue()
        self._idle = 0
        self._abandoned = 0
        self._max_abandoned = max_abandoned

    @property
    def abandoned(self) -> int:
        """How many jobs were left behind and are still running."""
        return self._abandoned

    def run(
        self,
        work: Callable[[], R],
        timeout: float,
        on_abandon: Callable[[int], None],
        on_interrupt: Callable[[], None] = lambda: None,
    ) -> R:
        """`work()`, or TimeoutError after `timeout` seconds.

        `on_abandon` is told +1 when the job is left behind and -1 when it ends after all; `on_interrupt` is called if a
        signal's handler ended the waiting for it, by Ctrl-C or another exception.  Raises TooManyAbandoned if too many
        are running already, and whatever `work` raises.
        """

        def late() -> None:
            self._count(-1)
            on_abandon(-1)

        done = threading.Lock()
        done.acquire()
        job = self._begun(Job(work, done.release, late))
        finished, interrupted = False, True
        try:
            finished = done.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))
            interrupted = False
        finally:
            if not finished and job.abandon():
                self._count(+1)
                on_abandon(+1)
                if interrupted:
                    on_interrupt()
            else:
                finished = True
        if not finished:
            raise TimeoutError
        if job.error is not None:
            try:
                raise job.error
            finally:
                job.error = None  # its traceback refers to this frame
        return job.result  # type: ignore[no-any-return]

    def start(
        self, work: Callable[[], R], wake: Callable[[], None], on_late: Callable[[], None] = lambda: None
    ) -> Job[R]:
        """Begin `work()` and return at once; `wake` is called in its thread when it has ended.

        `on_late` is called there too, if it was left behind.  Raises TooManyAbandoned as `run` does.
        """

        def late() -> None:
            self._count(-1)
            on_late()

        return self._begun(Job(work, wake, late))

    def leave(self, job: Job[Any]) -> bool:
        """Whether a started job is still running; then it is counted as left behind until it ends."""
        left = job.abandon()
        if left:
            self._count(+1)
        return left

    def _begun(self, job: Job[R]) -> Job[R]:
        if self._abandoned >= self._max_abandoned:
            left = f"{self._abandoned} {self._what}s that passed their deadline are still running"
            raise TooManyAbandoned(f"{left}; nothing more is started until some of them end")
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                threading.Thread(target=self._serve, name=f"toolfan-{self._what}", daemon=True).start()
            self._inbox.put(job)
        return job

    def _count(self, change: int) -> None:
        with self._lock:
            self._abandoned += change

    def _serve(self) -> None:
        while True:
            try:
                job = self._inbox.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._inbox.empty():
                        self._idle -= 1
                        return
                continue
            # Idle before the waiting thread runs on: its next job shall find this thread and start none.
            job.execute(self._rest)
            del job

    def _rest(self) -> None:
        with self._lock:
            self._idle += 1


pool = WorkerPool()
"""For whole requests."""
connecting = WorkerPool()
"""For making connections alone, so that requests left behind elsewhere do not stand in the way."""
tools = WorkerPool(what="tool")
"""For the functions that models call."""


def _after_fork() -> None:
    # Threads do not survive a fork.
    global pool, connecting, tools
    pool, connecting, tools = WorkerPool(), WorkerPool(), WorkerPool(what="tool")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
