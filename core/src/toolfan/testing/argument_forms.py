"""The forms in which arguments stand in JSON: an object, its JSON text, or a list of records (a name, its value, more).

Knows: JSON.  Must not know: samples, any provider's field names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any, NamedTuple

from .trees import Path, places, said_by, same, values


class Reading(NamedTuple):
    """Arguments as they stand somewhere; `is_told` if more stands there with each value, as by its type's name."""

    given: dict[str, Any]
    is_told: bool


class _Fields(NamedTuple):
    """Where name and value stand in each record, and whether values are JSON text, those that are texts too."""

    name: Any
    value: Any
    as_text: bool
    texts_too: bool


def arguments_in(body: Any, wanted: Any) -> list[Path]:
    """Where these arguments stand in a body: as an object, as JSON text, or as records of a name and a value."""

    def fits(node: Any) -> bool:
        if isinstance(node, str):
            try:
                node = json.loads(node)
            except ValueError:
                return False
        return same(node, wanted) or _fields(node, wanted) is not None

    return places(body, fits)


def in_form(stood: Any, wanted: Any, arguments: dict[str, Any]) -> Any:
    """Other arguments in the form in which `wanted` stood; None if that does not show how to write one of them.

    What records hold beside name and value goes by the kind of value: it may be the type's name.
    """
    if isinstance(stood, str):
        made = in_form(json.loads(stood), wanted, arguments)
        return None if made is None else json.dumps(made, ensure_ascii=False)
    if (fields := _fields(stood, wanted)) is None:
        return arguments
    shown = {type(wanted[cells[fields.name]]): cells for cells in map(_cells, stood)}
    found: list[Any] = []
    for key, one in arguments.items():
        cells = next(iter(shown.values())) if len(_cells(stood[0])) == 2 else shown.get(type(one))
        if cells is None:
            return None
        as_text = fields.as_text and (fields.texts_too or not isinstance(one, str))
        value = json.dumps(one, ensure_ascii=False) if as_text else one
        record = {**cells, fields.name: key, fields.value: value}
        found.append(record if isinstance(stood[0], dict) else [*record.values()])
    return found


def _cells(record: Any) -> dict[Any, Any]:
    """What a record holds, by name or place; nothing if it is none."""
    return dict(enumerate(record)) if isinstance(record, list) else record if isinstance(record, dict) else {}


def _columns(node: Any) -> Iterator[tuple[Any, Any, dict[str, Any], bool]]:
    """What a list of records may say: where name and value stand, the value of each name, whether there is more."""
    listed = [_cells(one) for one in node] if isinstance(node, list) else []
    if not listed or any(one.keys() != listed[0].keys() for one in listed):
        return
    for name, value in permutations(listed[0], 2):
        if all(isinstance(one[name], str) for one in listed):
            yield name, value, {one[name]: one[value] for one in listed}, len(listed[0]) > 2


def _fields(node: Any, wanted: Any) -> _Fields | None:
    """The fields for name and value, if these are the arguments as records."""
    if not (isinstance(node, list) and isinstance(wanted, dict) and len(node) == len(wanted)):
        return None
    for name, value, said, _ in _columns(node):
        if same(said, wanted):
            return _Fields(name, value, as_text=False, texts_too=False)
        if same({key: said_by(text) for key, text in said.items()}, wanted):
            plain = any(isinstance(one, str) and said[key] == one for key, one in wanted.items())
            return _Fields(name, value, as_text=True, texts_too=not plain)
    return None


def readings(node: Any, wanted: dict[str, Any]) -> Iterator[Reading]:
    """What a node says of arguments that have these names, and no others; nothing if it is not about them."""
    if isinstance(node, Mapping) and node.keys() == wanted.keys():
        yield Reading(dict(node), all(isinstance(one, Mapping) for one in node.values()))
    elif isinstance(node, list) and len(node) == len(wanted):
        yield from (Reading(said, more) for _, _, said, more in _columns(node) if said.keys() == wanted.keys())


def unlike(read: Reading, wanted: dict[str, Any]) -> list[str]:
    """The names whose values are not those that are wanted.

    Values may be JSON text if all are; and where each has its type beside it, some may be.
    """
    given = read.given
    if not read.is_told and all(isinstance(one, str) for one in given.values()):
        given = {name: said_by(one) for name, one in given.items()}
    plain = [name for name, one in wanted.items() if not same(given[name], one)]
    return [name for name in plain if not (read.is_told and _tells(given[name], wanted[name]))]


def _tells(stood: Any, wanted: Any) -> bool:
    """Whether this is the value, its JSON text, or something around one of them."""
    return any(same(one, wanted) for one in values(stood))
