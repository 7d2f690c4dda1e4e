"""Reading a chat completion, as OpenAI documents it and as OpenAI-compatible servers deviate.

Knows: the shape of the answer.  Must not know: requests, the SDK, validation of arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pydantic_core import to_json
from toolfan.assembly import seal
from toolfan.calls import RawCall, StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse
from toolfan.translation import error_from_body

# Source: `finish_reason` in OpenAI's API reference; the others were seen from compatible servers.
STOP_KINDS: Mapping[str, StopKind] = {
    "stop": "end",
    "tool_calls": "calls",
    "function_call": "calls",
    "length": "length",
    "content_filter": "filtered",
    "eos": "end",
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "calls",
    "max_tokens": "length",
    "model_length": "length",
    "refusal": "refused",
    "safety": "filtered",
}

_OBJECT = (dict, Mapping)  # dict first: decoded JSON is one, and the look at Mapping costs ten times as much


def parse_completion(body: Any, *, adapter: str) -> Turn:
    """The turn in a chat completion.

    Raises BadResponse for another shape, or the ProviderError of an error object in the body.  A call is never
    dropped for the stop reason, an odd id or an odd type.
    """
    if not isinstance(body, _OBJECT):
        _bad(adapter, f"the answer is {type(body).__name__}, not an object")
    choices = body.get("choices")
    if body.get("error") and not choices:
        raise error_from_body(body["error"], adapter=adapter)
    if not isinstance(choices, list) or not choices:
        _bad(adapter, "the answer has no choices")
    choice = choices[0]
    if isinstance(choice, _OBJECT) and isinstance(choice.get("error"), _OBJECT):
        raise error_from_body(choice["error"], adapter=adapter)
    message = choice.get("message") if isinstance(choice, _OBJECT) else None
    if not isinstance(message, _OBJECT):
        _bad(adapter, "the answer's first choice has no message")
    calls = _calls(message, adapter)
    text, refusal = _text(message)
    return Turn(
        calls=calls,
        text=text,
        stop=_stop(choice.get("finish_reason"), has_calls=bool(calls)),
        usage=_usage(body.get("usage")),
        refusal=refusal,
        replay=message,
        warnings=_warnings(choices),
        model=_text_or_none(body.get("model")),
        response_id=_text_or_none(body.get("id")),
    )


def _bad(adapter: str, what: str) -> NoReturn:
    raise BadResponse(f"{what}, which is no chat completion", adapter=adapter, hint="Check the base URL.")


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _warnings(choices: list[Any]) -> tuple[str, ...]:
    return () if len(choices) == 1 else (f"the answer has {len(choices)} choices; only the first was read",)


def _stop(reason: Any, *, has_calls: bool) -> StopReason:
    if reason is None:
        return StopReason("none")
    raw = str(reason)
    kind = STOP_KINDS.get(raw.lower(), "other")
    return StopReason("calls" if kind == "end" and has_calls else kind, raw)


def _calls(message: Mapping[str, Any], adapter: str) -> tuple[RawCall, ...]:
    sent = message.get("tool_calls") or ()
    if not isinstance(sent, list | tuple) or not all(isinstance(call, _OBJECT) for call in sent):
        _bad(adapter, "the answer's tool_calls are no list of objects")
    legacy = message.get("function_call")
    if not sent and isinstance(legacy, _OBJECT):
        sent = ({"function": legacy},)
    return seal(_pieces(_in_order(sent)))


def _in_order(sent: Any) -> Any:
    indices = [call.get("index") for call in sent]
    if all(type(index) is int for index in indices) and len(set(indices)) == len(indices):
        return sorted(sent, key=lambda call: call["index"])
    return sent


def called(sent: Any) -> list[Mapping[str, Any]]:
    """The entries of `tool_calls` that became calls, in call order: phantoms are left out."""
    return [call for call in _in_order(sent) if any(_pieces((call,)))]


def _pieces(sent: Any) -> Iterator[tuple[str | None, str, str]]:
    for call in sent:
        function = call.get("function")
        if not isinstance(function, _OBJECT):
            custom = call.get("custom")
            function = (
                {"name": custom.get("name"), "arguments": custom.get("input")} if isinstance(custom, Mapping) else {}
            )
        name, arguments = function.get("name"), function.get("arguments")
        if not name and arguments in (None, "", "{}", {}):
            continue  # a phantom beside text
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else to_json(arguments, inf_nan_mode="constants").decode()
        call_id = call.get("id")
        yield (call_id if isinstance(call_id, str) or call_id is None else str(call_id)), str(name or ""), arguments


def _text(message: Mapping[str, Any]) -> tuple[str, str | None]:
    """The text, and the refusal if there is one; content may also be a list of parts."""
    content, refusal = message.get("content"), message.get("refusal")
    refusals = [refusal] if isinstance(refusal, str) and refusal else []
    if isinstance(content, str):
        return content, "".join(refusals) or None
    texts = []
    for part in content if isinstance(content, list) else ():
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Mapping):
            if isinstance(part.get("text"), str) and part.get("type") in (None, "text", "output_text"):
                texts.append(part["text"])
            if isinstance(part.get("refusal"), str):
                refusals.append(part["refusal"])
    return "".join(texts), "".join(refusals) or None


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, _OBJECT):
        return Usage()
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    sent, received = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=_count(usage, "total_tokens") or sent + received,
        cache_read_tokens=_count(prompt, "cached_tokens"),
        cache_write_tokens=_count(prompt, "cache_write_tokens"),
        reasoning_tokens=_count(completion, "reasoning_tokens"),
    )


def _count(table: Any, key: str) -> int:
    value = table.get(key) if isinstance(table, _OBJECT) else None
    return int(value) if isinstance(value, int | float) and -1 < value < 2**63 else 0
