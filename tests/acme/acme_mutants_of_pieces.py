"""Adapters with one fault each in what they read of pieces and of errors, and the law that the fault breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms import NUMBERED, NumberedParser, numbered, right
from acme_mutants import Reader, breaks, streaming
from acme_samples import AcmeSuite
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from toolfan.adapter import Turn


@streaming("test_equal_pieces_are_all_read")
class EqualEventsSkipped(AcmeParser):
    last: Any = None

    def feed(self, event: Any) -> Any:
        again, self.last = event == self.last, dict(event)
        return () if again else super().feed(event)


@streaming("test_equal_pieces_are_all_read")
class EqualTextsSkipped(AcmeParser):
    def take_say(self, text: Any) -> None:
        if self.says[-1:] != [text]:
            super().take_say(text)


@streaming("test_pieces_in_turn_are_told_apart")
class TextAfterCallsLost(AcmeParser):
    def take_say(self, text: Any) -> None:
        if not self.does:
            super().take_say(text)


class LastBegunParser(NumberedParser):
    """Pieces go to the call that began last."""

    def take_more(self, text: Any) -> None:
        self.at = [*self.begun, self.at][-2 if self.begun else -1]
        super().take_more(text)


@breaks("test_pieces_in_turn_are_told_apart", **NUMBERED)
class PiecesToTheLastBegun(AcmeAdapter):
    def stream_parser(self) -> AcmeParser:
        return LastBegunParser(self.name)


def in_fields(body: Any) -> list[Any]:
    """The stream of an answer, in which each argument comes by its name and its value."""
    found: list[Any] = []
    given = [entry.get("with") for entry in (body.get("reply") or {}).get("does") or ()]
    for event in numbered(body):
        if "more" not in event or (fields := fields_of(given[event["at"]])) is None:
            found.append(event)
        elif found[-1].keys() & {"begin"}:
            found += [{"field": {"key": key, "value": value}, "at": event["at"]} for key, value in fields.items()]
    return found


def fields_of(given: Any) -> Any:
    """The arguments, if they are an object that is written as this one is written again."""
    try:
        fields = json.loads(given)
        return (
            fields if fields and isinstance(fields, dict) and json.dumps(fields, ensure_ascii=False) == given else None
        )
    except (TypeError, ValueError):
        return None


class FieldsParser(NumberedParser):
    """Arguments come by name and value."""

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        self.fields: dict[Any, dict[str, Any]] = {}

    def take_begin(self, entry: Any) -> None:
        self.fields.pop(self.at, None)
        super().take_begin(entry)

    def take_field(self, field: Any) -> None:
        if isinstance(field, dict) and isinstance(field.get("key"), str) and "value" in field:
            self.fields.setdefault(self.at, {})[field["key"]] = field["value"]

    def take_finish(self, _: Any) -> None:
        if self.at in self.begun and self.at in self.fields:
            self.begun[self.at][2].append(json.dumps(self.fields.pop(self.at), ensure_ascii=False))
        super().take_finish(True)


class FieldsToTheLastBegunParser(FieldsParser):
    """Fields go to the call that began last."""

    def take_field(self, field: Any) -> None:
        self.at = [*self.begun, self.at][-2 if self.begun else -1]
        super().take_field(field)


class Fields(AcmeAdapter):
    def stream_parser(self) -> AcmeParser:
        return FieldsParser(self.name)


FIELDS: dict[str, Any] = {
    "samples": [replace(one, stream_bytes=None, events=in_fields(one.body)) for one in AcmeSuite.samples],
    "events_of": lambda self, body: in_fields(body),
}
right(Fields, **FIELDS)


@breaks("test_pieces_in_turn_are_told_apart", **FIELDS)
class FieldsToTheLastBegun(AcmeAdapter):
    def stream_parser(self) -> AcmeParser:
        return FieldsToTheLastBegunParser(self.name)


@breaks("test_no_stop_reason_costs_a_call")
class TextLostWhenCut(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, text="") if turn.stop.raw == "limit" else turn


def speechless(said: Any) -> Any:
    """An answer or an event, whose error says nothing but its code."""
    error = said.get("error") if isinstance(said, dict) else None
    return {**said, "error": {**error, "message": ""}} if isinstance(error, dict) else said


@breaks("test_an_error_in_an_answer_is_raised")
class WordsOfErrorsLost(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        return super().parse_response(speechless(body))


@streaming("test_an_error_in_a_stream_is_raised")
class WordsOfErrorsLostInStreams(AcmeParser):
    def feed(self, event: Any) -> Any:
        return super().feed(speechless(event))
