"""The good answer: the calls that a well-behaved model would make of the tools it is offered; JSON that is not good.

Knows tools and calls; not dialects, not transport.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.minimal import minimal
from toolfan_local.fields import json_type, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolfan_local.faults.asking import Asked

KNOWN: dict[str, dict[str, Any]] = {
    "Weather": {"location": "Toronto", "units": "metric"},
    "GoogleSearch": {"query": "who won the super bowl"},
}
"""The arguments for tools of these names that have these fields."""

TEXT = "This is the fault server: no tool may be called, so here is a text."

DEEP = "<depth 10000>"
DIGITS = "<5000 digits>"
HUGE = "<1e999>"
_UNWRITABLE = {DEEP: "[" * 10_000 + "]" * 10_000, DIGITS: "9" * 5000, HUGE: "1e999"}
"""Values that `json.dumps` does not write: `written` puts the JSON text in their place."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""In place of a name, an id or arguments: the key is left out."""


@dataclass
class SaidCall:
    """One call as the model says it. `arguments` that are a `Text` go out as they are, where they can."""

    name: Any
    arguments: Any
    id: Any
    schema: Mapping[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def fields(self, kind: str) -> list[str]:
        """The argument fields of this JSON type, in declared order."""
        properties = resolve(self.schema, self.schema).get("properties")
        pairs = properties.items() if isinstance(properties, dict) else ()
        return [str(name) for name, one in pairs if json_type(resolve(one, self.schema)) == kind]


class Text(str):
    """The text of arguments, which need not be JSON."""

    __slots__ = ()


class Bare(dict[str, Any]):
    """Arguments that go out as an object where a text is usual."""

    __slots__ = ()


def good_calls(asked: Asked) -> list[SaidCall]:
    """One call for each tool that is offered, in the order of the offers; their ids never repeat for one model name."""
    calls = [
        SaidCall(offer.name, _arguments(offer.name, offer.schema), f"call_{asked.turn}_{place}", offer.schema)
        for place, offer in enumerate(asked.offers)
    ]
    return calls[: asked.limit]


def _arguments(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    least = minimal(schema)
    least = least if isinstance(least, dict) else {}
    properties = resolve(schema, schema).get("properties")
    known = KNOWN.get(name, {})
    return {**least, **known} if isinstance(properties, dict) and known.keys() <= properties.keys() else least


def written(value: Any) -> str:
    """The JSON text of a value; NaN, Infinity and the values of `_UNWRITABLE` too."""
    text = json.dumps(value)
    for sign, raw in _UNWRITABLE.items():
        text = text.replace(f'"{sign}"', raw)
    return text


def pieces_of(text: str, least: int = 3, most: int = 65536) -> Iterator[str]:
    """The text in at least `least` pieces, none longer than `most`."""
    size = max(1, min(most, -(-len(text) // least)))
    for start in range(0, len(text), size):
        yield text[start : start + size]
