"""A name for a tool whose own name its provider does not take.

Loaded for such a name.

Knows: names, patterns.  Must not know: tools, which provider it is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ..errors import ToolDefinitionError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Mapping

_LONGEST_LEAD = 32
_STAND_INS = ("_", "-", ".", "")
"""What may stand for a character that is not taken; where none is taken it is left out, and a digest tells of it."""
_HEX = "0123456789abcdef"
_DIGITS = tuple(str.maketrans(_HEX, digits) for digits in (_HEX, _HEX.upper(), "abcdefghijklmnop", "ABCDEFGHIJKLMNOP"))
"""What a digest is written in: the first that is taken, so that names stay what they were with hexadecimal ones."""


def made_legal(name: str, legal: re.Pattern[str], max_length: int) -> str:
    """A name that is legal, and as like `name` as can be.  Raises ToolDefinitionError if none can be made."""
    for digits in _DIGITS:
        for stand_in in _STAND_INS:
            for shape in _shapes(name, legal, max_length, stand_in, digits):
                if legal.fullmatch(shape):
                    return shape
    raise ToolDefinitionError(f"no legal name can be made from {name!r}", hint="Give the tool another name=.")


def _shapes(
    name: str, legal: re.Pattern[str], max_length: int, stand_in: str, digits: Mapping[int, int]
) -> Iterator[str]:
    wire = _short("".join(_legal_letters(name, legal, max_length, stand_in)), name, max_length, stand_in, digits)
    yield wire
    yield f"{wire[:1].swapcase()}{wire[1:]}"
    for start in "tT":
        yield f"{start}{stand_in}{wire}"[:max_length]
    behind_one = "".join(char if legal.fullmatch(f"a{char}") else stand_in for char in name)
    yield _short(behind_one, name, max_length, stand_in, digits)


def _short(wire: str, name: str, max_length: int, stand_in: str, digits: Mapping[int, int]) -> str:
    if len(wire) <= max_length and any(char.isalnum() for char in wire) and (stand_in or len(wire) == len(name)):
        return wire
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{wire[: max_length - 8 - len(stand_in)]}{stand_in}{digest.translate(digits)}"


def _legal_letters(name: str, legal: re.Pattern[str], longest: int, stand_in: str) -> Iterator[str]:
    """Each character, or what stands for it; it is tried behind so many letters that the pattern takes them all."""
    leads = (letter * count for letter in "aA" for count in range(1, min(longest, _LONGEST_LEAD)))
    lead = next((lead for lead in leads if legal.fullmatch(f"{lead}{lead[0]}")), "a")
    for char in name:
        other = char.swapcase() if char.isascii() else char
        yield next((one for one in (char, other) if legal.fullmatch(f"{lead}{one}")), stand_in)
