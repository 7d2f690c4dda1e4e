"""Fields of a streamed message that are not ours, such as reasoning: the turn is sent back with them.

Knows: how servers send a field in pieces.  Must not know: calls, chunks, what any field means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parsing import OBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = frozenset({"role", "type", "name", "id"})  # they are said again, not continued


class _Pieces:
    """A text, while it comes: it is joined once, at the end."""

    __slots__ = ("said",)

    def __init__(self, *said: str) -> None:
        self.said = [*said]


def keep(kept: dict[str, Any], key: str, value: Any) -> None:
    """Add what came of one field: texts and lists are continued.  `finished` tells what it is in the end."""
    before = kept.get(key)
    if isinstance(value, str) and key not in _WORDS and isinstance(before, str | _Pieces):
        kept[key] = _continued(before, value)
    elif isinstance(value, list):
        mine = kept[key] = before if isinstance(before, list) else []  # never a list of the event's own
        if key == "thinking_blocks":
            _think(mine, value)
        else:
            mine.extend(value)
    elif value is not None or before is None:
        kept[key] = value


def keep_others(kept: dict[str, Any], said: Mapping[str, Any], known: frozenset[str]) -> None:
    """Add all fields but those that are `known`."""
    if not said.keys() <= known:
        for key in said.keys() - known:
            keep(kept, key, said[key])


def finished(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as a whole message has them."""
    found = {key: _joined(value) for key, value in kept.items()}
    if isinstance(blocks := found.get("thinking_blocks"), list):
        found["thinking_blocks"] = [finished(block) if isinstance(block, dict) else block for block in blocks]
    return found


def _joined(value: Any) -> Any:
    return "".join(value.said) if isinstance(value, _Pieces) else value


def _continued(before: str | _Pieces, piece: str) -> _Pieces:
    if isinstance(before, str):
        return _Pieces(before, piece)
    before.said.append(piece)
    return before


def _think(blocks: list[Any], pieces: list[Any]) -> None:
    """Blocks as LiteLLM has them in a whole message: in its streams they come in pieces, the signature last."""
    for piece in pieces:
        last = blocks[-1] if blocks else None
        open_ = isinstance(last, dict) and last.get("type") == "thinking" and not last.get("signature")
        if last and open_ and isinstance(piece, OBJECT) and piece.get("type") == "thinking":
            before, said = last.get("thinking"), piece.get("thinking")
            text = before if isinstance(before, str | _Pieces) else ""
            last.update(piece, thinking=_continued(text, said) if isinstance(said, str) else text)
        else:
            blocks.append(dict(piece) if isinstance(piece, OBJECT) else piece)
