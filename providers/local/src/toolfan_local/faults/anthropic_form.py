"""The Messages API: calls as a body, a body as the events of a stream, a failure.

Knows Anthropic's JSON; not faults, not sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.anthropic_wire import render_failure
from toolfan_local.faults.answers import MISSING, TEXT, SaidCall, Text, pieces_of, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan_local.exchange import Failure
    from toolfan_local.faults.asking import Asked

JSON = dict[str, Any]
DONE = None
LINE_END = "\n"
REQUEST_ID = "request-id"
INDEX = "index"
THINKING = {"type": "thinking", "thinking": "Which tools fit?", "signature": "c2lnbmVkIGJ5IHRoZSBmYXVsdCBzZXJ2ZXI="}
LATE = {
    "type": "content_block_start",
    "index": 7,
    "content_block": {"type": "tool_use", "id": "call_late", "name": "TooLate", "input": {}},
}
"""An event that must not come behind the end."""


def body(asked: Asked, calls: Sequence[SaidCall], text: str | None = None) -> JSON:
    """The message with these calls, after a signed thought."""
    content: list[JSON] = [THINKING] if calls else []
    if text is not None or not calls:
        content.append({"type": "text", "text": text or TEXT})
    return {
        "id": f"msg_{asked.turn}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [*content, *map(call_object, calls)],
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


def call_object(call: SaidCall) -> JSON:
    """One block; what is MISSING is left out.  Arguments that are a text stand where the object belongs."""
    made: JSON = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
    return {key: value for key, value in (made | call.more).items() if value is not MISSING}


def events(_asked: Asked, whole: Any) -> list[Any]:
    """The events that say what a message says; a body that is none is one event."""
    if not isinstance(whole, dict) or not isinstance(whole.get("content"), list):
        return [whole]
    begun = whole | {"content": [], "stop_reason": None}
    made = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        made += _block_events(index, block)
    ended: JSON = {"delta": {key: whole.get(key) for key in ("stop_reason", "stop_sequence")}}
    if "usage" in whole:
        ended["usage"] = {"output_tokens": whole["usage"]["output_tokens"]}
    return [*made, {"type": "message_delta", **ended}, {"type": "message_stop"}]


def _block_events(index: int, block: Any) -> Iterator[JSON]:
    opening, deltas = _parted(block) if isinstance(block, dict) else (block, [])
    yield {"type": "content_block_start", "index": index, "content_block": opening}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _parted(block: JSON) -> tuple[JSON, list[JSON]]:
    """How a block begins, and what is added to it."""
    kind, given = block.get("type"), block.get("input")
    if kind == "text":
        return block | {"text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces_of(block["text"])]
    if kind == "thinking":
        thought = {"type": "thinking_delta", "thinking": block["thinking"]}
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return block | {"thinking": "", "signature": ""}, [thought, signed]
    if isinstance(given, str | list | dict):
        text = given if isinstance(given, Text) else written(given)
        pieces = [] if given == {} else pieces_of(text)
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    return block, []


def carries_call(event: Any) -> bool:
    """Whether an event carries a piece of a call."""
    if not isinstance(event, dict):
        return False
    block, delta = event.get("content_block"), event.get("delta")
    begins = isinstance(block, dict) and block.get("type") not in ("text", "thinking")
    return begins or (isinstance(delta, dict) and "partial_json" in delta)


def call_of(event: JSON, _count: int) -> Any:
    """What tells the call of an event from the others: the index of its block."""
    return event.get("index")


def numbered(event: JSON) -> JSON | None:
    """What has the index of a block in this event, under `INDEX`: the event itself; None if it is of none."""
    return event if INDEX in event else None


def failure(failed: Failure) -> JSON:
    """The error object."""
    return render_failure(failed)


def error_event(failed: Failure) -> JSON:
    """The error as an event of a stream, which has the same form."""
    return render_failure(failed)
