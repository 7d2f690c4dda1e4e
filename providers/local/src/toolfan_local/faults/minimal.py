"""The least value that a JSON Schema takes: for tools of which the fault server knows nothing.

Knows JSON Schema, as far as pydantic writes it; not tools, not dialects.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from toolfan_local.fields import json_type, resolve

if TYPE_CHECKING:
    from toolfan_local.fields import Schema

_DEEPEST = 8  # recursive schemas end here
_FORMATS = {
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
}


def minimal(schema: Any, root: Schema | None = None, depth: int = 0) -> Any:
    """The least value: required fields alone, the first of an enum, the shortest text, 1 if it may be. Never raises.

    Patterns are not looked at: a text that must match one is the field's default or example where it has one.
    """
    whole = resolve(schema, root if root is not None else schema)
    top = root if root is not None else whole
    for key in ("enum", "examples"):
        if isinstance(whole.get(key), list) and whole[key] and (key == "enum" or "pattern" in whole):
            return whole[key][0]
    if "const" in whole:
        return whole["const"]
    if "pattern" in whole and isinstance(whole.get("default"), str):
        return whole["default"]
    kind = json_type(whole)
    if kind == "object":
        return _object(whole, top, depth)
    if kind == "array":
        return _array(whole, top, depth)
    if kind in ("integer", "number"):
        return _number(whole, kind)
    if kind == "string":
        return _FORMATS.get(str(whole.get("format"))) or "a" * max(1, _count(whole.get("minLength")))
    return False if kind == "boolean" else None


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties, required = schema.get("properties"), schema.get("required")
    if depth >= _DEEPEST or not isinstance(properties, dict) or not isinstance(required, list):
        return {}
    return {name: minimal(properties.get(name), root, depth + 1) for name in required if isinstance(name, str)}


def _array(schema: Schema, root: Schema, depth: int) -> list[Any]:
    if depth >= _DEEPEST:
        return []
    first = schema.get("prefixItems")
    if isinstance(first, list):
        return [minimal(item, root, depth + 1) for item in first]
    return [minimal(schema.get("items"), root, depth + 1) for _ in range(_count(schema.get("minItems")))]


def _count(value: Any) -> int:
    return min(int(value), 1000) if isinstance(value, (int, float)) and value > 0 else 0


def _number(schema: Schema, kind: str) -> int | float:
    step = 1 if kind == "integer" else 0.5
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    value: int | float = 1
    if isinstance(high, (int, float)):
        value = min(value, high)
    if isinstance(below, (int, float)) and value >= below:
        value = below - step
    if isinstance(low, (int, float)):
        value = max(value, low)
    if isinstance(above, (int, float)) and value <= above:
        value = above + step
    multiple = schema.get("multipleOf")
    if isinstance(multiple, (int, float)) and multiple > 0:
        value = math.ceil(value / multiple) * multiple
    return math.ceil(value) if kind == "integer" else float(value)
