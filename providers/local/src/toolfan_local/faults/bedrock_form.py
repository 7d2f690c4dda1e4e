"""Bedrock's Converse: calls as a body, a body as the events of a stream and as their frames, a failure.

Knows Converse's JSON; not faults, not sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.bedrock_stream import frame
from toolfan_local.bedrock_wire import error_code
from toolfan_local.faults.answers import MISSING, TEXT, SaidCall, pieces_of, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan_local.exchange import Failure
    from toolfan_local.faults.asking import Asked

JSON = dict[str, Any]
DONE = None
LINE_END = None
REQUEST_ID = "x-amzn-requestid"
INDEX = "contentBlockIndex"
EVENTS_OF_BLOCKS = ("contentBlockStart", "contentBlockDelta", "contentBlockStop")


def body(_asked: Asked, calls: Sequence[SaidCall], text: str | None = None) -> JSON:
    """The answer of Converse with these calls; a text beside them comes first."""
    content: list[JSON] = [{"text": text or TEXT}] if text or not calls else []
    content += [{"toolUse": call_object(call)} for call in calls]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if calls else "end_turn",
        "usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18},
        "metrics": {"latencyMs": 1},
    }


def call_object(call: SaidCall) -> JSON:
    """One toolUse; what is MISSING is left out."""
    made = {"toolUseId": call.id, "name": call.name, "input": call.arguments} | call.more
    return {key: value for key, value in made.items() if value is not MISSING}


def events(_asked: Asked, whole: Any) -> list[Any]:
    """The events that say what a body says; a body that is no answer is what no frames are made of."""
    output = whole.get("output") if isinstance(whole, dict) else None
    message = output.get("message") if isinstance(output, dict) else None
    if not isinstance(message, dict):
        return [whole]
    made: list[Any] = [{"messageStart": {"role": "assistant"}}]
    for place, block in enumerate(message.get("content") or []):
        made += [{kind: {INDEX: place, **said}} for kind, said in _block_events(block)]
    made.append({"messageStop": {"stopReason": whole["stopReason"]} if "stopReason" in whole else {}})
    return [*made, {"metadata": {key: whole[key] for key in ("usage", "metrics") if key in whole}}]


def _block_events(block: JSON) -> Iterator[tuple[str, JSON]]:
    if "toolUse" in block:
        use = block["toolUse"]
        yield "contentBlockStart", {"start": {"toolUse": {key: use[key] for key in use if key != "input"}}}
        given = use.get("input")
        text = given if isinstance(given, str) else "" if given is None else written(given)
        for piece in pieces_of(text):
            yield "contentBlockDelta", {"delta": {"toolUse": {"input": piece}}}
    else:
        yield "contentBlockDelta", {"delta": {"text": block["text"]}}
    yield "contentBlockStop", {}


def framed(event: Any) -> bytes:
    """One event as a message of an event stream, an error as an exception; what is no event as JSON text."""
    if not isinstance(event, dict) or len(event) != 1:
        return written(event).encode()
    ((kind, said),) = event.items()
    return frame(kind, written(said).encode(), exception=kind.endswith("Exception"))


def carries_call(event: Any) -> bool:
    """Whether an event carries a piece of a call."""
    said = numbered(event) if isinstance(event, dict) else None
    if said is None:
        return False
    return any(isinstance(said.get(key), dict) and "toolUse" in said[key] for key in ("start", "delta"))


def call_of(event: JSON, _count: int) -> Any:
    """What tells the call of an event from the others: the index of its block."""
    said = numbered(event)
    return said.get(INDEX) if said else None


def numbered(event: JSON) -> JSON | None:
    """What has the index of a block in this event, under `INDEX`; None if it is of none."""
    return next((event[kind] for kind in EVENTS_OF_BLOCKS if kind in event), None)


def error_event(failed: Failure) -> JSON:
    """An error in a stream."""
    code = error_code(failed)
    return {code[0].lower() + code[1:]: {"message": failed.message}}


def failure(failed: Failure) -> JSON:
    """The error body."""
    return {"message": failed.message}


def error_fields(failed: Failure) -> dict[str, str]:
    """Header fields of an error besides: its code, if the service has one for the status."""
    return {"x-amzn-errortype": failed.code or error_code(failed)} if failed.status not in (409, 413) else {}
