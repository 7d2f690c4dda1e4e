"""Threads for blocking sends, so that a deadline can return control while a request that cannot be ended goes on.

Threads are reused (starting one costs as much as the rest of a call) and are daemons: a hung request never keeps the
process alive.  Requests that were left behind are counted; when there are too many, none is started.  Those under way
by then may join them: a bound on these too would refuse healthy requests of many threads.

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
    """So many requests were left behind that no further one is started."""


class _Job(Generic[R]):
    __slots__ = ("_abandoned", "_finished", "_lock", "context", "done", "error", "on_late", "result", "work")

    def __init__(self, work: Callable[[], R], on_late: Callable[[], None]) -> None:
        self.work = work
        self.on_late = on_late
        self.context = contextvars.copy_context()
        self.done = threading.Lock()
        self.done.acquire()
        self.result: Any = None
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._abandoned = self._finished = False

    def execute(self, then: Callable[[], None]) -> None:
        """Do the work, call `then`, and only after that wake the thread that waits."""
        try:
            self.result = self.context.run(self.work)
        except BaseException as exc:  # noqa: BLE001 - it is raised again in the thread that waits
            self.error = exc
        with self._lock:
            self._finished = True
            late = self._abandoned
        then()
        self.done.release()
        if late:
            self.on_late()

    def abandon(self) -> bool:
        """Whether the job is still running, and now left behind."""
        with self._lock:
            self._abandoned = not self._finished
            return self._abandoned


class WorkerPool:
    """Daemon threads, made on demand and reused; see the module."""

    def __init__(self, max_abandoned: int = MAX_ABANDONED) -> None:
        self._lock = threading.Lock()
        self._inbox: SimpleQueue[_Job[Any]] = SimpleQueue()
        self._idle = 0
        self._abandoned = 0
        self._max_abandoned = max_abandoned

    @property
    def abandoned(self) -> int:
        """How many jobs were left behind and are still running."""
        return self._abandoned

    def run(self, work: Callable[[], R], timeout: float, on_abandon: Callable[[int], None]) -> R:
        """`work()`, or TimeoutError after `timeout` seconds.

        `on_abandon` is told +1 when the job is left behind and -1 when it ends after all.  Raises TooManyAbandoned if
        too many are running already, and whatever `work` raises.
        """
        if self._abandoned >= self._max_abandoned:
            raise TooManyAbandoned(f"{self._abandoned} requests that passed their deadline are still running")

        def late() -> None:
            self._count(-1)
            on_abandon(-1)

        job = _Job(work, late)
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                threading.Thread(target=self._serve, name="toolfan-send", daemon=True).start()
            self._inbox.put(job)
        finished = False
        try:
            finished = job.done.acquire(timeout=min(timeout, threading.TIMEOUT_MAX))
        finally:
            # Ctrl-C also passes here.
            if not finished and job.abandon():
                self._count(+1)
                on_abandon(+1)
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


def _after_fork() -> None:
    # Threads do not survive a fork.
    global pool, connecting
    pool, connecting = WorkerPool(), WorkerPool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
