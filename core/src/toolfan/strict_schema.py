"""JSON Schema in the strict dialect: pure dict to dict, the argument is never changed.

Knows: JSON Schema as pydantic writes it, what the dialect leaves out.  Must not know: tools, requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .errors import ToolDefinitionError
from .schema import LISTS, NAMED, SINGLE, Schema, resolve

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
    "unevaluatedProperties",
)


def to_strict(schema: Mapping[str, Any]) -> Schema:
    """The schema in the strict dialect of OpenAI's structured outputs.

    Every object is closed and every property required; `oneOf` becomes `anyOf`; defaults go, since nothing may be left
    out; a `$ref` with siblings is copied in.  Source: the "Supported schemas" section of OpenAI's structured outputs
    guide.  Raises ToolDefinitionError, with the place, for what the dialect cannot say (free dictionaries, tuples,
    values of any type).
    """
    return _strict(dict(schema), schema, "")


def in_words(schema: Mapping[str, Any], lacks: Callable[[str, Any], bool]) -> Schema:
    """The schema, in which each keyword that a dialect `lacks`, with its value, is told in the description."""
    result: Schema = {}
    lacking: list[str] = []
    for key, value in schema.items():
        if key in NAMED:
            result[key] = {name: in_words(child, lacks) for name, child in value.items()}
        elif lacks(key, value):
            lacking.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
        elif key in LISTS:
            result[key] = [in_words(child, lacks) for child in value]
        else:
            result[key] = in_words(value, lacks) if key in SINGLE and isinstance(value, Mapping) else value
    if lacking:
        told = f"{{{', '.join(lacking)}}}"
        result["description"] = f"{result['description']}\n\n{told}" if result.get("description") else told
    return result


def _strict(node: Mapping[str, Any], root: Mapping[str, Any], path: str, depth: int = 0) -> Schema:
    if "$ref" in node:
        if len(node) == 1:
            return dict(node)
        merged = {**resolve(node["$ref"], root), **{key: value for key, value in node.items() if key != "$ref"}}
        if set(node) <= {"$ref", "description", "default", "title"} and depth < 32:
            return _strict(merged, root, path, depth + 1)
    result = _closed(node, path)
    for key in SINGLE:
        if isinstance(result.get(key), Mapping):
            result[key] = _strict(result[key], root, f"{path}.{key}", depth)
    for key in LISTS:
        if key in result:
            result[key] = [_strict(child, root, f"{path}.{key}[{at}]", depth) for at, child in enumerate(result[key])]
    for key in NAMED:
        if key in result:
            result[key] = {
                name: _strict(child, root, f"{path}.{name}" if path else name, depth)
                for name, child in result[key].items()
            }
    return result


def _closed(node: Mapping[str, Any], path: str) -> Schema:
    """One level of the schema: what the dialect lacks refused or left out, an object closed and fully required."""
    for keyword in _NOT_STRICT:
        if keyword in node:
            raise _no_strict(path, f"it uses {keyword!r}")
    if not any(key in node for key in ("type", "anyOf", "oneOf", "enum", "const", "$ref")):
        raise _no_strict(path, "it allows a value of any type")
    result = {key: value for key, value in node.items() if key not in ("default", "discriminator", "examples")}
    if node.get("type") == "object":
        if node.get("additionalProperties") not in (None, False):
            raise _no_strict(path, "it is a dictionary with free keys")
        result["properties"] = dict(node.get("properties", {}))
        result["additionalProperties"] = False
        result["required"] = list(result["properties"])
    if "oneOf" in result:
        result["anyOf"] = result.pop("oneOf")
    return result


def _no_strict(path: str, why: str) -> ToolDefinitionError:
    return ToolDefinitionError(
        f"strict=True is not possible: {path.removeprefix('.') or 'the root'} does not fit the strict dialect, {why}",
        hint="Change the type of that field, or leave strict out.",
    )
