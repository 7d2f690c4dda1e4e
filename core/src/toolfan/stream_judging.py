"""What the calls of a streamed answer are worth, each as soon as it is sealed.

Knows: outcomes, how a whole answer is judged.  Must not know: pieces of calls, how a request is sent.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .calls import Call
from .judging import rules_of
from .validation import Judged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .adapter import ParallelToolsAdapter, ToolRequest
    from .calls import Outcome, RawCall, Turn
    from .request import Policy


class StreamJudge:
    """`judge`, for the calls of one streamed turn as they are sealed."""

    def __init__(self, adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, *, attempt: int) -> None:
        self._judged = Judged(request.tools, rules_of(adapter, request, policy, attempt))
        self._seen: set[int] = set()
        self._wrappers: list[tuple[int, int]] = []  # where one stood, and how many calls it held beyond one

    @property
    def outcomes(self) -> Sequence[Outcome[Any]]:
        """What became of the calls so far, as they came."""
        return self._judged.outcomes

    def add(self, calls: Sequence[RawCall], *, cut: bool = False) -> list[Outcome[Any]]:
        """The outcomes of these calls.  `cut`: the answer broke off, maybe inside one of them."""
        outcomes = self._judged.outcomes
        before = len(outcomes)
        for call in calls:
            self._seen.add(call.index)
            at = call.index + sum(extra for place, extra in self._wrappers if place < call.index)
            if (count := self._judged.add(call, at, cut=cut)) != 1:
                self._wrappers.append((call.index, count - 1))
        return outcomes[before:]

    def finish(self, turn: Turn, *, cut: bool = False) -> tuple[list[Outcome[Any]], tuple[Outcome[Any], ...]]:
        """The outcomes of the calls that were sealed last, and those of all calls, in call order."""
        before = len(self._judged.outcomes)
        shortened = turn.calls[-1] if turn.calls and turn.stop.kind == "length" else None
        for call in turn.calls:
            if call.index not in self._seen:
                self.add((call,), cut=cut or call is shortened)
        return self._judged.outcomes[before:], in_call_order(self._judged.outcomes)


def in_call_order(outcomes: Sequence[Outcome[Any]]) -> tuple[Outcome[Any], ...]:
    """The outcomes by index; what is said of duplicates holds for this order."""
    ordered = sorted(outcomes, key=lambda outcome: outcome.index)
    if all(one is other for one, other in zip(ordered, outcomes, strict=True)):
        return tuple(ordered)
    first: dict[tuple[str, str], int] = {}
    marked: list[Outcome[Any]] = []
    for outcome in ordered:
        if isinstance(outcome, Call):
            at = first.setdefault((outcome.name, outcome.raw.arguments), outcome.index)
            same = None if at == outcome.index else at
            marked.append(outcome if outcome.duplicate_of == same else replace(outcome, duplicate_of=same))
        else:
            marked.append(outcome)
    return tuple(marked)
