"""The conversation as one generator: it yields what is to be done and is sent the outcome.

A sync and an async driver perform the effects, so what is asked, sent again, asked again, judged and reported exists
once, for every provider, for whole answers and for streams.

Knows: adapters as codecs, outcomes, the policy.  Must not know: transports, threads, event loops, how one sleeps.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ..calls import Round
from ..errors import ProviderError, ToolfanError
from ..results.calls_type import Calls
from .asking import Spent, Terms, Wishes, answered, result_of
from .judging import lacks_required, raise_if_declined

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..adapter import ParallelToolsAdapter, ToolRequest
    from ..calls import Outcome
    from ..drivers.retries import Retries
    from ..effects import Effect
    from ..request.arguments import Policy
    from .asking import Answered, Asking

Conversation: TypeAlias = Generator["Effect", Any, Calls[Any]]


def converse(
    adapter: ParallelToolsAdapter,
    request: ToolRequest,
    policy: Policy,
    retries: Retries,
    *,
    wishes: Wishes | None = None,
    secrets: Callable[[], Iterable[str]] = tuple,
) -> Conversation:
    """Ask, judge every call, and ask again for those that failed, as `policy` allows; `secrets` show in no error.

    A request that says `stream` is streamed, its outcomes delivered one by one.  Raises InvalidCalls when attempts run
    out (unless `policy.on_invalid` is "keep"), ContentFiltered and Refused; every error carries the calls so far.
    """
    spent, before = Spent(ceiling=policy.max_requests), 0
    terms = Terms(adapter, policy, retries, spent, wishes or Wishes(), request, secrets)
    ask, original = _streaming() if request.stream else answered, request
    rounds: tuple[Round, ...]
    calls: Calls[Any] | None = None
    try:
        while True:
            spent.attempts, before = spent.attempts + 1, spent.requests
            try:
                one = yield from ask(terms, request)
            except ProviderError as exc:
                one = yield from ask(terms, request := _plainer(terms, request, exc))
            usage, outcomes, rounds = one.turn.usage, one.outcomes, (Round(one.turn, one.outcomes),)
            if calls is not None:
                rounds = (*calls.rounds, *rounds)
                usage, outcomes = calls.usage + usage, _merged(adapter, original, calls, outcomes)
            calls = terms.wishes.left = result_of(terms, one.turn, outcomes, one.response, usage=usage, rounds=rounds)
            if request.stream and spent.attempts > 1:
                yield _delivery(_undelivered(spent, outcomes))
            raise_if_declined(adapter, calls)
            if calls.outcomes and not calls.failed and not lacks_required(original, calls.outcomes):
                return calls
            from .reasking import asked_next, follow_up

            may_ask = policy.on_invalid == "reask" and spent.attempts < policy.max_attempts and not _paused(one)
            at_ceiling = may_ask and spent.requests >= spent.ceiling
            more = follow_up(adapter, original, calls) if may_ask and not at_ceiling else None
            if more is None:
                return (yield from _ended(terms, original, calls, spent=at_ceiling))
            calls = terms.wishes.left = _nudged(calls, more.nudge)
            request = asked_next(original, request, calls, more)
    except ToolfanError as exc:
        exc.adapter = exc.adapter or adapter.name
        exc.attempts, exc.requests = spent.attempts - (spent.requests == before), spent.requests
        yield from _save(terms, original, calls, exc)
        raise


def _nudged(calls: Calls[Any], nudge: str | None) -> Calls[Any]:
    return replace(calls, rounds=(*calls.rounds[:-1], replace(calls.rounds[-1], nudge=nudge)))


def _plainer(terms: Terms, request: ToolRequest, exc: ProviderError) -> ToolRequest:
    """The request in a form that the server may read, if it said that it cannot read this one; else raises the error.

    Asked for here, not in a generator around `ask`: one more would hold its frame while each request waits.
    """
    from .rereading import in_plainer_form, says_unreadable

    at_end = terms.wishes.closed or terms.spent.requests >= terms.spent.ceiling
    changed = in_plainer_form(request, exc.message) if says_unreadable(exc) and not at_end else None
    if changed is None:
        raise exc
    build = terms.adapter.build_request
    if build(changed).body == build(request).body:  # of an adapter that had written it so before
        raise exc
    return changed


def _ended(terms: Terms, request: ToolRequest, calls: Calls[Any], *, spent: bool) -> Generator[Effect, Any, Calls[Any]]:
    """The calls, of which some failed, when nothing more is asked; raises what the policy makes of them."""
    from .reasking import raise_if_failed, with_malformed_call

    adapter, on_invalid = terms.adapter, terms.policy.on_invalid
    told = with_malformed_call(adapter, calls)
    if request.stream and told is not calls:
        yield _delivery(told.outcomes)
    if on_invalid != "keep":
        raise_if_failed(adapter, request, told, strictly=on_invalid == "raise", spent=spent)
    return told


def _paused(one: Answered) -> bool:
    """Whether the service goes on if the turn is sent back as it is: a word more would end it."""
    return one.turn.stop.kind == "paused" and not one.turn.calls


def _streaming() -> Callable[[Terms, ToolRequest], Asking]:
    from .stream_asking import streamed  # loaded, as what is for further rounds, where it is needed

    return streamed


def _delivery(outcomes: tuple[Outcome[Any], ...]) -> Effect:
    from ..stream_effects import Deliver

    return Deliver(outcomes)


def _merged(
    adapter: ParallelToolsAdapter, request: ToolRequest, so_far: Calls[Any], new: tuple[Outcome[Any], ...]
) -> tuple[Outcome[Any], ...]:
    from .reasking import merged

    return merged(adapter, request, so_far, new)


def _save(
    terms: Terms, request: ToolRequest, calls: Calls[Any] | None, exc: ToolfanError
) -> Generator[Effect, Any, None]:
    """Lets the error carry the calls so far; those that had come whole in a round that broke off are delivered, too."""
    own, calls = exc.calls, calls if exc.calls is None else exc.calls
    if calls is None:
        return
    calls = exc.calls = replace(calls, attempts=exc.attempts, requests=exc.requests)
    spent, broken = terms.spent, terms.spent.broken
    if own is not None or broken is None:
        return
    from .reasking import with_broken

    exc.turn = broken.turn
    exc.calls = with_broken(terms.adapter, request, calls, broken, delivered=spent.delivered)
    if request.stream and not terms.wishes.closed:
        terms.wishes.left = exc.calls
        yield _delivery(_undelivered(spent, exc.calls.outcomes))


def _undelivered(spent: Spent, outcomes: Iterable[Outcome[Any]]) -> tuple[Outcome[Any], ...]:
    """What of these is of this round, and was not handed out while its answer still came."""
    return tuple(one for one in outcomes if one.attempt == spent.attempts and one.index not in spent.delivered)
