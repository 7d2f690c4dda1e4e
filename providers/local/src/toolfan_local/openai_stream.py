"""A chat completion as the chunks of a stream: what the service sends for `stream: true`.

Knows the two JSON forms of one answer; not HTTP, not how an answer is found, not when a chunk goes out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolfan_local.pacing import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]
DONE = "[DONE]"

_PIECE = 4
"""Characters in one piece of arguments: about a token."""
WORDS = re.compile(r"\s*\S+|\s+")


def chunks(completion: JSON, *, usage: bool, together: bool = False) -> Iterator[Chunk]:
    """The chunks that say what a completion says, without `[DONE]`.

    A call comes as its index, id and name, then its arguments in small pieces; with `together` all calls come whole in
    one chunk, as many compatible servers send them.  `usage` adds the chunk without choices that carries it.
    """
    head = {key: completion[key] for key in ("id", "object", "created", "model", "service_tier", "system_fingerprint")}
    head["object"] = "chat.completion.chunk"
    empty = {"usage": None} if usage else {}
    for choice in completion["choices"]:
        for delta, calls in _deltas(choice["message"], together=together):
            yield Chunk(head | {"choices": [_choice(choice, delta)]} | empty, calls)
        yield Chunk(head | {"choices": [_choice(choice, {}, choice["finish_reason"])]} | empty)
    if usage:
        yield Chunk(head | {"choices": [], "usage": completion["usage"]})


def _choice(choice: JSON, delta: JSON, finish: str | None = None) -> JSON:
    return {"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": finish}


def _deltas(message: JSON, *, together: bool) -> Iterator[tuple[JSON, float]]:
    """The deltas of one message, each with the part of a call in it."""
    text, refusal, calls = message["content"], message.get("refusal"), message.get("tool_calls") or []
    if refusal is not None:
        yield {"role": "assistant", "content": None, "refusal": ""}, 0
        for word in WORDS.findall(refusal):
            yield {"refusal": word}, 0
    elif text is not None:
        yield {"role": "assistant", "content": "", "refusal": None}, 0
        for word in WORDS.findall(text):
            yield {"content": word}, 0
    elif len(calls) != 1 or together:  # one call alone opens in the message's first delta
        yield {"role": "assistant", "content": None}, 0
    if together:
        if calls:
            yield {"tool_calls": [{"index": place, **call} for place, call in enumerate(calls)]}, len(calls)
        return
    alone = text is refusal is None and len(calls) == 1
    opening = {"role": "assistant", "content": None} if alone else {}
    for place, call in enumerate(calls):
        pieces = list(_pieces(place, call))
        for piece in pieces:
            closing = {"refusal": None} if opening else {}
            yield opening | {"tool_calls": [piece]} | closing, 1 / len(pieces)
            opening = {}


def _pieces(index: int, call: JSON) -> Iterator[JSON]:
    function = call["function"]
    yield {"index": index, **call, "function": {"name": function["name"], "arguments": ""}}
    for piece in pieces_of(function["arguments"]):
        yield {"index": index, "function": {"arguments": piece}}


def pieces_of(text: str) -> Iterator[str]:
    """A text in pieces of about a token."""
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
