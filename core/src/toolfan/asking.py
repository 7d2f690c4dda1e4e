"""One answer of the model, whole or streamed, with the requests that it took.

Knows: adapters as codecs, retries, how calls are judged.  Must not know: what is asked next, transports, threads, event
loops, how one sleeps.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from .adapter import WireResponse
from .calls import TextDelta, Turn
from .effects import Deliver, NotSent, Open, Pull, Send, Wait
from .errors import (
    BadResponse,
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteStream,
    ProviderError,
    RateLimited,
    RequestRejected,
)
from .judging import StreamJudge, in_call_order, judge, with_note
from .results import Calls
from .watching import Watched, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .adapter import ParallelToolsAdapter, ToolRequest, WireRequest
    from .calls import Outcome
    from .effects import Effect
    from .errors import ToolfanError
    from .request import Policy
    from .retries import Retries
    from .toolset import ToolSet


@dataclass(slots=True)
class Spent:
    """What a conversation has cost so far."""

    ceiling: int
    attempts: int = 0
    requests: int = 0
    broken: tuple[Outcome[Any], ...] = ()
    """What came of a later round whose stream broke off."""


@dataclass(slots=True)
class Wishes:
    """What the user of a stream wants to see beside the calls; it may change while the stream comes."""

    text: bool = False
    closed: bool = False
    interrupt: Callable[[], object] | None = None
    """Ends a read of the open stream from another thread, where the transport can."""
    left: Calls[Any] | None = None
    """What had come when the stream was left."""


@dataclass(slots=True)
class Terms:
    """What holds for all answers of one conversation."""

    adapter: ParallelToolsAdapter
    policy: Policy
    retries: Retries
    spent: Spent
    wishes: Wishes
    tools: ToolSet[Any]


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
        if seconds := terms.retries.pause():
            yield _silence(adapter, seconds)
        spent.requests += 1
        response: WireResponse | None = None
        try:
            with watched(adapter.name, wire, spent.attempts) as watch:
                response = yield Send(wire)
                assert response is not None
                turn = with_note(adapter.parse_response(response.body))
                watch.read(turn)
        except NotSent as exc:
            spent.requests -= 1
            _tell(before, exc.error)
            raise exc.error from exc.error.__cause__
        except ProviderError as exc:
            exc.request_id = exc.request_id or (response.request_id if response else None)
            _tell(before, exc)
            before = yield from _again(exc, series, spent)
        else:
            terms.retries.succeeded()
            return Answered(response, turn, judge(adapter, request, terms.policy, turn, attempt=spent.attempts))


def streamed(terms: Terms, request: ToolRequest) -> Asking:
    """An answer that comes in pieces: each call of the first round is delivered as soon as it is sealed.

    It is asked for again only while nothing was delivered.
    """
    adapter, spent = terms.adapter, terms.spent
    wire, series, before = adapter.build_request(request), terms.retries.series(), None
    while True:
        if seconds := terms.retries.pause():
            yield _silence(adapter, seconds)
        spent.requests += 1
        reading = _Reading(terms, request)
        try:
            with watched(adapter.name, wire, spent.attempts) as reading.watch:
                found = yield from reading.read(wire)
        except NotSent as exc:
            spent.requests -= 1
            _tell(before, exc.error)
            raise exc.error from exc.error.__cause__
        except ProviderError as exc:
            if reading.delivered or terms.wishes.closed:
                raise
            _tell(before, exc)
            before = yield from _again(exc, series, spent)
        else:
            terms.retries.succeeded()
            return found


def _silence(adapter: ParallelToolsAdapter, seconds: float) -> Wait:
    """As long as the provider wants this client to be silent."""
    error = RateLimited(
        f"the provider asked this client to send nothing for another {seconds:.1f} s",
        adapter=adapter.name,
        retry_after=seconds,
        hint="The deadline would pass before; raise deadline=, or ask less often.",
    )
    return Wait(seconds, error)


def _again(exc: ProviderError, series: Any, spent: Spent) -> Generator[Effect, Any, ProviderError]:
    """Waits before the request is sent again, and returns the error; raises it if it shall not be."""
    if isinstance(exc, RequestRejected) and exc.status is None:
        spent.requests -= 1  # it could not be written as JSON: nothing was sent
    seconds = series.after(exc) if spent.requests < spent.ceiling else None
    if seconds is None:
        raise exc
    yield Wait(seconds, exc)
    return exc


def _tell(before: ProviderError | None, exc: ToolfanError) -> None:
    """Adds to an error that is but the end of the time what the request before it failed of."""
    if before is not None and isinstance(exc, DeadlineExceeded):
        exc.message += f"; the request before it failed: {type(before).__name__}: {before.message}"
        exc.args = (exc.message,)


class _Reading:
    """One streamed answer, as far as it has come."""

    def __init__(self, terms: Terms, request: ToolRequest) -> None:
        adapter, spent = terms.adapter, terms.spent
        self._adapter, self._spent, self._wishes, self._tools = adapter, spent, terms.wishes, terms.tools
        self._parser = adapter.stream_parser()
        self._judge = StreamJudge(adapter, request, terms.policy, attempt=spent.attempts)
        self._first = spent.attempts == 1  # later rounds are merged before anything of them is delivered
        self._items: list[Any] = []
        self._heard = 0  # how much of the text was delivered
        self._fault: ProviderError | None = None
        self._head: Any = None
        self.delivered = False
        self.watch = Watched()

    def read(self, wire: WireRequest) -> Asking:
        """The whole answer.  An error carries, in `calls` and `turn`, what had come."""
        try:
            self._head = yield Open(wire)
            self._wishes.interrupt = getattr(self._head, "interrupt", None)
            if self._wishes.closed and self._wishes.interrupt is not None:  # while it was opened
                self._wishes.interrupt()
            while (yield Pull(self._feed)):
                if self._fault is not None:
                    raise self._fault
                yield from self._deliver()
            turn = with_note(self._parser.close())
        except ProviderError as exc:
            turn = with_note(self._saved(exc))
        except GeneratorExit:
            self._leave()
            raise
        self.watch.read(turn)
        left, outcomes = self._judge.finish(turn)
        if self._first:
            self._wishes.left = self._result(turn, outcomes)
            self._items += left
            yield from self._deliver()
        return Answered(self._response(), turn, outcomes)

    def _feed(self, event: Mapping[str, Any]) -> bool:
        try:
            sealed = self._parser.feed(event)
        except ProviderError as exc:
            self._fault = exc
            return True
        if sealed:
            self.watch.sealed(sealed)
            outcomes = self._judge.add(sealed)
            if self._first:
                self._items += outcomes
        if self._wishes.text and self._first:
            self._hear()
        return bool(self._items)

    def _hear(self) -> None:
        pieces = getattr(self._parser, "texts", None)  # spares those who have it the joining, time and again
        if pieces is not None:
            heard, new = len(pieces), "".join(pieces[self._heard :])
        else:
            heard, new = len(self._parser.text), self._parser.text[self._heard :]
        if new:
            self._heard = heard
            self._items.insert(0, TextDelta(new))

    def _deliver(self) -> Generator[Effect, Any, None]:
        if self._items:
            items, self._items = tuple(self._items), []
            self.delivered = True
            yield Deliver(items)

    def _leave(self) -> None:
        """Keeps what had come: the calls that are whole, handed out or not, and the text."""
        try:
            turn = self._parser.close()
        except ProviderError as exc:
            turn = exc.turn or Turn()
        outcomes = in_call_order(self._judge.outcomes)
        if self._first:
            self._wishes.left = self._result(replace(turn, calls=tuple(one.raw for one in outcomes)), outcomes)

    def _saved(self, exc: ProviderError) -> Turn:
        """The turn, if it was complete when the connection broke; else raises the error with what had come."""
        try:
            turn: Turn | None = self._parser.close()
            if self._fault is None and isinstance(exc, ConnectionFailed | BadResponse | DeadlineExceeded):
                assert turn is not None
                return turn
        except IncompleteStream as incomplete:
            turn = incomplete.turn
        except ProviderError:
            turn = None
        told: ProviderError = exc
        if self.delivered and isinstance(exc, ConnectionFailed):
            told = IncompleteStream(
                f"the stream broke off: {exc.message}", adapter=self._adapter.name, hint="What came whole is in .calls."
            )
            told.__cause__ = exc
        told.request_id = exc.request_id or self._response().request_id
        if turn is not None and self._head is not None:
            _, outcomes = self._judge.finish(turn, cut=True)
            told.turn = turn
            if self._first:
                told.calls = self._result(turn, outcomes) if outcomes else None
            else:
                self._spent.broken = outcomes
        raise told

    def _response(self) -> WireResponse:
        request_id, headers = getattr(self._head, "request_id", None), getattr(self._head, "headers", None)
        return WireResponse(getattr(self._parser, "body", None) or {}, request_id, headers or {})

    def _result(self, turn: Turn, outcomes: tuple[Outcome[Any], ...]) -> Calls[Any]:
        response = self._response()
        return Calls(
            outcomes=outcomes,
            turn=turn,
            usage=turn.usage,
            attempts=self._spent.attempts,
            requests=self._spent.requests,
            request_id=response.request_id,
            headers=response.headers,
            raw=response.body,
            codec=self._adapter,
            tools=self._tools,
        )
