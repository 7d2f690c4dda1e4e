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
    from toolfan.assembly.slots import Slot

KINDS = {"partial_json": "tool_use", "text": "text", "thinking": "thinking"}
"""The types of block, by what a piece of one says."""
_DELTAS = {"input_json_delta": "tool_use", "text_delta": "text", "thinking_delta": "thinking"}


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


class OpenBlocks(dict[Any, Block]):
    """The blocks that are open, by key; `begin` and `end` alone change what is in it.

    There may be thousands: the only one of its kind is found without a look at each.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_kind: dict[str | None, dict[Block, None]] = {}

    def begin(self, key: Any, block: Block) -> None:
        """This block is open, and no other of the same key."""
        self.end(key)
        self[key] = block
        self._by_kind.setdefault(_kind(block), {})[block] = None

    def end(self, key: Any) -> Block | None:
        """The block that was open, if any was."""
        block = self.pop(key, None)
        if block is not None:
            self._by_kind[_kind(block)].pop(block, None)
        return block

    def only(self, kind: str) -> Block | None:
        """The block that goes on with a piece of this kind; None if there is none, or several are."""
        fit, whole = list[Block](), list[Block]()
        some = self._by_kind.get(kind, {})
        for block in some:
            slot = block.slot
            if kind != "tool_use" or (slot is not None and not slot.closed):
                fit.append(block)
            elif slot is not None and not slot.held:
                whole.append(block)  # never to go on
            if len(fit) > 1:
                break
        for block in whole:
            del some[block]
        return fit[0] if len(fit) == 1 else None


def _kind(block: Block) -> str | None:
    kind = block.start.get("type")
    return "tool_use" if block.is_call else kind if isinstance(kind, str) else None


def kind_of_piece(delta: Mapping[str, Any]) -> str | None:
    """The type of block that a piece is of; None if it may be of any.

    What is null or empty tells nothing where something else is said: gateways fill in the fields of other pieces.
    """
    known = [key for key in delta if key != "type"]
    said = [key for key in known if delta[key] not in (None, "")] or known
    kinds = [KINDS[key] for key in said if key in KINDS]
    told = next((kind for word, kind in _DELTAS.items() if word == delta.get("type")), None)
    return told if told in kinds else next(iter(kinds), None)
