"""Values that a schema allows: made up where nothing is known, mended where what is known does not fit.

Knows objects, arrays and alternatives of JSON Schema; not the user's text, not which field a value came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolfan_local.bounds import count_of, nearest, text_allowed, text_sample
from toolfan_local.fields import Schema, json_type, resolve
from toolfan_local.patterns import text_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEP = 4  # levels: below, a recursive schema is to end
_MOST_VALUES = 2_000
_MOST_ITEMS = 1_000
_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": int | float, "array": list, "object": dict}


def sample(schema: Any, root: Schema, turn: int = 0) -> Any:
    """A value that the schema allows wherever the schema alone tells how; `turn` chooses among the values of enums."""
    return _Sampler(root, turn).made(schema, 0)


def fitted(value: Any, schema: Any, root: Schema, turn: int = 0) -> Any:
    """The value with what the schema asks for besides: missing members made up, what it forbids put right."""
    return _Sampler(root, turn).fitted(value, schema, 0)


class _Sampler:
    """One run; it makes at most `_MOST_VALUES` values, however the schema winds."""

    def __init__(self, root: Schema, turn: int) -> None:
        self._root = root
        self._turn = turn
        self._left = _MOST_VALUES

    def made(self, schema: Any, depth: int) -> Any:
        schema = resolve(schema, self._root, ending=depth > _DEEP)
        self._left -= 1
        if "default" in schema:
            return schema["default"]
        values = _values(schema)
        if values:
            return values[-1 - self._turn % len(values)]
        kind = json_type(schema)
        if kind in ("integer", "number"):
            return nearest(schema, whole=kind == "integer")
        if kind == "string":
            return text_sample(schema)
        if kind == "array":
            return self._array([], schema, depth)
        if kind == "object":
            return self._object({}, schema, depth)
        return False if kind == "boolean" else None if kind == "null" else ""

    def fitted(self, value: Any, schema: Any, depth: int) -> Any:
        schema = resolve(schema, self._root)
        kind, values = json_type(schema), _values(schema)
        if value is None or ("default" in schema and value == schema["default"]) or value in values:
            return value
        if kind == "string" and "type" not in schema:
            return value  # nothing is said of its type
        if values or not _is_of(value, kind):
            return self.made(schema, depth)
        if kind in ("integer", "number"):
            return nearest(schema, value, whole=kind == "integer")
        if kind == "string":
            return _text(value, schema)
        if kind == "array":
            return self._array(value, schema, depth)
        return self._object(value, schema, depth) if kind == "object" else value

    def _array(self, value: list[Any], schema: Schema, depth: int) -> list[Any]:
        """The items, each as it should be, cut or continued to the number that is asked for."""
        first = schema.get("prefixItems")
        first = first if isinstance(first, list) else []
        most = count_of(schema, "maxItems")
        kinds = [first[place] if place < len(first) else schema.get("items") for place in range(len(value))]
        items = [self.fitted(item, kind, depth + 1) for item, kind in zip(value, kinds, strict=True)]
        unique = schema.get("uniqueItems") is True
        if unique:
            items = [item for place, item in enumerate(items) if item not in items[:place]]
        least = min(max(count_of(schema, "minItems") or 0, len(first)), _MOST_ITEMS)
        while len(items) < least and self._left > 0:
            kind = first[len(items)] if len(items) < len(first) else schema.get("items")
            items.append(self._other(kind, items, depth) if unique else self.made(kind, depth + 1))
        return items if most is None else items[:most]

    def _other(self, schema: Any, items: list[Any], depth: int) -> Any:
        """A value that is not yet among the items, where there is one."""
        one = self.made(schema, depth + 1)
        return next((other for other in self._others(one, resolve(schema, self._root)) if other not in items), one)

    def _others(self, one: Any, schema: Schema) -> Iterator[Any]:
        yield one
        yield from _values(schema)
        if isinstance(one, bool):
            yield not one
        for step in range(1, self._left):
            other = one + step if isinstance(one, int | float) else f"{one}{step}" if isinstance(one, str) else one
            yield self.fitted(other, schema, 0)

    def _object(self, value: dict[str, Any], schema: Schema, depth: int) -> dict[str, Any]:
        """The members, each as it should be, with those that are required and so many more as are asked for."""
        known = schema.get("properties")
        known = known if isinstance(known, Mapping) else {}
        needed = schema.get("required")
        needed = [name for name in needed if isinstance(name, str)] if isinstance(needed, list) else []
        members = {
            name: self.fitted(below, known[name], depth + 1) if name in known else below
            for name, below in value.items()
        }
        extra = schema.get("additionalProperties")
        for name in needed:
            if name not in members and self._left > 0:
                members[name] = self.made(known.get(name, extra), depth + 1)
        least = min(count_of(schema, "minProperties") or 0, _MOST_ITEMS)
        names = iter([*(name for name in known if name not in members), *_names(schema, least)])
        while len(members) < least and self._left > 0 and (name := next(names, None)) is not None:
            members[name] = self.made(known.get(name, _of_name(schema, extra)), depth + 1)
        return members


def _values(schema: Schema) -> list[Any]:
    """The only values that are allowed, where they are told."""
    values = schema.get("enum")
    return values if isinstance(values, list) else [schema["const"]] if "const" in schema else []


def _is_of(value: Any, kind: str) -> bool:
    known = _TYPES.get(kind)
    return known is None or (isinstance(value, known) and not isinstance(value, bool))


def _text(text: str, schema: Schema) -> str:
    """The text, or as much of it as there is room for, or another."""
    most = count_of(schema, "maxLength")
    kept = text if most is None else text[:most]
    return kept if text_allowed(kept, schema) else text_sample(schema)


def _names(schema: Schema, count: int) -> Iterator[str]:
    """Names for members of which no name is told."""
    patterns, names = schema.get("patternProperties"), schema.get("propertyNames")
    names = names if isinstance(names, Mapping) else {}
    for pattern in patterns if isinstance(patterns, Mapping) else ():
        for length in range(1, count + 1):
            if (found := text_for(pattern, length)) is not None:
                yield found
    yield from (name for name in _values(names) if isinstance(name, str))
    for number in range(1, count + 1):
        if text_allowed(f"key{number}", names):
            yield f"key{number}"


def _of_name(schema: Schema, extra: Any) -> Any:
    """The schema of a member under a made-up name."""
    patterns = schema.get("patternProperties")
    return next(iter(patterns.values()), extra) if isinstance(patterns, Mapping) else extra
