"""Adapters that take letters for something else (entities, words of YAML, names of programs), or lose images."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from acme_forms import Seeing
from acme_mutants import Reader, breaks
from acme_mutants_of_answers import Renaming
from acme_mutants_of_values import Valued, valued

if TYPE_CHECKING:
    from toolfan.adapter import Turn

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
