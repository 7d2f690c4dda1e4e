"""A response of the Responses API as the events of a stream, in the service's order.

Knows the two JSON forms of one answer; not HTTP, not how an answer is found, not when an event goes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.openai_stream import WORDS, pieces_of
from toolfan_local.pacing import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]


def chunks(response: JSON, *, together: bool = False) -> Iterator[Chunk]:
    """The events that say what a response says.  With `together` the arguments of a call come in one piece."""
    for number, chunk in enumerate(_unnumbered(response, together=together)):
        yield Chunk(chunk.event | {"sequence_number": number}, chunk.calls)


def _unnumbered(response: JSON, *, together: bool) -> Iterator[Chunk]:
    begun = response | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield Chunk({"type": "response.created", "response": begun})
    yield Chunk({"type": "response.in_progress", "response": begun})
    for index, item in enumerate(response["output"]):
        empty: JSON = {"content": []} if item["type"] == "message" else {"arguments": ""}
        opened = item | {"status": "in_progress"} | empty
        yield Chunk({"type": "response.output_item.added", "output_index": index, "item": opened})
        where = {"item_id": item["id"], "output_index": index}
        yield from _message(where, item) if item["type"] == "message" else _call(where, item, together=together)
        yield Chunk({"type": "response.output_item.done", "output_index": index, "item": item})
    yield Chunk({"type": f"response.{response['status']}", "response": response})


def _message(where: JSON, item: JSON) -> Iterator[Chunk]:
    (part,) = item["content"]
    at = where | {"content_index": 0}
    kind, key = part["type"], "refusal" if part["type"] == "refusal" else "text"
    more: JSON = {} if kind == "refusal" else {"logprobs": []}
    yield Chunk({"type": "response.content_part.added", **at, "part": part | {key: ""}})
    for word in WORDS.findall(part[key]):
        yield Chunk({"type": f"response.{kind}.delta", **at, "delta": word, **more})
    yield Chunk({"type": f"response.{kind}.done", **at, key: part[key], **more})
    yield Chunk({"type": "response.content_part.done", **at, "part": part})


def _call(where: JSON, item: JSON, *, together: bool) -> Iterator[Chunk]:
    text, kind = item["arguments"], "response.function_call_arguments"
    pieces = [text] if together else list(pieces_of(text))
    for piece in pieces:
        yield Chunk({"type": f"{kind}.delta", **where, "delta": piece}, 1 / len(pieces))
    yield Chunk({"type": f"{kind}.done", **where, "name": item["name"], "arguments": text}, 0 if pieces else 1)
