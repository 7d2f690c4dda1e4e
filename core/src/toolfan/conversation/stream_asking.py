"""One streamed answer of the model, with the requests that it took: calls are delivered while it comes.

Knows: adapters as codecs, retries, how calls are judged.  Must not know: what is asked next, transports, threads, event
loops, how one sleeps.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..adapter import WireResponse
from ..calls import Call, Round, TextDelta, Turn
from ..effects import NotSent
from ..errors import (
    BadResponse,
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteStream,
    ProviderError,
    ToolfanError,
    where,
)
from ..hookspecs.watched import Watched, watched
from ..stream_effects import Deliver, Open, Pull
from .asking import Answered, again, carry, hide, result_of, silence, tell
from .judging import with_choice_noted, with_note
from .stream_judging import StreamJudge

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from ..adapter import ToolRequest, WireRequest
    from ..effects import Effect
    from ..results.calls_type import Calls
    from .asking import Asking, Terms
    from .placing import Placing


def streamed(terms: Terms, request: ToolRequest) -> Asking:
    """An answer that comes in pieces: each call is delivered as soon as it is sealed, and its place is known.

    It is asked for again only while nothing was delivered, or whoever got it forgets it.
    """
    adapter, spent = terms.adapter, terms.spent
    wire, series, before = adapter.build_request(request), terms.retries.series(), None
    while True:
        if terms.retries.paused_until:
            yield from silence(terms)
        spent.requests += 1
        reading = _Reading(terms, request)
        try:
            with watched(adapter, wire, spent.attempts) as reading.watch:
                found = yield from reading.read(wire)
        except NotSent as exc:
            spent.requests -= 1
            tell(before, exc.error)
            raise exc.error from exc.error.__cause__
        except ProviderError as exc:
            forget = terms.wishes.forget
            if terms.wishes.closed or (reading.delivered and (forget is None or not forget())):
                raise
            tell(before, exc)
            before = yield from again(exc, series, spent)
        else:
            terms.retries.succeeded()
            spent.broken = None
            return found


_ENDS = (ConnectionFailed, BadResponse, DeadlineExceeded, IncompleteStream)  # none, if all had come


class _Reading:
    """One streamed answer, as far as it has come."""

    def __init__(self, terms: Terms, request: ToolRequest) -> None:
        adapter, attempt = terms.adapter, terms.spent.attempts
        self._terms, self._adapter, self._wishes = terms, adapter, terms.wishes
        self._request = request
        self._parser = adapter.stream_parser()
        self._judge = StreamJudge(adapter, request, terms.policy, attempt=attempt)
        self._placing = _placing(terms) if attempt > 1 else None
        terms.spent.delivered = set()
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
        except NotSent as exc:
            self._hide(exc)
            raise
        except GeneratorExit:
            self._leave()
            raise
        except BaseException as exc:  # a bug of the transport's or the parser's, or Ctrl-C
            if isinstance(exc, ToolfanError):
                self._hide(exc)
            with contextlib.suppress(Exception):
                self._leave()
            raise
        self.watch.read(turn)
        left, outcomes = self._judge.finish(turn)
        turn = with_choice_noted(turn, self._request, outcomes)
        if self._placing is None:
            self._wishes.left = result_of(self._terms, turn, outcomes, self._response())
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
            self._items += outcomes if self._placing is None else self._placing.take(outcomes)
        if self._wishes.text and self._placing is None:
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
            if self._placing is not None:
                self._terms.spent.delivered.update(item.index for item in items)
            yield Deliver(items)

    def _leave(self) -> None:
        """Keeps what had come: the calls that are whole, handed out or not, and the text.

        A call that is not whole stands in the round alone: when all are answered, so is that.
        """
        cut = False
        try:
            turn = _left(self._parser.close(), cut=False)
        except ProviderError as exc:
            turn, cut = _left(exc.turn or Turn()), True
        judged = {one.raw.id for one in self._judge.outcomes}
        every = self._judge.finish(turn, cut=cut)[1]
        if not turn.calls:  # a parser may tell nothing of them
            turn = replace(turn, calls=tuple(one.raw for one in every))
        left = Round(turn, every)
        if self._placing is None:
            outcomes = tuple(one for one in every if isinstance(one, Call) or one.raw.id in judged)
            self._wishes.left = result_of(self._terms, turn, outcomes, self._response(), rounds=(left,))
        else:
            self._wishes.left = _with(self._terms, left)

    def _saved(self, exc: ProviderError) -> Turn:
        """The turn, if it was complete when the connection broke; else raises the error with what had come."""
        self._hide(exc)
        try:
            turn: Turn | None = self._parser.close()
            if self._fault is None and isinstance(exc, _ENDS):
                assert turn is not None
                return turn
        except ProviderError as failed:
            turn = failed.turn
        if exc.turn is not None and not (turn and turn.calls):
            turn = exc.turn  # of a whole answer that came in place of events
        told: ProviderError = exc
        if self.delivered and isinstance(exc, ConnectionFailed):
            told = IncompleteStream(f"the stream broke off: {exc.message}", adapter=self._adapter.name)
            told.__cause__ = exc
        if isinstance(told, IncompleteStream):
            told.hint = told.hint or where(turn)
        told.request_id = exc.request_id or self._response().request_id
        if turn is not None and self._head is not None:
            turn = _left(turn, cut=self._fault is None) if self._wishes.closed else turn
            carry(self._terms, told, turn, self._judge.finish(turn, cut=True)[1], self._response())
        raise told

    def _hide(self, exc: ToolfanError | NotSent) -> None:
        hide(self._terms, exc, getattr(self._head, "secrets", ()))  # the parser knows none

    def _response(self) -> WireResponse:
        request_id, headers = getattr(self._head, "request_id", None), getattr(self._head, "headers", None)
        return WireResponse(getattr(self._parser, "body", None) or {}, request_id, headers or {})


def _placing(terms: Terms) -> Placing:
    from .reasking import placing

    assert terms.wishes.left is not None  # the calls so far
    return placing(terms.original, terms.wishes.left)


def _with(terms: Terms, left: Round) -> Calls[Any]:
    """The calls so far, with what had come of a later round that its reader left."""
    from .reasking import with_broken

    spent, so_far = terms.spent, terms.wishes.left
    assert so_far is not None
    so_far = replace(so_far, attempts=spent.attempts, requests=spent.requests)
    return with_broken(terms.adapter, terms.original, so_far, left, delivered=spent.delivered)


def _left(turn: Turn, *, cut: bool = True) -> Turn:
    """The turn of a stream that its reader left, which is why the end is missing; not `cut`: if it is."""
    kept = tuple(one for one in turn.warnings if not one.startswith("the stream ended without"))
    if kept == turn.warnings and not cut:
        return turn
    return replace(turn, warnings=(*kept, "the stream was left before its end"))
