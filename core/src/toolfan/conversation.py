"""The conversation as one generator: it yields what is to be done and is sent the outcome.

A sync and an async driver perform the effects, so what is asked, judged and reported exists once.

Knows: adapters as codecs, outcomes, the policy.  Must not know: transports, threads, event loops, time.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .adapter import ParallelToolsAdapter, ToolRequest, WireRequest, WireResponse
from .errors import ContentFiltered, InvalidCalls, ProviderError, Refused
from .results import Calls
from .validation import Rules, validate

if TYPE_CHECKING:
    from .calls import Turn
    from .request import Policy


@dataclass(frozen=True, slots=True)
class Send:
    """Send this request; the driver answers with a WireResponse, or throws a ProviderError in."""

    request: WireRequest


Conversation: TypeAlias = Generator[Send, WireResponse, Calls[Any]]


def converse(adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy) -> Conversation:
    """Ask once, and judge every call of the answer.

    Returns the calls.  Raises InvalidCalls, which carries them, unless `policy.on_invalid` is "keep"; ContentFiltered
    and Refused when the provider or the model declined.
    """
    wire = adapter.build_request(request)
    response: WireResponse | None = None
    try:
        response = yield Send(wire)
        turn = adapter.parse_response(response.body)
    except ProviderError as exc:
        exc.adapter, exc.attempts, exc.requests = adapter.name, 1, 1
        exc.request_id = exc.request_id or (response.request_id if response else None)
        raise
    calls = _judge(adapter, request, policy, turn, response)
    _raise_if_declined(adapter, calls)
    if policy.on_invalid != "keep":
        _raise_if_invalid(adapter, request, calls)
    return calls


def _judge(
    adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, turn: Turn, response: WireResponse
) -> Calls[Any]:
    capabilities = adapter.capabilities
    rules = Rules(
        adapter=adapter.name,
        names=request.tools.names(capabilities.name_pattern, capabilities.max_name_length),
        repairs=policy.repairs,
        context=policy.context,
        limit=None if request.parallel is True else int(request.parallel) or 1,
        cut=turn.stop.kind == "length",
    )
    return Calls(
        outcomes=validate(turn.calls, request.tools, rules),
        turn=turn,
        usage=turn.usage,
        request_id=response.request_id,
        headers=response.headers,
        raw=response.body,
        codec=adapter,
    )


def _raise_if_declined(adapter: ParallelToolsAdapter, calls: Calls[Any]) -> None:
    about: dict[str, Any] = {
        "adapter": adapter.name,
        "request_id": calls.request_id,
        "calls": calls,
        "turn": calls.turn,
        "attempts": calls.attempts,
        "requests": calls.requests,
    }
    if calls.turn.refusal and not calls.outcomes:
        raise Refused(f"the model refused: {calls.turn.refusal}", hint="Ask for something else.", **about)
    if calls.stop.kind == "refused" and not calls.outcomes:
        raise Refused(f"the model refused ({calls.stop.raw}): {calls.text}", hint="Ask for something else.", **about)
    if calls.stop.kind == "filtered":
        raise ContentFiltered(
            f"the provider's filter stopped the answer ({calls.stop.raw})",
            hint="Change the prompt; what came before the stop is in .calls.",
            **about,
        )


def _raise_if_invalid(adapter: ParallelToolsAdapter, request: ToolRequest, calls: Calls[Any]) -> None:
    if calls.failed:
        faults = "; ".join(f"{bad.name}: {bad.error.message}" for bad in calls.failed[:5])
        message = f"{len(calls.failed)} of {len(calls.outcomes)} calls failed: {faults}"
    elif calls.stop.kind == "malformed" and not calls.outcomes:
        message = f"the model tried to call a tool and failed ({calls.stop.raw})"
    elif request.tool_choice.mode == "required" and not calls.outcomes:
        message = f"a call was required and none came ({calls.stop.raw})"
    else:
        return
    raise InvalidCalls(
        message,
        adapter=adapter.name,
        request_id=calls.request_id,
        calls=calls,
        turn=calls.turn,
        attempts=calls.attempts,
        requests=calls.requests,
        hint='The good calls are in .calls; on_invalid="keep" returns them without raising.',
    )
