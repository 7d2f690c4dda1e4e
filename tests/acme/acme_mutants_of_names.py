"""Adapters whose results name another tool than was called, and the law that they break; right ones of other names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from acme_forms import right
from acme_mutants import breaks
from toolfan_acme import AcmeAdapter
from toolfan_acme.codec import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan.adapter import Capabilities, Turn

WITHOUT_UNDERSCORES = replace(CAPABILITIES, name_pattern="[a-zA-Z0-9-]+")
LETTERS_AND_DIGITS = replace(CAPABILITIES, name_pattern="[a-zA-Z0-9]+")
LETTERS = replace(CAPABILITIES, name_pattern="[a-z]{1,32}", max_name_length=32)


@right
@dataclass(frozen=True)
class NamesWithoutUnderscores(AcmeAdapter):
    capabilities: Capabilities = WITHOUT_UNDERSCORES


@right
@dataclass(frozen=True)
class NamesOfLettersAndDigits(AcmeAdapter):
    """Nothing can stand for what is not taken: names never collide."""

    capabilities: Capabilities = LETTERS_AND_DIGITS


@right
@dataclass(frozen=True)
class NamesOfLetters(AcmeAdapter):
    """Digests are of letters, too."""

    capabilities: Capabilities = LETTERS


@right
class NamedResults(AcmeAdapter):
    """A result names the tool beside the call; `named` and `written` are given the tools' names, in call order."""

    def named(self, names: Sequence[str]) -> Sequence[str]:
        return names

    def written(self, names: Sequence[str]) -> Sequence[str]:
        return names

    def build_answer(self, turn: Turn, answers: Any) -> Any:
        own, *told = super().build_answer(turn, answers)
        names = self.named([call.name for call in turn.calls])
        return [own, *({**one, "does": name} for one, name in zip(told, names, strict=True))]

    def turns(self, messages: Any, tools: Any) -> Any:
        told, names = [], {}
        for turn in super().turns(messages, tools):
            if turn in messages:
                told.append(turn)
                continue
            calls = turn.get("does", ())
            refs, does = [call["ref"] for call in calls], [call["does"] for call in calls]
            names |= dict(zip(refs, self.written(does), strict=True))
            told.append({**turn, "does": names.get(turn["ref"], "")} if turn["who"] == "tool" else turn)
        return told


@breaks("test_results_name_the_tool_that_was_called")
class NamesTheFirst(NamedResults):
    def named(self, names: Sequence[str]) -> Sequence[str]:
        return [*names[:1]] * len(names)


@breaks("test_results_name_the_tool_that_was_called")
class NamesInNoOrder(NamedResults):
    def named(self, names: Sequence[str]) -> Sequence[str]:
        return sorted(names)


@breaks("test_results_name_the_tool_that_was_called")
class NamesNoneButTheFirst(NamedResults):
    def named(self, names: Sequence[str]) -> Sequence[str]:
        return [*names[:1], *["tool"] * len(names[1:])]


@breaks("test_results_name_the_tool_that_was_called")
class NamesTheLastInMessages(NamedResults):
    def written(self, names: Sequence[str]) -> Sequence[str]:
        return [*names[-1:]] * len(names)
