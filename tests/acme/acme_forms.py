"""Right adapters for other wire formats than Acme's: no law may refuse them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from toolfan_acme import AcmeAdapter

FORMS: dict[str, type[AcmeAdapter]] = {}


def right(form: type[AcmeAdapter]) -> type[AcmeAdapter]:
    FORMS[form.__name__] = form
    return form


@right
class SchemasAsText(AcmeAdapter):
    def render(self, tools: Any, strict: bool | None) -> Any:
        return [{**one, "takes": json.dumps(one["takes"])} for one in super().render(tools, strict)]


def short(ref: str) -> str:
    return hashlib.sha256(ref.encode()).hexdigest()[:9]


@right
class IdsOfNineLetters(AcmeAdapter):
    """Ids of chat-style messages are made legal, the same on both sides."""

    def turns(self, messages: Any, tools: Any) -> Any:
        return [self._legal(turn) if turn not in messages else turn for turn in super().turns(messages, tools)]

    def _legal(self, turn: Any) -> Any:
        if "ref" in turn:
            return {**turn, "ref": short(turn["ref"])}
        if "does" in turn:
            return {**turn, "does": [{**call, "ref": short(call["ref"])} for call in turn["does"]]}
        return turn


@right
class ResultsByPlace(AcmeAdapter):
    """A result names the place of its call among those of the last turn."""

    def turns(self, messages: Any, tools: Any) -> Any:
        places: dict[str, int] = {}
        told = []
        for turn in super().turns(messages, tools):
            if turn in messages:
                told.append(turn)
            elif "does" in turn:
                places = {call["ref"]: at for at, call in enumerate(turn["does"])}
                told.append({**turn, "does": [{**call, "ref": None} for call in turn["does"]]})
            elif turn["who"] == "tool":
                told.append({**turn, "ref": None, "of": places[turn["ref"]]})
            else:
                told.append(turn)
        return told
