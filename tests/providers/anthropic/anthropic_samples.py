"""Messages as the Messages API sends them, whole and as events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan import Usage
from toolfan.wire import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

USAGE = {
    "input_tokens": 20,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 50,
    "output_tokens": 40,
    "output_tokens_details": {"thinking_tokens": 6},
    "service_tier": "standard",
}
COUNTED = Usage(100, 40, 140, cache_read_tokens=50, cache_write_tokens=30, reasoning_tokens=6)


def message(*content: dict[str, Any], stop: str | None = "tool_use", **more: Any) -> dict[str, Any]:
    """A whole message."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-2026",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }


def tool_use(call_id: Any, name: str, given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def halves(said: str) -> list[str]:
    return [half for half in (said[: len(said) // 2], said[len(said) // 2 :]) if half]


def _deltas(block: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The block as it starts, and its pieces."""
    kind = block.get("type")
    if kind in ("tool_use", "server_tool_use"):
        pieces = ["", *halves(json_text(block.get("input")))] if block.get("input") != {} else [""]
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    if kind == "text" and isinstance(block.get("text"), str):
        return {**block, "text": ""}, [{"type": "text_delta", "text": half} for half in halves(block["text"])]
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": half} for half in halves(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, deltas
    return dict(block), []


def events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream of a message."""
    about = {**body, "content": [], "stop_reason": None, "usage": {**body.get("usage", {}), "output_tokens": 1}}
    made: list[dict[str, Any]] = [{"type": "message_start", "message": about}, {"type": "ping"}]
    for index, block in enumerate(body["content"]):
        begun, deltas = _deltas(block)
        made.append({"type": "content_block_start", "index": index, "content_block": begun})
        made += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        made.append({"type": "content_block_stop", "index": index})
    end = {key: body.get(key) for key in ("stop_reason", "stop_sequence", "stop_details") if key in body}
    made.append({"type": "message_delta", "delta": end, "usage": body.get("usage")})
    return [*made, {"type": "message_stop"}]


def on_the_wire(made: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(
        f"event: {event.get('type')}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in made
    ).encode()
