"""JSON Schema of arguments: an object at its root, all of which JSON can say.  Pure: the argument is never changed.

Knows: JSON Schema as pydantic writes it.  Must not know: providers by name, tools, requests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from ..errors import ToolDefinitionError

Schema: TypeAlias = dict[str, Any]
_DEEPEST = 100  # levels; the deepest that services take is far less
_LONGEST = 14_000  # bits; Python writes 4300 digits


def root_object(schema: Mapping[str, Any]) -> Schema:
    """The schema with `type: object` at its root.

    A recursive model has a bare `$ref` there, which providers refuse: its definition is copied up.  Raises
    ToolDefinitionError if the root is not an object.
    """
    root = dict(schema)
    seen: set[str] = set()
    while "$ref" in root and root["$ref"] not in seen:
        seen.add(root["$ref"])
        target = resolve(root["$ref"], schema)
        root = {**target, **{key: value for key, value in root.items() if key != "$ref"}}
    if root.get("type") != "object":
        kind = root.get("type") or next((key for key in ("anyOf", "oneOf", "enum", "const") if key in root), "anything")
        raise ToolDefinitionError(
            f"the schema of the arguments is {kind!r} at its root, and providers take only an object",
            hint="Put the value into a field of a model.",
        )
    root.setdefault("properties", {})
    return root


def check_json(schema: Mapping[str, Any]) -> None:
    """Raises ToolDefinitionError, with the place, for what no provider can be sent.

    That is what JSON cannot say (NaN, a lone surrogate, an object of some other type), what is nested too deep or
    holds itself, and a `$ref` to nothing.
    """
    stack: list[tuple[str, Any, int, str]] = [("", schema, 0, "schema")]
    while stack:
        where, node, depth, kind = stack.pop()
        if depth > _DEEPEST:
            raise ToolDefinitionError(
                f"the schema cannot be sent: it is nested more than {_DEEPEST} levels deep, or holds itself",
                hint="Write what repeats as a model of its own; it may refer to itself.",
            )
        # Dicts and lists alone: a `Mapping` would be looked for among all mappings that there are.
        if isinstance(node, dict):
            if kind == "schema" and isinstance(ref := node.get("$ref"), str):
                resolve(ref, schema)
            for key, child in node.items():
                if fault := _key_fault(key):
                    raise _unsayable(f"{where}.{key!a}", fault)
                stack.append((f"{where}.{key}", child, depth + 1, _kind(key, kind)))
        elif isinstance(node, list | tuple):
            stack += ((f"{where}[{at}]", child, depth + 1, kind) for at, child in enumerate(node))
        elif fault := _fault(node):
            raise _unsayable(where, fault)


def _kind(key: Any, around: str) -> str:
    """What the value of a key is: a schema, schemas by `names`, or data, in which a `$ref` is nothing special."""
    if around == "schema":
        return "names" if key in NAMED else "schema" if key in (*SINGLE, *LISTS) else "data"
    return "schema" if around == "names" else "data"


def _key_fault(key: Any) -> str | None:
    return _fault(key) if isinstance(key, str | int | float | None) else "is no name that JSON knows"


def _fault(value: Any) -> str | None:
    """Why JSON cannot say a value that is no object and no list."""
    if isinstance(value, str):
        return "has a lone surrogate" if has_lone_surrogate(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, which is no number of JSON"
    if isinstance(value, int):
        return "is a number of thousands of digits" if value.bit_length() > _LONGEST else None
    return None if value is None else f"is of the type {type(value).__name__}, which JSON does not know"


def check_names(schema: Mapping[str, Any], pattern: str) -> None:
    """Raises ToolDefinitionError for arguments whose names do not match in full what a provider takes.

    Fields further inside are not looked at.
    """
    refused = [name for name in schema.get("properties", ()) if not re.fullmatch(pattern, name)]
    if refused:
        raise ToolDefinitionError(
            f"the provider refuses the field {', '.join(map(repr, refused))}: names of fields match {pattern}",
            hint='Give the field another name, or one for the model: Field(alias="...").',
        )


def has_lone_surrogate(text: str) -> bool:
    """Whether no UTF-8 can say it."""
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


def _unsayable(where: str, what: str) -> ToolDefinitionError:
    return ToolDefinitionError(f"the schema cannot be sent: {where[1:]} {what}", hint="Change that field.")


def resolve(ref: str, schema: Mapping[str, Any]) -> Schema:
    """What `#/$defs/Name`, or `#`, points at in `schema`.  Raises ToolDefinitionError if it points nowhere."""
    node: Any = schema
    for step in ref.removeprefix("#").removeprefix("/").split("/") if ref != "#" else ():
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, Mapping) else None
    if not isinstance(node, Mapping):
        raise ToolDefinitionError(
            f"the schema refers to {ref}, which is not there", hint="Definitions stand in $defs, at the root."
        )
    return dict(node)


# Keywords that hold one schema, a list of schemas, or schemas by name.
SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
NAMED = ("properties", "$defs", "patternProperties")
