"""Laws of answers that nobody expects: odd values, ids that are missing or repeated, many calls.

Knows: what `variations` makes of samples.  Must not know: any provider's field names.
"""

from __future__ import annotations

from itertools import chain
from time import process_time
from typing import TYPE_CHECKING, Any

from toolfan.adapter import Answer
from toolfan.errors import ProviderError
from toolfan.wire import encode_json, well_formed

from .lawbook import in_time, law
from .laws_of_arguments import FORMS, LawsOfArguments
from .laws_of_reading import ill_formed
from .laws_of_replies import mark
from .subject import USER
from .variations import (
    ESCAPES,
    MANY,
    lists_calls_alone,
    nested,
    odd_bodies,
    odd_calls,
    with_another_text,
    with_argument_text,
    with_arguments,
    with_copies,
    with_ids,
    with_many_calls,
    with_name,
    with_names,
    with_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolfan.adapter import Turn

    from .samples import Sample

# Blanks, what some normal form of Unicode writes otherwise, halves of pairs, a long one.
ODD_TEXTS = (" \n\t x \n ", "  \n  \n  ", "e\u0301 \u212b \ufb01", "\ufeffx\u200b", "x\ud83d")
TEXTS = (*ODD_TEXTS, ESCAPES, "x" * 1_200_000 + ".")
MORE = "toolfan more"
NAMES = ("", " Weather\n", "functions.get weather", "e\u0301\u212b", "weather", "a-b:c/d", "x\ud83d", "n" * 300 + ".")
COPIES = 4
SLOW, UNEVEN = 1.0, 8.0
"""Seconds that many calls may take in any case; else at most so often what a quarter of them takes."""


def _seconds(read: Callable[[], Turn]) -> float:
    """How long it takes."""
    began = process_time()
    read()
    return process_time() - began


class LawsOfOddities(LawsOfArguments):
    """What is read from answers that are made up."""

    @law
    def test_odd_values_are_read_or_refused(self) -> Iterator[str]:
        """A body with a field that is missing or of another type gives a well-formed turn or raises a ProviderError.

        A KeyError or TypeError tells a user nothing, and loses the calls beside the odd field.  Look at the type of
        what you read; a call with odd parts, or whose arguments or id are null or missing, stays a call, for core to
        judge.
        """
        is_all_calls = lists_calls_alone(self.answers())
        for sample in self.answers():
            bodies = ((where, body, 0) for where, body in odd_bodies(sample.body))
            calls = ((*one, len(sample.calls)) for one in odd_calls(sample, is_all_calls=is_all_calls))
            for where, body, count in in_time(chain(calls, bodies)):
                try:
                    turn = self.adapter.parse_response(body)
                except ProviderError:
                    continue
                except Exception as exc:  # noqa: BLE001 - it is what is told
                    yield f"{sample.name}: {where}: {type(exc).__name__}: {exc}"
                else:
                    yield from (f"{sample.name}: {where}: {what}" for what in ill_formed(turn))
                    if len(turn.calls) < count:
                        yield f"{sample.name}: {where}: {len(turn.calls)} calls of {count}"

    @law
    def test_odd_events_are_read_or_refused(self) -> Iterator[str]:
        """The same for each event of a stream: `feed` and `close` raise errors of the provider's kind, or none.

        And what was handed out stays: it is in the turn.
        """
        for name, _, events in self.streams():
            for where, changed in in_time(odd_bodies(list(events))):
                parser = self.adapter.stream_parser()
                try:
                    sealed = [call for event in changed if isinstance(event, dict) for call in parser.feed(event)]
                    turn = parser.close()
                except ProviderError:
                    continue
                except Exception as exc:  # noqa: BLE001 - it is what is told
                    yield f"{name}: {where}: {type(exc).__name__}: {exc}"
                else:
                    yield from (f"{name}: {where}: {what}" for what in ill_formed(turn))
                    if lost := [call for call in sealed if call not in turn.calls]:
                        yield f"{name}: {where}: sealed, and not in the turn: {lost}"

    @law
    def test_events_that_are_lost_or_said_twice_harm_nobody(self) -> Iterator[str]:
        """A stream in which an event is missing, comes twice or too early is read or refused, and calls stay unique.

        Expect no order of events in the parser: open calls with `assembly.CallAssembler`, and raise BadResponse, no
        KeyError or the like, for what makes no sense.
        """
        for name, _, events in self.streams():
            for at, event in enumerate(events):
                without = [*events[:at], *events[at + 1 :]]
                for how, given in (("lost", without), ("twice", [*events[: at + 1], event, *events[at + 1 :]])):
                    try:
                        turn = self.saved(given)
                    except ProviderError:
                        continue
                    except Exception as exc:  # noqa: BLE001 - it is what is told
                        yield f"{name}: event {at} {how}: {type(exc).__name__}: {exc}"
                    else:
                        yield from (f"{name}: event {at} {how}: {what}" for what in ill_formed(turn))

    @law
    def test_texts_and_names_come_out(self) -> Iterator[str]:
        """Text and names of tools come out to the letter, blanks and all; U+FFFD stands for what cannot be printed.

        `toolfan.wire.well_formed` puts it there, for lone surrogates.  Strip, cut and normalise nothing: what a name
        means is core's to say, a call without one is a call (to `CallAssembler.delta` say `real=True` where the service
        says that a call begins), and the pieces of a stream may be blanks alone.  Where texts and calls stand in one
        list, there may be several texts.
        """
        for text in TEXTS:
            for name, _, turn in self.made(lambda sample, text=text: with_text(sample, text)):  # type: ignore[misc]
                if turn.text != well_formed(text):
                    yield f"{name}: the text {text[:40]!r} became {turn.text[:40]!r} ({len(turn.text)} characters)"
        joined: dict[str, str] = {}
        for name, sample, turn in self.made(lambda sample: with_another_text(sample, MORE)):
            parts = {f"{sample.text}{between}{MORE}" for between in ("", " ", "\n", "\n\n")}
            if turn.text not in parts or turn.text != joined.setdefault(sample.name, turn.text):
                yield f"{name}: the texts {sample.text!r} and, after the calls, {MORE!r} became {turn.text!r:.100}"
        for called in NAMES:
            for name, sample, turn in self.made(lambda sample, called=called: with_name(sample, called)):  # type: ignore[misc]
                if len(turn.calls) != len(sample.calls):
                    came = f"{len(turn.calls)} calls of {len(sample.calls)}"
                    yield f"{name}: {came} come out if their name is {called[:40]!r}"
                elif [call.name for call in turn.calls] != [well_formed(called)] * len(sample.calls):
                    yield f"{name}: the name {called[:40]!r} became {[call.name[:40] for call in turn.calls]}"

    @law
    def test_ids_that_are_missing_or_repeated_are_made_up(self) -> Iterator[str]:
        """A call without an id, with an empty one or with that of another call is a call: `id` is unique all the same.

        `provider_id` keeps what came, however long, in upper and lower case; one that came may be the very one that
        would be made up for another call.  `assembly.seal` and `assembly.CallAssembler` do it.
        """
        if self.adapter.capabilities.call_ids and all(with_ids(one, ["", "x"]) is None for one in self.answers()):
            yield "no sample of two calls has their two different ids in its body"
        long = "Toolfan_Call-" * 25
        made = {turn.calls[-1].id for _, _, turn in self.made(lambda sample: with_ids(sample, ["", ""])) if turn.calls}
        tried: list[Sequence[str | None]] = [["", ""], ["same", "same"], [None, None], ["", "x"]]
        tried += [[f"{long}a", f"{long}b"], *([one, given] for one in sorted(made) for given in ("", one))]
        for ids in tried:
            for name, sample, turn in self.made(lambda sample, ids=ids: with_ids(sample, ids)):  # type: ignore[misc]
                if len(turn.calls) != len(sample.calls):
                    yield f"{name}, ids {ids!s:.60}: {len(turn.calls)} calls of {len(sample.calls)}"
                yield from (f"{name}, ids {ids!s:.60}: {what}" for what in ill_formed(turn))
                came = [call.provider_id or None for call in turn.calls][:2]
                if came != [given or None for given in ids]:
                    yield f"{name}, ids {ids!s:.60}: the provider_ids are {came!s:.60}"

    @law
    def test_a_thousand_calls_come_out(self) -> Iterator[str]:
        """All calls of an answer come out, in order, in time that is linear in their number: no limit of your own.

        A call that says what another one says is a call: drop none, whatever its name and arguments.
        """
        for sample in self.answers():
            body = with_copies(sample, COPIES)
            if body is not None and len(calls := self.adapter.parse_response(body).calls) != COPIES:
                yield f"{sample.name}: {len(calls)} calls of {COPIES}, three of which are the same to the letter"
        for name, _, turn in self.made(lambda sample: with_many_calls(sample, 4)):
            if len(turn.calls) < 4:
                yield f"{name}: {len(turn.calls)} calls of 4, three of which say the same under ids of their own"
                return
        names = [f"toolfan_{number}" for number in range(12)]
        for name, _, turn in self.made(lambda sample: with_names(sample, names)):
            if sorted(called := [call.name for call in turn.calls]) == sorted(names) and called != names:
                yield f"{name}: of twelve calls the order is {called}"
        found, began = 0, process_time()
        for name, _, turn in self.made(lambda sample: with_many_calls(sample, MANY), most=1):
            found += 1
            if len(turn.calls) != MANY:
                maker = "; or the `events_of` of this class leaves some out" if name.endswith("streamed") else ""
                yield f"{name}: {len(turn.calls)} calls of {MANY}{maker}"
            yield from (f"{name}: {what}" for what in ill_formed(turn))
        yield from self._slow() if process_time() - began > SLOW else ()
        if not found:
            yield f"no sample has two calls, whose arguments differ, in a list or object: {FORMS}"

    def _slow(self) -> Iterator[str]:
        """Where many calls take long, and more than their share."""
        for sample in self.answers():
            many, few = (with_many_calls(sample, count) for count in (MANY, MANY // 4))
            if many is None or few is None:
                continue
            for (way, read), (_, share) in zip(self.both(many), self.both(few), strict=True):
                if (spent := _seconds(read)) > SLOW and spent > UNEVEN * (less := _seconds(share)):
                    yield f"{sample.name}, {way}: {MANY} calls take {spent:.1f} s, a quarter of them {less:.1f} s"
            return

    @law
    def test_what_is_odd_can_be_sent_back(self) -> Iterator[str]:
        """The turn of an odd answer, with answers, makes a next request: the model is told what was wrong with it.

        It is one that can be sent: `toolfan.wire.sendable` takes what JSON has no form for out of a turn.
        """
        ids: list[list[Any]] = [["", ""], ["same", "same"], [None, None]]
        makes: list[Callable[[Sample], Any]] = [lambda sample, one=one: with_ids(sample, one) for one in ids]  # type: ignore[misc]
        makes.append(lambda sample: with_arguments(sample, {"deep": nested(50), "s": "\u2028"}))
        makes.append(lambda sample: with_argument_text(sample, "{"))
        makes += [lambda sample: with_text(sample, "x\ud83d"), lambda sample: with_name(sample, "x\ud83d")]
        for make in makes:
            for name, _, turn in self.made(make):
                yield from (f"{name}: {what}" for what in self.unanswerable(turn))

    def unanswerable(self, turn: Turn) -> Iterator[str]:
        """What is wrong with the request after this turn."""
        answers = [Answer(call, mark(call), is_error=True) for call in turn.calls]
        body = self.built(messages=(USER, *self.adapter.build_answer(turn, answers))).body
        said = encode_json(body).decode()
        missing = [call.id for call in turn.calls if said.count(mark(call)) != 1]
        if missing:
            yield f"the calls {missing} are not answered once"
