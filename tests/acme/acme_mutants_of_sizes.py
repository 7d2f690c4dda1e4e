"""Adapters with one fault each that shows in what is long or many, or in ids; see `acme_mutants`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from acme_forms import Seeing
from acme_mutants import Reader, breaks
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser

if TYPE_CHECKING:
    from toolfan.adapter import Turn


class Writer(AcmeAdapter):
    """Spoils a call, or a result, of a history."""

    def of_call(self, ref: str) -> str:
        return ref

    def of_result(self, ref: str) -> str:
        return ref

    def turns(self, messages: Any, tools: Any) -> Any:
        return [turn if turn in messages else self._spoiled(turn) for turn in super().turns(messages, tools)]

    def _spoiled(self, turn: Any) -> Any:
        if "ref" in turn:
            return {**turn, "ref": self.of_result(turn["ref"])}
        if "does" in turn:
            return {**turn, "does": [{**call, "ref": self.of_call(call["ref"])} for call in turn["does"]]}
        return turn


@breaks("test_messages_go_out")
class CutsIdsOfCalls(Writer):
    def of_call(self, ref: str) -> str:
        return ref if len(ref) > 64 else ref[:20]


@breaks("test_messages_go_out")
class LowersIdsOfResults(Writer):
    def of_result(self, ref: str) -> str:
        return ref.lower()


@breaks("test_ids_that_are_missing_or_repeated_are_made_up")
class LowersIds(Reader):
    def mend(self, turn: Turn) -> Turn:
        calls = [replace(call, provider_id=call.provider_id and call.provider_id.lower()) for call in turn.calls]
        return replace(turn, calls=tuple(calls))


@breaks("test_answers_bear_the_ids_of_their_calls")
class CutsIdsOfAnswers(AcmeAdapter):
    def build_answer(self, turn: Any, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [own, *({**one, "ref": one["ref"][:20]} for one in told)]


@breaks("test_arguments_keep_their_order")
class ManyToolsBackwards(AcmeAdapter):
    def shaped(self, body: Any) -> Any:
        return {**body, "tools": body["tools"][::-1]} if len(body["tools"]) >= 40 else body


@breaks("test_images_go_out")
class CutsImages(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return [url if url.startswith("http") else url[:4000] for url in super().shown(parts)]


@breaks("test_answers_of_every_kind_can_be_given")
class CutsObjects(AcmeAdapter):
    def build_answer(self, turn: Any, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [own, *({**one, "gave": self.cut(one["gave"])} for one in told)]

    def cut(self, gave: Any) -> Any:
        return json.dumps(gave)[:500] if isinstance(gave, dict) and len(json.dumps(gave)) > 500 else gave


class OfAll(AcmeParser):
    """Calls stand in the order in which their refs were first seen, by any parser."""

    seen: ClassVar[dict[Any, int]] = {}

    def close(self) -> Turn:
        turn = super().close()
        if {call.provider_id for call in turn.calls} != {"r1", "r2"}:
            return turn
        order = sorted(turn.calls, key=lambda call: self.seen.setdefault(call.provider_id, len(self.seen)))
        return replace(turn, calls=tuple(replace(call, index=at) for at, call in enumerate(order)))


@breaks("test_parsers_share_nothing")
class ParsersShareATable(AcmeAdapter):
    def stream_parser(self) -> AcmeParser:
        return OfAll(self.name)
