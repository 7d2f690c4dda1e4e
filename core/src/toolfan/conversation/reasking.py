"""What follows on an answer that is not as it was asked for: what is asked next, and what is raised in the end.

Knows: adapters as codecs, outcomes.  Must not know: how a request is sent, how one answer is judged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..calls import BadCall, RawCall
from ..errors import InvalidCalls, MalformedArguments
from ..results.answering import error_text, goes_back, reask_answer, wire_answers
from ..validation.outcomes import WANTED_ALL_THE_SAME
from ..values import dataclass
from ..wire import well_formed
from .judging import is_beyond_limit, lacks_required, limit_of, names_of, required_of, without_requirement
from .merging import merge
from .placing import Placing, is_owed

if TYPE_CHECKING:
    from collections.abc import Container

    from ..adapter import ParallelToolsAdapter, ToolRequest
    from ..calls import Outcome, Round
    from ..messages.chat import Message
    from ..results.calls_type import Calls

_LONGEST_SHOWN = 200  # characters of the arguments of a call that is still missing


def placing(request: ToolRequest, so_far: Calls[Any]) -> Placing:
    """Which of the outcomes so far each call of a later round stands for, while that still comes."""
    return Placing(so_far.outcomes, limit=limit_of(request), wanted=_wanted(so_far))


def merged(
    adapter: ParallelToolsAdapter,
    request: ToolRequest,
    so_far: Calls[Any],
    new: tuple[Outcome[Any], ...],
    *,
    delivered: Container[int] | None = None,
) -> tuple[Outcome[Any], ...]:
    """The outcomes so far, with those of a later round merged in; what was `delivered` of one that broke off stays."""
    return merge(
        so_far.outcomes,
        new,
        limit=limit_of(request),
        wanted=_wanted(so_far),
        required=required_of(request),
        adapter=adapter.name,
        delivered=delivered,
    )


def with_broken(
    adapter: ParallelToolsAdapter, request: ToolRequest, so_far: Calls[Any], broken: Round, *, delivered: Container[int]
) -> Calls[Any]:
    """The calls so far, with what came of a later round that broke off, or was left: what is whole, or `delivered`."""
    if not (broken.outcomes or broken.turn.text):
        return so_far
    return replace(
        so_far,
        outcomes=merged(adapter, request, so_far, broken.outcomes, delivered=delivered),
        turn=broken.turn,
        usage=so_far.usage + broken.turn.usage,
        rounds=(*so_far.rounds, broken),
    )


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What is said after an answer to ask again: the provider's turn and an answer a call, or a `nudge`."""

    messages: tuple[Message, ...]
    nudge: str | None = None


def follow_up(adapter: ParallelToolsAdapter, request: ToolRequest, calls: Calls[Any]) -> FollowUp | None:
    """How the model is asked again for the calls that failed; None if there is nothing to ask for.

    Every call of the last turn is answered once, under its own id: accepted, or all that is wrong with it.
    """
    if request.tool_choice.mode == "none" and calls.turn.calls:  # what was asked for is that none be made
        return None
    owed = _owed(request, calls)
    missing = _no_call(adapter, request, calls)
    if not owed and not missing:
        return None
    latest = calls.rounds[-1]
    here = {outcome.raw.id for outcome in latest.outcomes}
    earlier = [bad for bad in owed if bad.attempt != calls.attempts or bad.raw.id not in here]
    reminder = "".join(
        f"\nThe call {_named(adapter, request, bad)} is still missing. {error_text(bad.error)}" for bad in earlier
    )
    reminder += f"\n{missing} Call the tools now." if missing else ""
    if latest.turn.calls:
        # Merged, a good one may be beyond the limit.
        late = {bad.raw.id: bad for bad in _late(request, calls)}
        said = [late.get(outcome.raw.id, outcome) for outcome in latest.outcomes]
        answers = {outcome.raw.id: reask_answer(outcome) for outcome in said}
        answers[said[-1].raw.id] = reask_answer(said[-1], still_owed=reminder)
        return FollowUp(tuple(adapter.build_answer(latest.turn, wire_answers(latest.turn.calls, answers))))
    nudge = reminder.strip()
    replayed = adapter.build_answer(latest.turn, []) if goes_back(adapter, latest.turn, nudged=True) else []
    return FollowUp((*replayed, {"role": "user", "content": nudge}), nudge)


