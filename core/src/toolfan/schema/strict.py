"""JSON Schema in the strict dialect: pure dict to dict, the argument is never changed.

Knows: JSON Schema as pydantic writes it, what the dialect leaves out.  Must not know: tools, requests.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import ToolDefinitionError
from .json_schema import LISTS, NAMED, SINGLE, Schema
from .recursion import recursive_place

# What OpenAI's "Supported schemas" for structured outputs leaves out.
_NOT_STRICT = (
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "contains",
    "unevaluatedItems",
    "unevaluatedProperties",
)
# No dialect's own, yet of use to who fills it in: always told in words.
_TOLD = frozenset({"deprecated", "contentEncoding", "contentMediaType", "contentSchema"})
# What stays.  All else tells a form or a reader of documents something, or that a value may be left out.
_STAYS = _TOLD.union(
    ("$ref", "$defs", "definitions", "title", "description", "type", "enum", "const", "anyOf", "oneOf"),
    ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    ("items", "minItems", "maxItems", "uniqueItems", "minLength", "maxLength", "pattern", "format"),
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
)
_LONGEST_COPIES = 4_000  # characters that the copies of one definition may take; services bound sizes and constants
_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


class _Dialect(NamedTuple):
    """`stays`: the keywords that do; `copies`: by reference the definitions that can be copied in."""

    stays: frozenset[str]
    copies: Mapping[str, Mapping[str, Any]]


def to_strict(schema: Mapping[str, Any], *, optional: bool = False, recursive: bool = True) -> Schema:
    """The schema in the strict dialect of OpenAI's structured outputs.

    Every object is closed and every property required; `oneOf` becomes `anyOf`; defaults go, since nothing may be left
    out, and so do examples and what JSON Schema does not know; constants tell their type.  A `$ref` stands alone: what
    stood beside it is merged with a copy of what it points at, or, where that leads back to itself or its copies would
    take much, stands beside an `anyOf` of that one `$ref`.

    For dialects that differ: with `optional` what may be left out stays so, and its default stays; without `recursive`
    a type that holds itself is refused.

    Source: the "Supported schemas" section of OpenAI's structured outputs guide, and what the service answers (`$ref
    cannot have keywords`, `schema must have a 'type' key`).  Raises ToolDefinitionError, with the place, for what the
    dialect cannot say (free dictionaries, tuples, values of any type).
    """
    if not recursive and (place := recursive_place(schema)) is not None:
        raise _no_strict(place, "it leads to a type that holds itself")
    stays = _STAYS | {"default"} if optional else _STAYS
    return _strict(schema, _Dialect(stays, _copyable(schema, stays)), "")


def in_words(schema: Mapping[str, Any], lacks: Callable[[str, Any], bool]) -> Schema:
    """The schema, in which each keyword that a dialect `lacks`, with its value, is told in the description.

    So is, in every dialect, that a field is deprecated and what a text holds (`contentMediaType`, `contentSchema`).
    """
    result: Schema = {}
    lacking: list[str] = []
    for key, value in schema.items():
        if key in NAMED:
            result[key] = {name: in_words(child, lacks) for name, child in value.items()}
        elif key in _TOLD or lacks(key, value):
            lacking.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
        elif key in LISTS:
            result[key] = [in_words(child, lacks) for child in value]
        else:
            result[key] = in_words(value, lacks) if key in SINGLE and isinstance(value, Mapping) else value
    if lacking:
        told = f"{{{', '.join(lacking)}}}"
        result["description"] = f"{result['description']}\n\n{told}" if result.get("description") else told
    return result


def _copyable(schema: Mapping[str, Any], stays: frozenset[str]) -> dict[str, Mapping[str, Any]]:
    """By reference the definitions that can be copied in, with all they copy in: they end, and do not take too much."""
    definitions: Mapping[str, Mapping[str, Any]] = schema.get("$defs", {})
    by_ref = {f"#/$defs/{name.replace('~', '~0').replace('/', '~1')}": one for name, one in definitions.items()}
    waiting = {ref: list(_followed(one, stays)) for ref, one in by_ref.items()}
    uses = Counter(_followed(schema, stays))
    sizes: dict[str, int] = {}  # what each takes where it is copied in; 0 if it stays a reference
    while ready := [ref for ref, followed in waiting.items() if sizes.keys() >= set(followed)]:
        for ref in ready:
            size = len(str(by_ref[ref])) + sum(sizes[one] for one in waiting.pop(ref))
            sizes[ref] = size if size * uses[ref] <= _LONGEST_COPIES else 0
    return {ref: by_ref[ref] for ref, size in sizes.items() if size}


def _followed(definition: Mapping[str, Any], stays: frozenset[str]) -> Iterator[str]:
    """The references that are looked up once a definition is copied: with siblings, or all that the definition is."""
    stack: list[Any] = [definition]
    while stack:
        node = stack.pop()
        if isinstance(node, list | tuple):
            stack += node
        elif isinstance(node, Mapping):
            stack += node.values()
            ref = node.get("$ref")
            if isinstance(ref, str) and (node is definition or len(stays & node.keys()) > 1):
                yield ref


def _strict(node: Mapping[str, Any], dialect: _Dialect, path: str) -> Schema:
    for keyword in _NOT_STRICT:
        if keyword in node:
            raise _no_strict(path, f"it uses {keyword!r}")
    result = {key: value for key, value in node.items() if key in dialect.stays}
    if "$ref" in result:
        return result if len(result) == 1 else _strict(_merged(result, dialect, path), dialect, path)
    result = _typed(_closed(result, dialect, path), path)
    for key in SINGLE:
        if isinstance(result.get(key), Mapping):
            result[key] = _strict(result[key], dialect, f"{path}.{key}")
    for key in LISTS:
        if key in result:
            result[key] = [_strict(child, dialect, f"{path}.{key}[{at}]") for at, child in enumerate(result[key])]
    for key in NAMED:
        if key in result:
            result[key] = {
                name: _strict(child, dialect, f"{path}.{name}" if path else name) for name, child in result[key].items()
            }
    return result


def _merged(node: Schema, dialect: _Dialect, path: str) -> Schema:
    """A reference with siblings as a schema without it: the dialect takes none beside a `$ref`."""
    ref, beside = node["$ref"], {key: value for key, value in node.items() if key != "$ref"}
    if ref in dialect.copies:
        return {**dialect.copies[ref], **beside}
    if "anyOf" in beside or "oneOf" in beside:
        raise _no_strict(path, f"it is both {ref} and one of several")
    return {"anyOf": [{"$ref": ref}], **beside}


def _closed(node: Mapping[str, Any], dialect: _Dialect, path: str) -> Schema:
    """One level of the schema: a value of any type refused, an object closed and, as a rule, fully required."""
    if not any(key in node for key in ("type", "anyOf", "oneOf", "enum", "const")):
        raise _no_strict(path, "it allows a value of any type")
    result = dict(node)
    if node.get("type") == "object":
        if node.get("additionalProperties") not in (None, False):
            raise _no_strict(path, "it is a dictionary with free keys")
        result["properties"] = dict(node.get("properties", {}))
        result["additionalProperties"] = False
        if "default" not in dialect.stays:
            result["required"] = list(result["properties"])
    if "oneOf" in result:
        result["anyOf"] = result.pop("oneOf")
    return result


def _typed(node: Schema, path: str) -> Schema:
    """One level of the schema: constants of one type tell it, of several types are lists of one type each."""
    values = node["enum"] if "enum" in node else [node["const"]] if "const" in node else []
    by_type: dict[str, list[Any]] = {}
    for value in values:
        kind = next((name for kind, name in _TYPES.items() if isinstance(value, kind)), None)  # members of enums, too
        if kind is None:
            raise _no_strict(path, "a constant of it is an object or a list")
        by_type.setdefault(kind, []).append(value)
    if "type" in node or "anyOf" in node or not by_type:
        return node
    if len(by_type) == 1:
        return {"type": next(iter(by_type)), **node}
    others = {key: value for key, value in node.items() if key != "enum"}
    return {**others, "anyOf": [{"type": kind, "enum": values} for kind, values in by_type.items()]}


def _no_strict(path: str, why: str) -> ToolDefinitionError:
    return ToolDefinitionError(
        f"strict=True is not possible: {path.removeprefix('.') or 'the root'} does not fit the strict dialect, {why}",
        hint="Change the type of that field, or leave strict out.",
    )
