"""The sync and the async performer of a run's effects.

Knows: the loop's effects, the executor, the portal.  Must not know: how one asks, what is answered.
"""

from __future__ import annotations

import contextlib
from bisect import insort
from typing import TYPE_CHECKING, Any

from ..calls import Call
from ..errors import ToolfanError, UnknownTool, UsageError
from ..values import dataclass
from .portals import ended
from .running import Ask, key_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable

    from ..calls import Outcome
    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from .executor import Executor
    from .portals import Loop, Portal
    from .running import Run, RunLoop


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has begun: its loop, what executes its calls, and the tools whose calls start before the rest came.

    `sequential` are the tools whose calls keep their turn, `mends` whether failed calls are asked for again.
    """

    loop: RunLoop
    executor: Executor
    early: frozenset[str]
    sequential: frozenset[str]
    mends: bool


class HandOver:
    """Takes each outcome of one answer as it comes, and starts the calls that need not wait for the rest.

    A sequential call keeps its turn: an early one starts only when no call before it waits for the whole answer, and
    none behind it overtakes one that does.
    """

    def __init__(self, begun: Begun, start: Callable[[Hashable, Call[Any]], object]) -> None:
        self._begun, self._start = begun, start
        self._came: dict[int, Outcome[Any]] = {}
        self._next = 0
        self._waiting = _Waiting()
        self._attempt, self._has_started = 1, False
        self._before = _Waiting()
        self.end: Callable[[], object] | None = None
        """Ends the reading of the answer, from another thread; whoever reads it sets it."""

    def __call__(self, outcome: Outcome[Any]) -> None:
        """Raises what a tool raised to end everything."""
        self._begun.executor.check()
        if outcome.attempt != self._attempt:
            self._attempt, self._has_started, self._before = outcome.attempt, False, self._waiting.copy()
        if not self._begun.sequential or outcome.attempt > 1:
            self._consider(outcome)
            return
        self._came[outcome.index] = outcome
        while (following := self._came.pop(self._next, None)) is not None:
            self._next += 1
            self._consider(following)

    def _consider(self, outcome: Outcome[Any]) -> None:
        begun, waiting, at = self._begun, self._waiting, outcome.index
        alone = outcome.name in begun.sequential
        if outcome.attempt > 1:
            waiting.discard(at)  # for what failed here
        if isinstance(outcome, Call):
            waits = outcome.name not in begun.early or waiting.before(at, alone=True) or (alone and waiting.before(at))
            if not waits:
                self._has_started = True
                self._start(key_of(outcome), outcome)
        else:
            waits = begun.mends
            alone = alone or (isinstance(outcome.error, UnknownTool) and bool(begun.sequential))
        if waits and begun.sequential:
            waiting.add(at, alone=alone)

    def forget(self) -> bool:
        """Forget what came of this answer, for the same request is sent again; false, and nothing is, if a call of it
        started."""
        if not self._has_started:
            self._came, self._next = {}, 0
            self._waiting = self._before.copy()
        return not self._has_started

    def stop(self) -> None:
        """End the reading, if there is any."""
        if self.end is not None:
            self.end()


class _Waiting:
    """The places of the calls that wait for the whole answer, and of those among them that nothing may overtake."""

    def __init__(self, all_: Iterable[int] = (), alone: Iterable[int] = ()) -> None:
        self._all, self._alone = [*all_], [*alone]  # sorted

    def copy(self) -> _Waiting:
        return _Waiting(self._all, self._alone)

    def add(self, at: int, *, alone: bool) -> None:
        insort(self._all, at)
        if alone:
            insort(self._alone, at)

    def discard(self, at: int) -> None:
        for places in (self._all, self._alone):
            if at in places:
                places.remove(at)

    def before(self, at: int, *, alone: bool = False) -> bool:
        """Whether one before this place waits, or one that nothing may overtake."""
        places = self._alone if alone else self._all
        return bool(places) and places[0] < at


class _Behind:
    """A run's executor behind the portal: in one event loop, though another may be there when that was ended."""

    def __init__(self, executor: Executor, portal: Portal) -> None:
        self._executor, self._portal = executor, portal
        self._loop: Loop | None = None

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """`Portal.call`."""
        if self._loop is None:
            self._loop = loop = self._portal.loop()
            loop.ending[self._executor.end] = None
            if loop.ended:
                raise ended()
        return self._loop.call(function, *args)

    def execute(self, calls: tuple[tuple[Hashable, Call[Any]], ...]) -> None:
        """Wait until they, and what was started before, have ended.  Without calls it raises no UsageError."""
        if calls:
            self.call(self._executor.perform, calls)
            self._executor.check()
        elif self._executor.has_calls:
            with contextlib.suppress(UsageError):  # the loop is gone: nothing of it is left to wait for
                self.call(self._executor.perform, ())

    def cancel(self, because: BaseException) -> None:
        """End what runs, and note it on `because`."""
        try:
            self.call(self._executor.cancel, because)
        except UsageError:
            self._executor.tell_ended(because)

    def leave(self) -> None:
        """The run is over: nothing of it is to be ended with the loop."""
        if self._loop is not None:
            self._loop.ending.pop(self._executor.end, None)


def perform(begun: Begun, ask: Callable[[Prepared, HandOver], Calls[Any]], portal: Portal) -> Run:
    """Perform the loop's effects, blocking; calls are executed behind the portal."""
    portal.check()
    loop, executor = begun.loop, begun.executor
    behind = _Behind(executor, portal)
    effect = next(loop)
    try:
        while True:
            outcome: Any
            try:
                if isinstance(effect, Ask):
                    executor.check()
                    hand_over = HandOver(begun, lambda key, call: behind.call(executor.start, key, call))
                    executor.on_fatal = hand_over.stop
                    try:
                        outcome = ask(effect.prepared, hand_over)
                    finally:
                        executor.check()
                else:
                    behind.execute(effect.calls)
                    outcome = executor.take()
            except BaseException as exc:  # noqa: BLE001 - it is thrown into the loop, which raises it
                if executor.has_calls and not isinstance(exc, ToolfanError):
                    behind.cancel(exc)
                effect = loop.throw(exc)
            else:
                effect = loop.send(outcome)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        behind.leave()


async def perform_async(begun: Begun, ask: Callable[[Prepared, HandOver], Awaitable[Calls[Any]]]) -> Run:
    """`perform`, awaited; calls are executed in this event loop."""
    import anyio

    loop, executor = begun.loop, begun.executor
    effect = next(loop)
    try:
        while True:
            outcome: Any = None
            try:
                if isinstance(effect, Ask):
                    with anyio.CancelScope() as reading:
                        executor.on_fatal = reading.cancel
                        try:
                            outcome = await ask(effect.prepared, HandOver(begun, executor.start))
                        finally:
                            executor.check()
                else:
                    await executor.perform(effect.calls)
                    outcome = executor.take()
            except BaseException as exc:  # noqa: BLE001 - it is thrown into the loop, which raises it
                if executor.has_calls and not isinstance(exc, ToolfanError):
                    await executor.cancel(exc)
                effect = loop.throw(exc)
            else:
                effect = loop.send(outcome)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
