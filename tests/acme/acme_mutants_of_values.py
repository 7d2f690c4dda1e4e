"""Adapters with one fault each in what they make of values, pieces and rounds, and the law that the fault breaks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms import FORMS, NUMBERED, Numbered, NumberedParser, Objects
from acme_mutants import MUTANTS, Reader, breaks, streaming
from toolfan.adapter import Turn
from toolfan.errors import BadResponse, IncompleteStream, ProviderError
from toolfan.testing.variations import UNHEARD_OF
from toolfan.wire import json_text, well_formed
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan.adapter import RawCall


def renumbered(calls: Sequence[RawCall]) -> tuple[RawCall, ...]:
    return tuple(replace(call, index=at) for at, call in enumerate(calls))


class Valued(Objects):
    """`value` has the fault: it is given the arguments of each call."""

    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return given

    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        return replace(turn, calls=tuple(map(self.changed, turn.calls)))

    def changed(self, call: RawCall) -> RawCall:
        try:
            given = json.loads(call.arguments)
        except ValueError:
            return call
        return replace(call, arguments=json_text(self.value(given))) if isinstance(given, dict) else call


def valued(made: type[Valued]) -> type[Valued]:
    suite = type(f"Suite{made.__name__}", (FORMS["Objects"],), {"adapter": made()})
    MUTANTS[made.__name__] = suite, "test_large_and_deep_arguments_come_out"
    return made


@valued
class NullsDropped(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name: one for name, one in given.items() if one is not None}


@valued
class NumbersInTexts(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            name: int(one) if isinstance(one, str) and len(one) == 1 and one.isdecimal() else one
            for name, one in given.items()
        }


@valued
class TruthIsOne(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name: int(one) if isinstance(one, bool) else one for name, one in given.items()}


@breaks("test_large_and_deep_arguments_come_out")
class CallsOfNothingDropped(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, calls=renumbered([call for call in turn.calls if call.arguments != "{}"]))


@breaks("test_a_thousand_calls_come_out")
class SortedAsTexts(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, calls=renumbered(sorted(turn.calls, key=lambda call: str(call.index))))


@breaks("test_ids_that_are_missing_or_repeated_are_made_up")
class TakenIdsMadeUp(Reader):
    def mend(self, turn: Turn) -> Turn:
        made: list[RawCall] = []
        for call in turn.calls:
            given = call.provider_id
            fresh = given and given not in {one.id for one in made}
            made.append(replace(call, id=given if given and fresh else f"call_{call.index}"))
        return replace(turn, calls=tuple(made))


@streaming("test_arguments_that_are_no_json_come_out")
class CallsWithoutPiecesLost(AcmeParser):
    begun: Any = None

    def take_begin(self, entry: Any) -> None:
        self.take_finish(True)
        self.begun = entry

    def take_more(self, text: Any) -> None:
        if self.begun is not None and text:
            super().take_begin(self.begun)
            self.begun = None
        super().take_more(text)


@streaming("test_arguments_that_are_no_json_come_out")
class ListsAreNothing(AcmeParser):
    def take_finish(self, _: Any) -> None:
        if "".join(self.pieces).startswith("["):
            self.pieces = ["{}"]
        super().take_finish(_)


@streaming("test_equal_pieces_are_all_read")
class HalvesOfTexts(AcmeParser):
    def take_say(self, text: Any) -> None:
        super().take_say(well_formed(text) if isinstance(text, str) else text)


@streaming("test_equal_pieces_are_all_read")
class HalvesOfArguments(AcmeParser):
    def take_more(self, text: Any) -> None:
        super().take_more(well_formed(text) if isinstance(text, str) else text)


class CountingParser(NumberedParser):
    """A call ends where its braces do; of a piece it is forgotten that it ended with a backslash."""

    def __init__(self, adapter: str) -> None:
        super().__init__(adapter)
        self.depths: dict[Any, int] = {}
        self.quoted: dict[Any, bool] = {}

    def take_more(self, text: Any) -> None:
        super().take_more(text)
        escaped = False
        for letter in text if isinstance(text, str) and self.at in self.begun else "":
            if escaped or letter == "\\":
                escaped = not escaped
            elif letter == '"':
                self.quoted[self.at] = not self.quoted.get(self.at)
            elif letter in "{}" and not self.quoted.get(self.at):
                self.depths[self.at] = self.depths.get(self.at, 0) + (1 if letter == "{" else -1)
                if not self.depths[self.at]:
                    self.take_finish(True)


@breaks("test_equal_pieces_are_all_read", **NUMBERED)
class BackslashForgotten(Numbered):
    def stream_parser(self) -> AcmeParser:
        return CountingParser(self.name)


class ClosedAfterErrors(AcmeParser):
    failed = False

    def feed(self, event: Any) -> Any:
        try:
            return super().feed(event)
        except ProviderError:
            self.failed = True
            raise


@streaming("test_an_error_in_a_stream_is_raised")
class NotClosedAfterErrors(ClosedAfterErrors):
    def close(self) -> Turn:
        assert not self.failed
        return super().close()


@streaming("test_an_error_in_a_stream_is_raised")
class EmptyAfterErrors(ClosedAfterErrors):
    def close(self) -> Turn:
        if not self.failed:
            return super().close()
        raise IncompleteStream("it failed", adapter=self.adapter, turn=Turn())


@breaks("test_answers_of_every_kind_can_be_given")
class AllFailedWithOne(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        failed = any(answer.is_error for answer in answers)
        return super().build_answer(turn, [replace(answer, is_error=failed) for answer in answers])


@breaks("test_answers_of_every_kind_can_be_given")
class NoneFailedBesideOne(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        failed = all(answer.is_error for answer in answers)
        return super().build_answer(turn, [replace(answer, is_error=failed) for answer in answers])


class Rounds(AcmeAdapter):
    """`spoiled` has the fault: it is given the turns as they go out, those that are translated marked."""

    def turns(self, messages: Any, tools: Any) -> Any:
        return self.spoiled([(turn, turn not in messages) for turn in super().turns(messages, tools)])

    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        return [turn for turn, _ in told]


@breaks("test_messages_go_out")
class ResultsNameTheLastOfTheirId(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        names = {one["ref"]: one["does"] for turn, new in told if new for one in turn.get("does", ())}
        return [{**turn, "did": names.get(turn["ref"])} if new and "ref" in turn else turn for turn, new in told]


@breaks("test_messages_go_out")
class ResultsOfOneIdOnce(Rounds):
    """Not in a later round, that is: two results of one round both go out."""

    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        rounds: dict[Any, int] = {}
        kept, latest = [], 0
        for turn, new in told:
            latest += "does" in turn
            if not (new and "ref" in turn) or rounds.setdefault(turn["ref"], latest) == latest:
                kept.append(turn)
        return kept


@breaks("test_messages_go_out")
class EarlierCallsOfNothingDropped(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        return [
            {**turn, "does": [one for one in turn["does"] if one["with"] != "{}"]} if new and "does" in turn else turn
            for turn, new in told
        ]


@breaks("test_messages_go_out")
class OpenCallsDropped(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        done = {turn.get("ref") for turn, _ in told}
        return [
            {**turn, "does": [one for one in turn["does"] if one["ref"] in done]} if new and "does" in turn else turn
            for turn, new in told
        ]


@breaks("test_messages_go_out")
class TextsBeforeCallsDropped(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        before = [
            new and turn["who"] == "robot" and "does" not in turn and "does" in following
            for (turn, new), (following, _) in zip(told, [*told[1:], ({}, True)], strict=True)
        ]
        return [turn for (turn, _), gone in zip(told, before, strict=True) if not gone]


@breaks("test_a_conversation_goes_on")
class OnlyTheLastRound(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        own = [at for at, (turn, new) in enumerate(told) if not new and turn.get("who") == "robot"]
        return [turn for at, (turn, new) in enumerate(told) if new or at >= own[-1]]


@breaks("test_an_answer_says_what_its_sample_says")
class NewFieldsRefused(AcmeAdapter):
    def parse_response(self, body: Any) -> Turn:
        turn = super().parse_response(body)
        if body.keys() - {"id", "engine", "why", "cost", "reply"}:
            raise BadResponse("a field that nobody knows", adapter=self.name)
        return turn


@streaming("test_a_stream_says_what_the_whole_answer_says")
class NewEventsRefused(AcmeParser):
    def feed(self, event: Any) -> Any:
        if UNHEARD_OF in event:
            raise BadResponse("an event that nobody knows", adapter=self.adapter)
        return super().feed(event)


@streaming("test_an_error_in_a_stream_is_raised")
class NewErrorsPassedOver(AcmeParser):
    def feed(self, event: Any) -> Any:
        error = event.get("error")
        known = not isinstance(error, dict) or error.get("code") == "rate_limit_exceeded"
        return super().feed(event) if known else ()


@breaks("test_messages_go_out")
class SixteenCallsOfARound(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        return [{**turn, "does": turn["does"][:16]} if new and "does" in turn else turn for turn, new in told]


@breaks("test_rendering_is_kept")
class KeptForAnyMode(AcmeAdapter):
    def render_tools(self, tools: Any, *, strict: bool | None) -> Any:
        return tools.memo((self.name, "tools of any mode"), lambda: self.render(tools, strict))


@breaks("test_arguments_of_earlier_calls_go_out_whole")
class EarlierNullsDropped(Rounds):
    def spoiled(self, told: list[tuple[Any, bool]]) -> list[Any]:
        return [self.cleaned(turn) if new and "does" in turn else turn for turn, new in told]

    def cleaned(self, turn: dict[str, Any]) -> dict[str, Any]:
        return {**turn, "does": [{**one, "with": self.without_nulls(one["with"])} for one in turn["does"]]}

    def without_nulls(self, text: str) -> str:
        try:
            given = json.loads(text)
        except ValueError:
            return text
        return json_text({name: one for name, one in given.items() if one is not None})


@breaks("test_answers_of_every_kind_can_be_given")
class NullsOfResultsDropped(AcmeAdapter):
    def build_answer(self, turn: Turn, answers: Any) -> Any:
        return super().build_answer(turn, [replace(one, content=self.cleaned(one.content)) for one in answers])

    def cleaned(self, content: Any) -> Any:
        return {k: v for k, v in content.items() if v is not None} if isinstance(content, dict) else content
