"""Cohere's v2 chat: calls as a body, a body as the events of a stream, a failure.

Knows Cohere's JSON; not faults, not sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import MISSING, TEXT, Bare, SaidCall, pieces_of, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan_local.exchange import Failure
    from toolfan_local.faults.asking import Asked

JSON = dict[str, Any]
DONE = "[DONE]"
LINE_END = "\n"
REQUEST_ID = "x-debug-trace-id"
INDEX = "index"
LATE = {
    "type": "tool-call-start",
    "index": 7,
    "delta": {
        "message": {
            "tool_calls": {"id": "call_late", "type": "function", "function": {"name": "TooLate", "arguments": "{}"}}
        }
    },
}
"""An event that must not come behind the end."""


def body(asked: Asked, calls: Sequence[SaidCall], text: str | None = None) -> JSON:
    """The answer with these calls; a text beside them is the content."""
    message: JSON = {"role": "assistant"}
    if text or not calls:
        message["content"] = [{"type": "text", "text": text or TEXT}]
    if calls:
        message["tool_calls"] = [call_object(call) for call in calls]
    counts = {"input_tokens": 11, "output_tokens": 7}
    finish = "TOOL_CALL" if calls else "COMPLETE"
    usage = {"billed_units": counts, "tokens": dict(counts)}
    return {"id": f"cohere-{asked.turn}", "message": message, "finish_reason": finish, "usage": usage}


def call_object(call: SaidCall) -> JSON:
    """One entry of `tool_calls`; what is MISSING is left out."""
    whole = isinstance(call.arguments, dict | list) and not isinstance(call.arguments, Bare)
    function = {"name": call.name, "arguments": written(call.arguments) if whole else call.arguments}
    made: JSON = {"id": call.id, "type": "function"} | call.more
    made["function"] = {key: value for key, value in function.items() if value is not MISSING}
    return {key: value for key, value in made.items() if value is not MISSING}


def events(_asked: Asked, whole: Any) -> list[Any]:
    """The events that say what a body says; a body that is no answer is one event."""
    message = whole.get("message") if isinstance(whole, dict) else None
    if not isinstance(message, dict):
        return [whole]
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    made = [{"type": "message-start", "id": whole.get("id"), "delta": {"message": begun}}]
    for place, part in enumerate(message.get("content") or []):
        made.append(_event("content-start", place, {"content": {"type": "text", "text": ""}}))
        made.append(_event("content-delta", place, {"content": {"text": part["text"]}}))
        made.append({"type": "content-end", "index": place})
    for place, call in enumerate(message.get("tool_calls") or []):
        made += _call_events(call, place)
    ended = {key: whole[key] for key in ("finish_reason", "usage") if key in whole}
    return [*made, {"type": "message-end", "id": whole.get("id"), "delta": ended}]


def _call_events(call: JSON, place: int) -> Iterator[JSON]:
    function = call["function"]
    text = function.get("arguments")
    if isinstance(text, str):
        yield _event("tool-call-start", place, {"tool_calls": {**call, "function": {**function, "arguments": ""}}})
        for piece in pieces_of(text):
            yield _event("tool-call-delta", place, {"tool_calls": {"function": {"arguments": piece}}})
    else:
        yield _event("tool-call-start", place, {"tool_calls": call})
    yield {"type": "tool-call-end", "index": place}


def _event(kind: str, index: int, said: JSON) -> JSON:
    return {"type": kind, "index": index, "delta": {"message": said}}


def carries_call(event: Any) -> bool:
    """Whether an event carries a piece of a call."""
    return isinstance(event, dict) and event.get("type") in ("tool-call-start", "tool-call-delta")


def call_of(event: JSON, _count: int) -> Any:
    """What tells the call of an event from the others: its index."""
    return event.get("index")


def numbered(event: JSON) -> JSON | None:
    """What has the index of a call in this event, under `INDEX`; None if it is not of a call."""
    return event if str(event.get("type")).startswith("tool-call-") else None


def error_event(failed: Failure) -> JSON:
    """An error in a stream."""
    return {"type": "error", "error": {"message": failed.message, "code": failed.status}}


def failure(failed: Failure) -> JSON:
    """The error body."""
    return {"message": failed.message}
