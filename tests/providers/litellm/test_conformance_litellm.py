"""The adapter `litellm` keeps the laws of the protocol, with bodies and chunks as LiteLLM writes them."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from toolfan import RateLimited, RequestRejected, Usage
from toolfan.framing.decoder import DONE
from toolfan.testing import AdapterConformance, ErrorSample, Sample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WHY = "toolfan-litellm has an environment of its own"
if find_spec("litellm") is None:
    pytest.skip(f"litellm is not installed: {WHY}", allow_module_level=True)
toolfan_litellm = pytest.importorskip("toolfan_litellm", reason=WHY)

USAGE = {"prompt_tokens": 46, "completion_tokens": 6, "total_tokens": 52}


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"function": {"arguments": arguments, "name": name}, "id": call_id, "type": "function"}


def completion(reason: str, **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "created": 1795267807,
        "model": "any",
        "object": "chat.completion",
        "choices": [
            {"finish_reason": reason, "index": 0, "message": {"content": None, "role": "assistant", **message}}
        ],
        "usage": USAGE,
    }


def chunks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream of a completion."""
    about = {key: body[key] for key in ("id", "created", "model") if key in body}
    [choice] = body["choices"]
    message = dict(choice["message"])
    calls, deltas = message.pop("tool_calls", None) or [], [{"role": message.pop("role")}]
    deltas += [{key: value} for key, value in message.items() if value is not None]
    for at, entry in enumerate(calls):
        text = entry["function"].get("arguments") or ""
        deltas.append({"tool_calls": [{**entry, "index": at, "function": {**entry["function"], "arguments": ""}}]})
        for part in (text[:5], text[5:]):
            deltas.append({"tool_calls": [{"index": at, "type": "function", "function": {"arguments": part}}]})
    events: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": choice.get("finish_reason")}]})
    events.append({"choices": [{"index": 0, "delta": {}}], "usage": body.get("usage")})
    return [*({**about, "object": "chat.completion.chunk", **event} for event in events), DONE]


def sample(name: str, body: dict[str, Any], **said: Any) -> Sample:
    events = chunks(body)
    lines = ["[DONE]" if event == DONE else json.dumps(event) for event in events]
    stream = "".join(f"data: {line}\n\n" for line in lines).encode()
    return Sample(name=name, body=body, stream_bytes=stream, usage=Usage(46, 6, 52), **said)


TWO = [call("call_a", "Weather", '{"location":"Zürich ☔"}'), call("toolu_b", "Weather", '{"location":"Dallas"}')]
CALLED = [("Weather", {"location": "Zürich ☔"}), ("Weather", {"location": "Dallas"})]
THOUGHT = {
    "reasoning_content": "They ask for two.",
    "thinking_blocks": [{"type": "thinking", "thinking": "They ask for two.", "signature": "c2ln"}],
}


class TestLiteLLM(AdapterConformance):
    adapter = toolfan_litellm.LiteLLMAdapter()
    sdk = ("litellm", "openai")
    request_model = "openai/toolfan-model"
    error_field = False
    broken_laws: ClassVar[Mapping[str, str]] = {
        "test_redirects_are_not_followed": "LiteLLM makes its clients follow redirects, and has no switch for it",
        "test_whole_answers_come_as_they_were_sent": "LiteLLM has its own word for why an answer with a server's call "
        "ended, and keeps no thinking blocks of a service with OpenAI's form: the samples are what it gives for others",
        "test_streams_come_as_they_were_sent": "LiteLLM tells the model that was asked for, not that which "
        "answered, and leaves out refusals",
        "test_errors_inside_answers_come_through": "LiteLLM keeps the code and the words of an error inside a whole "
        "answer, and loses its type",
    }
    samples = (
        sample("two calls", completion("tool_calls", tool_calls=TWO), calls=CALLED, ids=["call_a", "toolu_b"]),
        sample(
            "calls and text",
            completion("tool_calls", content="Let me look. ☂", tool_calls=TWO),
            calls=CALLED,
            ids=["call_a", "toolu_b"],
            text="Let me look. ☂",
        ),
        sample("a text", completion("stop", content="It rains."), text="It rains.", stop="end"),
        sample(
            "a search on the server before the calls",
            completion("tool_calls", tool_calls=[call("srvtoolu_a", "web_search", '{"query":"Oslo"}'), *TWO]),
            calls=CALLED,
            ids=["call_a", "toolu_b"],
        ),
        sample(
            "a search on the server and a text",
            completion("stop", content="It rains.", tool_calls=[call("srvtoolu_a", "web_search", '{"query":"Oslo"}')]),
            text="It rains.",
            stop="end",
        ),
        sample("a refusal", completion("stop", refusal="I will not."), refusal="I will not.", stop="end"),
        sample(
            "thinking kept",
            completion("tool_calls", tool_calls=TWO, **THOUGHT),
            calls=CALLED,
            ids=["call_a", "toolu_b"],
        ),
        sample(
            "cut",
            completion("length", tool_calls=[TWO[0], call("toolu_b", "Weather", '{"location":"Dal')]),
            calls=[CALLED[0], ("Weather", '{"location":"Dal')],
            ids=["call_a", "toolu_b"],
            stop="length",
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
                *chunks(completion("stop", content="It"))[:2],
                {"error": {"message": "slow down", "code": "rate_limit_exceeded"}},
            ],
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return chunks(body)
