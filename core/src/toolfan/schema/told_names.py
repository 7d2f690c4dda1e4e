"""Where a fault is, in the names of the schema that the model was sent: pydantic tells it in the validator's names.

Knows: core schemas of pydantic, how its errors name a place.  Must not know: tools, what a model is told of a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from .of_types import paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Path: TypeAlias = "tuple[str | int, ...]"

# Keys of a core schema behind which validation goes on at the same place.
_SAME_PLACE = ("schema", "json_schema", "lax_schema", "strict_schema")
_LISTS = frozenset({"list", "set", "frozenset", "generator"})
_FIELDS = frozenset({"model-fields", "typed-dict", "dataclass-args"})
# Of these the last step is a key as the model wrote it.
_AS_WRITTEN = frozenset({"extra_forbidden", "unexpected_keyword_argument", "invalid_key", "duplicate_key"})


class _Here(NamedTuple):
    """A core schema that is reached after some steps of a place, and those steps as the model knows them."""

    told: Path
    node: Any
    config: Mapping[str, Any]


def told_place(schema: Any, fault: Mapping[str, Any]) -> Path:
    """The `loc` of one of pydantic's errors in the names of the schema, as far as it can be followed.

    `schema` is the core schema of what was validated.  A field that came under another name that is taken keeps the
    one that the model wrote.  Never raises: what is not understood stays as pydantic says it.
    """
    loc: Path = tuple(fault["loc"])
    end = len(loc) - (fault["type"] in _AS_WRITTEN)
    try:
        return _Walk(schema, missing=fault["type"] == "missing").told(loc[:end]) + loc[end:]
    except Exception:  # noqa: BLE001 - core schemas are pydantic's own affair, and a user's may hold anything
        return loc


class _Walk:
    """Along all core schemas that may stand at a place, since a place does not always say which of a union is meant."""

    def __init__(self, schema: Any, *, missing: bool) -> None:
        self._root, self._missing = schema, missing
        self._definitions: dict[str, Any] = {}

    def told(self, loc: Path) -> Path:
        reached: list[list[_Here]] = [[_Here((), self._root, {})], *([] for _ in loc)]
        for at, step in enumerate(loc):
            here = self._opened(reached[at])
            taken = [found for one in here for found in self._following(one, loc[at:])]
            for count, following in taken:
                reached[at + count].append(following)
            if not taken:  # it is how pydantic calls a choice: any of them may be meant
                behind = [one._replace(node=choice) for one in here for _, choice in _choices(one.node)]
                reached[at + 1] += [one._replace(told=(*one.told, step)) for one in behind or reached[at]]
        return reached[-1][0].told

    def _opened(self, start: Sequence[_Here]) -> list[_Here]:
        """What may take a step: these, and what stands behind them at the same place."""
        waiting, found, seen = [*start], list[_Here](), set[int]()
        for one in waiting:  # which grows
            node = self._defined(one.node)
            if id(node) in seen:
                continue
            seen.add(id(node))
            self._definitions |= {each["ref"]: each for each in node.get("definitions", ())}
            opened = _Here(one.told, node, node.get("config") or one.config)
            found.append(opened)
            if node.get("type") not in _FIELDS:
                inner = [node[key] for key in _SAME_PLACE if isinstance(node.get(key), dict)]
                waiting += [opened._replace(node=part) for part in (*inner, *node.get("steps", ()))]
        return found

    def _defined(self, node: Any) -> Any:
        return self._definitions[node["schema_ref"]] if node.get("type") == "definition-ref" else node

    def _following(self, one: _Here, loc: Path) -> Iterator[tuple[int, _Here]]:
        """How many steps of the place it takes, and what stands behind them."""
        node, step = one.node, loc[0]
        kind = node.get("type")
        inner: list[Any] = []
        if kind in _FIELDS:
            yield from self._fields(one, loc)
        elif kind in _LISTS and isinstance(step, int):
            inner = [node.get("items_schema")]
        elif kind == "tuple" and isinstance(step, int):
            inner = [node["items_schema"][min(step, len(node["items_schema"]) - 1)]]
        elif kind == "dict":
            inner = [node.get("values_schema")]
        elif kind in ("union", "tagged-union"):
            inner = [choice for label, choice in _choices(node) if self._is_called(step, label, choice)]
        for part in inner:
            yield 1, one._replace(told=(*one.told, step), node=part or {})

    def _is_called(self, step: str | int, label: Any, choice: Any) -> bool:
        if label is not None:
            return bool(step == label)
        node = self._defined(choice)
        # Classes are called so, all else by its kind: list[int], function-after[check(), A].
        named = str(getattr(node.get("cls"), "__name__", node.get("type")))
        return str(step).partition("[")[0] == named.partition("[")[0]

    def _fields(self, one: _Here, loc: Path) -> Iterator[tuple[int, _Here]]:
        listed = one.node["fields"]
        for name, field in listed.items() if isinstance(listed, dict) else ((each["name"], each) for each in listed):
            for place in _places(name, field, one.config):
                if loc[: len(place)] == tuple(place):
                    as_written = one.config.get("loc_by_alias", True) and not (self._missing and len(place) == len(loc))
                    named = place if as_written else [_told(name, field, one.config)]
                    yield len(place), one._replace(told=(*one.told, *named), node=field["schema"])
                    return
        if extras := one.node.get("extras_schema"):
            yield 1, one._replace(told=(*one.told, loc[0]), node=extras)


def _places(name: str, field: Mapping[str, Any], config: Mapping[str, Any]) -> Sequence[Sequence[str | int]]:
    """How an error of this field begins."""
    alias = field.get("validation_alias")
    if alias is None or not config.get("loc_by_alias", True):
        return [[name]]
    by_alias = paths_of(alias) if config.get("validate_by_alias", True) else []
    return [*by_alias, [name]]


def _told(name: str, field: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The name that `TypeSchema` gives it."""
    alias = field.get("validation_alias")
    plain = [path[0] for path in paths_of(alias) if len(path) == 1] if alias is not None else []
    return plain[0] if plain and config.get("validate_by_alias", True) else name


def _choices(node: Any) -> list[tuple[Any, Any]]:
    """The choices of a union with their labels, None where pydantic makes one up."""
    listed = node.get("choices", ())
    if isinstance(listed, dict):
        return list(listed.items())
    return [entry[::-1] if isinstance(entry, tuple) else (None, entry) for entry in listed]
