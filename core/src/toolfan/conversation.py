"""The conversation as one generator: it yields what is to be done and is sent the outcome.

A sync and an async driver perform the effects, so what is asked, sent again, asked again, judged and reported exists
once, for every provider.

Knows: adapters as codecs, outcomes, the policy.  Must not know: transports, threads, event loops, how one sleeps.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from .adapter import ParallelToolsAdapter, ToolRequest, WireRequest, WireResponse
from .calls import Round, Usage
from .errors import ProviderError, RateLimited, RequestRejected, ToolfanError
from .judging import follow_up, judge, merged, raise_if_declined, raise_if_failed, with_malformed_call
from .results import Calls

if TYPE_CHECKING:
    from .calls import Turn
    from .request import Policy
    from .retries import Retries


@dataclass(frozen=True, slots=True)
class Send:
    """Send this request; the driver answers with a WireResponse, or throws a ProviderError in."""

    request: WireRequest


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds; where the deadline does not leave them, the driver throws `error` in at once."""

    seconds: float
    error: ProviderError


Conversation: TypeAlias = Generator[Send | Wait, WireResponse | None, Calls[Any]]


@dataclass(slots=True)
class _Spent:
    """What a conversation has cost so far."""

    ceiling: int
    attempts: int = 0
    requests: int = 0
    usage: Usage = field(default_factory=Usage)


def converse(adapter: ParallelToolsAdapter, request: ToolRequest, policy: Policy, retries: Retries) -> Conversation:
    """Ask, judge every call, and ask again for those that failed, as `policy` allows.

    Returns the calls.  Raises InvalidCalls, which carries them, when attempts run out (unless `policy.on_invalid` is
    "keep"); ContentFiltered and Refused when the provider or the model declined; every error carries what was good.
    """
    spent = _Spent(ceiling=policy.max_requests)
    rounds: tuple[Round, ...] = ()
    calls: Calls[Any] | None = None
    try:
        while True:
            spent.attempts += 1
            wire = adapter.build_request(request)
            response, turn = yield from _answered(adapter, wire, retries, spent)
            spent.usage += turn.usage
            outcomes = judge(adapter, request, policy, turn, attempt=spent.attempts)
            rounds = (*rounds, Round(turn, outcomes))
            calls = Calls(
                outcomes=merged(adapter, request, calls, outcomes) if calls is not None else outcomes,
                turn=turn,
                usage=spent.usage,
                attempts=spent.attempts,
                requests=spent.requests,
                request_id=response.request_id,
                headers=response.headers,
                raw=response.body,
                rounds=rounds,
                codec=adapter,
            )
            raise_if_declined(adapter, calls)
            if calls.outcomes and len(calls) == len(calls.outcomes):
                return calls
            if policy.on_invalid == "keep":
                return with_malformed_call(adapter, calls)
            may_ask = policy.on_invalid == "reask" and spent.attempts < policy.max_attempts
            more = follow_up(adapter, request, calls) if may_ask and spent.requests < spent.ceiling else None
            if more is None:
                calls = with_malformed_call(adapter, calls)
                raise_if_failed(adapter, request, calls, strictly=policy.on_invalid == "raise")
                return calls
            rounds = (*rounds[:-1], replace(rounds[-1], nudge=more.nudge))
            request = replace(request, messages=(*request.messages, *more.messages))
    except ToolfanError as exc:
        exc.adapter = exc.adapter or adapter.name
        exc.attempts, exc.requests = spent.attempts, spent.requests
        exc.calls = exc.calls if exc.calls is not None else calls
        raise


def _answered(
    adapter: ParallelToolsAdapter, wire: WireRequest, retries: Retries, spent: _Spent
) -> Generator[Send | Wait, WireResponse | None, tuple[WireResponse, Turn]]:
    """The answer to one request and what it says; what failed for now is sent again."""
    series = retries.series()
    while True:
        if pause := retries.pause():
            yield Wait(pause, _paused(adapter, pause))
        spent.requests += 1
        response: WireResponse | None = None
        try:
            response = yield Send(wire)
            assert response is not None
            turn = adapter.parse_response(response.body)
        except ProviderError as exc:
            if isinstance(exc, RequestRejected) and exc.status is None:
                spent.requests -= 1  # it could not be written as JSON: nothing was sent
            exc.request_id = exc.request_id or (response.request_id if response else None)
            seconds = series.after(exc) if spent.requests < spent.ceiling else None
            if seconds is None:
                raise
            yield Wait(seconds, exc)
        else:
            retries.succeeded()
            return response, turn


def _paused(adapter: ParallelToolsAdapter, seconds: float) -> RateLimited:
    return RateLimited(
        f"the provider asked this client to send nothing for another {seconds:.1f} s",
        adapter=adapter.name,
        retry_after=seconds,
        hint="The deadline would pass before; raise deadline=, or ask less often.",
    )
