"""JSON Schema transforms for provider dialects: pure dict to dict, the argument is never changed.

Knows: JSON Schema as pydantic writes it.  Must not know: providers by name, tools, requests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from .errors import ToolDefinitionError

Schema: TypeAlias = dict[str, Any]


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
    """Raises ToolDefinitionError, with the place, for what JSON cannot say: NaN, an infinity, a lone surrogate."""
    stack: list[tuple[str, Any]] = [("", schema)]
    while stack:
        where, node = stack.pop()
        if isinstance(node, str):
            if any("\ud800" <= char <= "\udfff" for char in node):
                raise _unsayable(where, "has a lone surrogate")
        elif isinstance(node, float):
            if not math.isfinite(node):
                raise _unsayable(where, f"is {node}, which is no number of JSON")
        elif isinstance(node, list):
            stack += ((f"{where}[{at}]", child) for at, child in enumerate(node))
        elif isinstance(node, dict):  # a `Mapping` would be looked for among all mappings that there are
            stack += ((f"{where}.{key}", child) for key, child in node.items())


def _unsayable(where: str, what: str) -> ToolDefinitionError:
    return ToolDefinitionError(f"the schema cannot be sent: {where[1:]} {what}", hint="Change that field.")


def resolve(ref: str, schema: Mapping[str, Any]) -> Schema:
    """What `#/$defs/Name` points at in `schema`.  Raises ToolDefinitionError if it points nowhere."""
    node: Any = schema
    for step in ref.removeprefix("#/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, Mapping) or key not in node:
            raise ToolDefinitionError(f"the schema refers to {ref}, which is not there")
        node = node[key]
    return dict(node)


# Keywords that hold one schema, a list of schemas, or schemas by name.
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "patternProperties")

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


def _strict(node: Mapping[str, Any], root: Mapping[str, Any], path: str, depth: int = 0) -> Schema:
    if "$ref" in node:
        if len(node) == 1:
            return dict(node)
        merged = {**resolve(node["$ref"], root), **{key: value for key, value in node.items() if key != "$ref"}}
        if set(node) <= {"$ref", "description", "default", "title"} and depth < 32:
            return _strict(merged, root, path, depth + 1)
    result = _closed(node, path)
    for key in _SINGLE:
        if isinstance(result.get(key), Mapping):
            result[key] = _strict(result[key], root, f"{path}.{key}", depth)
    for key in _LISTS:
        if key in result:
            result[key] = [_strict(child, root, f"{path}.{key}[{at}]", depth) for at, child in enumerate(result[key])]
    for key in _NAMED:
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
