"""Right adapters whose arguments stand in other forms than as JSON text; see `acme_forms`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acme_forms import Mapped, as_object, mapped, right
from acme_samples import AcmeSuite, answer, call, sample
from toolfan.wire import json_text
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from toolfan.adapter import Turn

# As their types are called beside values.
TYPES = {type(None): "null", bool: "bool", int: "int", float: "float", str: "text", list: "list", dict: "map"}


class Written(AcmeAdapter):
    """`written` gives the form in which the arguments of earlier calls go out."""

    def written(self, given: dict[str, Any]) -> Any:
        return given

    def turns(self, messages: Any, tools: Any) -> Any:
        return [turn if turn in messages else self._written(turn) for turn in super().turns(messages, tools)]

    def _written(self, turn: dict[str, Any]) -> dict[str, Any]:
        if not turn.get("does"):
            return turn
        return {**turn, "does": [{**one, "with": self._of(one["with"])} for one in turn["does"]]}

    def _of(self, text: str) -> Any:
        return self.written(given) if isinstance(given := as_object(text), dict) else text


@right
class WritesPairs(Written):
    def written(self, given: dict[str, Any]) -> Any:
        return [[name, one] for name, one in given.items()]


@right
class WritesTypedPairs(Written):
    def written(self, given: dict[str, Any]) -> Any:
        return [[name, TYPES[type(one)], one] for name, one in given.items()]


@right
class WritesTypedTexts(Written):
    """Texts as they are, all else as JSON: the type tells."""

    def written(self, given: dict[str, Any]) -> Any:
        return [
            {"k": name, "as": TYPES[type(one)], "v": one if isinstance(one, str) else json_text(one)}
            for name, one in given.items()
        ]


@right
class WritesTexts(Written):
    """Every value as JSON text, under its name."""

    def written(self, given: dict[str, Any]) -> Any:
        return {name: json_text(one) for name, one in given.items()}


@right
class WritesTypesAround(Written):
    """Every value in an object that says its type."""

    def written(self, given: dict[str, Any]) -> Any:
        return {name: {TYPES[type(one)]: one} for name, one in given.items()}


KINDS = {"a": None, "b": True, "c": 1, "d": 0.5, "e": "x", "f": [1], "g": {"h": 1}}
OTHER = {**KINDS, "c": 2}


def typed(body: Any, *, as_lists: bool = False) -> Any:
    """The body with its calls in an object, and their arguments as records of a name, a type and a value."""
    body = mapped(body)
    for one in body["reply"].get("does", {}).values():
        if isinstance(one["with"], list):
            one["with"] = [{"k": name, "as": TYPES[type(value)], "v": value} for name, value in one["with"]]
            one["with"] = [[*record.values()] for record in one["with"]] if as_lists else one["with"]
    return body


SAMPLES = [
    *AcmeSuite.samples,
    sample(
        "every kind",
        answer("acted", does=[call("r1", json.dumps(KINDS)), call("r2", json.dumps(OTHER))]),
        calls=[("Weather", KINDS), ("Weather", OTHER)],
        ids=["r1", "r2"],
    ),
]


class Typed(Mapped):
    """Arguments are records of a name, the type's word and a value; a word that does not fit is no argument's."""

    def parse_response(self, body: Any) -> Turn:
        reply = body.get("reply") if isinstance(body, dict) else None
        does = reply.get("does") if isinstance(reply, dict) else None
        if not isinstance(does, dict):
            return super().parse_response(body)
        plain = {
            ref: {**one, "with": untyped(one.get("with"))} if isinstance(one, dict) else one
            for ref, one in does.items()
        }
        return replace(super().parse_response({**body, "reply": {**reply, "does": plain}}), replay=reply)


def untyped(given: Any) -> Any:
    if not isinstance(given, list):
        return given
    records = [[*one.values()] if isinstance(one, dict) else one for one in given]
    try:
        if any(TYPES[type(value)] != word for _, word, value in records):
            return json_text(given)
        return json_text({name: value for name, _, value in records})
    except (TypeError, ValueError):
        return json_text(given)


TYPED: dict[str, Any] = {"errors": AcmeSuite.errors[:1], "events_of": lambda self, body: None}
right(Typed, samples=[replace(one, body=typed(one.body), stream_bytes=None) for one in SAMPLES], **TYPED)


class TypedLists(Typed):
    """The records are lists."""


right(
    TypedLists,
    samples=[replace(one, body=typed(one.body, as_lists=True), stream_bytes=None) for one in SAMPLES],
    **TYPED,
)
