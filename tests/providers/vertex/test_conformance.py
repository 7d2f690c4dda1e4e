"""The adapters `vertex` and `gemini` keep the laws of the protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan import RateLimited, RequestRejected, Usage
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_vertex.codec import GEMINI, VERTEX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ABOUT = {
    "usageMetadata": {
        "promptTokenCount": 40,
        "candidatesTokenCount": 12,
        "totalTokenCount": 57,
        "thoughtsTokenCount": 5,
    },
    "modelVersion": "gemini-x",
    "responseId": "r1",
}
COUNTED = Usage(40, 17, 57, reasoning_tokens=5)


def chunks(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream of an answer, each part in a chunk of its own, the finish reason and the counts in the last."""
    about = {key: value for key, value in body.items() if key != "candidates"}
    [candidate] = body["candidates"]
    rest = {key: value for key, value in candidate.items() if key != "content"}
    content = candidate["content"]
    events: list[dict[str, Any]] = [
        {"candidates": [{"content": {**content, "parts": [part]}}]} for part in content["parts"]
    ]
    return [*events, {"candidates": [rest], **about}]


def sample(name: str, *parts: Mapping[str, Any], reason: str = "STOP", **said: Any) -> Sample:
    body = {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}], **ABOUT}
    lines = [f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n" for event in chunks(body)]
    return Sample(name=name, body=body, stream_bytes="".join(lines).encode(), usage=COUNTED, **said)


def call(call_id: str | None, arguments: Any, **beside: Any) -> dict[str, Any]:
    about = {"id": call_id} if call_id else {}
    return {"functionCall": {**about, "name": "Weather", "args": arguments}, **beside}


ZURICH, DALLAS = {"location": "Zürich ☔", "units": "metric"}, {"location": "Dallas", "units": "imperial"}
CALLED = [("Weather", ZURICH), ("Weather", DALLAS)]
SAMPLES = (
    sample("two calls", call("a", ZURICH), call("b", DALLAS), calls=CALLED, ids=["a", "b"]),
    sample(
        "signed calls without ids, and text",
        {"text": "They want two.", "thought": True},
        {"text": "Let me look. ☂"},
        call(None, ZURICH, thoughtSignature="c2lnbmVk"),
        call(None, DALLAS),
        calls=CALLED,
        ids=[None, None],
        text="Let me look. ☂",
    ),
    sample("a text", {"text": "It rains."}, text="It rains.", stop="end"),
    sample(
        "cut after a call",
        call("a", ZURICH),
        {"text": "and th"},
        reason="MAX_TOKENS",
        calls=CALLED[:1],
        ids=["a"],
        text="and th",
        stop="length",
    ),
)
BUSY = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
ERRORS = (
    ErrorSample(
        name="rejected",
        error=RequestRejected,
        body={"error": {"code": 400, "message": "no such field", "status": "INVALID_ARGUMENT"}},
    ),
    ErrorSample(
        name="busy",
        error=RateLimited,
        events=[{"candidates": [{"content": {"role": "model", "parts": [{"text": "It"}]}}]}, BUSY],
    ),
)
SDK = ("google.genai", "vertexai", "google.cloud.aiplatform")
NAMED_KEY = {"api_key_env": "VERTEX_KEY"}
OPTIONS = {"labels": {"team": "search"}}


class TestVertex(AdapterConformance):
    adapter = VERTEX
    samples = SAMPLES
    errors = ERRORS
    sdk = SDK
    key_variable = "VERTEX_KEY"
    stream_field = False
    model_field = False
    settings = NAMED_KEY
    options = OPTIONS

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return chunks(body)


class TestGemini(AdapterConformance):
    adapter = GEMINI
    plugin = "toolfan_vertex.gemini"
    samples = SAMPLES
    errors = ERRORS
    sdk = SDK
    key_variable = "GEMINI_API_KEY"
    stream_field = False
    model_field = False
    options = OPTIONS

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return chunks(body)
