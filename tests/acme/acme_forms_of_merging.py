"""Adapters whose services take no two messages of one role in a row: right ones, and some with a fault."""

from __future__ import annotations

from typing import Any, ClassVar

from acme_forms import right
from acme_mutants import breaks
from toolfan_acme import AcmeAdapter


@right
class Merging(AcmeAdapter):
    """Neighbouring messages of the user's are one, with `between` in it; empty ones add nothing."""

    between: ClassVar[str] = "\n\n"

    def turns(self, messages: Any, tools: Any) -> Any:
        told: list[Any] = []
        for turn in super().turns(messages, tools):
            last = told[-1] if told else {}
            if turn["who"] == "human" == last.get("who") and turn not in messages and last not in messages:
                told[-1] = {**last, "says": self.merged(last["says"], turn["says"])}
            else:
                told.append(turn)
        return told

    def merged(self, one: str, other: str) -> str:
        return self.between.join(text for text in (one, other) if text)


@right
class MergingWithoutALine(Merging):
    between = ""


@breaks("test_texts_go_out_to_the_letter")
class MergingStripped(Merging):
    def merged(self, one: str, other: str) -> str:
        return super().merged(one.strip(), other.strip())


@breaks("test_texts_go_out_to_the_letter")
class MergingBackwards(Merging):
    def merged(self, one: str, other: str) -> str:
        return super().merged(other, one)


@breaks("test_texts_go_out_to_the_letter")
class MergingValues(Merging):
    """What looks like a number is written as one."""

    def merged(self, one: str, other: str) -> str:
        return super().merged(str(int(one)) if one.isdigit() else one, other)
