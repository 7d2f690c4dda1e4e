"""Reading an answer of the adapter `local`.

Knows: the shape of the answer.  Must not know: requests, who answered, validation of arguments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn, get_args

from toolfan.assembly.assembler import CallAssembler
from toolfan.calls import StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse
from toolfan.translation.statuses import error_from_body
from toolfan.wire import UNDECODED, escaped, json_text, well_formed


def parse_answer(body: Any, *, adapter: str) -> Turn:
    """The turn in an answer.

    Raises BadResponse for another shape, or the ProviderError of an error object in the body.
    """
    check_fields(body, adapter=adapter)
    calls, text = body.get("calls"), body.get("text")
    if not isinstance(calls, list) or (calls and not any(isinstance(call, Mapping) for call in calls)):
        _bad("its calls are no list of objects", adapter)
    assembler = CallAssembler()
    for call in calls:
        assembler.whole(*piece_of(call))
    assembler.finish()
    return Turn(
        calls=tuple(slot.call for slot in assembler.in_order() if slot.call is not None),
        text=well_formed(text or ""),
        stop=_stop(body.get("stop")),
        usage=_usage(body.get("usage")),
        replay={"role": "model", "text": text, "calls": calls},
        model=_text(body.get("model")),
        response_id=_text(body.get("id")),
    )


def check_fields(body: Any, *, adapter: str) -> None:
    """Raises what `parse_answer` raises, for what holds of a part of an answer too."""
    if not isinstance(body, Mapping):
        _bad(f"it is {type(body).__name__}, not an object", adapter)
    if body.get("error"):
        raise error_from_body(body["error"], adapter=adapter)
    if not isinstance(body.get("calls", []), list):
        _bad("its calls are no list of objects", adapter)
    text = body.get("text")
    if not (text is None or isinstance(text, str)):
        _bad(f"its text is {type(text).__name__}", adapter)


def piece_of(call: Any) -> tuple[str | None, str, str]:
    """Id, name and arguments; what is no call has no name, and the JSON of what came for arguments."""
    if not isinstance(call, Mapping):
        return None, "", json_text(call)
    call_id = _text(call.get("id"))
    return call_id and well_formed(call_id), well_formed(str(call.get("name") or "")), arguments_text(call)


def arguments_text(call: Mapping[str, Any]) -> str:
    """The arguments of a call as JSON text; a text is what the model wrote, and stays as it is."""
    arguments = call.get("arguments")
    if isinstance(arguments, str):
        return escaped(arguments)
    if arguments is None:
        return ""
    try:
        text = json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        return json_text(arguments)
    return json_text(arguments) if UNDECODED in text else escaped(text)


def arguments_value(text: str) -> Any:
    """The object in the text, or the text itself if there is none; the reverse of `arguments_text`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _bad(what: str, adapter: str) -> NoReturn:
    raise BadResponse(f"the answer is not one of the adapter's own: {what}", adapter=adapter, hint="Check the script.")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _stop(raw: Any) -> StopReason:
    if not isinstance(raw, str):
        return StopReason("none")
    kind: StopKind = raw if raw in get_args(StopKind) else "other"  # type: ignore[assignment]  # checked here
    return StopReason(kind, raw)


def _usage(usage: Any) -> Usage:
    counts = usage if isinstance(usage, Mapping) else {}
    sent, received = (value if type(value := counts.get(key)) is int else 0 for key in ("input", "output"))
    return Usage(input_tokens=sent, output_tokens=received, total_tokens=sent + received)
