"""Running calls at the same time: bounded, timed, in order, each apart from the others.

Knows: calls, their order, limits.  Must not know: how one call is run, providers, what is done with the results.
"""

from __future__ import annotations

import functools
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import anyio

from ..calls import Call, Result
from ..drivers import workers
from ..drivers.binding import detach
from ..errors import TooManyCalls, UsageError
from ..hookspecs.watching import tell_of_execution
from .ended_calls import tell_ended
from .jobs import GRACE, Job, ended

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ..tools.toolset import ToolSet
    from .portals import Portal


class Executor:
    """Executes calls as they come, at most `max_concurrency` at the same time, `max_calls` altogether.

    `until` is when all must have ended, on the monotonic clock.  Coroutine functions run in the loop behind `portal`;
    None for the one that everything else happens in.  It is made and `take` is called anywhere.  Raises UsageError for
    limits that are none.
    """

    def __init__(
        self,
        tools: ToolSet[Any] | None,
        *,
        max_concurrency: int = 8,
        max_calls: int | None = None,
        until: float | None = None,
        portal: Portal | None = None,
        adapter: str | None = None,
        tells: bool = False,
    ) -> None:
        check_limit("max_concurrency", max_concurrency)
        if max_calls is not None:
            check_limit("max_calls", max_calls)
        self._tools, self._limit, self._max_calls, self._until = tools, max_concurrency, max_calls, until
        self._portal, self._adapter, self._tells = portal, adapter, tells
        self._origin = time.monotonic()
        self._waiting: deque[Job] = deque()
        self._running: set[Job] = set()
        self._jobs: dict[Hashable, Job] = {}
        self._idle: anyio.Event | None = None
        self._fatal: BaseException | None = None
        self._ended: UsageError | None = None
        self._cut = False
        self.on_fatal: Callable[[], object] | None = None  # called when one of these is to be raised: see `check`
        self._begun = 0
        self._pumping = False

    def start(self, key: Hashable, call: Call[Any]) -> None:
        """Begin a call, or put it behind those that wait; one whose key was given before is not run again.

        Raises UsageError if nothing can run it.
        """
        if key in self._jobs:
            return
        tool = self._tools.by_name.get(call.name) if self._tools is not None else None
        self._jobs[key] = job = Job(call, tool, self._portal, tells=self._tells)
        if self._max_calls is not None and self._begun >= self._max_calls:
            job.error = TooManyCalls(f"not run: max_calls={self._max_calls} is used up")
            self._end(job)
            return
        if self._ended is not None:
            self._cut = True
            job.error = ended(f"{call.name} was not started")
            self._end(job)
            return
        self._begun += 1
        self._waiting.append(job)
        self._pump()

    async def settled(self) -> None:
        """Wait until every call that was started has ended or was left behind."""
        while self._waiting or self._running:
            if self._idle is None or self._idle.is_set():
                self._idle = anyio.Event()
            await self._idle.wait()

    async def perform(self, calls: Iterable[tuple[Hashable, Call[Any]]]) -> None:
        """`start` all of them and wait until they are settled."""
        for key, call in calls:
            self.start(key, call)
        await self.settled()

    @property
    def has_calls(self) -> bool:
        """Whether anything was started since the last `take`."""
        return bool(self._jobs)

    def check(self) -> None:
        """Raises what a tool raised that is no Exception, or UsageError if the loop was ended before a call had."""
        if self._fatal is not None:
            raise self._fatal
        if self._ended is not None and self._cut:
            raise self._ended

    def take(self) -> dict[Hashable, tuple[Result[Any], Any]]:
        """The results by key, which are then forgotten; each with what the model is told of its value, if it `tells`.

        Raises what a tool raised that is no Exception (KeyboardInterrupt, SystemExit).
        """
        if self._fatal is not None:
            raise self._fatal
        jobs, self._jobs = self._jobs, {}
        return {key: (job.result, job.told) for key, job in jobs.items() if job.result is not None}

    async def cancel(self, because: BaseException) -> None:
        """End what runs and start nothing more; what ran, and what still runs, is noted on `because`.

        Raises a cancellation that comes meanwhile, with the notes on it, unless `because` is one.
        """
        self._stop()
        cancelled, told = anyio.get_cancelled_exc_class(), because
        try:
            with anyio.move_on_after(3 * GRACE, shield=True):  # longer only if the loop that they ran in is gone
                await self.settled()
        except cancelled as again:  # asyncio's `Task.cancel` passes through the shield: nobody wants to wait
            told = because if isinstance(because, cancelled) else again
        self.tell_ended(told)
        if told is not because:
            raise told

    async def end(self, because: UsageError) -> None:
        """`cancel`, as the event loop is about to be ended: then `check` raises `because`, unless all had ended."""
        self._ended = because
        if self._waiting or self._running:
            self._cut = True
            if self.on_fatal is not None:
                self.on_fatal()
            await self.cancel(because)

    def tell_ended(self, because: BaseException) -> None:
        """Note on `because` which calls ran, and which still run."""
        tell_ended(self._jobs.values(), because)

    def _stop(self) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            job.error = ended(f"{job.call.name} was not started")
            self._end(job)
        for job in self._running:
            job.stop()

    def _pump(self) -> None:
        """Start what may start now: in order, so that a sequential call neither overtakes nor waits for ever."""
        if self._pumping:  # an event loop may run a task at once where it is created
            return
        self._pumping = True
        while self._waiting and len(self._running) < self._limit:
            job = self._waiting[0]
            if self._running and (job.sequential or any(one.sequential for one in self._running)):
                break
            self._waiting.popleft()
            left = None if self._until is None else self._until - time.monotonic()
            if left is not None and left <= 0:
                job.error = TimeoutError(f"{job.call.name} was not started: the deadline for all calls had passed")
                self._end(job)
                continue
            self._running.add(job)
            job.started = self._now()
            detach(functools.partial(self._supervise, job, left))
        self._pumping = False

    async def _supervise(self, job: Job, left: float | None) -> None:
        try:
            await job.supervise(left)
        except BaseException as exc:
            job.error = job.error or exc  # the event loop is ending
            job.abandoned = job.thread is not None and workers.tools.leave(job.thread)
            self._stop()
            raise
        finally:
            self._running.discard(job)
            self._end(job)
            self._pump()

    def _end(self, job: Job) -> None:
        value = job.value if job.error is None else None
        job.result = Result(job.call, value, job.error, job.started, self._now(), job.abandoned)
        tell_of_execution(self._adapter, job.call, job.result)
        ends_all = not isinstance(job.error, (Exception, anyio.get_cancelled_exc_class(), type(None)))
        if ends_all and self._fatal is None:
            self._fatal = job.error
            self._stop()
            if self.on_fatal is not None:
                self.on_fatal()
        if self._idle is not None and not self._waiting and not self._running:
            self._idle.set()

    def _now(self) -> float:
        return time.monotonic() - self._origin


def check_limit(name: str, value: Any) -> None:
    """Raises UsageError unless `value` is a whole number from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{name} is {value!r}", hint="It is a whole number from 1.")
