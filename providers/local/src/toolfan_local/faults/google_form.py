"""generateContent: calls as a body, a body as the events of a stream, a failure.

Knows Google's JSON; not faults, not sockets.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import MISSING, TEXT, SaidCall
from toolfan_local.google_wire import render_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan_local.exchange import Failure
    from toolfan_local.faults.asking import Asked

JSON = dict[str, Any]
DONE = None
LINE_END = "\r\n"
REQUEST_ID = None
SIGNATURE = base64.b64encode(b"signed by the fault server").decode()


def body(asked: Asked, calls: Sequence[SaidCall], text: str | None = None) -> JSON:
    """The GenerateContentResponse with these calls, of which the first is signed."""
    parts: list[JSON] = [] if calls and text is None else [{"text": text or TEXT}]
    for place, call in enumerate(calls):
        part = {"functionCall": call_object(asked, call)}
        parts.append(part | ({"thoughtSignature": SIGNATURE} if place == 0 else {}))
    return {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18},
        "modelVersion": asked.model,
        "responseId": f"response-{asked.turn}",
    }


def call_object(asked: Asked, call: SaidCall) -> JSON:
    """One functionCall; with an id where the service gives one. What is MISSING is left out."""
    made = {"name": call.name, "args": call.arguments} | ({"id": call.id} if asked.ids else {}) | call.more
    return {key: value for key, value in made.items() if value is not MISSING}


def events(_asked: Asked, whole: Any) -> list[Any]:
    """The chunks that say what a body says, one part in each; a body without parts is one event."""
    try:
        candidate = whole["candidates"][0]
        parts = candidate["content"]["parts"]
    except (KeyError, IndexError, TypeError):
        return [whole]
    if not parts or len(whole["candidates"]) > 1:
        return [whole]
    common = {key: whole[key] for key in ("modelVersion", "responseId") if key in whole}
    made = [{"candidates": [_one(part)], **common} for part in parts]
    rest = {key: value for key, value in candidate.items() if key not in ("content", "index")}
    made[-1]["candidates"][0] |= rest
    return [*made[:-1], made[-1] | {key: value for key, value in whole.items() if key not in made[-1]}]


def _one(part: JSON) -> JSON:
    return {"index": 0, "content": {"role": "model", "parts": [part]}}


def carries_call(event: Any) -> bool:
    """Whether an event carries a call."""
    try:
        return any("functionCall" in part for part in event["candidates"][0]["content"]["parts"])
    except (KeyError, IndexError, TypeError):
        return False


def call_of(_event: JSON, count: int) -> Any:
    """What tells the call of an event from the others: its place, as every call is whole."""
    return count


def failure(failed: Failure) -> JSON:
    """The error in google.rpc's shape."""
    return render_failure(failed)
