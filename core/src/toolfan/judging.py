"""What an answer is worth: its calls judged, merged with those of earlier rounds, and what is asked next.

Knows: adapters as codecs, outcomes, the policy.  Must not know: how a request is sent, or how often it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .answering import error_text, reask_answer, wire_answers
from .calls import BadCall, Call, RawCall
from .errors import ContentFiltered, InvalidCalls, MalformedArguments, Refused
from .merging import is_owed, merge
from .validation import Judged, Rules, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .adapter import ParallelToolsAdapter, ToolRequest
    from .calls import Outcome, Turn
    from .messages import Message
    from .request import Policy
    from .results import Calls


def judge(
    adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, turn: Turn, *, attempt: int
) -> tuple[Outcome[Any], ...]:
    """One outcome for each call of the turn.  The limit of calls holds for the first round; `merged` holds it later."""
    rules = _rules(adapter, request, policy, attempt, cut=turn.stop.kind == "length")
    return validate(turn.calls, request.tools, rules)


def _rules(
    adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, attempt: int, *, cut: bool = False
) -> Rules:
    capabilities = adapter.capabilities
    return Rules(
        adapter=adapter.name,
        names=request.tools.names(capabilities.name_pattern, capabilities.max_name_length),
        repairs=policy.repairs,
        context=policy.context,
        limit=_limit(request) if attempt == 1 else None,
        cut=cut,
        attempt=attempt,
    )


class StreamJudge:
    """`judge`, for the calls of one streamed turn as they are sealed."""

    def __init__(self, adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, *, attempt: int) -> None:
        self._judged = Judged(request.tools, _rules(adapter, request, policy, attempt))
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


def _limit(request: ToolRequest) -> int | None:
    return None if request.parallel is True else int(request.parallel) or 1


def with_note(turn: Turn) -> Turn:
    """The turn; with a warning if the provider says that it ends in calls, and it has none."""
    if turn.calls or turn.stop.kind != "calls":
        return turn
    note = f"the answer ends with {turn.stop.raw!r}, but there is no call in it"
    return replace(turn, warnings=(*turn.warnings, note))


def merged(
    adapter: ParallelToolsAdapter, request: ToolRequest, so_far: Calls[Any], new: tuple[Outcome[Any], ...]
) -> tuple[Outcome[Any], ...]:
    """The outcomes so far, with those of a later round merged in."""
    return merge(so_far.outcomes, new, limit=_limit(request), adapter=adapter.name)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is said after an answer to ask again: the provider's turn and an answer a call, or a `nudge`."""

    messages: tuple[Message, ...]
    nudge: str | None = None


def follow_up(adapter: ParallelToolsAdapter, request: ToolRequest, calls: Calls[Any]) -> FollowUp | None:
    """How the model is asked again for the calls that failed; None if there is nothing to ask for.

    Every call of the last turn is answered once, under its own id: accepted, or all that is wrong with it.
    """
    owed = _owed(calls)
    missing = _no_call(request, calls)
    if not owed and not missing:
        return None
    latest = calls.rounds[-1]
    here = {outcome.raw.id for outcome in latest.outcomes}
    earlier = [bad for bad in owed if bad.attempt != calls.attempts or bad.raw.id not in here]
    reminder = "".join(f"\nThe call of {bad.name} is still missing. {error_text(bad.error)}" for bad in earlier)
    if latest.turn.calls:
        answers = {outcome.raw.id: reask_answer(outcome) for outcome in latest.outcomes}
        last = next(reversed(answers))
        answers[last] = reask_answer(latest.outcomes[-1], still_owed=reminder)
        return FollowUp(tuple(adapter.build_answer(latest.turn, wire_answers(latest.turn.calls, answers))))
    nudge = reminder.strip() or f"{missing} Call the tools now."
    replayed = adapter.build_answer(latest.turn, []) if latest.turn.text else []
    return FollowUp((*replayed, {"role": "user", "content": nudge}), nudge)


def _owed(calls: Calls[Any]) -> list[BadCall]:
    """The failed calls of the first answer that had any: a failed extra call of a later round is nobody's wish."""
    slots = next((len(one.outcomes) for one in calls.rounds if one.outcomes), len(calls.outcomes))
    return [bad for bad in calls.failed if bad.index < slots and is_owed(bad)]


def _no_call(request: ToolRequest, calls: Calls[Any]) -> str | None:
    """Why an answer without any call is a failure, to the model; None if it is none."""
    if calls.outcomes:
        return None
    if calls.stop.kind == "malformed":
        # The service says itself that this is worth one more try, not more.
        if sum(one.turn.stop.kind == "malformed" for one in calls.rounds) > 1:
            return None
        said = " ".join(calls.turn.warnings)
        return f"Your last call could not be read ({calls.stop.raw}). {said}".strip()
    if request.tool_choice.mode == "required":
        return "A tool call is required, and you made none."
    return None


def raise_if_declined(adapter: ParallelToolsAdapter, calls: Calls[Any]) -> None:
    """Raises Refused or ContentFiltered, with the calls so far, if the model or the provider declined."""
    about: dict[str, Any] = {"adapter": adapter.name, "request_id": calls.request_id, "calls": calls}
    about["turn"] = calls.turn
    refused = calls.turn.refusal if calls.turn.refusal is not None else calls.turn.text
    if not calls.turn.calls and (calls.turn.refusal or calls.stop.kind == "refused"):
        word = "" if calls.turn.refusal else f" ({calls.stop.raw})"
        raise Refused(f"the model refused{word}: {refused}", hint="Ask for something else.", **about)
    if calls.stop.kind == "filtered":
        raise ContentFiltered(
            f"the provider's filter stopped the answer ({calls.stop.raw})",
            hint="Change the prompt; what came before the stop is in .calls.",
            **about,
        )


def raise_if_failed(
    adapter: ParallelToolsAdapter,
    request: ToolRequest,
    calls: Calls[Any],
    *,
    strictly: bool = False,
    spent: bool = False,
) -> None:
    """Raises InvalidCalls, with all calls, if one that was owed never came out right; `strictly`: if any failed.

    `spent`: the model would have been asked again, had there been a request left.
    """
    owed = calls.failed if strictly else _owed(calls)
    if owed:
        faults = "; ".join(f"{bad.name}: {bad.error.message}" for bad in owed[:5])
        message = f"{len(owed)} of {len(calls.outcomes)} calls failed: {faults}"
    elif request.tool_choice.mode == "required" and not calls.outcomes:
        message = f"a call was required and none came ({calls.stop.raw})"
    else:
        return
    if calls.attempts > 1:
        message = f"after {calls.attempts} attempts, {message}"
    if spent:
        message += (
            f"; the model was not asked again, for all {calls.requests} requests that one call may make were made"
        )
    raise InvalidCalls(
        message,
        adapter=adapter.name,
        request_id=calls.request_id,
        calls=calls,
        turn=calls.turn,
        hint='The good calls are in .calls; on_invalid="keep" returns them without raising.',
    )


def with_malformed_call(adapter: ParallelToolsAdapter, calls: Calls[Any]) -> Calls[Any]:
    """The calls; if there are none since the provider could not read what the model wrote, one that says so."""
    if calls.outcomes or calls.stop.kind != "malformed":
        return calls
    said = " ".join((f"the model tried to call a tool and failed ({calls.stop.raw})", *calls.turn.warnings))
    error = MalformedArguments(said, adapter=adapter.name, call_id="call_0")
    bad = BadCall(0, "call_0", "", RawCall(0, "call_0", "", ""), error, calls.attempts)
    return replace(calls, outcomes=(bad,))
