"""Adapters that take letters for something else (entities, words of YAML, names of programs), or lose images."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from acme_forms import CANNOT_STREAM, Seeing, right
from acme_mutants import Reader, breaks
from acme_mutants_of_answers import Renaming
from acme_mutants_of_values import Valued, valued
from acme_samples import AcmeSuite
from toolfan.wire import sendable
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import Capabilities, Turn

COMES_OUT = "test_texts_and_names_come_out"


@breaks(COMES_OUT)
class EntitiesInTexts(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, text=html.unescape(turn.text))


@breaks(COMES_OUT)
class PercentInTexts(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, text=unquote(turn.text) if "%20" in turn.text else turn.text)


@breaks(COMES_OUT)
class NoTagsInTexts(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, text=re.sub(r"<\w+>", "", turn.text))


@breaks(COMES_OUT)
class NamesOfPython(Renaming):
    def name_of(self, name: str) -> str:
        return name.replace("-", "_")


@valued
class EntitiesInArguments(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name: html.unescape(one) if isinstance(one, str) else one for name, one in given.items()}


@valued
class WordsInLists(Valued):
    """What YAML, or Python, takes for a value."""

    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        words = {"yes": True, "True": True, "None": None}
        return {
            name: [words.get(each, each) if isinstance(each, str) else each for each in one]
            if isinstance(one, list)
            else one
            for name, one in given.items()
        }


@valued
class StrippedKeys(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name.strip(): one for name, one in given.items()}


@valued
class KeysOfPython(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name.replace("-", "_"): one for name, one in given.items()}


@valued
class SmallKeys(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name.lower() if len(name) == 2 else name: one for name, one in given.items()}


def in_parts(body: Any) -> Any:
    """The body with its text and its calls in one list."""
    reply = body["reply"]
    says = [{"says": reply["says"]}] if "says" in reply else []
    rest = {key: value for key, value in reply.items() if key not in ("says", "does")}
    return {**body, "reply": {**rest, "parts": [*says, *reply.get("does", ())]}}


@dataclass(frozen=True)
class Parted(AcmeAdapter):
    """Texts and calls stand in one list."""

    capabilities: Capabilities = CANNOT_STREAM

    def text_of(self, texts: list[str]) -> str:
        return "".join(texts)

    def parse_response(self, body: Any) -> Turn:
        reply = body.get("reply") if isinstance(body, dict) else None
        parts = reply.get("parts") if isinstance(reply, dict) else None
        if not isinstance(parts, list):
            return super().parse_response({**body, "reply": None} if isinstance(body, dict) else body)
        texts = [one for one in parts if isinstance(one, dict) and "says" in one]
        said = self.text_of([one["says"] for one in texts if isinstance(one["says"], str)])
        flat = {"says": said, "does": [one for one in parts if one not in texts]}
        return replace(super().parse_response({**body, "reply": flat}), replay=reply)

    def own(self, turn: Turn) -> Any:
        parts = list(turn.replay["parts"])
        at = [number for number, one in enumerate(parts) if not (isinstance(one, dict) and "says" in one)]
        for number, call in zip(at, turn.calls, strict=True):
            if call.id != call.provider_id:
                parts[number] = {**(parts[number] if isinstance(parts[number], dict) else {}), "ref": call.id}
        return {**sendable({**turn.replay, "parts": parts}), "who": "robot"}


PARTED: dict[str, Any] = {
    "samples": [replace(one, body=in_parts(one.body), stream_bytes=None) for one in AcmeSuite.samples],
    "errors": AcmeSuite.errors[:1],
    "events_of": lambda self, body: None,
}
right(Parted, **PARTED)


@breaks(COMES_OUT, **PARTED)
class LastTextOnly(Parted):
    def text_of(self, texts: list[str]) -> str:
        return texts[-1] if texts else ""


@breaks(COMES_OUT, **PARTED)
class FirstOfTextsOnly(Parted):
    def text_of(self, texts: list[str]) -> str:
        return texts[0] if texts else ""


@breaks("test_images_go_out")
class QueriesOfAddressesLost(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return [one.partition("?")[0] for one in super().shown(parts)]


@breaks("test_images_go_out")
class ImagesOfTheLastMessageOnly(Seeing):
    def turns(self, messages: Any, tools: Any) -> Any:
        *before, last = super().turns(messages, tools)
        return [*({key: value for key, value in turn.items() if key != "shows"} for turn in before), last]


@breaks("test_the_media_type_of_an_image_goes_out")
class AllElseIsPng(Seeing):
    def shown(self, parts: list[Any]) -> list[Any]:
        return [re.sub("image/(gif|webp)", "image/png", one) for one in super().shown(parts)]


@breaks("test_names_on_the_wire_are_legal_and_lead_back")
class SmallLetters(AcmeAdapter):
    def wire_name(self, tools: Any, name: str) -> str:
        return super().wire_name(tools, name).lower() if len(name) > 15 else super().wire_name(tools, name)


@breaks("test_a_stop_that_nobody_knows_is_other")
class StopsInSmallLetters(Reader):
    def mend(self, turn: Turn) -> Turn:
        return replace(turn, stop=replace(turn.stop, raw=turn.stop.raw and turn.stop.raw.lower()))


@breaks("test_the_turn_is_sent_back_untouched")
class StrippedWhenItIsSentBack(Reader):
    def mend(self, turn: Turn) -> Turn:
        says = turn.replay.get("says")
        return replace(turn, replay={**turn.replay, "says": says.strip()}) if isinstance(says, str) else turn


@breaks("test_every_shape_is_rendered")
class DescribedAsNone(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**one, "about": str(one["about"] or None)} for one in super().render(tools, strict)]
