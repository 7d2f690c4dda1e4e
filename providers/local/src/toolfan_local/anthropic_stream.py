"""A message as the events of a stream: what the Messages API sends for `stream: true`.

Knows the two JSON forms of one answer; not HTTP, not how an answer is found, not when an event goes out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from toolfan_local.pacing import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

_PIECE = 4
"""Characters in one piece of arguments: about a token."""
_WORDS = re.compile(r"\s*\S+|\s+")


def chunks(message: JSON, *, together: bool = False) -> Iterator[Chunk]:
    """The events that say what a message says.  With `together` the arguments of each call come in one piece."""
    usage = message["usage"]
    begun = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield Chunk({"type": "message_start", "message": begun})
    yield Chunk({"type": "ping"})
    for index, block in enumerate(message["content"]):
        yield from _block(index, block, together=together)
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield Chunk({"type": "message_delta", "delta": delta, "usage": {"output_tokens": usage["output_tokens"]}})
    yield Chunk({"type": "message_stop"})


def _block(index: int, block: JSON, *, together: bool) -> Iterator[Chunk]:
    if block["type"] == "text":
        opening, pieces = (
            {**block, "text": ""},
            [{"type": "text_delta", "text": word} for word in _words(block["text"])],
        )
    else:
        opening = {**block, "input": {}}
        pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(block["input"], together)]
    share = 1 / len(pieces) if block["type"] == "tool_use" else 0
    yield Chunk({"type": "content_block_start", "index": index, "content_block": opening})
    for piece in pieces:
        yield Chunk({"type": "content_block_delta", "index": index, "delta": piece}, share)
    yield Chunk({"type": "content_block_stop", "index": index})


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)


def _pieces(given: Any, together: bool) -> list[str]:
    """The text of the arguments in pieces, the first of them empty; an empty object has no other."""
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False) if given else ""
    size = max(len(text), 1) if together else _PIECE
    return ["", *(text[start : start + size] for start in range(0, len(text), size))]
