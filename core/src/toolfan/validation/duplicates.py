"""Calls that say the same as an earlier one: of one tool, with the same JSON value as arguments.

The order of keys, blanks and escapes are no difference; numbers are the same to the letter alone.

Knows: JSON text.  Must not know: outcomes, how calls are judged.
"""

from __future__ import annotations

import json
from typing import Any

_SHORT = 2000
_SIGNS = str.maketrans("{}[]:", ",,,,,")


class Repeats:
    """The calls so far.  What is alone of its tool, or of its size, is not read."""

    __slots__ = ("_alone", "_of_size", "_places")

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], int] = {}
        self._alone: dict[str, tuple[str, int] | None] = {}  # the one text of a tool; None once there are others
        # By tool and size: the places by meaning, and under None the one text that nobody has read.
        self._of_size: dict[tuple[str, tuple[int, int]], dict[str | None, Any]] = {}

    def first(self, name: str, text: str, at: int) -> int:
        """The place of the first call that says this: `at`, if this is it."""
        if (known := self._places.setdefault((name, text), at)) != at:
            return known
        if name not in self._alone:
            self._alone[name] = text, at
            return at
        if other := self._alone[name]:
            self._alone[name] = None
            self._among_others(name, *other)
        return self._among_others(name, text, at)

    def _among_others(self, name: str, text: str, at: int) -> int:
        group = self._of_size.setdefault((name, _size(text)), {})
        if not group:
            group[None] = text, at
            return at
        if other := group.pop(None, None):
            group[_meaning(other[0])] = other[1]
        return int(group.setdefault(_meaning(text), at))

    def forget(self, name: str, text: str, at: int) -> None:
        """Undoes `first` of a call that was the first, and the last one so far."""
        del self._places[name, text]
        if self._alone.get(name):
            del self._alone[name]
        else:
            key = name, _size(text)
            self._of_size[key] = {how: one for how, one in self._of_size[key].items() if one not in (at, (text, at))}


def _size(text: str) -> tuple[int, int]:
    """A measure that is equal for equal values, in whatever order their keys stand: of the pieces between signs.

    Their characters without blanks and quotes are counted, and of a short text the pieces themselves.
    """
    if "\\" in text:  # the same characters may be written in several ways
        try:
            value = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except (ValueError, RecursionError):
            pass
    bare = "".join(text.split()).replace('"', "")
    if len(bare) > _SHORT:
        return len(bare), 0
    return len(bare), hash(tuple(sorted(bare.translate(_SIGNS).split(","))))


def _meaning(text: str) -> str:
    """A text that is equal for equal values; that of repaired or broken JSON is itself."""
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_number)
        return json.dumps(value, sort_keys=True)
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> dict[str, str]:
    return {"\0number": text}