def asked_next(original: ToolRequest, sent: ToolRequest, calls: Calls[Any], more: FollowUp) -> ToolRequest:
    """What is sent next: what was `sent`, with what is said after the answer, under the `original` tool choice.

    Once the required call came, the choice would keep the model from making those again that are of other tools: while
    one of them is owed, it is left out.
    """
    held, required = original, original.tool_choice.tools
    if required is not None and any(bad.name not in required for bad in _owed(original, calls)):
        held = without_requirement(original, calls.outcomes)
    return replace(sent, tool_choice=held.tool_choice, messages=(*sent.messages, *more.messages))


def _named(adapter: ParallelToolsAdapter, request: ToolRequest, bad: BadCall) -> str:
    """The call by its name and its arguments: not every provider has ids, and there may be two of one tool."""
    name = names_of(adapter, request).to_wire.get(bad.name, bad.name)
    given = bad.raw.arguments.strip()
    shown = given if len(given) <= _LONGEST_SHOWN else f"{given[:_LONGEST_SHOWN]}..."
    said = f" with the arguments {well_formed(shown)}" if shown else ""
    return f"of {name}{said}" if name else f"without a name{said}"


def _owed(request: ToolRequest, calls: Calls[Any]) -> list[BadCall]:
    """The failed calls of the first answer that had any, and of a required tool that was not called well yet.

    Any other failed extra call of a later round is nobody's wish.
    """
    slots, still = _wanted(calls), required_of(request) if _is_unmet(request, calls) else ()
    return [bad for bad in calls.failed if is_owed(bad) and (bad.index < slots or bad.name in still)]


def _is_unmet(request: ToolRequest, calls: Calls[Any]) -> bool:
    """Whether a call of certain tools is required, and none came that is good."""
    required = required_of(request)
    return bool(required) and all(one.name not in required for one in calls.good)


def _late(request: ToolRequest, calls: Calls[Any]) -> list[BadCall]:
    """The calls of the last round that are beyond the limit; one that is required is wanted all the same."""
    found = [bad for bad in calls.failed if bad.attempt == calls.attempts and is_beyond_limit(bad)]
    wanted = required_of(request) if _is_unmet(request, calls) else ()
    return [
        replace(bad, error=bad.error.with_details(hint=WANTED_ALL_THE_SAME))  # type: ignore[arg-type]
        if bad.name in wanted
        else bad
        for bad in found
    ]


def _wanted(calls: Calls[Any]) -> int:
    """How many calls the first answer had that had any."""
    return next((len(one.outcomes) for one in calls.rounds if one.outcomes), len(calls.outcomes))


def _no_call(adapter: ParallelToolsAdapter, request: ToolRequest, calls: Calls[Any]) -> str | None:
    """Why an answer without any call, or without a required one, is a failure, to the model; None if it is none."""
    if not calls.outcomes and calls.stop.kind == "malformed":
        # The service says itself that this is worth one more try, not more.
        if sum(one.turn.stop.kind == "malformed" for one in calls.rounds) > 1:
            return None
        said = " ".join(calls.turn.warnings)
        return f"Your last call could not be read ({calls.stop.raw}). {said}".strip()
    if not lacks_required(request, calls.outcomes):
        return None
    wire, wanted = names_of(adapter, request).to_wire, request.tool_choice.tools or ()
    what = f"A call of {' or '.join(wire[name] for name in wanted)}" if wanted else "A tool call"
    late = any(is_beyond_limit(one) and wire.get(one.name, one.name) in map(wire.get, wanted) for one in calls.outcomes)
    return f"{what} is required, and {'yours was not run' if late else 'you made none'}."


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
    failed = calls.failed
    if failed if strictly else _owed(request, calls):
        faults = "; ".join(f"{bad.name or 'a call without a name'}: {bad.error.message}" for bad in failed[:5])
        message = f"{len(failed)} of {len(calls.outcomes)} calls failed: {faults}"
    elif lacks_required(request, calls.outcomes):
        wanted = f" of {' or '.join(request.tool_choice.tools)}" if request.tool_choice.tools else ""
        message = f"a call{wanted} was required and none came ({calls.stop.raw})"
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
