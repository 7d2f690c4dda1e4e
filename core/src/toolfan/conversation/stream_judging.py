"""What the calls of a streamed answer are worth, each as soon as it is sealed.

Knows: outcomes, how a whole answer is judged.  Must not know: pieces of calls, how a request is sent.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..calls import Call
from ..validation.duplicates import Repeats
from ..validation.outcomes import Judged
from .judging import cuts_last_call, rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..adapter import ParallelToolsAdapter, ToolRequest
    from ..calls import Outcome, RawCall, Turn
    from ..request.arguments import Policy


class StreamJudge:
    """`judge`, for the calls of one streamed turn as they are sealed.

    The last call waits for the end of the turn if its arguments end too early, or are none: whether that is a fault of
    the model's, or the answer was cut there, is known only then.
    """

    def __init__(self, adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, *, attempt: int) -> None:
        self._adapter = adapter
        self._judged = Judged(request.tools, rules_of(adapter, request, policy, attempt))
        self._seen: set[int] = set()
        self._waiting: RawCall | None = None
        self._latest = -1  # the highest index of a call
        self._wrappers: list[tuple[int, int]] = []  # where one stood, and how many calls it held beyond one

    @property
    def outcomes(self) -> Sequence[Outcome[Any]]:
        """What became of the calls so far, as they came."""
        return self._judged.outcomes

    def add(self, calls: Sequence[RawCall]) -> list[Outcome[Any]]:
        """The outcomes of these calls, and of one that waited for the next."""
        outcomes = self._judged.outcomes
        before = len(outcomes)
        for call in calls:
            if call.index < self._latest:
                self._add(call, cut=False)
                continue
            self._latest = call.index
            if self._waiting is not None:
                self._add(self._waiting, cut=False)
            self._waiting = None if self._add_if_whole(call) else call
        return outcomes[before:]

    def _add_if_whole(self, call: RawCall) -> bool:
        count = self._judged.add_if_whole(call, self._place(call))
        if count:
            self._note(call, count)
        return count > 0

    def _add(self, call: RawCall, *, cut: bool) -> None:
        self._note(call, self._judged.add(call, self._place(call), cut=cut))

    def _place(self, call: RawCall) -> int:
        return call.index + sum(extra for place, extra in self._wrappers if place < call.index)

    def _note(self, call: RawCall, count: int) -> None:
        self._seen.add(call.index)
        if count != 1:
            self._wrappers.append((call.index, count - 1))

    def finish(self, turn: Turn, *, cut: bool = False) -> tuple[list[Outcome[Any]], tuple[Outcome[Any], ...]]:
        """The outcomes of the calls that were not judged before, and those of all calls, in call order.

        `cut`: the answer broke off, maybe inside one of them.
        """
        if cut:  # a thread that was left behind at the deadline may still be judging: what comes of it is nobody's
            so_far, self._judged = self._judged.outcomes, copy(self._judged)
            self._judged.outcomes = [*so_far]
        before = len(self._judged.outcomes)
        shortened = turn.calls[-1] if turn.calls and cuts_last_call(self._adapter, turn) else None
        for call in turn.calls:
            if call.index not in self._seen:
                self._add(call, cut=cut or call is shortened)
        return self._judged.outcomes[before:], in_call_order(self._judged.outcomes)


def in_call_order(outcomes: Sequence[Outcome[Any]]) -> tuple[Outcome[Any], ...]:
    """The outcomes by index; what is said of duplicates holds for this order."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    if all(one is other for one, other in zip(ordered, outcomes, strict=True)):
        return tuple(ordered)
    repeats = Repeats()
    marked: list[Outcome[Any]] = []
    for outcome in ordered:
        if isinstance(outcome, Call):
            at = repeats.first(outcome.name, outcome.raw.arguments, outcome.index)
            same = None if at == outcome.index else at
            marked.append(outcome if outcome.duplicate_of == same else replace(outcome, duplicate_of=same))
        else:
            marked.append(outcome)
    return tuple(marked)
