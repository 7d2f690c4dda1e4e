"""Chat completions: calls as a body, a body as the events of a stream, a failure.

Knows OpenAI's JSON; not faults, not sockets.
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
DONE = "[DONE]"
LINE_END = "\n"
REQUEST_ID = "x-request-id"
_CREATED = 1700000000
_LATE = {"index": 7, "id": "call_late", "type": "function", "function": {"name": "TooLate", "arguments": "{}"}}
LATE = {"choices": [{"index": 0, "delta": {"tool_calls": [_LATE]}, "finish_reason": None}]}
"""An event that must not come behind the end."""


def body(asked: Asked, calls: Sequence[SaidCall], text: str | None = None) -> JSON:
    """The `chat.completion` with these calls."""
    message: JSON = {"role": "assistant", "content": text if calls else text or TEXT}
    if calls:
        message["tool_calls"] = [call_object(call) for call in calls]
    message["refusal"] = None
    finish = "tool_calls" if calls else "stop"
    return {
        "id": f"chatcmpl-{asked.turn}",
        "object": "chat.completion",
        "created": _CREATED,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def call_object(call: SaidCall) -> JSON:
    """One entry of `tool_calls`; what is MISSING is left out."""
    made: JSON = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _text(call)}}
    made["function"] = {key: value for key, value in made["function"].items() if value is not MISSING}
    return {key: value for key, value in (made | call.more).items() if value is not MISSING}


def _text(call: SaidCall) -> Any:
    whole = isinstance(call.arguments, dict | list) and not isinstance(call.arguments, Bare)
    return written(call.arguments) if whole else call.arguments


def events(asked: Asked, whole: Any) -> list[Any]:
    """The chunks that say what a body says; a body that is no completion is one event."""
    if not isinstance(whole, dict) or not whole.get("choices"):
        return [whole]
    made = [event for choice in whole["choices"] for event in _choice_events(whole, choice)]
    options = asked.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") and "usage" in whole:
        made.append(usage_event(asked, whole["usage"]))
    return made


def chunk_event(model: str, choices: Any) -> JSON:
    """One `chat.completion.chunk`."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": _CREATED, "model": model}
    return head | {"choices": choices}


def usage_event(asked: Asked, usage: Any) -> JSON:
    """The chunk that carries the usage alone."""
    return chunk_event(asked.model, []) | {"usage": usage}


def delta_event(model: str, delta: Any, finish: str | None = None, index: int = 0) -> JSON:
    """A chunk with one delta."""
    return chunk_event(model, [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}])


def _choice_events(whole: JSON, choice: JSON) -> Iterator[JSON]:
    model, index, message = whole["model"], choice["index"], choice["message"]
    if message is None:
        yield delta_event(model, None, choice["finish_reason"], index)
        return
    yield delta_event(model, {"role": "assistant", "content": None}, index=index)
    for key in ("content", "refusal"):
        if isinstance(message.get(key), str):
            yield delta_event(model, {key: message[key]}, index=index)
    for key in ("function_call", "tool_calls"):
        if key in message and not message[key]:
            yield delta_event(model, {key: message[key]}, index=index)
    if message.get("function_call"):
        yield delta_event(model, {"function_call": message["function_call"]}, index=index)
    for place, call in enumerate(message.get("tool_calls") or []):
        for delta in call_deltas(call, place):
            yield delta_event(model, {"tool_calls": [delta]}, index=index)
    yield delta_event(model, {}, choice["finish_reason"], index)


def call_deltas(call: JSON, index: int) -> Iterator[JSON]:
    """The deltas of one call: its opening, then its arguments in pieces; a call without text arguments is one delta."""
    function = call.get("function")
    text = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(text, str):
        yield {"index": index, **call}
        return
    yield {"index": index, **call, "function": {**function, "arguments": ""}}
    for piece in pieces_of(text):
        yield {"index": index, "function": {"arguments": piece}}


def carries_call(event: Any) -> bool:
    """Whether an event carries a piece of a call."""
    choices = event.get("choices") if isinstance(event, dict) else None
    deltas = [choice.get("delta") for choice in choices or [] if isinstance(choice, dict)]
    return any(isinstance(delta, dict) and (delta.get("tool_calls") or delta.get("function_call")) for delta in deltas)


def call_of(event: JSON, _count: int) -> Any:
    """What tells the call of an event from the others: its index."""
    delta = event["choices"][0]["delta"]
    return delta["tool_calls"][0].get("index") if delta.get("tool_calls") else 0


def failure(failed: Failure) -> JSON:
    """The error object."""
    return render_failure(failed)
