"""Adapters with one fault each in what they send of earlier messages and of choices, and the law that it breaks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms import Seeing
from acme_mutants import breaks
from acme_mutants_of_requests import Translating
from toolfan.adapter import ToolChoice
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan.adapter import WireRequest


# Texts.


class Rewriting(AcmeAdapter):
    """`text` has the fault: it is given each text of a message and each result of a call."""

    def text(self, text: str) -> str:
        return text

    def turns(self, messages: Any, tools: Any) -> Any:
        return [turn if turn in messages else self.rewritten(turn) for turn in super().turns(messages, tools)]

    def rewritten(self, turn: dict[str, Any]) -> dict[str, Any]:
        return {
            key: self.text(value) if key in ("says", "gave") and isinstance(value, str) else value
            for key, value in turn.items()
        }


@breaks("test_texts_go_out_to_the_letter")
class Strips(Rewriting):
    def text(self, text: str) -> str:
        return text.strip()


@breaks("test_texts_go_out_to_the_letter")
class InAscii(Rewriting):
    def text(self, text: str) -> str:
        return text.encode("ascii", "ignore").decode()


@breaks("test_texts_go_out_to_the_letter")
class Shortens(Rewriting):
    def text(self, text: str) -> str:
        return text[:5000]


@breaks("test_texts_go_out_to_the_letter")
class ResultsInAscii(InAscii):
    def rewritten(self, turn: dict[str, Any]) -> dict[str, Any]:
        return super().rewritten(turn) if "gave" in turn else turn


# Ids.


class Readdressing(AcmeAdapter):
    """`legal` has the fault: it is given each id of a call and of a result."""

    def legal(self, call_id: str) -> str:
        return call_id

    def turns(self, messages: Any, tools: Any) -> Any:
        return super().turns([self.readdressed(message) for message in messages], tools)

    def readdressed(self, message: Any) -> Any:
        if "tool_call_id" in message:
            return {**message, "tool_call_id": self.legal(message["tool_call_id"])}
        if calls := message.get("tool_calls"):
            return {**message, "tool_calls": [{**call, "id": self.legal(call["id"])} for call in calls]}
        return message


@breaks("test_calls_of_two_ids_stay_two")
class CutsIds(Readdressing):
    def legal(self, call_id: str) -> str:
        return call_id[:64]


@breaks("test_calls_of_two_ids_stay_two")
class IdsOfOneLetter(Readdressing):
    def legal(self, call_id: str) -> str:
        return re.sub(r"[^a-zA-Z0-9_-]", "_", call_id)


@breaks("test_messages_go_out")
class LastBossOnly(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = super().turns(messages, tools)
        bosses = [at for at, turn in enumerate(told) if turn["who"] == "boss"]
        return [turn for at, turn in enumerate(told) if at not in bosses[:-1]]


@breaks("test_messages_go_out")
class TwoCallsOnly(Translating):
    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**turn, "does": turn["does"][:2]} if "toolfan-" in str(turn) and len(turn.get("does") or ()) > 2 else turn
            for turn in turns
        ]


@breaks("test_messages_go_out")
class TwoResultsOnly(Translating):
    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            turn
            for at, turn in enumerate(turns)
            if not (at > 1 and {turns[at - 2]["who"], turns[at - 1]["who"], turn["who"]} == {"tool"})
            or "toolfan-to-" not in str(turn)
        ]


@breaks("test_messages_go_out")
class FiveHundredTurns(Translating):
    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return turns[-500:]


# Arguments of earlier calls.


def arguments(rewrite: Callable[[str], str]) -> Any:
    """`turns` of an adapter that rewrites the arguments of earlier calls."""

    def turns(self: AcmeAdapter, messages: Any, tools: Any) -> Any:
        return AcmeAdapter.turns(self, [rewritten(one) for one in messages], tools)

    def rewritten(message: Any) -> Any:
        if not message.get("tool_calls"):
            return message
        calls = [
            {**call, "function": {**call["function"], "arguments": rewrite(call["function"]["arguments"])}}
            for call in message["tool_calls"]
        ]
        return {**message, "tool_calls": calls}

    return turns


@breaks("test_arguments_of_earlier_calls_go_out_whole")
class ArgumentsInAscii(AcmeAdapter):
    turns = arguments(lambda text: json.dumps(json.loads(text), ensure_ascii=False).encode("ascii", "ignore").decode())


def floated(text: str) -> str:
    return json.dumps(json.loads(text, parse_int=float))


@breaks("test_arguments_of_earlier_calls_go_out_whole")
class ArgumentsFloat(AcmeAdapter):
    turns = arguments(floated)


def or_nothing(text: str) -> str:
    try:
        return json.dumps(json.loads(text))
    except ValueError:
        return "{}"


@breaks("test_arguments_of_earlier_calls_go_out_whole")
class BrokenArgumentsAreNone(AcmeAdapter):
    turns = arguments(or_nothing)


# Calls of tools that are not offered now.


@breaks("test_earlier_calls_bear_names_on_the_wire")
class OfferedToolsOnly(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        for message in messages:
            for call in message.get("tool_calls") or ():
                self.wire_names(tools)[call["function"]["name"]]
        return super().turns(messages, tools)


class OldTools(Translating):
    """`old` has the fault: it is given the calls of tools that are not offered."""

    def old(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        return [call]

    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self.spoiled(turn) if "OldTool" in str(turn.get("does")) else turn for turn in turns]

    def spoiled(self, turn: dict[str, Any]) -> dict[str, Any]:
        return {**turn, "does": [one for call in turn["does"] for one in self.old(call)]}


@breaks("test_earlier_calls_bear_names_on_the_wire")
class OldToolsForgotten(OldTools):
    def old(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        return []


@breaks("test_earlier_calls_bear_names_on_the_wire")
class OldToolsEmptied(OldTools):
    def old(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**call, "with": "{}"}]


# Images.


@breaks("test_images_go_out")
class FirstImageOnly(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return super().shown(parts)[:1]


@breaks("test_images_go_out")
class ImagesBackwards(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return super().shown(parts)[::-1]


@breaks("test_images_go_out")
class NoImagesByAddress(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return [one for one in super().shown(parts) if one.startswith("data:")]


@breaks("test_the_media_type_of_an_image_goes_out")
class ImagesOfNoType(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return [one.rpartition(",")[2] for one in super().shown(parts)]


# Choices, the model, extra fields.


@breaks("test_choices_do_not_undo_each_other")
class OneAtATimeIfItMay(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        choice = request.tool_choice
        return super().build_request(request if choice == ToolChoice() else replace(request, parallel=True))


@breaks("test_choices_do_not_undo_each_other")
class ChoosesIfParallel(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        if request.parallel is not True:
            request = replace(request, tool_choice=ToolChoice(request.tool_choice.mode))
        return super().build_request(request)


@breaks("test_the_model_goes_out")
class OneEngine(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        wire = super().build_request(request)
        return replace(wire, body={**wire.body, "engine": "acme-1"})


@breaks("test_the_model_goes_out", model_field=False)
class EngineInTheBody(AcmeAdapter):
    """Its conformance class says that the address names the model."""


@breaks("test_the_extra_body_goes_out")
class ExtraFieldsGiveWay(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        own = super().build_request(replace(request, extra_body={})).body
        extra = {key: value for key, value in request.extra_body.items() if key not in own or key == "tools"}
        return super().build_request(replace(request, extra_body=extra))


@breaks("test_building_changes_nothing")
class MarksOwnTurns(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        for message in request.messages:
            if message.get("who") == "tool":
                message["seen"] = True
        return super().build_request(request)


@breaks("test_building_changes_nothing")
class MarksCalls(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        for message in request.messages:
            for call in message.get("tool_calls") or ():
                call["seen"] = True
        return super().build_request(request)
