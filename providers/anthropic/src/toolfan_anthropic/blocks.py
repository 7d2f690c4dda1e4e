"""A content block while its pieces come.

Knows: the blocks of the Messages API.  Must not know: events, whose block a piece is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.errors import BadResponse
from toolfan.wire import UNDECODED, decode_json

from .parsing import is_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.adapter import JSON
    from toolfan.slots import Slot

_KINDS = {"partial_json": "tool_use", "text": "text", "thinking": "thinking"}


class Block:
    """A content block while its pieces come; `start` is how it began, `slot` if it is a call."""

    __slots__ = ("about", "is_call", "pieces", "slot", "start")

    def __init__(self, start: Mapping[str, Any], slot: Slot | None) -> None:
        self.start, self.about, self.slot = start, dict(start), slot
        self.is_call = is_call(start)
        self.pieces: dict[str, list[str]] = {}

    def add(self, key: str, piece: str) -> None:
        if key not in self.pieces:
            begun = self.about.get(key)
            self.pieces[key] = [begun] if isinstance(begun, str) else []
        self.pieces[key].append(piece)

    def is_other(self, kind: str | None) -> bool:
        """Whether a piece of this kind cannot be of the block: a text of a call, or arguments of a text."""
        if kind == "tool_use":
            return self.about.get("type") in ("text", "thinking")
        return kind is not None and self.is_call

    def whole(self, adapter: str) -> JSON:
        """The block as a whole message has it."""
        said = {key: "".join(pieces) for key, pieces in self.pieces.items()}
        text = said.pop("partial_json", "")
        if self.slot is not None:
            text = self.slot.arguments
        block = {**self.about, **said}
        if text:
            try:
                block["input"] = decode_json(text.encode("utf-8", "surrogatepass"), adapter=adapter)
            except BadResponse:  # cut, or no JSON
                block["input"] = UNDECODED + text
        return block


def kind_of_piece(delta: Mapping[str, Any]) -> str | None:
    """The type of block that a piece is of; None if it may be of any."""
    return next((kind for said, kind in _KINDS.items() if said in delta), None)
