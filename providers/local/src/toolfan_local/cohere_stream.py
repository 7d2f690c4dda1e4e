"""An answer of Cohere's v2 chat as the events of a stream.

Knows the two JSON forms of one answer; not HTTP, not how an answer is found, not when an event goes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.openai_stream import DONE, WORDS, pieces_of
from toolfan_local.pacing import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

__all__ = ["DONE", "chunks"]


def chunks(answer: JSON, *, together: bool = False) -> Iterator[Chunk]:
    """The events that say what an answer says, without `[DONE]`.  With `together` a call's are one piece."""
    message = answer["message"]
    begun = {"role": message["role"], "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield Chunk({"type": "message-start", "id": answer["id"], "delta": {"message": begun}})
    for word in WORDS.findall(message.get("tool_plan") or ""):
        yield Chunk(_event("tool-plan-delta", {"tool_plan": word}))
    for index, part in enumerate(message.get("content") or ()):
        yield Chunk(_event("content-start", {"content": {"type": "text", "text": ""}}, index))
        for word in WORDS.findall(part["text"]):
            yield Chunk(_event("content-delta", {"content": {"text": word}}, index))
        yield Chunk({"type": "content-end", "index": index})
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield from _call(index, call, together=together)
    ended = {"finish_reason": answer["finish_reason"], "usage": answer["usage"]}
    yield Chunk({"type": "message-end", "id": answer["id"], "delta": ended})


def _call(index: int, call: JSON, *, together: bool) -> Iterator[Chunk]:
    text = call["function"]["arguments"]
    opened = {**call, "function": {**call["function"], "arguments": ""}}
    yield Chunk(_event("tool-call-start", {"tool_calls": opened}, index))
    pieces = [text] if together else list(pieces_of(text)) or [""]
    for piece in pieces:
        yield Chunk(
            _event("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index), 1 / len(pieces)
        )
    yield Chunk({"type": "tool-call-end", "index": index})


def _event(kind: str, said: JSON, index: int | None = None) -> JSON:
    return {"type": kind, **({} if index is None else {"index": index}), "delta": {"message": said}}
