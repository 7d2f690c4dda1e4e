"""Streams of another service, or of nothing: what came is shown, and what to check, as of such whole answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from every_provider import client_of
from loopback import KEY, USER, FaultServer, http
from odd_streams import Weather
from toolfan import BadResponse, IncompleteStream

Start = Callable[..., FaultServer]
PROVIDERS = ("openai", "openai-responses", "anthropic", "cohere", "gemini")
CALL = {"function": {"name": "Weather", "arguments": {"location": "A"}}}
FORMS: dict[str, dict[str, Any]] = {
    "ollama": {"model": "q", "message": {"role": "assistant", "content": "", "tool_calls": [CALL]}, "done": False},
    "cloudflare": {"response": "", "tool_calls": [{"name": "Weather", "arguments": {"location": "A"}}]},
    "openai": {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hi."}, "finish_reason": "stop"}]},
    "openai-responses": {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
    "anthropic": {"type": "message_start", "message": {"id": "m", "content": []}},
    "gemini": {"candidates": [{"content": {"parts": [{"text": "Hi."}]}, "finishReason": "STOP"}]},
    "cohere": {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
}
OTHERS = [(one, form) for one in PROVIDERS for form in FORMS if form != one and (one, form) != ("cohere", "ollama")]
"""Cohere's whole answers have the `message` of Ollama's."""


def events(*values: Any) -> bytes:
    body = "".join(f"data: {json.dumps(value)}\n\n" for value in values)
    return http(body, content_type="text/event-stream")


@pytest.mark.parametrize(("provider", "form"), OTHERS)
def test_the_first_event_is_shown(faulty: Start, provider: str, form: str) -> None:
    told = {**FORMS[form], "note": f"for {KEY}"}
    server = faulty(events(told, {**told, "note": "second"}))
    with client_of(provider, server.url) as client, pytest.raises(BadResponse) as caught:
        client.stream(messages=USER, tools=(Weather,)).until_done()
    said = str(caught.value)
    assert f"the stream has no event of this interface; the first is {json.dumps(FORMS[form])[:12]}".replace(
        " ", ""
    ) in (said.replace(" ", ""))
    assert "Check the base URL" in said
    assert KEY not in said
    assert "second" not in said
    assert (len(server.requests), caught.value.retryable) == (1, True)


@pytest.mark.parametrize("where", ["message", "delta", "response"])
def test_a_key_that_is_sent_back_is_not_shown(faulty: Start, where: str) -> None:
    """Also where an answer of this interface would have the model's words."""
    with (
        client_of("openai", faulty(events({where: {"content": KEY}})).url) as client,
        pytest.raises(BadResponse) as caught,
    ):
        client.stream(messages=USER, tools=(Weather,)).until_done()
    assert KEY not in str(caught.value)
    assert f'{{"{where}":' in str(caught.value)


@pytest.mark.parametrize("provider", [*PROVIDERS, "bedrock"])
def test_a_stream_of_nothing_says_what_to_do(faulty: Start, provider: str) -> None:
    with client_of(provider, faulty(events()).url) as client, pytest.raises(IncompleteStream) as caught:
        client.stream(messages=USER, tools=(Weather,)).until_done()
    assert "the stream ended without an answer" in str(caught.value)
    assert "look at the server's log" in str(caught.value)


def test_a_stream_that_is_cut_before_it_said_anything_says_so(faulty: Start) -> None:
    begun = {"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning": "hm"}, "finish_reason": None}]}
    for first, what in ((begun, "before the answer was complete"), ({"choices": []}, "without an answer")):
        with client_of("openai", faulty(events(first)).url) as client, pytest.raises(IncompleteStream) as caught:
            client.stream(messages=USER, tools=(Weather,)).until_done()
        assert what in str(caught.value)
        assert caught.value.hint


CHUNK = {"id": "c", "object": "chat.completion.chunk", "model": "m"}
CUT: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "a chunk without choices": ("openai", [CHUNK, {**CHUNK, "choices": [{"index": 0, "delta": {"content": ""}}]}]),
    "choices after something else": ("openai", [{"note": 1}, {"choices": [{"index": 0, "delta": {"content": ""}}]}]),
    "a sign of life": ("openai-responses", [FORMS["openai-responses"], {"type": "keepalive"}]),
    "a sign of life alone": ("openai-responses", [{"type": "keepalive"}]),
    "a ping alone": ("openai", [{"type": "ping"}]),
    "no candidate yet": ("gemini", [{"candidates": []}]),
    "an event of tomorrow": (
        "anthropic",
        [{"type": "news"}, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}],
    ),
}


@pytest.mark.parametrize("form", CUT)
def test_a_stream_of_this_interface_that_is_cut_is_incomplete(faulty: Start, form: str) -> None:
    provider, said = CUT[form]
    with client_of(provider, faulty(events(*said)).url) as client, pytest.raises(IncompleteStream):
        client.stream(messages=USER, tools=(Weather,)).until_done()
