"""What an answer is worth: its calls judged, and whether the model declined.

Knows: adapters as codecs, outcomes, the policy.  Must not know: how a request is sent, or how often it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..adapter import ToolChoice
from ..calls import BadCall
from ..errors import ContentFiltered, Refused, TooManyCalls
from ..validation.outcomes import Rules, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..adapter import ParallelToolsAdapter, ToolRequest
    from ..calls import Outcome, Turn
    from ..request.arguments import Policy
    from ..results.calls_type import Calls
    from ..tools.toolset import NameMap


def judge(
    adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, turn: Turn, *, attempt: int, cut: bool = False
) -> tuple[Outcome[Any], ...]:
    """One outcome for each call of the turn; `cut`: it ended too early, whatever it says.

    The limit of calls holds for the first round; `reasking.merged` holds it later.
    """
    rules = rules_of(adapter, request, policy, attempt, cut=cut or cuts_last_call(adapter, turn))
    return validate(turn.calls, request.tools, rules)


def rules_of(
    adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, attempt: int, *, cut: bool = False
) -> Rules:
    return Rules(
        adapter=adapter.name,
        names=names_of(adapter, request),
        repairs=policy.repairs,
        context=policy.context,
        limit=limit_of(request) if attempt == 1 else None,
        required=required_of(request),
        cut=cut,
        attempt=attempt,
        empty_may_be_cut=empty_may_be_cut(adapter),
    )


def cuts_last_call(adapter: ParallelToolsAdapter, turn: Turn) -> bool:
    """Whether a limit of tokens ended the turn, maybe inside its last call; some adapters know what came last."""
    ends_in_call = getattr(adapter, "ends_in_call", None)
    return turn.stop.kind == "length" and (ends_in_call is None or bool(ends_in_call(turn)))


def empty_may_be_cut(adapter: ParallelToolsAdapter) -> bool:
    """Whether answers hold arguments as values, as adapters with `ends_in_call` say; see `Rules`."""
    return hasattr(adapter, "ends_in_call")


def names_of(adapter: ParallelToolsAdapter, request: ToolRequest) -> NameMap:
    """The names under which the adapter offers the tools."""
    return request.tools.names(adapter.capabilities.name_pattern, adapter.capabilities.max_name_length)


def limit_of(request: ToolRequest) -> int | None:
    return None if request.parallel is True else int(request.parallel) or 1


def required_of(request: ToolRequest) -> Sequence[str]:
    """The tools of which one must be called."""
    choice = request.tool_choice
    return (choice.tools or ()) if choice.mode == "required" else ()


def with_note(turn: Turn) -> Turn:
    """The turn; with a warning if it ends in calls and has none, or has nothing and no reason that is known."""
    if turn.calls or not (turn.stop.kind == "calls" or (turn.stop.kind in ("other", "none") and not turn.text)):
        return turn
    text = "" if turn.stop.kind == "calls" else ", and no text"
    told = "without a reason" if turn.stop.raw is None else f"with {turn.stop.raw!r}"
    note = f"the answer ends {told}, but there is no call in it{text}"
    return replace(turn, warnings=(*turn.warnings, note))


def with_choice_noted(turn: Turn, request: ToolRequest, outcomes: Sequence[Outcome[Any]]) -> Turn:
    """The turn; with a warning if tools were called that the tool choice does not allow, as servers let models do."""
    choice = request.tool_choice
    if choice.tools is None and choice.mode != "none":
        return turn
    allowed, offered = choice.tools or (), request.tools.by_name
    odd = dict.fromkeys(one.name for one in outcomes if one.name in offered and one.name not in allowed)
    if not odd:
        return turn
    return replace(turn, warnings=(*turn.warnings, f"the model called {', '.join(odd)}, against the tool choice"))


def lacks_required(request: ToolRequest, outcomes: Sequence[Outcome[Any]]) -> bool:
    """Whether a call was required and there is none: none at all, or none of the tools that were.

    A call beyond the limit is none: it is not asked for again by itself.
    """
    choice = request.tool_choice
    if choice.mode != "required":
        return False
    if choice.tools is None:
        return not outcomes
    return all(one.name not in choice.tools or is_beyond_limit(one) for one in outcomes)


def is_beyond_limit(outcome: Outcome[Any]) -> bool:
    return isinstance(outcome, BadCall) and isinstance(outcome.error, TooManyCalls)


def without_requirement(request: ToolRequest, outcomes: Sequence[Outcome[Any]]) -> ToolRequest:
    """The request for what comes next: once a required call came, none is required any more."""
    if request.tool_choice.mode != "required" or lacks_required(request, outcomes):
        return request
    return replace(request, tool_choice=ToolChoice("auto"))


def raise_if_declined(adapter: ParallelToolsAdapter, calls: Calls[Any]) -> None:
    """Raises Refused or ContentFiltered, with the calls so far, if the model or the provider declined.

    A refusal that ends an answer with calls has stopped it, as a filter does.
    """
    about: dict[str, Any] = {"adapter": adapter.name, "request_id": calls.request_id, "calls": calls}
    about["turn"] = calls.turn
    refused = calls.turn.refusal if calls.turn.refusal is not None else calls.turn.text
    if not calls.turn.calls and (calls.turn.refusal or calls.stop.kind == "refused"):
        word = "" if calls.turn.refusal else f" ({calls.stop.raw})"
        said = f": {refused}" if refused else ""
        raise Refused(f"the model refused{word}{said}", hint="Ask for something else.", **about)
    if calls.stop.kind in ("filtered", "refused"):
        begin = f"{calls.stop.raw}: "  # so an adapter begins what the service says of its stop
        words = [one.removeprefix(begin) for one in calls.turn.warnings if one.startswith(begin)]
        words += filter(None, [calls.turn.refusal])
        raise ContentFiltered(
            ": ".join([f"the provider's filter stopped the answer ({calls.stop.raw})", *words]),
            hint="Change the prompt; what came before the stop is in .calls.",
            **about,
        )
