"""Nothing is dropped in silence: what no call, no text and no error shows, a warning tells; whole and streamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import KEY, ONCE, USER, completion, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

NOTE = "the answer ends with {!r}, but there is no call in it"


class City(BaseModel):
    name: str


def openai_case() -> tuple[Any, dict[str, Any], list[dict[str, Any]], str]:
    import openai

    body = completion(content="Hm.")
    choice = {"index": 0, "delta": {"content": "Hm."}, "finish_reason": "tool_calls"}
    return openai.OpenAI, body, [{**body, "object": "chat.completion.chunk", "choices": [choice]}], "tool_calls"


def anthropic_case() -> tuple[Any, dict[str, Any], list[dict[str, Any]], str]:
    anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
    block = {"type": "text", "text": "Hm."}
    about = {"id": "m1", "type": "message", "role": "assistant", "model": "m", "usage": {}}
    events = [
        {"type": "message_start", "message": {**about, "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
        {"type": "message_stop"},
    ]
    return anthropic.Anthropic, {**about, "content": [block], "stop_reason": "tool_use"}, events, "tool_use"


def cohere_case() -> tuple[Any, dict[str, Any], list[dict[str, Any]], str]:
    cohere = pytest.importorskip("cohere", reason="the cohere SDK is not installed")
    part = {"type": "text", "text": "Hm."}
    body = {"id": "i", "finish_reason": "TOOL_CALL", "message": {"role": "assistant", "content": [part]}}
    events = [
        {"type": "message-start", "id": "i", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": part}}},
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    ]
    return cohere.ClientV2, body, events, "TOOL_CALL"


CASES = {"openai": openai_case, "anthropic": anthropic_case, "cohere": cohere_case}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", CASES)
def test_an_end_in_calls_without_a_call(faulty: Callable[..., Any], provider: str, *, stream: bool) -> None:
    make, body, events, reason = CASES[provider]()
    said = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    sent = http(said, content_type="text/event-stream") if stream else http(json.dumps(body))
    url = faulty(sent).url if provider == "openai" else faulty(sent).url.removesuffix("/v1")
    client = toolfan.wrap(make(api_key=KEY, base_url=url), stop=ONCE)
    asked: dict[str, Any] = {"model": "m", "messages": USER, "tools": (City,)}
    calls = client.stream(**asked).until_done() if stream else client.create(**asked)
    assert (list(calls), calls.text, calls.stop.kind) == ([], "Hm.", "calls")
    assert calls.warnings == (NOTE.format(reason),)
