"""Whether a JSON Schema holds itself, and where.

Knows: JSON Schema as pydantic writes it.  Must not know: providers, tools, requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .json_schema import LISTS, NAMED, SINGLE, resolve


def recursive_place(schema: Mapping[str, Any]) -> str | None:
    """The place of the first reference that leads to what holds itself; None if there is none."""
    root = {key: value for key, value in schema.items() if key != "$defs"}
    places = list(_references(root, ""))
    waiting = {"#": {ref for _, ref in places}}  # what each refers to
    unread = [*waiting["#"]]
    while unread:
        if (ref := unread.pop()) not in waiting:
            waiting[ref] = {to for _, to in _references(resolve(ref, schema), "")}
            unread += waiting[ref]
    ended: set[str] = set()
    while ready := [ref for ref, to in waiting.items() if to <= ended]:
        ended.update(ready)
        for ref in ready:
            del waiting[ref]
    return next((place for place, ref in places if ref in waiting), None)


def _references(node: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """Each reference in a schema, with where it stands; what is named like a keyword, or is data, is none."""
    if isinstance(ref := node.get("$ref"), str):
        yield place, ref
    for key in SINGLE:
        if isinstance(node.get(key), Mapping):
            yield from _references(node[key], f"{place}.{key}")
    for key in LISTS:
        for at, child in enumerate(node.get(key, ())):
            yield from _references(child, f"{place}.{key}[{at}]")
    for key in NAMED:
        for name, child in node.get(key, {}).items():
            yield from _references(child, f"{place}.{name}" if place else name)
