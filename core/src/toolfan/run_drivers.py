"""The sync and the async performer of a run's effects.

Knows: the loop's effects, the executor, the portal.  Must not know: how one asks, what is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .calls import Call
from .errors import ToolfanError
from .running import Ask, key_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .calls import Outcome
    from .execution import Executor
    from .portals import Portal
    from .request import Prepared
    from .results import Calls
    from .running import Run, RunLoop

HandOver: TypeAlias = "Callable[[Outcome[Any]], None]"
"""Takes each outcome of a stream as it comes."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has begun: its loop, what executes its calls, and the tools whose calls start before the rest came."""

    loop: RunLoop
    executor: Executor
    early: frozenset[str]

    def starting(self, start: Callable[..., None]) -> HandOver:
        """What gives the calls of early tools to `start`.  It raises what a tool raised to end everything."""

        def hand_over(outcome: Outcome[Any]) -> None:
            self.executor.check()
            if isinstance(outcome, Call) and outcome.name in self.early:
                start(key_of(outcome), outcome)

        return hand_over


def perform(begun: Begun, ask: Callable[[Prepared, HandOver], Calls[Any]], portal: Portal) -> Run:
    """Perform the loop's effects, blocking; calls are executed behind the portal."""
    loop, executor = begun.loop, begun.executor
    hand_over = begun.starting(lambda key, call: portal.call(executor.start, key, call))
    effect = next(loop)
    try:
        while True:
            outcome: Any
            try:
                if isinstance(effect, Ask):
                    outcome = ask(effect.prepared, hand_over)
                else:
                    if effect.calls or executor.has_calls:
                        portal.call(executor.perform, effect.calls)
                    outcome = executor.take()
            except BaseException as exc:  # noqa: BLE001 - it is thrown into the loop, which raises it
                if executor.has_calls and not isinstance(exc, ToolfanError):
                    portal.call(executor.cancel, exc)
                effect = loop.throw(exc)
            else:
                effect = loop.send(outcome)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def perform_async(begun: Begun, ask: Callable[[Prepared, HandOver], Awaitable[Calls[Any]]]) -> Run:
    """`perform`, awaited; calls are executed in this event loop."""
    loop, executor = begun.loop, begun.executor
    hand_over = begun.starting(executor.start)
    effect = next(loop)
    try:
        while True:
            outcome: Any
            try:
                if isinstance(effect, Ask):
                    outcome = await ask(effect.prepared, hand_over)
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
