"""Adapters that put the keys of arguments in an order of their own, and the law that they break."""

from __future__ import annotations

import json
from typing import Any

from acme_mutants import breaks
from acme_mutants_of_values import Valued, valued
from toolfan_acme import AcmeAdapter


@valued
class KeysSorted(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return dict(sorted(given.items()))


@valued
class KeysSortedWithin(Valued):
    def value(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name: json.loads(json.dumps(one, sort_keys=True)) for name, one in given.items()}


@breaks("test_arguments_of_earlier_calls_go_out_whole")
class EarlierKeysSorted(AcmeAdapter):
    def turns(self, messages: Any, tools: Any) -> Any:
        return [turn if turn in messages else self.resorted(turn) for turn in super().turns(messages, tools)]

    def resorted(self, turn: Any) -> Any:
        return {**turn, "does": [{**one, "with": self.told(one["with"])} for one in turn.get("does", ())]}

    def told(self, text: str) -> str:
        try:
            return json.dumps(json.loads(text), sort_keys=True)
        except ValueError:
            return text
