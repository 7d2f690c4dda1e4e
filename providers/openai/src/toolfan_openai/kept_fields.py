"""Fields of a streamed message that are not ours, such as reasoning: the turn is sent back with them.

Knows: how servers send a field in pieces.  Must not know: calls, chunks, what any field means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parsing import OBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

# They are said again, not continued; some as null, which says nothing.
_WORDS = frozenset({"role", "type", "name", "id"})
_OF_PIECES = frozenset({"channel", "index"})
"""What one piece says of itself: its channel, so Groq, or its place, so Mistral.

A whole message has none of it, and services refuse one that has.
"""
_BLOCKS = ("thinking_blocks", "reasoning_details")
"""Lists whose blocks come in pieces, the signature last: of LiteLLM and of OpenRouter.

A service that checks the signature refuses the pieces: it is that of the whole text.
"""
_SPOKEN = "audio"
"""An object that comes in pieces: the id, what was said, the sound, until when the service keeps it."""
# Of each type of block the text that is continued; what is encrypted comes whole.
_PARTS = {"thinking": "thinking", "reasoning.text": "text", "reasoning.summary": "summary"}

_NEAR = 16
"""So many blocks may come in turn."""


class _Pieces:
    """A text, while it comes: it is joined once, at the end."""

    __slots__ = ("said",)

    def __init__(self, *said: str) -> None:
        self.said = [*said]


class _Parts:
    """A content in parts, while it comes: the texts, and what stands before which of them."""

    __slots__ = ("said", "texts")

    def __init__(self, texts: list[str]) -> None:
        self.said: list[tuple[int, Mapping[str, Any]]] = []
        self.texts = texts


def keep_part(kept: dict[str, Any], part: Any, texts: list[str]) -> None:
    """Add a part of the content that is thought, as Mistral sends it among `texts`; others are no part of the turn."""
    if isinstance(part, OBJECT) and part.get("type") == "thinking" and isinstance(part.get("thinking"), list):
        kept.setdefault("content", _Parts(texts)).said.append((len(texts), part))


def keep(kept: dict[str, Any], key: str, value: Any) -> None:
    """Add what came of one field: texts and lists are continued.  `finished` tells what it is in the end."""
    if key in _OF_PIECES or (not value and key in _WORDS):
        return
    before = kept.get(key)
    if isinstance(value, str) and key not in _WORDS and isinstance(before, str | _Pieces):
        kept[key] = _continued(before, value)
    elif isinstance(value, list):
        mine = kept[key] = before if isinstance(before, list) else []  # never a list of the event's own
        if key in _BLOCKS:
            _join(mine, value)
        else:
            mine.extend(value)
    elif key == _SPOKEN and isinstance(value, OBJECT):
        spoken = kept[key] = before if isinstance(before, dict) else {}
        for name, piece in value.items():
            keep(spoken, name, piece)
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
    for key in _BLOCKS:
        if isinstance(blocks := found.get(key), list):
            found[key] = [finished(block) if isinstance(block, dict) else block for block in blocks]
    if isinstance(spoken := found.get(_SPOKEN), dict):
        found[_SPOKEN] = finished(spoken)
    return found


def _joined(value: Any) -> Any:
    if isinstance(value, _Parts):
        return _in_parts(value)
    return "".join(value.said) if isinstance(value, _Pieces) else value


def _in_parts(content: _Parts) -> list[Any]:
    """The parts as a whole message has them: pieces of one thought are one, up to its signature.

    Mistral writes `closed` into every piece, which is said of a beginning that the caller gives.
    """
    parts: list[Any] = []
    told = 0
    for at, thought in [*content.said, (len(content.texts), None)]:
        if text := "".join(content.texts[told:at]):
            parts.append({"type": "text", "text": text})
        told = at
        if thought is None:
            continue
        if not parts or parts[-1]["type"] != "thinking" or parts[-1].get("signature"):
            parts.append({"type": "thinking", "thinking": []})
        before = parts[-1]["thinking"]
        parts[-1].update(thought)
        parts[-1]["thinking"] = before
        for piece in thought["thinking"]:
            if before and _is_text(before[-1]) and _is_text(piece):
                before[-1]["text"].said.append(piece["text"])
            else:
                before.append({**piece, "text": _Pieces(piece["text"])} if _is_text(piece) else piece)
    for part in parts:
        if part["type"] == "thinking":
            part["thinking"] = [finished(one) if isinstance(one, dict) else one for one in part["thinking"]]
    return parts


def _is_text(piece: Any) -> bool:
    return isinstance(piece, OBJECT) and piece.get("type") == "text" and isinstance(piece.get("text"), str | _Pieces)


def _continued(before: str | _Pieces, piece: str) -> _Pieces:
    if isinstance(before, str):
        return _Pieces(before, piece)
    before.said.append(piece)
    return before


def _join(blocks: list[Any], pieces: list[Any]) -> None:
    for piece in pieces:
        last = _open(blocks, piece) if blocks and isinstance(piece, OBJECT) else None
        if last is None:
            blocks.append(dict(piece) if isinstance(piece, OBJECT) else piece)
            continue
        key = _PARTS[piece["type"]]
        before, said = last.get(key), piece.get(key)
        last.update((name, value) for name, value in piece.items() if value is not None)
        if isinstance(before, str | _Pieces):
            last[key] = _continued(before, said) if isinstance(said, str) else before


def _open(blocks: list[Any], piece: Mapping[str, Any]) -> dict[str, Any] | None:
    """The block that the piece is more of: the last one, or of the last ones that of its type and index."""
    last, marks = blocks[-1], (piece.get("type"), piece.get("index"))
    if marks[1] is not None and not (isinstance(last, dict) and _continues(last, piece)):
        near = (one for one in reversed(blocks[-_NEAR:]) if isinstance(one, dict))
        last = next((one for one in near if (one.get("type"), one.get("index")) == marks), None)
    return last if isinstance(last, dict) and _continues(last, piece) else None


def _continues(block: Mapping[str, Any], piece: Mapping[str, Any]) -> bool:
    """Whether the piece is more of the block, which is open until its signature has come."""
    kind = piece.get("type")
    if not isinstance(kind, str) or kind not in _PARTS or block.get("type") != kind or block.get("signature"):
        return False
    marks = ((block.get(name), piece.get(name)) for name in ("index", "id"))
    return all(before is None or now is None or before == now for before, now in marks)
