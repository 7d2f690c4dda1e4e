"""Arguments in pieces, as Vertex AI streams them: each value under its JSON path, a text in several pieces.

Knows the form of `partialArgs`; not responses, not chunks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

_PIECE = 8
"""Characters in one piece of a text."""
_NAME = re.compile(r"\w+")


def in_pieces(arguments: JSON) -> list[JSON] | None:
    """The entries of `partialArgs` that say these arguments, in order; None if they cannot be said so.

    There is no path to an empty object or list, and none that is plain for a name with a dot or a bracket in it.
    """
    try:
        return [piece for path, value in _leaves(arguments, "$") for piece in _entries(path, value)]
    except ValueError:
        return None


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The values that are no container, each with its path.  Raises ValueError where there is no path."""
    if isinstance(value, dict | list) and not value:
        raise ValueError("an empty container")
    if isinstance(value, dict):
        for name, below in value.items():
            if not _NAME.fullmatch(name):
                raise ValueError("not a plain name")
            yield from _leaves(below, f"{path}.{name}")
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _leaves(below, f"{path}[{place}]")
    else:
        yield path, value


def _entries(path: str, value: Any) -> Iterator[JSON]:
    """The pieces of one value; an empty one ends a text."""
    if value is None:
        yield {"jsonPath": path, "nullValue": "NULL_VALUE"}
    elif isinstance(value, bool):
        yield {"jsonPath": path, "boolValue": value}
    elif isinstance(value, int | float):
        yield {"jsonPath": path, "numberValue": value}
    else:
        for start in range(0, len(value), _PIECE):
            yield {"jsonPath": path, "stringValue": value[start : start + _PIECE], "willContinue": True}
        yield {"jsonPath": path, "stringValue": ""}
