"""Adapters with one fault each in what they send, beside those of `acme_mutants`, and the law that the fault breaks."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_mutants import breaks
from toolfan.adapter import ToolChoice
from toolfan.errors import UsageError
from toolfan.testing.laws_of_messages import PARTS
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import WireRequest


class Translating(AcmeAdapter):
    """`spoil` has the fault: it is given the turns as they go out."""

    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return turns

    def turns(self, messages: Any, tools: Any) -> Any:
        return self.spoil([dict(turn) for turn in super().turns(messages, tools)])


# Messages.


@breaks("test_messages_go_out")
class FirstCallOnly(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = [{**one, "tool_calls": one["tool_calls"][:1]} if one.get("tool_calls") else one for one in messages]
        return super().turns(told, tools)


@breaks("test_messages_go_out")
class CallsLoseIds(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = [
            {**one, "tool_calls": [{**call, "id": "x"} for call in one["tool_calls"]]} if one.get("tool_calls") else one
            for one in messages
        ]
        return super().turns(told, tools)


@breaks("test_messages_go_out")
class ResultsLoseIds(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return super().turns(
            [{**one, "tool_call_id": "x"} if "tool_call_id" in one else one for one in messages], tools
        )


@breaks("test_messages_go_out")
class NobodyHasIds(CallsLoseIds):
    def turns(self, messages: Any, tools: Any) -> Any:
        return super().turns(
            [{**one, "tool_call_id": "x"} if "tool_call_id" in one else one for one in messages], tools
        )


@breaks("test_messages_go_out")
class ResultsOfOthers(Translating):
    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        refs = [turn["ref"] for turn in turns if turn["who"] == "tool"]
        return [{**turn, "ref": refs.pop()} if turn["who"] == "tool" else turn for turn in turns]


@breaks("test_messages_go_out")
class EncodedTwice(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = super().turns(messages, tools)
        return [
            {**turn, "does": [*map(twice, turn["does"])]} if "does" in turn and turn not in messages else turn
            for turn in told
        ]


def twice(call: dict[str, Any]) -> dict[str, Any]:
    return {**call, "with": json.dumps(call["with"])}


@breaks("test_messages_go_out")
class ResultsBackwards(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told: list[Any] = []
        for message in messages:
            at = len(told)
            while message.get("role") == "tool" and at and told[at - 1].get("role") == "tool":
                at -= 1
            told.insert(at, message)
        return super().turns(told, tools)


@breaks("test_messages_go_out")
class ShortMemory(Translating):
    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return turns[-8:]


@breaks("test_messages_go_out")
class FirstTextOnly(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return super().turns([self.shortened(one) for one in messages], tools)

    def shortened(self, message: Any) -> Any:
        parts = message.get("content")
        if not isinstance(parts, list):
            return message
        texts = [part for part in parts if part.get("type") == "text"]
        return {**message, "content": [part for part in parts if part not in texts[1:]]}


@breaks("test_messages_go_out")
class SilentCaller(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return super().turns([{**one, "content": None} if one.get("tool_calls") else one for one in messages], tools)


@breaks("test_messages_go_out")
class OneBoss(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = [one for at, one in enumerate(messages) if at == 0 or one.get("role") not in ("system", "developer")]
        return super().turns(told, tools)


@breaks("test_messages_go_out")
class NoBoss(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        told = [{**one, "role": "user"} if one.get("role") in ("system", "developer") else one for one in messages]
        return super().turns(told, tools)


@breaks("test_messages_go_out")
class ListsInPython(Translating):
    def spoil(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**turn, "gave": str(gave)} if isinstance(gave := turn.get("gave"), list) and PARTS[1] in gave else turn
            for turn in turns
        ]


@breaks("test_earlier_calls_bear_names_on_the_wire")
class OldNames(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        class Nameless:
            def names(self, *_: Any) -> Any:
                return type("Names", (), {"to_wire": {}})()

        return super().turns(messages, Nameless())  # type: ignore[arg-type]


# Tools.


@breaks("test_the_number_of_tools_is_bounded_as_told")
class Cutting(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        wire = super().build_request(request)
        if len(wire.body["tools"]) <= 100:
            return wire
        return replace(wire, body={**wire.body, "tools": wire.body["tools"][:100]}, tools_json=None)


@breaks("test_the_number_of_tools_is_bounded_as_told")
class ThreeHundredTools(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return super().render(tools, strict)[:300]


@breaks("test_every_shape_is_rendered")
class Brief(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**entry, "about": entry["about"][:200]} for entry in super().render(tools, strict)]


@breaks("test_every_shape_is_rendered")
class OneLine(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**entry, "about": " ".join(entry["about"].split())} for entry in super().render(tools, strict)]


@breaks("test_every_shape_is_rendered")
class BriefArguments(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**entry, "takes": shortened(entry["takes"])} for entry in super().render(tools, strict)]


def shortened(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return [shortened(one) for one in schema] if isinstance(schema, list) else schema
    return {
        key: value[:200] if key == "description" and isinstance(value, str) else shortened(value)
        for key, value in schema.items()
    }


@breaks("test_every_shape_is_rendered")
class Demanding(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        rendered = super().render(tools, strict)
        return [
            {**entry, "takes": {**entry["takes"], "required": [*entry["takes"].get("properties", {})]}}
            for entry in rendered
        ]


# The rest of a request.


@breaks("test_parallel_goes_out")
class OneIsMany(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        one = request.parallel == 1 and request.parallel is not True
        return super().build_request(replace(request, parallel=request.parallel is not False) if one else request)


@breaks("test_every_option_goes_out")
class NothingIsNone(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(
            replace(request, options={name: value for name, value in request.options.items() if value})
        )


@breaks("test_every_option_goes_out")
class Warm(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, options={"heat": 0.7, **request.options}))


@breaks("test_every_option_goes_out")
class Pairing(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        more = {"sown": True} if "seed" in request.options else {}
        return super().build_request(replace(request, options={**more, **request.options}))


@breaks("test_the_extra_body_goes_out")
class OverwritesRareFields(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        extra = dict(request.extra_body)
        rare = {name: extra.pop(name) for name in ("one_at_a_time",) if name in extra}
        wire = super().build_request(replace(request, extra_body=extra))
        return replace(wire, body={**wire.body, **rare})


@breaks("test_the_extra_body_goes_out")
class DropsSomeFields(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        extra = {name: value for name, value in request.extra_body.items() if name != "only"}
        return super().build_request(replace(request, extra_body=extra))


class ForgettingStreams(AcmeAdapter):
    """`kept` has the fault: it is given each request for a stream."""

    def kept(self, request: Any) -> Any:
        return request

    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(self.kept(request) if request.stream else request)


@breaks("test_a_stream_is_asked_for_the_same")
class StreamsChooseFreely(ForgettingStreams):
    def kept(self, request: Any) -> Any:
        return replace(request, tool_choice=ToolChoice())


@breaks("test_a_stream_is_asked_for_the_same")
class StreamsHaveNoOptions(ForgettingStreams):
    def kept(self, request: Any) -> Any:
        return replace(request, options={})


@breaks("test_a_stream_is_asked_for_the_same")
class StreamsHaveNothingExtra(ForgettingStreams):
    def kept(self, request: Any) -> Any:
        return replace(request, extra_body={})


@breaks("test_a_stream_is_asked_for_the_same")
class StreamsAreParallel(ForgettingStreams):
    def kept(self, request: Any) -> Any:
        return replace(request, parallel=True)


@breaks("test_streams_are_offered_or_refused")
class Flowing(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, stream=True))


# Answers to calls.


class Telling(AcmeAdapter):
    """`spoil` has the fault: it is given what the model is told of one call."""

    def spoil(self, told: dict[str, Any]) -> dict[str, Any]:
        return told

    def build_answer(self, turn: Any, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        return [own, *map(self.spoil, copy.deepcopy(told))]


@breaks("test_answers_of_every_kind_can_be_given")
class NothingIsBlank(Telling):
    def spoil(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "gave": told["gave"] or ""}


@breaks("test_answers_of_every_kind_can_be_given")
class InPython(Telling):
    def spoil(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "gave": str(told["gave"])}


@breaks("test_answers_of_every_kind_can_be_given")
class NeverFails(Telling):
    def spoil(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "ok": True}


@breaks("test_answers_of_every_kind_can_be_given", error_field=False)
class FailsAfterAll(AcmeAdapter):
    """Its conformance class says that an error looks like a result."""


# Settings.


@breaks("test_settings_are_heeded")
class OneKey(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> object:
        return super().connect(settings.model_copy(update={"api_key_env": "ACME_KEY"}), use_async=use_async)


@breaks("test_settings_are_heeded")
class OneAddress(AcmeAdapter):
    def connect(self, settings: Any, *, use_async: bool) -> object:
        return super().connect(settings.model_copy(update={"base_url": "http://127.0.0.1:9"}), use_async=use_async)


@breaks("test_clients_are_of_the_kind_that_was_asked_for")
class SyncOnly(AcmeAdapter):
    """Its `connect` gives a sync client always."""

    def transport(self, client: object, *, use_async: bool) -> Any:
        if use_async:
            raise UsageError(f"{type(client).__name__} is not async", adapter=self.name)
        return super().transport(client, use_async=use_async)


@breaks("test_hooks_of_settings_answer")
class Unanswering(AcmeAdapter):
    def key_variables(self, settings: Any) -> list[str]:
        return [settings.key_variable]


@breaks("test_hooks_of_settings_answer")
class OtherVariables(AcmeAdapter):
    def key_variables(self, settings: Any) -> list[str]:
        return ["ACME_TOKEN"]


@breaks("test_hooks_of_settings_answer")
class Unconfigured(AcmeAdapter):
    def configured(self, settings: Any) -> Any:
        """Returns nothing."""
