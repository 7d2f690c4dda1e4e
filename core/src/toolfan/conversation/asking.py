"""One answer of the model, with the requests that it took; a streamed one is `stream_asking`'s.

Knows: adapters as codecs, retries, how calls are judged.  Must not know: what is asked next, transports, threads, event
loops, how one sleeps.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

from ..calls import Round
from ..effects import NotSent, Send, Wait
from ..errors import NOT_BEGUN, DeadlineExceeded, ProviderError, RateLimited, RequestRejected, ToolfanError
from ..hookspecs.watched import watched
from ..results.calls_type import Calls
from ..values import dataclass
from .judging import judge, with_choice_noted, with_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..adapter import ParallelToolsAdapter, ToolRequest, WireResponse
    from ..calls import Outcome, Turn, Usage
    from ..drivers.retries import Retries
    from ..effects import Effect
    from ..request.arguments import Policy


@dataclass(slots=True)
class Spent:
    """What a conversation has cost so far."""

    ceiling: int
    attempts: int = 0
    requests: int = 0
    broken: Round | None = None
    """What came of a later round whose answer broke off, or ended in an error."""
    delivered: set[int] = field(default_factory=set)
    """The indices of what was handed out of a later round while its answer still came."""


@dataclass(slots=True)
class Wishes:
    """What the user of a stream wants to see beside the calls; it may change while the stream comes."""

    text: bool = False
    closed: bool = False
    interrupt: Callable[[], object] | None = None
    """Ends a read of the open stream from another thread, where the transport can."""
    left: Calls[Any] | None = None
    """What had come when the stream was left."""
    forget: Callable[[], bool] | None = None
    """Forgets what was handed out of an answer that broke off; false if something came of it."""


@dataclass(slots=True)
class Terms:
    """What holds for all answers of one conversation."""

    adapter: ParallelToolsAdapter
    policy: Policy
    retries: Retries
    spent: Spent
    wishes: Wishes
    original: ToolRequest
    """What was asked for at first, which does not change over rounds."""
    secrets: Callable[[], Iterable[str]]
    """What no error may show: asked for when one is raised."""


@dataclass(slots=True)
class Answered:
    """One answer: what came, what it says, what became of its calls."""

    response: WireResponse
    turn: Turn
    outcomes: tuple[Outcome[Any], ...]


Asking: TypeAlias = Generator["Effect", Any, Answered]


def answered(terms: Terms, request: ToolRequest) -> Asking:
    """A whole answer; what failed for now is sent again."""
    adapter, spent = terms.adapter, terms.spent
    wire, series, before = adapter.build_request(request), terms.retries.series(), None
    while True:
        if terms.retries.paused_until:
            yield from silence(terms)
        spent.requests += 1
        response: WireResponse | None = None
        try:
            with watched(adapter, wire, spent.attempts) as watch:
                try:
                    response = yield Send(wire)
                    assert response is not None
                    turn = with_note(adapter.parse_response(response.body))
                except (ToolfanError, NotSent) as exc:
                    hide(terms, exc)
                    raise
                watch.read(turn)
        except NotSent as exc:
            spent.requests -= 1
            tell(before, exc.error)
            raise exc.error from exc.error.__cause__
        except ProviderError as exc:
            if response is not None:
                exc.request_id = exc.request_id or response.request_id
                if exc.turn is not None:
                    outcomes = judge(adapter, request, terms.policy, exc.turn, attempt=spent.attempts, cut=True)
                    carry(terms, exc, exc.turn, outcomes, response)
            tell(before, exc)
            before = yield from again(exc, series, spent)
        else:
            terms.retries.succeeded()
            spent.broken = None
            outcomes = judge(adapter, request, terms.policy, turn, attempt=spent.attempts)
            return Answered(response, with_choice_noted(turn, request, outcomes), outcomes)


def hide(terms: Terms, exc: ToolfanError | NotSent, *more: tuple[str, ...]) -> None:
    """Takes what must not be shown out of an error of the codec's or the transport's, before anybody sees it."""
    from ..secrets.known import hide as hide_in  # loaded, as all that is for errors, when something fails

    hide_in(exc, terms.secrets(), *more)


def silence(terms: Terms) -> Generator[Effect, Any, None]:
    """As long as the provider wants this client to be silent, which another call may hear while this one waits."""
    waited, adapter = 0.0, terms.adapter.name
    # Not until the clock says so: in tests of users' own nobody sleeps.
    while (until := terms.retries.paused_until) > waited and (left := terms.retries.pause()):
        waited = until
        error = RateLimited(
            f"the provider asked this client to send nothing for another {left:.1f} s",
            adapter=adapter,
            retry_after=left,
            hint="The deadline would pass before; raise deadline=, or ask less often.",
        )
        yield Wait(terms.retries.spread(left), error)


def again(exc: ProviderError, series: Any, spent: Spent) -> Generator[Effect, Any, ProviderError]:
    """Waits before the request is sent again, and returns the error; raises it if it shall not be."""
    rejected = isinstance(exc, RequestRejected) and exc.status is None and not exc.requests
    if rejected or exc.requests == NOT_BEGUN:
        spent.requests -= 1  # no JSON, no credentials, or code of the user's failed before: nothing was sent
    seconds = series.after(exc) if spent.requests < spent.ceiling else None
    if seconds is None:
        raise exc
    yield Wait(seconds, exc)
    return exc


def tell(before: ProviderError | None, exc: ToolfanError) -> None:
    """Adds what the request before it had said; to an error that is but the end of the time, what it failed of, too."""
    if before is not None and exc.calls is None:
        exc.calls, exc.turn = before.calls, before.turn
    if before is not None and isinstance(exc, DeadlineExceeded):
        exc.message += f"; the request before it failed: {type(before).__name__}: {before.message}"
        exc.args = (exc.message,)


def carry(
    terms: Terms, exc: ProviderError, turn: Turn, outcomes: tuple[Outcome[Any], ...], response: WireResponse
) -> None:
    """Lets the error bring what its answer had said before."""
    exc.turn, spent = turn, terms.spent
    if spent.attempts > 1:  # to be merged with what came in the rounds before
        spent.broken = Round(turn, outcomes) if outcomes or spent.broken is None else spent.broken
    elif outcomes or turn.text:
        exc.calls = result_of(terms, turn, outcomes, response)


def result_of(
    terms: Terms,
    turn: Turn,
    outcomes: tuple[Outcome[Any], ...],
    response: WireResponse,
    *,
    usage: Usage | None = None,
    rounds: tuple[Round, ...] = (),
) -> Calls[Any]:
    """The Calls of one answer; `usage` and `rounds` are those of all answers, where there were others before."""
    return Calls(
        outcomes=outcomes,
        turn=turn,
        usage=turn.usage if usage is None else usage,
        attempts=terms.spent.attempts,
        requests=terms.spent.requests,
        request_id=response.request_id,
        headers=response.headers,
        raw=response.body,
        rounds=rounds,
        codec=terms.adapter,
        tools=terms.original.tools,
    )
