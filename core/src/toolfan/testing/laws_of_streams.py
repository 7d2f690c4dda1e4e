"""Laws of streams: the same answer in pieces says the same, and no piece is lost or said twice.

Knows: `stream_parser`.  Must not know: requests, transports.
"""

from __future__ import annotations

import copy
from dataclasses import fields, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from toolfan.adapter import RawCall, Turn
from toolfan.errors import IncompleteStream, ProviderError, ToolfanError, Unsupported
from toolfan.framing.decoder import DONE

from .lawbook import in_time, law
from .laws_of_reading import LawsOfReading, decoded
from .trees import in_order, same
from .variations import UNHEARD_OF, with_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .samples import ErrorSample

CUTS = (1, 2, 3, 5, 7, 16, 61, 1000)


class LawsOfStreams(LawsOfReading):
    """What is read from an answer in pieces."""

    @law
    def test_a_stream_says_what_the_whole_answer_says(self) -> Iterator[str]:
        """The closed parser and `parse_response` give equal turns: calls, text, stop, usage, replay, model, id and all.

        A program must not get another result because it streams.  Arguments are compared as values, the order of their
        keys too: blanks of JSON text may differ, where a whole answer has objects.  Best put the pieces together into a
        whole body, and read that with the same code; see `toolfan_openai.streaming`.  An event that nobody knows,
        between others, is passed over.
        """
        for name, body, events in self.streams():
            whole, streamed = self.adapter.parse_response(body), self.read(events)
            yield from (f"{name}: {what}" for what in self._thrown_out(events, streamed))
            for field in fields(Turn):
                wanted, found = getattr(whole, field.name), getattr(streamed, field.name)
                if wanted != found and not (field.name == "calls" and _meant(wanted) == _meant(found)):
                    yield f"{name}: {field.name}: the stream says {found!r}, the whole answer {wanted!r}"

    def _thrown_out(self, events: Sequence[Mapping[str, Any]], wanted: Turn) -> Iterator[str]:
        """What events that nobody knows, one before each other one, change."""
        try:
            turn = self.read([one for event in events for one in ({UNHEARD_OF: [UNHEARD_OF]}, event)])
        except ToolfanError as exc:
            yield f"with events that nobody knows among the others: {type(exc).__name__}: {exc}"
        else:
            if (turn.calls, turn.text) != (wanted.calls, wanted.text):
                yield f"with events that nobody knows among the others it is {turn!r:.300}"

    @law
    def test_what_was_sealed_is_what_close_gives(self) -> Iterator[str]:
        """Each call is handed out by `feed` once, as it is in `close().calls`, and never changes afterwards.

        A program has acted on it by then.  Only a call whose arguments were cut may be left for `close`.
        `assembly.CallAssembler` holds this: return what its `take()` gives.
        """
        for name, _, events in self.streams():
            parser = self.adapter.stream_parser()
            sealed = [call for event in events for call in parser.feed(event)]
            calls = parser.close().calls
            whole = [call for call in calls if call in sealed or not isinstance(decoded(call.arguments), str)]
            if sorted(sealed, key=_index) != whole:
                yield f"{name}: sealed on the way were {sealed!r}, at the end there are {list(calls)!r}"

    @law
    def test_calls_are_sealed_while_the_stream_runs(self) -> Iterator[str]:
        """Of an answer with several calls the first is handed out before the last event.

        Seal a call as soon as its arguments are whole; do not keep all of them until the end.
        """
        several = [(name, events) for name, body, events in self.streams() if len(events) > 2 and _many(self, body)]
        late = [name for name, events in several if not self._sealed(events[:-1])]
        if several and len(late) == len(several):
            yield f"no call of {', '.join(late)} was handed out before the last event"

    def _sealed(self, events: Sequence[Mapping[str, Any]]) -> list[RawCall]:
        parser = self.adapter.stream_parser()
        return [call for event in events for call in parser.feed(event)]

    @law
    def test_the_text_grows(self) -> Iterator[str]:
        """`parser.text` is the text so far: it only grows, and is the turn's text at the end.

        Add each piece to a list of the parser's, drop none, and let `text` join them.
        """
        for name, _, events in self.streams():
            parser, before = self.adapter.stream_parser(), ""
            for event in events:
                parser.feed(event)
                if not parser.text.startswith(before):
                    yield f"{name}: the text was {before!r} and became {parser.text!r}"
                before = parser.text
            if before != (text := parser.close().text):
                yield f"{name}: the text so far was {before!r}, that of the turn is {text!r}"

    @law
    def test_events_come_as_their_samples_say(self) -> Iterator[str]:
        """The bytes of a sample are cut into its events, however the network cuts them.

        Toolfan's framing does it; where the provider's SDK cuts the stream, give `events` alone, or a `decode` of your
        own.
        """
        for sample in self.answers():
            if sample.stream_bytes is None or not self.adapter.capabilities.streaming:
                continue
            content = sample.stream_bytes
            whole = self.events_in([content])
            wanted = list(sample.events or whole)
            if not wanted:
                yield f"{sample.name}: there is no event in the bytes"
            if not same(whole, wanted):
                yield f"{sample.name}: {_other(whole, wanted)}"
                continue
            for size in CUTS:
                found = self.events_in([content[at : at + size] for at in range(0, len(content), size)])
                if not same(found, wanted):
                    yield f"{sample.name}: in pieces of {size} bytes the events are others"

    @law
    def test_a_stream_that_broke_off_is_incomplete(self) -> Iterator[str]:
        """Without its terminal event a stream is not an answer: `close()` raises IncompleteStream, with `.turn`.

        Keep in mind whether the event that ends an answer (a finish reason, `message_stop` ...) has come.  `.turn` has
        all that was sealed; an answer that is taken for whole although it was cut would lose calls in silence.
        """
        for name, _, events in self.streams():
            whole = self.read(events)
            for count in in_time(range(len(events))):
                for what in self._cut(events[:count], whole):
                    yield f"{name}, after {count} of {len(events)} events: {what}"

    def _cut(self, events: Sequence[Mapping[str, Any]], whole: Turn) -> Iterator[str]:
        parser = self.adapter.stream_parser()
        sealed = [call for event in events for call in parser.feed(event)]
        try:
            turn = parser.close()
        except IncompleteStream as exc:
            if not isinstance(exc.turn, Turn):
                yield "IncompleteStream has no .turn"
            elif not set(sealed) <= set(exc.turn.calls):
                yield f"sealed calls are missing in .turn: {set(sealed) - set(exc.turn.calls)}"
            elif exc.adapter != self.adapter.name:
                yield f"the error names the adapter {exc.adapter!r}"
        else:
            if (turn.calls, turn.text, turn.stop.kind) != (whole.calls, whole.text, whole.stop.kind):
                yield f"no IncompleteStream, but a turn with {len(turn.calls)} calls, stop {turn.stop}"
            elif not events:
                yield "no IncompleteStream for a stream without events"

    @law
    def test_bytes_that_break_off_harm_nothing_else(self) -> Iterator[str]:
        """A stream that breaks off at any byte raises errors of the provider's kind, and keeps what was sealed.

        Look at what is there in an event, and at its type, before you read on; `close` raises IncompleteStream.
        """
        for sample in self.answers():
            content = sample.stream_bytes
            if content is None or not self.adapter.capabilities.streaming:
                continue
            for end in range(0, len(content), max(1, len(content) // 60)):
                try:
                    self.read(self.events_in([content[:end]]))
                except ProviderError:
                    continue
                except Exception as exc:  # noqa: BLE001 - it is what is told
                    yield f"{sample.name}, {end} bytes: {type(exc).__name__}: {exc}"

    @law
    def test_an_error_in_a_stream_is_raised(self) -> Iterator[str]:
        """An error that comes as an event is raised by `feed` or `close`, as the class that the sample names.

        Also after a call, whatever follows on it: an answer that failed on the way is not whole.  Then the parser is
        closed all the same: what was sealed before the error is in the turn, or in `.turn` of what `close` raises.
        """
        streams = [events for _, body, events in self.streams() if self.adapter.parse_response(body).calls]
        for error in self.errors if self.adapter.capabilities.streaming else ():
            if not error.events:
                continue
            yield from self._failed(error, error.events)
            *before, last = error.events
            good = [event for _, _, events in self.streams() for event in events]
            yield from self.unsaid(error.name, last, lambda event, before=before: self.read([*before, event]), good)  # type: ignore[misc]
            for events in streams:
                for at in range(1, len(events)):
                    if self._sealed(events[:at]):
                        yield from self._failed(error, [*events[:at], error.events[-1], *events[at:]])
                        yield from self._forgot(error, [*events[:at], error.events[-1]])

    def _failed(self, error: ErrorSample, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """What is wrong with what is raised for these events."""
        try:
            turn = self.read(events)
        except ToolfanError as exc:
            yield from self.misnamed(error.name, exc, error.error)
        else:
            yield f"{error.name}: no error, but a turn: {turn!r:.200}"

    def _forgot(self, error: ErrorSample, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """What closing the parser after the error loses of what was sealed before it."""
        parser = self.adapter.stream_parser()
        sealed: list[RawCall] = []
        turn: Turn | None = None
        try:
            for event in events:
                sealed += parser.feed(event)
        except ProviderError:
            pass
        try:
            turn = parser.close()
        except ProviderError as exc:
            if exc.turn is None and isinstance(exc, IncompleteStream):  # of which another law tells
                return
            turn = exc.turn
        except Exception as exc:  # noqa: BLE001 - it is what is told
            yield f"{error.name}: close() after it raises {type(exc).__name__}: {exc}"
            return
        if lost := [call for call in sealed if turn is None or call not in turn.calls]:
            yield f"{error.name}: sealed before it, and not in the turn of close(): {lost}"

    @law
    def test_parsers_share_nothing(self) -> Iterator[str]:
        """Two streams that are read at once do not mix, and events stay as they came.

        A parser keeps its state in itself, never in the adapter or in its class, and copies what it changes: the ids of
        one stream say nothing in another.
        """
        for name, _, events in self.streams():
            kept = copy.deepcopy(list(events))
            one, other = self.adapter.stream_parser(), self.adapter.stream_parser()
            for event in events:
                one.feed(event)
                other.feed(event)
            turn = one.close()
            # Copied before the next parser is made, which may clear what it shares with them.
            first, second = copy.deepcopy(turn), copy.deepcopy(other.close())
            alone = copy.deepcopy(self.read(events))
            if not first == second == alone:
                yield f"{name}: read beside another stream it says something else"
            if turn != first:
                yield f"{name}: what was read from it changed when another stream was read"
            if not same(kept, list(events)):
                yield f"{name}: an event was changed"
        for sample in self.answers() if self.adapter.capabilities.streaming else ():
            turned = with_ids(sample, sample.ids[::-1])
            before, after = (None if body is None else self.made_of(body) for body in (sample.body, turned))
            if before is not None and after is not None:
                self.read(before)
                found, wanted = self.read(after).calls, self.adapter.parse_response(turned).calls
                if _meant(found) != _meant(wanted):
                    yield f"{sample.name}: after a stream of the same ids in another order it is {list(found)!r:.300}"

    @law
    def test_streams_are_offered_or_refused(self) -> Iterator[str]:
        """With `capabilities.streaming` requests ask for a stream, if one is wanted; without it that is Unsupported.

        The body of a request for a stream is another one, unless the attribute `stream_field` says that the address or
        the method tells.
        """
        if self.adapter.capabilities.streaming:
            if same(self.asked(stream=True).body, self.asked().body) is self.stream_field:
                what = "changes nothing" if self.stream_field else "changes the body"
                yield f"stream_field is {self.stream_field}, and stream=True {what}"
            self.adapter.stream_parser()
            if not any(True for _ in self.streams()):
                yield "streams are offered, and no sample has events"
            if self.makes_events() and all(self.made_of(sample.body) is None for sample in self.answers()):
                yield "events_of gives no events of any sample: does it lack a return?"
        elif not isinstance(self.refused(stream=True), Unsupported):
            yield "streams are denied, and stream=True is not refused"


def _other(whole: Sequence[Any], wanted: Sequence[Any]) -> str:
    """Where the events in the bytes of a sample are not its `events`."""
    pairs = zip_longest(whole, wanted, fillvalue="nothing")
    at, (came, given) = next((at, pair) for at, pair in enumerate(pairs) if not same(*pair))
    hint = "; `data: [DONE]` is an event: `toolfan.framing.DONE`" if same(came, DONE) else ""
    return f"in its stream_bytes event {at} is {came!r:.100}, and in its events {given!r:.100}{hint}"


def _index(call: RawCall) -> int:
    return call.index


def _meant(calls: Sequence[RawCall]) -> list[RawCall]:
    """The calls with their arguments written in one way, keys in the order in which they came."""
    return [replace(call, arguments=in_order(decoded(call.arguments))) for call in calls]


def _many(subject: LawsOfReading, body: Mapping[str, Any]) -> bool:
    return len(subject.adapter.parse_response(body).calls) > 1
