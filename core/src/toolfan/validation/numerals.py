"""The numbers of a JSON text as they are written: where each stands, and the text with some written otherwise.

Knows: JSON text.  Must not know: schemas, tools, why a number is to change.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A text is matched that its digits are none; what is no JSON came to nothing before.
_TEXT_OR_NUMBER = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?(?:[0-9][0-9.eE+-]*+|Infinity)|NaN', re.DOTALL)


class Numeral(str):
    """A number as it is written, the `order`-th of its text."""

    __slots__ = ("order",)
    order: int


class Numerals:
    """The value of a JSON text, with its numbers as Numerals.  Raises ValueError or RecursionError if it has none."""

    __slots__ = ("_count", "_text", "_value")

    def __init__(self, text: str) -> None:
        self._text, self._count = text, 0
        hook = self._numeral
        self._value: Any = json.loads(text, parse_float=hook, parse_int=hook, parse_constant=hook)

    def _numeral(self, text: str) -> Numeral:
        numeral = Numeral(text)
        numeral.order = self._count
        self._count += 1
        return numeral

    def at(self, path: Iterable[str | int]) -> Numeral | None:
        """The number there, if it is one; of a place as pydantic names it, what is no key is the name of a branch."""
        value = self._value
        for key in path:
            if isinstance(value, dict):
                value = value.get(key, value)
            elif isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
        return value if isinstance(value, Numeral) else None

    def rewritten(self, changes: Mapping[int, str]) -> str:
        """The text with the numbers of these orders written otherwise, and all else to the letter."""
        pieces: list[str] = []
        count = end = 0
        for found in _TEXT_OR_NUMBER.finditer(self._text):
            if found[0][0] == '"':
                continue
            if count in changes:
                pieces += self._text[end : found.start()], changes[count]
                end = found.end()
            count += 1
        return "".join([*pieces, self._text[end:]])
