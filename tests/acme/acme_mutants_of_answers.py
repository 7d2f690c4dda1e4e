"""Adapters with one fault each in what they read, beside those of `acme_mutants`, and the law that the fault breaks."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_mutants import Reader, breaks, streaming
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import Turn

# Whole answers.


@breaks("test_texts_and_names_come_out")
class Stripping(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, text=turn.text.strip())


@breaks("test_texts_and_names_come_out")
class Composing(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, text=unicodedata.normalize("NFC", turn.text))


@breaks("test_texts_and_names_come_out")
class HalfPairs(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        says = body["reply"].get("says")
        return replace(turn, text=says) if isinstance(says, str) else turn


@breaks("test_what_is_odd_can_be_sent_back")
class HalfPairsAgain(AcmeAdapter):
    def own(self, turn: Turn) -> Any:
        mended = super().own(turn)
        return {**mended, "says": turn.replay["says"]} if isinstance(turn.replay.get("says"), str) else mended


class Renaming(AcmeAdapter):
    """Reads names with a fault: `name`."""

    def name_of(self, name: str) -> str:
        return name

    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        return replace(turn, calls=tuple(replace(call, name=self.name_of(call.name)) for call in turn.calls))


@breaks("test_texts_and_names_come_out")
class StrippingNames(Renaming):
    def name_of(self, name: str) -> str:
        return name.strip()


@breaks("test_texts_and_names_come_out")
class CuttingNames(Renaming):
    def name_of(self, name: str) -> str:
        return name[:64]


@breaks("test_texts_and_names_come_out")
class HalfPairsInNames(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        given = [one.get("does") if isinstance(one, dict) else None for one in body["reply"].get("does") or []]
        calls = [
            replace(call, name=name) if isinstance(name, str) else call
            for call, name in zip(turn.calls, given, strict=True)
        ]
        return replace(turn, calls=tuple(calls))


@breaks("test_a_stop_that_nobody_knows_is_other")
class Confident(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, stop=replace(turn.stop, kind="end" if turn.stop.kind == "other" else turn.stop.kind))


@breaks("test_an_error_in_an_answer_is_raised")
class CallsAreEnough(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        if isinstance(body, dict) and isinstance(body.get("reply"), dict) and body["reply"].get("does"):
            body = {key: value for key, value in body.items() if key != "error"}
        return super().parse_response(body)


# Streams.


@streaming("test_an_error_in_a_stream_is_raised")
class DeafAfterACall(AcmeParser):
    def feed(self, event: Mapping[str, Any]) -> Any:
        begun = self.assembler.in_order()
        return super().feed({key: value for key, value in event.items() if key != "error" or not begun})


@streaming("test_texts_and_names_come_out")
class NoBlanks(AcmeParser):
    def take_say(self, text: Any) -> None:
        if not isinstance(text, str) or text.strip():
            super().take_say(text)


@streaming("test_a_stream_says_what_the_whole_answer_says")
class ForgetsTheModel(AcmeParser):
    def take_open(self, about: Any) -> None:
        super().take_open(about)
        self.body["engine"] = None


@streaming("test_a_stream_says_what_the_whole_answer_says")
class ForgetsTheId(AcmeParser):
    def take_open(self, about: Any) -> None:
        super().take_open(about)
        self.body["id"] = None


# Whole answers in which calls or their parts are lost, be they odd or many.


class Dropping(AcmeAdapter):
    """Reads whole answers with a fault: `kept` says which calls stay."""

    def kept(self, call: Any, why: Any) -> bool:
        return True

    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        return replace(turn, calls=tuple(call for call in turn.calls if self.kept(call, body.get("why"))))


@breaks("test_texts_and_names_come_out")
class DropsTheNameless(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        named = [not isinstance(one, dict) or one.get("does") != "" for one in turn.replay.get("does") or ()]
        return replace(turn, calls=tuple(call for call in turn.calls if named[call.index]))


@breaks("test_no_stop_reason_costs_a_call")
class DropsWhenDone(Dropping):
    def kept(self, call: Any, why: Any) -> bool:
        return why != "done"


@breaks("test_ids_that_are_missing_or_repeated_are_made_up")
class CutsIds(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        calls = [replace(call, provider_id=call.provider_id and call.provider_id[:40]) for call in turn.calls]
        return replace(turn, calls=tuple(calls))


@breaks("test_large_and_deep_arguments_come_out")
class ComposingArguments(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        calls = [replace(call, arguments=composed(call.arguments)) for call in turn.calls]
        return replace(turn, calls=tuple(calls))


def composed(text: str) -> str:
    """Objects alone: what is no JSON is another law's."""
    return unicodedata.normalize("NFC", text) if text.startswith("{") else text


@breaks("test_large_and_deep_arguments_come_out")
class TwoMillionCharacters(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, calls=tuple(replace(call, arguments=call.arguments[:2_000_000]) for call in turn.calls))


@breaks("test_a_thousand_calls_come_out")
class TwoThousandCalls(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, calls=turn.calls[:2000])


@breaks("test_a_thousand_calls_come_out")
class OnceEach(AcmeAdapter):
    """Drops calls that say what another one says."""

    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        once = {(call.name, call.arguments): call for call in reversed(turn.calls) if call.arguments[:1] == "{"}
        return replace(
            turn, calls=tuple(call for call in turn.calls if once.get((call.name, call.arguments), call) is call)
        )


@breaks("test_arguments_that_are_no_json_come_out")
class ObjectsInPython(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        reply = body.get("reply") or {}
        given = [entry.get("with") if isinstance(entry, dict) else None for entry in reply.get("does") or ()]
        calls = [
            replace(call, arguments=str(one)) if isinstance(one, dict) else call
            for call, one in zip(turn.calls, given, strict=True)
        ]
        return replace(turn, calls=tuple(calls))
