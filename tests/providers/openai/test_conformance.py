"""The adapter `openai` keeps the laws of the protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan import RateLimited, RequestRejected, Usage
from toolfan.framing.decoder import DONE
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_openai import ChatCompletionsAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USAGE = {
    "prompt_tokens": 81,
    "completion_tokens": 37,
    "total_tokens": 118,
    "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
COUNTED = Usage(81, 37, 118, cache_read_tokens=64, reasoning_tokens=5)


def completion(message: dict[str, Any], reason: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1750000000,
        "model": "gpt-x-2025",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}],
        "usage": USAGE,
    }


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def chunks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream of a completion: each text in two pieces."""
    about = {key: body[key] for key in ("id", "created", "model") if key in body}
    [choice] = body["choices"]
    message = dict(choice["message"])
    calls, deltas = message.pop("tool_calls", None) or [], [{"role": message.pop("role"), "content": None}]
    for key, value in message.items():
        halves = [value[: len(value) // 2], value[len(value) // 2 :]] if isinstance(value, str) else [value]
        deltas += [{key: half} for half in halves if half]
    for at, entry in enumerate(calls):
        text = entry["function"].get("arguments") or ""
        deltas.append({"tool_calls": [{**entry, "index": at, "function": {**entry["function"], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": at, "function": {"arguments": part}}]}
            for part in (text[: len(text) // 2], text[len(text) // 2 :])
        ]
    events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": choice.get("finish_reason")}]})
    events.append({"choices": [], "usage": body.get("usage")})
    return [*({**about, "object": "chat.completion.chunk", **event} for event in events), DONE]


def on_the_wire(events: Sequence[Mapping[str, Any]]) -> bytes:
    lines = ["[DONE]" if event == DONE else json.dumps(event, ensure_ascii=False) for event in events]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def sample(name: str, message: dict[str, Any], reason: str, **said: Any) -> Sample:
    body = completion(message, reason)
    return Sample(name=name, body=body, stream_bytes=on_the_wire(chunks(body)), usage=COUNTED, **said)


TWO = [
    call("call_a", "Weather", '{"location":"Zürich ☔","units":"metric"}'),
    call("call_b", "Weather", '{"location":"Dallas","units":"imperial"}'),
]
CALLED = [
    ("Weather", {"location": "Zürich ☔", "units": "metric"}),
    ("Weather", {"location": "Dallas", "units": "imperial"}),
]
IDS = ["call_a", "call_b"]


class TestOpenAI(AdapterConformance):
    adapter = ChatCompletionsAdapter()
    sdk = ("openai", "httpx", "httpx2")
    key_variable = "OPENAI_API_KEY"
    error_field = False
    samples = (
        sample("two calls", {"content": None, "tool_calls": TWO}, "tool_calls", calls=CALLED, ids=IDS),
        sample(
            "calls and text",
            {"content": "Let me look. ☂", "tool_calls": TWO},
            "tool_calls",
            calls=CALLED,
            ids=IDS,
            text="Let me look. ☂",
        ),
        sample("a text", {"content": "It rains."}, "stop", text="It rains.", stop="end"),
        sample("a refusal", {"content": None, "refusal": "I will not."}, "stop", refusal="I will not.", stop="end"),
        sample(
            "cut",
            {"content": None, "tool_calls": [TWO[0], call("call_b", "Weather", '{"location":"Dal')]},
            "length",
            calls=[CALLED[0], ("Weather", '{"location":"Dal')],
            ids=IDS,
            stop="length",
        ),
        sample(
            "reasoning kept",
            {"content": None, "reasoning_content": "They ask for two.", "tool_calls": TWO},
            "tool_calls",
            calls=CALLED,
            ids=IDS,
        ),
    )
    errors = (
        ErrorSample(
            name="rejected",
            error=RequestRejected,
            body={"error": {"message": "no such tool", "type": "invalid_request_error", "code": None}},
        ),
        ErrorSample(
            name="too fast",
            error=RateLimited,
            events=[
                *chunks(completion({"content": "It"}, "stop"))[:2],
                {"error": {"message": "slow down", "code": "rate_limit_exceeded"}},
            ],
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return chunks(body)
