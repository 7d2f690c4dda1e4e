"""Events whose type is their name alone say what they say with a `type`, in the dialects that have types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import toolfan
from every_provider import CALL, client_of
from loopback import USER, FaultServer, http
from odd_streams import Weather
from toolfan import IncompleteStream, RateLimited

Start = Callable[..., FaultServer]
ARGUMENTS = '{"location": "A"}'
ITEM = {"type": "function_call", "id": "i", "call_id": "a", "name": "Weather"}
BLOCK = {"type": "tool_use", "id": "a", "name": "Weather", "input": {}}
DONE = {"status": "completed", "output": [{**ITEM, "arguments": ARGUMENTS}]}
STREAMS: dict[str, list[dict[str, Any]]] = {
    "anthropic": [
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": BLOCK},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ARGUMENTS}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    ],
    "openai-responses": [
        {"type": "response.created", "response": {"id": "r", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "i", "delta": ARGUMENTS},
        {"type": "response.output_item.done", "output_index": 0, "item": {**ITEM, "arguments": ARGUMENTS}},
        {"type": "response.completed", "response": {"id": "r", **DONE}},
    ],
    "cohere": [
        {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": CALL}}},
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    ],
}


def named(events: list[dict[str, Any]]) -> str:
    """The events with their types in the name alone."""
    rest = ((event["type"], {key: value for key, value in event.items() if key != "type"}) for event in events)
    return "".join(f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in rest)


def asked(faulty: Start, provider: str, content: str) -> toolfan.Calls[Any]:
    server = faulty(http(content, content_type="text/event-stream"))
    with client_of(provider, server.url) as client:
        return client.stream(messages=USER, tools=(Weather,)).until_done()


@pytest.mark.parametrize("provider", STREAMS)
def test_the_name_is_the_type(faulty: Start, provider: str) -> None:
    typed = asked(faulty, provider, "".join(f"data: {json.dumps(event)}\n\n" for event in STREAMS[provider]))
    calls = asked(faulty, provider, named(STREAMS[provider]))
    assert list(calls) == [Weather(location="A")]
    assert (calls.outcomes, calls.stop, calls.warnings) == (typed.outcomes, typed.stop, typed.warnings)
    assert json.loads(json.dumps(calls.raw)) == typed.raw


@pytest.mark.parametrize("provider", STREAMS)
@pytest.mark.parametrize("name", ["message", "content_block_start", "anything"])
def test_a_type_of_its_own_counts_more(faulty: Start, provider: str, name: str) -> None:
    content = "".join(f"event: {name}\ndata: {json.dumps(event)}\n\n" for event in STREAMS[provider])
    assert list(asked(faulty, provider, content)) == [Weather(location="A")]


@pytest.mark.parametrize("provider", STREAMS)
def test_a_stream_of_names_that_is_cut_keeps_the_call(faulty: Start, provider: str) -> None:
    with pytest.raises(IncompleteStream) as caught:
        asked(faulty, provider, named(STREAMS[provider][:-1]))
    assert list(caught.value.calls or ()) == [Weather(location="A")]


@pytest.mark.parametrize("provider", STREAMS)
def test_an_error_that_is_named_is_told(faulty: Start, provider: str) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "slow"}}
    with pytest.raises(RateLimited, match="slow"):
        asked(faulty, provider, named([*STREAMS[provider][:-1], error]))


def test_a_dialect_without_types_has_none_of_names(faulty: Start) -> None:
    choice = {"index": 0, "delta": {"tool_calls": [{"index": 0, **CALL}]}, "finish_reason": "tool_calls"}
    content = f"event: error_free.chunk\ndata: {json.dumps({'choices': [choice]})}\n\n"
    calls = asked(faulty, "openai", content)
    assert list(calls) == [Weather(location="A")]
    assert "type" not in calls.raw
