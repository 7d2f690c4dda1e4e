"""Fields of a streamed message that are not ours, such as reasoning: the turn is sent back with them.

Knows: how servers send a field in pieces.  Must not know: calls, chunks, what any field means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parsing import OBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS = frozenset({"role", "type", "name", "id"})  # they are said again, not continued


def keep(kept: dict[str, Any], key: str, value: Any) -> None:
    """Add what came of one field: texts and lists are continued."""
    before = kept.get(key)
    if isinstance(value, str) and isinstance(before, str) and key not in _WORDS:
        kept[key] = f"{before}{value}"
    elif isinstance(value, list) and key == "thinking_blocks":
        kept[key] = _thoughts(before if isinstance(before, list) else [], value)
    elif isinstance(value, list) and isinstance(before, list):
        kept[key] = [*before, *value]
    elif value is not None or before is None:
        kept[key] = value


def keep_others(kept: dict[str, Any], said: Mapping[str, Any], known: frozenset[str]) -> None:
    """Add all fields but those that are `known`."""
    if not said.keys() <= known:
        for key in said.keys() - known:
            keep(kept, key, said[key])


def _thoughts(before: list[Any], pieces: list[Any]) -> list[Any]:
    """Blocks as LiteLLM has them in a whole message: in its streams they come in pieces, the signature last."""
    blocks = [*before]
    for piece in pieces:
        last = blocks[-1] if blocks else None
        open_ = isinstance(last, OBJECT) and last.get("type") == "thinking" and not last.get("signature")
        if last and open_ and isinstance(piece, OBJECT) and piece.get("type") == "thinking":
            text = "".join(one["thinking"] for one in (last, piece) if isinstance(one.get("thinking"), str))
            blocks[-1] = {**last, **piece, "thinking": text}
        else:
            blocks.append(piece)
    return blocks
