"""`Calls` as JSON text and back.

Knows: results, tool sets, adapters by name.  Must not know: how calls were asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import errors
from .calls import BadCall, Call, Outcome, RawCall, StopReason, Turn, Usage
from .errors import CallError, UsageError
from .registry import load_adapter
from .results import Calls
from .toolset import ToolSet, tool_set
from .validation import read_arguments

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = 1


def calls_to_json(calls: Calls[Any]) -> str:
    """The result as JSON text: what came over the wire and what became of it, but not the values themselves.

    Values are made again from the arguments when the text is read.
    """
    turn = calls.turn
    return json.dumps(
        {
            "toolfan_calls": FORMAT,
            "adapter": calls.codec.name if calls.codec else None,
            "outcomes": [_outcome_to_json(outcome) for outcome in calls.outcomes],
            "turn": {
                "calls": [_raw_to_json(call) for call in turn.calls],
                "text": turn.text,
                "stop": [turn.stop.kind, turn.stop.raw],
                "usage": _fields(turn.usage),
                "refusal": turn.refusal,
                "replay": turn.replay,
                "warnings": list(turn.warnings),
                "model": turn.model,
                "response_id": turn.response_id,
            },
            "usage": _fields(calls.usage),
            "attempts": calls.attempts,
            "requests": calls.requests,
            "request_id": calls.request_id,
            "headers": dict(calls.headers),
            "raw": calls.raw,
        },
        ensure_ascii=True,
    )


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _raw_to_json(call: RawCall) -> dict[str, Any]:
    return _fields(call)


def _outcome_to_json(outcome: Outcome[Any]) -> dict[str, Any]:
    common = {"name": outcome.name, "raw": _raw_to_json(outcome.raw), "attempt": outcome.attempt}
    if isinstance(outcome, Call):
        return {**common, "repairs": list(outcome.repairs), "duplicate_of": outcome.duplicate_of}
    error = outcome.error
    details = {key: value for key, value in vars(error).items() if value is not None and key not in ("calls", "turn")}
    return {**common, "error": {"type": type(error).__name__, **details}}


def calls_from_json(text: str, response_model: Any, tools: Iterable[Any] | None, context: Any) -> Calls[Any]:
    """See `Calls.from_json`."""
    tool_types = tool_set(response_model, tools)
    try:
        data = json.loads(text)
        if data["toolfan_calls"] != FORMAT:
            raise UsageError(f"the stored calls have format {data['toolfan_calls']}, not {FORMAT}")
        turn = data["turn"]
        return Calls(
            outcomes=tuple(_outcome_from_json(item, tool_types, context) for item in data["outcomes"]),
            turn=Turn(
                calls=tuple(RawCall(**call) for call in turn["calls"]),
                text=turn["text"],
                stop=StopReason(*turn["stop"]),
                usage=Usage(**turn["usage"]),
                refusal=turn["refusal"],
                replay=turn["replay"],
                warnings=tuple(turn["warnings"]),
                model=turn["model"],
                response_id=turn["response_id"],
            ),
            usage=Usage(**data["usage"]),
            attempts=data["attempts"],
            requests=data["requests"],
            request_id=data["request_id"],
            headers=data["headers"],
            raw=data["raw"],
            codec=load_adapter(data["adapter"]) if data["adapter"] else None,
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(
            f"the text is not what Calls.to_json writes: {type(exc).__name__}: {exc}",
            hint="Pass the text unchanged.",
        ) from exc


def _outcome_from_json(item: dict[str, Any], tools: ToolSet[Any], context: Any) -> Outcome[Any]:
    raw = RawCall(**item["raw"])
    name, attempt = item["name"], item["attempt"]
    if "error" in item:
        return BadCall(raw.index, raw.id, name, raw, _error_from_json(item["error"]), attempt)
    tool = tools.by_name.get(name)
    if tool is None:
        raise UsageError(
            f"the stored call {raw.id} is of the tool {name!r}, which is not among {', '.join(tools.by_name)}",
            hint="Pass the same response_model= or tools= as for create().",
        )
    try:
        value, _ = read_arguments(tool, raw.arguments, repairs=bool(item["repairs"]), context=context)
    except Exception as exc:
        raise UsageError(
            f"the stored call {raw.id} is no longer valid for {name}: {exc}",
            hint="The tool's type has changed since the calls were stored, or a validator wants context=.",
        ) from exc
    return Call(raw.index, raw.id, name, value, raw, tuple(item["repairs"]), attempt, item["duplicate_of"])


def _error_from_json(details: dict[str, Any]) -> CallError:
    kind: Any = getattr(errors, details.pop("type"))
    if not issubclass(kind, CallError):
        raise UsageError(f"the stored calls hold an error of type {kind.__name__}, which is no CallError")
    error: CallError = kind(details.pop("message"), **details)
    return error
