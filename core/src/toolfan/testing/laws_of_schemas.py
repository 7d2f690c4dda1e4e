"""Laws of schemas: whatever a schema says of a value shows in what the model is told, in the provider's own words.

Knows: JSON Schema, `render_tools`.  Must not know: how a dialect spells a keyword, the rest of a request.
"""

from __future__ import annotations

import json
from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema, create_model

from toolfan.errors import ToolDefinitionError
from toolfan.tools.toolset import ToolSet

from .lawbook import law
from .laws_of_rendering import LawsOfRendering, dangling
from .specimens import fresh
from .trees import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema = dict[str, Any]
INTEGER: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
NULL: Schema = {"type": "null"}
LIST: Schema = {"type": "array", "items": TEXT}

# Two schemas of one value that differ in what this keyword says, and in nothing else.
PAIRS: dict[str, list[tuple[Schema, Schema]]] = {
    "type": [({"type": one}, TEXT) for one in ("integer", "number", "boolean", "array", "object")]
    + [(INTEGER, {"type": "number"})],
    "null": [
        ({"anyOf": [INTEGER, NULL]}, {"anyOf": [INTEGER]}),
        ({"anyOf": [INTEGER, NULL]}, INTEGER),
        ({"anyOf": [INTEGER, TEXT, NULL]}, {"anyOf": [INTEGER, TEXT]}),
    ],
    "anyOf": [({"anyOf": [INTEGER, TEXT]}, {"anyOf": [INTEGER, {"type": "boolean"}]})],
    "oneOf": [({"oneOf": [INTEGER, TEXT]}, {"oneOf": [INTEGER, {"type": "boolean"}]})],
    "items": [(LIST, {"type": "array", "items": INTEGER})],
    "prefixItems": [
        (
            {"type": "array", "prefixItems": [INTEGER, TEXT], "minItems": 2, "maxItems": 2},
            {"type": "array", "prefixItems": [TEXT, INTEGER], "minItems": 2, "maxItems": 2},
        )
    ],
    "additionalProperties": [
        ({"type": "object", "additionalProperties": TEXT}, {"type": "object", "additionalProperties": INTEGER})
    ],
    "default": [({**INTEGER, "default": 3}, {**INTEGER, "default": 4})],
    "format": [({**TEXT, "format": "date"}, {**TEXT, "format": "uuid"})],
    "pattern": [({**TEXT, "pattern": "^a+$"}, {**TEXT, "pattern": "^b+$"})],
    "uniqueItems": [({**LIST, "uniqueItems": True}, LIST)],
    **{
        limit: [({**kind, limit: 3}, {**kind, limit: 4})]
        for kind, limits in (
            (INTEGER, ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
            (TEXT, ("minLength", "maxLength")),
            (LIST, ("minItems", "maxItems")),
        )
        for limit in limits
    },
}


def _of(schema: Schema) -> Any:
    """The type of a value with this schema."""
    return Annotated[Any, WithJsonSchema(schema), Field(description="A value")]


def _tools(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Tools with such a value: as an argument, and in a list of objects, to which the schema refers."""
    yield "as an argument", create_model("Probe", value=(_of(schema), ...))
    inner = create_model("Inner", value=(_of(schema), ...))
    several: Any = GenericAlias(list, (inner,))
    yield "in a list of objects", create_model("Probe", values=(several, ...))


@cache
def _probes(keyword: str) -> list[tuple[str, Any, Any]]:
    """What is told of a pair, and its two tools."""
    found = [
        (f"{where}): {left} and {right}", one, other)
        for left, right in PAIRS[keyword]
        for (where, one), (_, other) in zip(_tools(left), _tools(right), strict=True)
    ]
    return [*found, *_of_whole_tools()] if keyword == "additionalProperties" else found


def _of_whole_tools() -> Iterator[tuple[str, Any, Any]]:
    """Tools that take arguments which they do not name, and those that take none."""
    config = ConfigDict(extra="allow"), ConfigDict(extra="forbid")
    free, closed = (create_model("Probe", __config__=one, value=(int, ...)) for one in config)
    yield "of the whole tool): a tool with further arguments and one without", free, closed


@cache
def _referring() -> tuple[Any, Any]:
    """Two tools whose arguments have each other's type."""
    left, right = create_model("Left", a=(int, ...)), create_model("Right", b=(str, ...))
    return create_model("Probe", x=(left, ...), y=(right, ...)), create_model("Probe", x=(right, ...), y=(left, ...))


class LawsOfSchemas(LawsOfRendering):
    """What the model is told of each value."""

    @law
    def test_what_a_schema_says_shows(self) -> Iterator[str]:
        """Two schemas that differ in one keyword's effect are two renderings, or ToolDefinitionError, at every depth.

        Types, null, unions, references, items and limits count, in whatever words the provider has for them.  A keyword
        that its dialect cannot carry is named, with the reason, in `dropped_keywords`; then it must not show at all.
        """
        for keyword in self.dropped_keywords:
            if keyword not in PAIRS:
                yield f"dropped_keywords names {keyword!r}, which is none of {', '.join(PAIRS)}"
            elif not self.dropped_keywords[keyword].strip():
                yield f"dropped_keywords gives no reason for {keyword}"
        for strict in (None, False, True) if self.adapter.capabilities.strict_schemas else (None,):
            for keyword in PAIRS:
                if not (strict and keyword == "default"):  # where all arguments are required, none has a default
                    yield from self._hidden(keyword, strict=strict)
            if self._told_alike(*_referring(), strict=strict):
                yield f"$ref (strict={strict}): which definition an argument refers to does not show"

    def _hidden(self, keyword: str, *, strict: bool | None) -> Iterator[str]:
        """Pairs that look alike, or, of a keyword that the provider's dialect has not, that do not."""
        shown = False
        for about, one, other in _probes(keyword):
            alike = self._told_alike(one, other, strict=strict)
            shown |= not alike
            if alike and keyword not in self.dropped_keywords:
                yield f"{keyword} (strict={strict}, {about} are rendered alike"
        if shown and strict is None and keyword in self.dropped_keywords:
            yield f"{keyword} is in dropped_keywords, and shows: take it out"

    def _told_alike(self, *targets: Any, strict: bool | None) -> bool:
        """Whether a model is told the same of both; not if one is refused, or refers to what another law will miss."""
        try:
            one, other = (self.adapter.render_tools(ToolSet([target]), strict=strict) for target in map(fresh, targets))
        except ToolDefinitionError:
            return False
        return json.dumps(one) == json.dumps(other) and not any(dangling(opened(one)))
