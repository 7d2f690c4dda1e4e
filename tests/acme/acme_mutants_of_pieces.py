"""Adapters with one fault each in what they read of pieces and of errors, and the law that the fault breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms import NUMBERED, NumberedParser
from acme_mutants import Reader, breaks, streaming
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
