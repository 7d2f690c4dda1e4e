"""Google's Schema dialect of function parameters, turned into JSON Schema.

Knows the Schema message in JSON form: types as numbers, upper-case or lower-case words; camelCase and snake_case keys.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

TYPE_NUMBERS = {1: "string", 2: "number", 3: "integer", 4: "boolean", 5: "array", 6: "object", 7: "null"}
_RENAMED = {
    "anyOf": "anyOf",
    "any_of": "anyOf",
    "defs": "$defs",
    "ref": "$ref",
    "minItems": "minItems",
    "min_items": "minItems",
    "maxItems": "maxItems",
    "max_items": "maxItems",
    "minLength": "minLength",
    "min_length": "minLength",
    "maxLength": "maxLength",
    "max_length": "maxLength",
    "minProperties": "minProperties",
    "min_properties": "minProperties",
    "maxProperties": "maxProperties",
    "max_properties": "maxProperties",
    "additionalProperties": "additionalProperties",
    "additional_properties": "additionalProperties",
}
_NUMBERS = frozenset(name for name in _RENAMED.values() if name.startswith(("min", "max"))) | {"minimum", "maximum"}
_DROPPED = ("nullable", "propertyOrdering", "property_ordering", "example")


def type_word(value: Any) -> str | None:
    """The JSON Schema word for a type given as a number or a word of any case; None when there is no such type."""
    if isinstance(value, str) and value.lower() in TYPE_NUMBERS.values():
        return value.lower()
    return TYPE_NUMBERS.get(int(value)) if isinstance(value, (int, float)) and abs(value) < 100 else None


def to_json_schema(schema: Any) -> JSON:
    """The JSON Schema that says what a Google Schema says. What it does not know is kept as it is."""
    if not isinstance(schema, dict):
        return {}
    result: JSON = {}
    for key, value in schema.items():
        if key not in _DROPPED and value is not None:
            result[_RENAMED.get(str(key), str(key))] = _converted(str(key), value)
    if schema.get("nullable") and "type" in result:
        result["type"] = [result["type"], "null"]
    return result


def _converted(key: str, value: Any) -> Any:
    if key == "type":
        return type_word(value)
    if key in ("properties", "defs", "$defs") and isinstance(value, dict):
        return {name: to_json_schema(below) for name, below in value.items()}
    if key in ("anyOf", "any_of") and isinstance(value, list):
        return [to_json_schema(below) for below in value]
    if key in ("items", "additionalProperties", "additional_properties") and isinstance(value, dict):
        return to_json_schema(value)
    if _RENAMED.get(key, key) in _NUMBERS and isinstance(value, str):  # as JSON has 64 bit integers
        return int(value) if value.isdecimal() else float(value)
    return value
