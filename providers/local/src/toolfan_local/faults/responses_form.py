"""The Responses API: calls as a body, a body as the events of a stream, a failure.

Knows OpenAI's JSON of `/responses`; not faults, not sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import MISSING, TEXT, Bare, SaidCall, pieces_of, written
from toolfan_local.openai_wire import render_failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan_local.exchange import Failure
    from toolfan_local.faults.asking import Asked

JSON = dict[str, Any]
DONE = None
LINE_END = "\n"
REQUEST_ID = "x-request-id"
INDEX = "output_index"
_ARGUMENTS = "response.function_call_arguments"
_TEXTS = {"output_text": "text", "refusal": "refusal"}
LATE = {
    "type": "response.output_item.added",
    "output_index": 7,
    "item": {"type": "function_call", "id": "fc_late", "call_id": "call_late", "name": "TooLate", "arguments": ""},
}
"""An event that must not come behind the end."""


def body(asked: Asked, calls: Sequence[SaidCall], text: str | None = None) -> JSON:
    """The response with these calls, after a thought that only the service can read."""
    thought = {"type": "reasoning", "id": f"rs_{asked.turn}", "summary": [], "encrypted_content": "c2VhbGVk"}
    output: list[JSON] = [thought] if calls else []
    if text is not None or not calls:
        output.append(message(asked, text or TEXT))
    return {
        "id": f"resp_{asked.turn}",
        "object": "response",
        "created_at": 1700000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": asked.model,
        "output": [*output, *(call_object(call, place) for place, call in enumerate(calls))],
        "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18},
    }


def message(asked: Asked, text: str, kind: str = "output_text") -> JSON:
    """The item with a text, or a refusal."""
    part: JSON = {"type": kind, _TEXTS[kind]: text} | ({"annotations": []} if kind == "output_text" else {})
    about = {"id": f"msg_{asked.turn}", "type": "message", "status": "completed", "role": "assistant"}
    return {**about, "content": [part]}


def call_object(call: SaidCall, place: int) -> JSON:
    """One item; what is MISSING is left out."""
    given = call.arguments
    text = written(given) if isinstance(given, dict | list) and not isinstance(given, Bare) else given
    about = {"type": "function_call", "id": f"fc_{place}", "status": "completed"}
    made = {**about, "call_id": call.id, "name": call.name, "arguments": text} | call.more
    return {key: value for key, value in made.items() if value is not MISSING}


def events(_asked: Asked, whole: Any) -> list[Any]:
    """The events that say what a response says; a body that is none is one event."""
    if not isinstance(whole, dict) or not isinstance(whole.get("output"), list):
        return [whole]
    begun = whole | {"status": "in_progress", "output": [], "incomplete_details": None}
    made = [{"type": f"response.{state}", "response": begun} for state in ("created", "in_progress")]
    for index, item in enumerate(whole["output"]):
        made += _item_events(index, item)
    made.append({"type": f"response.{whole.get('status') or 'completed'}", "response": whole})
    return [event | {"sequence_number": number} for number, event in enumerate(made)]


def _item_events(index: int, item: Any) -> Iterator[JSON]:
    opened, said = item, item if isinstance(item, dict) else {}
    content, arguments = said.get("content") or [], said.get("arguments")
    if said:
        empty: JSON = {"content": []} if content else {"arguments": ""} if isinstance(arguments, str) else {}
        opened = item | {"status": "in_progress"} | empty
    at: JSON = {"output_index": index, "item_id": said.get("id")}
    yield {"type": "response.output_item.added", "output_index": index, "item": opened}
    for part in content:
        key = _TEXTS[part["type"]]
        kind = f"response.{part['type']}"
        yield {"type": "response.content_part.added", **at, "content_index": 0, "part": part | {key: ""}}
        yield {"type": f"{kind}.delta", **at, "content_index": 0, "delta": part[key]}
        yield {"type": f"{kind}.done", **at, "content_index": 0, key: part[key]}
        yield {"type": "response.content_part.done", **at, "content_index": 0, "part": part}
    if isinstance(arguments, str):
        yield from ({"type": f"{_ARGUMENTS}.delta", **at, "delta": piece} for piece in pieces_of(arguments))
        yield {"type": f"{_ARGUMENTS}.done", **at, "arguments": arguments}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def carries_call(event: Any) -> bool:
    """Whether an event begins a call, or carries a piece of its arguments."""
    kind = event.get("type") if isinstance(event, dict) else None
    item = event.get("item") if kind == "response.output_item.added" else None
    return kind == f"{_ARGUMENTS}.delta" or (
        isinstance(item, dict) and item.get("type") not in ("message", "reasoning")
    )


def call_of(event: JSON, _count: int) -> Any:
    """What tells the call of an event from the others: the index of its item."""
    return event.get("output_index")


def numbered(event: JSON) -> JSON | None:
    """What has the index of an item in this event, under `INDEX`: the event itself; None if it is of none."""
    return event if INDEX in event else None


def failure(failed: Failure) -> JSON:
    """The error object."""
    return render_failure(failed)


def error_event(failed: Failure) -> JSON:
    """The error as an event of a stream: its fields stand beside the type."""
    said = render_failure(failed)["error"]
    return {"type": "error", "code": said["code"] or said["type"], "message": said["message"], "param": None}
