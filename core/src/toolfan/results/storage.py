"""`Calls` as JSON text and back.

Knows: results, tool sets, adapters by name.  Must not know: how calls were asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import errors
from ..calls import BadCall, Call, Outcome, RawCall, Round, StopReason, Turn, Usage
from ..errors import CallError, UsageError
from ..registry.loading import load_adapter
from ..tools.toolset import ToolSet, tool_set
from ..validation.outcomes import read_arguments
from .calls_type import Calls

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = 1


def calls_to_json(calls: Calls[Any]) -> str:
    """The result as JSON text: what came over the wire and what became of it, but not the values themselves.

    Values are made again from the arguments when the text is read.
    """
    return json.dumps(
        {
            "toolfan_calls": FORMAT,
            "adapter": calls.codec.name if calls.codec else None,
            "outcomes": [_outcome_to_json(outcome) for outcome in calls.outcomes],
            "turn": _turn_to_json(calls.turn),
            "rounds": [_round_to_json(one) for one in calls.rounds] if _has_own_rounds(calls) else [],
            "usage": _fields(calls.usage),
            "attempts": calls.attempts,
            "requests": calls.requests,
            "request_id": calls.request_id,
            "headers": dict(calls.headers),
            "raw": calls.raw,
        },
        ensure_ascii=True,
    )


def _turn_to_json(turn: Turn) -> dict[str, Any]:
    return {
        "calls": [_raw_to_json(call) for call in turn.calls],
        "text": turn.text,
        "stop": [turn.stop.kind, turn.stop.raw],
        "usage": _fields(turn.usage),
        "refusal": turn.refusal,
        "replay": turn.replay,
        "warnings": list(turn.warnings),
        "model": turn.model,
        "response_id": turn.response_id,
    }


def _has_own_rounds(calls: Calls[Any]) -> bool:
    """Whether the rounds say more than the calls; of a stream that was left, one does."""
    return [one.outcomes for one in calls.rounds] != [calls.outcomes]


def _round_to_json(one: Round) -> dict[str, Any]:
    return {
        "turn": _turn_to_json(one.turn),
        "outcomes": [_outcome_to_json(outcome) for outcome in one.outcomes],
        "nudge": one.nudge,
    }


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _raw_to_json(call: RawCall) -> dict[str, Any]:
    return _fields(call)


def _outcome_to_json(outcome: Outcome[Any]) -> dict[str, Any]:
    common = {
        "index": outcome.index,
        "id": outcome.id,
        "name": outcome.name,
        "raw": _raw_to_json(outcome.raw),
        "attempt": outcome.attempt,
    }
    if isinstance(outcome, Call):
        return {**common, "repairs": list(outcome.repairs), "duplicate_of": outcome.duplicate_of}
    error = outcome.error
    details = {
        key: value for key, value in vars(error).items() if value is not None and key not in ("calls", "turn", "run")
    }
    return {**common, "error": {"type": type(error).__name__, **details}}


def calls_from_json(text: str, response_model: Any, tools: Iterable[Any] | None, context: Any) -> Calls[Any]:
    """See `Calls.from_json`."""
    tool_types = tool_set(response_model, tools)
    try:
        data = json.loads(text)
        if data["toolfan_calls"] != FORMAT:
            raise UsageError(f"the stored calls have format {data['toolfan_calls']}, not {FORMAT}")
        turn = _turn_from_json(data["turn"])
        outcomes = _outcomes_from_json(data["outcomes"], tool_types, context)
        rounds = tuple(_round_from_json(one, tool_types, context) for one in data["rounds"])
        return Calls(
            outcomes=outcomes,
            turn=turn,
            usage=Usage(**data["usage"]),
            attempts=data["attempts"],
            requests=data["requests"],
            request_id=data["request_id"],
            headers=data["headers"],
            raw=data["raw"],
            rounds=rounds,
            codec=load_adapter(data["adapter"]) if data["adapter"] else None,
            tools=tool_types,
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(
            f"the text is not what Calls.to_json writes: {type(exc).__name__}: {exc}",
            hint="Pass the text unchanged.",
        ) from exc


def _turn_from_json(turn: dict[str, Any]) -> Turn:
    return Turn(
        calls=tuple(RawCall(**call) for call in turn["calls"]),
        text=turn["text"],
        stop=StopReason(*turn["stop"]),
        usage=Usage(**turn["usage"]),
        refusal=turn["refusal"],
        replay=turn["replay"],
        warnings=tuple(turn["warnings"]),
        model=turn["model"],
        response_id=turn["response_id"],
    )


def _round_from_json(one: dict[str, Any], tools: ToolSet[Any], context: Any) -> Round:
    return Round(_turn_from_json(one["turn"]), _outcomes_from_json(one["outcomes"], tools, context), one["nudge"])


def _outcomes_from_json(items: list[Any], tools: ToolSet[Any], context: Any) -> tuple[Outcome[Any], ...]:
    return tuple(_outcome_from_json(item, tools, context) for item in items)


def _outcome_from_json(item: dict[str, Any], tools: ToolSet[Any], context: Any) -> Outcome[Any]:
    raw = RawCall(**item["raw"])
    index, call_id, name, attempt = item["index"], item["id"], item["name"], item["attempt"]
    if "error" in item:
        return BadCall(index, call_id, name, raw, _error_from_json(item["error"]), attempt)
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
    return Call(index, call_id, name, value, raw, tuple(item["repairs"]), attempt, item["duplicate_of"])


def _error_from_json(details: dict[str, Any]) -> CallError:
    kind: Any = getattr(errors, details.pop("type"))
    if not issubclass(kind, CallError):
        raise UsageError(f"the stored calls hold an error of type {kind.__name__}, which is no CallError")
    error: CallError = kind(details.pop("message"), **details)
    return error
