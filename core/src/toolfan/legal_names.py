"""A name for a tool whose own name its provider does not take.

Loaded for such a name.

Knows: names, patterns.  Must not know: tools, which provider it is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .errors import ToolDefinitionError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

_LONGEST_LEAD = 32


def made_legal(name: str, legal: re.Pattern[str], max_length: int) -> str:
    """A name that is legal, and as like `name` as can be.  Raises ToolDefinitionError if none can be made."""
    wire = "".join(_legal_letters(name, legal, max_length))
    if len(wire) > max_length or not any(char.isalnum() for char in wire):
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        wire = f"{wire[: max_length - 9]}_{digest}"
    if not legal.fullmatch(wire):
        wire = f"t_{wire}"[:max_length]
    if not legal.fullmatch(wire):
        raise ToolDefinitionError(f"no legal name can be made from {name!r}", hint="Give the tool another name=.")
    return wire


def _legal_letters(name: str, legal: re.Pattern[str], longest: int) -> Iterator[str]:
    """Each character, or what stands for it; it is tried behind so many letters that the pattern takes them all."""
    leads = (letter * count for letter in "aA" for count in range(1, min(longest, _LONGEST_LEAD)))
    lead = next((lead for lead in leads if legal.fullmatch(f"{lead}{lead[0]}")), "a")
    for char in name:
        other = char.swapcase() if char.isascii() else char
        yield next((one for one in (char, other) if legal.fullmatch(f"{lead}{one}")), "_")
