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
    from collections.abc import Iterator

_LONGEST_LEAD = 32


def made_legal(name: str, legal: re.Pattern[str], max_length: int) -> str:
    """A name that is legal, and as like `name` as can be.  Raises ToolDefinitionError if none can be made."""
    wire = _short("".join(_legal_letters(name, legal, max_length)), name, max_length)
    behind_one = "".join(char if legal.fullmatch(f"a{char}") else "_" for char in name)
    begun = (f"{start}_{wire}"[:max_length] for start in "tT")
    for shape in (wire, f"{wire[:1].swapcase()}{wire[1:]}", *begun, _short(behind_one, name, max_length)):
        if legal.fullmatch(shape):
            return shape
    raise ToolDefinitionError(f"no legal name can be made from {name!r}", hint="Give the tool another name=.")


def _short(wire: str, name: str, max_length: int) -> str:
    if len(wire) <= max_length and any(char.isalnum() for char in wire):
        return wire
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{wire[: max_length - 9]}_{digest}"


def _legal_letters(name: str, legal: re.Pattern[str], longest: int) -> Iterator[str]:
    """Each character, or what stands for it; it is tried behind so many letters that the pattern takes them all."""
    leads = (letter * count for letter in "aA" for count in range(1, min(longest, _LONGEST_LEAD)))
    lead = next((lead for lead in leads if legal.fullmatch(f"{lead}{lead[0]}")), "a")
    for char in name:
        other = char.swapcase() if char.isascii() else char
        yield next((one for one in (char, other) if legal.fullmatch(f"{lead}{one}")), "_")
