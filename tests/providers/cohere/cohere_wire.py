"""Answers of Cohere's v2 chat, whole and as events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USAGE = {
    "billed_units": {"input_tokens": 12, "output_tokens": 20},
    "tokens": {"input_tokens": 81, "output_tokens": 37},
    "cached_tokens": 64,
}


def call(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}


def answer(*calls: dict[str, Any], finish: str = "TOOL_CALL", **said: Any) -> dict[str, Any]:
    message = {"role": "assistant", **said, **({"tool_calls": list(calls)} if calls else {})}
    return {"id": "r-1", "message": message, "finish_reason": finish, "usage": USAGE}


def text(words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": words}]


def halves(words: str) -> list[str]:
    return [half for half in (words[: len(words) // 2], words[len(words) // 2 :]) if half]


def events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream that says the same as this body: each text in two pieces."""
    message = body["message"]
    begin = {"role": message["role"], "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    found: list[dict[str, Any]] = [{"type": "message-start", "id": body.get("id"), "delta": {"message": begin}}]

    def add(kind: str, at: int | None = None, **said: Any) -> None:
        event: dict[str, Any] = {"type": kind} if at is None else {"type": kind, "index": at}
        found.append({**event, "delta": {"message": said}} if said else event)

    for half in halves(message.get("tool_plan", "")):
        add("tool-plan-delta", tool_plan=half)
    for at, part in enumerate(message.get("content") or []):
        kind = part["type"]
        add("content-start", at, content={"type": kind, kind: ""})
        for half in halves(part[kind]):
            add("content-delta", at, content={kind: half})
        add("content-end", at)
    for at, entry in enumerate(message.get("tool_calls") or []):
        function = entry["function"]
        add("tool-call-start", at, tool_calls={**entry, "function": {**function, "arguments": ""}})
        for half in halves(function.get("arguments") or ""):
            add("tool-call-delta", at, tool_calls={"function": {"arguments": half}})
        add("tool-call-end", at)
    for citation in message.get("citations") or []:
        add("citation-start", 0, citations=citation)
    end = {key: body[key] for key in ("finish_reason", "usage") if key in body}
    return [*found, {"type": "message-end", "delta": end}]


def on_the_wire(said: Sequence[Mapping[str, Any]]) -> bytes:
    lines = [f"event: {one.get('type')}\ndata: {json.dumps(one, ensure_ascii=False)}\n\n" for one in said]
    return "".join([*lines, "data: [DONE]\n\n"]).encode()
