"""Adapters with one fault each that loses or changes what they were given to send, and the law that it breaks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_mutants import breaks
from acme_mutants_of_replies import Retelling
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import WireRequest

# Messages.


class Choosing(AcmeAdapter):
    """`chosen` has the fault: it is given the messages."""

    def chosen(self, messages: Any) -> Any:
        return messages

    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, messages=tuple(self.chosen(request.messages))))


def first_text(message: Any) -> Any:
    content = message.get("content")
    return {**message, "content": content[:1]} if isinstance(content, list) else message


@breaks("test_messages_go_out")
class FirstTextOfSystems(Choosing):
    def chosen(self, messages: Any) -> Any:
        return [first_text(one) if one.get("role") == "system" else one for one in messages]


@breaks("test_messages_go_out")
class FirstTextOfTheRobot(Choosing):
    def chosen(self, messages: Any) -> Any:
        return [first_text(one) if one.get("role") == "assistant" else one for one in messages]


@breaks("test_messages_go_out")
class EqualOnesMerged(Choosing):
    def chosen(self, messages: Any) -> Any:
        return [one for at, one in enumerate(messages) if not at or one != messages[at - 1]]


@breaks("test_texts_go_out_to_the_letter")
class EmptyOnesDropped(Choosing):
    def chosen(self, messages: Any) -> Any:
        return [one for one in messages if one.get("role") != "user" or one.get("content") != ""]


class Results(AcmeAdapter):
    """`result` has the fault: it is given the content of a result."""

    def result(self, content: Any) -> Any:
        return content

    def turns(self, messages: Any, tools: Any) -> Any:
        told = super().turns(messages, tools)
        return [
            {**one, "gave": self.result(one["gave"])} if "gave" in one and one not in messages else one for one in told
        ]


@breaks("test_texts_go_out_to_the_letter")
class NumbersOfTexts(Results):
    def result(self, content: Any) -> Any:
        return int(content) if isinstance(content, str) and content.isdigit() else content


@breaks("test_texts_go_out_to_the_letter")
class EmptyIsOk(Results):
    def result(self, content: Any) -> Any:
        return content or "ok"


# Answers.


@breaks("test_answers_of_every_kind_can_be_given")
class FiftyItems(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "gave": one["gave"][:50]} if isinstance(one["gave"], list) else one for one in told]


@breaks("test_answers_of_every_kind_can_be_given")
class FloatsOfIntegers(Retelling):
    def retold(self, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
        large = [type(one["gave"]) is int and one["gave"] > 2**53 for one in told]
        return [
            {**one, "gave": float(one["gave"])} if is_large else one for one, is_large in zip(told, large, strict=True)
        ]


# The rest.


@breaks("test_the_extra_body_goes_out")
class FirstExtra(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        return super().build_request(replace(request, extra_body=dict([*request.extra_body.items()][:1])))


class Engines(AcmeAdapter):
    """`engine` has the fault: it is given the name of the model."""

    def engine(self, name: str) -> str:
        return name

    def build_request(self, request: Any) -> WireRequest:
        wire = super().build_request(request)
        return replace(wire, body={**wire.body, "engine": self.engine(wire.body["engine"])})


@breaks("test_the_model_goes_out")
class SmallLetters(Engines):
    def engine(self, name: str) -> str:
        return name.lower()


@breaks("test_the_model_goes_out")
class WithoutItsMaker(Engines):
    def engine(self, name: str) -> str:
        return name.rpartition("/")[2]


@breaks("test_every_option_goes_out")
class NullsDropped(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        options = {name: value for name, value in request.options.items() if value is not None}
        return super().build_request(replace(request, options=options))


@breaks("test_every_option_goes_out")
class CoolInLongTalks(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        cool = {"heat": 0} if len(request.messages) > 8 else {}
        return super().build_request(replace(request, options={**cool, **request.options}))


@breaks("test_parallel_goes_out")
class TwoAreOne(AcmeAdapter):
    def build_request(self, request: Any) -> WireRequest:
        two = request.parallel is not True and request.parallel == 2
        return super().build_request(replace(request, parallel=1 if two else request.parallel))


@breaks("test_every_shape_is_rendered")
class ShortAccounts(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**one, "about": one["about"] and one["about"][:8000]} for one in super().render(tools, strict)]


# Parts that are neither texts nor images.


@breaks("test_parts_of_other_kinds_go_out_or_are_refused")
class OtherPartsDropped(Choosing):
    """Of the user's."""

    whose = "user"

    def chosen(self, messages: Any) -> Any:
        return [self.readable(one) if one.get("role") == self.whose else one for one in messages]

    def readable(self, message: Any) -> Any:
        content = message.get("content")
        if not isinstance(content, list):
            return message
        return {**message, "content": [one for one in content if self.is_kept(one)] or ""}

    def is_kept(self, part: Any) -> bool:
        return part.get("type") in ("text", "image_url")


@breaks("test_parts_of_other_kinds_go_out_or_are_refused")
class OtherPartsOfResultsDropped(OtherPartsDropped):
    whose = "tool"


@breaks("test_parts_of_other_kinds_go_out_or_are_refused")
class FilesByIdDropped(OtherPartsDropped):
    def is_kept(self, part: Any) -> bool:
        return "file_id" not in part.get("file", ())
