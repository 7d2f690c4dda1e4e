"""Adapters that move things, or leave them out beside others, and the law that the fault breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms_of_places import FLAT, Flat, InParts
from acme_mutants import Reader, breaks
from toolfan.tools.toolset import ToolSet
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import Turn, WireRequest


# The tools that are offered.


@breaks("test_a_subset_of_the_tools_goes_out")
class ChosenToolsAlone(AcmeAdapter):
    """The others are not sent."""

    def build_request(self, request: Any) -> WireRequest:
        wire, chosen = super().build_request(request), request.tool_choice.tools
        left = {self.wire_name(request.tools, name) for name in request.tools.by_name if name not in (chosen or ())}
        if not chosen or request.extra_body:
            return wire
        tools = [one for one in wire.body["tools"] if one["name"] not in left]
        return replace(wire, body={**wire.body, "tools": tools}, tools_json=None)


@breaks("test_a_subset_of_the_tools_goes_out")
class ChosenToolsInTheirPlace(AcmeAdapter):
    """Nor is it said which were chosen."""

    def build_request(self, request: Any) -> WireRequest:
        if not request.tool_choice.tools:
            return super().build_request(request)
        chosen = ToolSet([tool for tool in request.tools if tool.name in request.tool_choice.tools])
        return super().build_request(
            replace(request, tools=chosen, tool_choice=replace(request.tool_choice, tools=None))
        )


# Texts and images of one message.


@breaks("test_images_go_out")
class ImagesLast(InParts):
    def ordered(self, parts: list[Any]) -> list[Any]:
        return sorted(parts, key=lambda part: part["type"] != "text")


@breaks("test_images_go_out")
class TextsAsOne(InParts):
    """All texts stand before the first image, in one."""

    def ordered(self, parts: list[Any]) -> list[Any]:
        texts = "".join(part["text"] for part in parts if part["type"] == "text")
        return [{"type": "text", "text": texts}, *(part for part in parts if part["type"] != "text")]


@breaks("test_images_go_out")
class FirstTextOnly(InParts):
    def ordered(self, parts: list[Any]) -> list[Any]:
        images = [part for part in parts if part["type"] != "text"]
        kept = [part for part in parts if part["type"] == "text"][: 1 if images else None]
        return [part for part in parts if part in images or part in kept]


# Answers that are one object.


class Forgetful(Flat):
    """Its own turn goes back without `forgotten`."""

    forgotten = ""

    def kept(self, reply: Any) -> Any:
        return {name: value for name, value in super().kept(reply).items() if name != self.forgotten}


@breaks("test_the_turn_is_sent_back_untouched", **FLAT)
class ThoughtsOfFlatAnswersForgotten(Forgetful):
    forgotten = "thoughts"


@breaks("test_the_turn_is_sent_back_untouched", **FLAT)
class SignaturesOfFlatAnswersForgotten(Flat):
    def kept(self, reply: Any) -> Any:
        kept = super().kept(reply)
        return {**kept, "thoughts": bare(thoughts)} if isinstance(thoughts := kept.get("thoughts"), list) else kept


def bare(thoughts: list[Any]) -> list[Any]:
    signed = "signature"
    return [{**one, signed: None} if isinstance(one, dict) and signed in one else one for one in thoughts]


# The order of calls.


@breaks("test_an_answer_says_what_its_sample_says")
class CallsSortedById(Reader):
    def mend(self, turn: Turn) -> Turn:
        ids = [call.provider_id or "" for call in turn.calls]
        if len({*map(len, ids)}) != 1 or not ids[0]:
            return turn
        calls = sorted(turn.calls, key=lambda call: str(call.provider_id))
        return replace(turn, calls=tuple(replace(call, index=at) for at, call in enumerate(calls)))
