"""A good answer that sends the key back: what is kept of it is without the key, but for what the model itself says."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import FaultServer, call, completion, http
from pydantic import BaseModel
from toolfan.http.keyless import KeylessDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "planted-key-0123456789abcdef"
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "?"}], "model": "m"}


class City(BaseModel):
    name: str


def openai_client(url: str) -> Any:
    import openai

    return toolfan.from_openai(openai.OpenAI(api_key=KEY, base_url=url))


def openai_answer(name: str) -> dict[str, Any]:
    return {**completion(call("City", {"name": name})), "model": f"m-{KEY}", "odd": [f"Bearer {KEY}"]}


def anthropic_client(url: str) -> Any:
    anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
    return toolfan.wrap(anthropic.Anthropic(api_key=KEY, base_url=url))


def anthropic_answer(name: str) -> dict[str, Any]:
    block = {"type": "tool_use", "id": "t1", "name": "City", "input": {"name": name}}
    about = {"id": "m1", "type": "message", "role": "assistant", "stop_reason": "tool_use", "usage": {}}
    return {**about, "model": f"m-{KEY}", "content": [block], "odd": [f"Bearer {KEY}"]}


def gemini_client(url: str) -> Any:
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed")
    return toolfan.wrap(genai.Client(api_key=KEY, http_options={"base_url": url}), adapter="gemini")


def gemini_answer(name: str) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"functionCall": {"name": "City", "args": {"name": name}}}]}
    candidate = {"content": content, "finishReason": "STOP"}
    return {"candidates": [candidate], "modelVersion": f"m-{KEY}", "odd": [f"Bearer {KEY}"]}


def cohere_client(url: str) -> Any:
    cohere = pytest.importorskip("cohere", reason="the cohere SDK is not installed")
    return toolfan.wrap(cohere.ClientV2(api_key=KEY, base_url=url))


def cohere_answer(name: str) -> dict[str, Any]:
    message = {"role": "assistant", "tool_calls": [call("City", {"name": name})]}
    return {"id": f"i-{KEY}", "finish_reason": "TOOL_CALL", "message": message, "odd": [f"Bearer {KEY}"]}


def openai_events(name: str) -> list[dict[str, Any]]:
    whole = openai_answer(name)
    choice = {"index": 0, "delta": whole["choices"][0]["message"], "finish_reason": "tool_calls"}
    return [{**whole, "object": "chat.completion.chunk", "choices": [choice]}]


def anthropic_events(name: str) -> list[dict[str, Any]]:
    whole = anthropic_answer(name)
    return [
        {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": whole["content"][0]},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {}},
        {"type": "message_stop"},
    ]


def gemini_events(name: str) -> list[dict[str, Any]]:
    return [gemini_answer(name)]


def cohere_events(name: str) -> list[dict[str, Any]]:
    whole = cohere_answer(name)
    tool_call = whole["message"]["tool_calls"][0]
    return [
        {"type": "message-start", "id": whole["id"], "delta": {"message": {"role": "assistant"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": tool_call}}},
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": {}}},
    ]


EVENTS = {
    "openai": openai_events,
    "anthropic": anthropic_events,
    "gemini": gemini_events,
    "cohere": cohere_events,
}
PROVIDERS: dict[str, tuple[Callable[[str], Any], Callable[[str], dict[str, Any]]]] = {
    "openai": (openai_client, openai_answer),
    "anthropic": (anthropic_client, anthropic_answer),
    "gemini": (gemini_client, gemini_answer),
    "cohere": (cohere_client, cohere_answer),
}


@pytest.fixture(params=PROVIDERS)
def asked(request: pytest.FixtureRequest) -> Iterator[Callable[[str], toolfan.Calls[City]]]:
    """`asked(name)`: the calls of a model that names this city, from a server that echoes the key."""
    client, answer = PROVIDERS[request.param]
    events_of = EVENTS[request.param]
    servers: list[FaultServer] = []
    clients: list[Any] = []

    def ask(name: str, *, stream: bool = False) -> toolfan.Calls[City]:
        events = "".join(f"data: {json.dumps(event)}\n\n" for event in events_of(name))
        sent = http(events, content_type="text/event-stream") if stream else http(json.dumps(answer(name)))
        servers.append(FaultServer(sent))
        clients.append(client(servers[-1].url))
        if stream:
            return clients[-1].stream(**ASKED, tools=(City,)).until_done()  # type: ignore[no-any-return]
        return clients[-1].create(**ASKED, tools=(City,))  # type: ignore[no-any-return]

    yield ask
    for one in clients:
        if hasattr(one.sdk_client, "close"):
            one.sdk_client.close()
    for server in servers:
        server.close()


def test_a_key_beside_the_model_s_words_is_not_kept(asked: Callable[[str], toolfan.Calls[City]]) -> None:
    calls = asked("Oslo")
    assert list(calls) == [City(name="Oslo")]
    assert calls.raw["odd"] == ["Bearer ***"]
    for shown in (repr(calls), str(calls.raw), str(calls.model), calls.to_json()):
        assert KEY not in shown
    assert KEY.encode() not in pickle.dumps(calls)


def test_nor_one_in_a_stream(asked: Callable[..., toolfan.Calls[City]]) -> None:
    calls = asked("Oslo", stream=True)
    assert list(calls) == [City(name="Oslo")]
    assert "***" in str(calls.raw)
    assert KEY not in str(calls.raw)
    assert KEY.encode() not in pickle.dumps(calls)


@pytest.mark.parametrize("spelled", [KEY, "".join(f"\\u{ord(char):04x}" for char in KEY)])
def test_wherever_the_bytes_are_cut(spelled: str) -> None:
    data = f'data: {{"odd": "{spelled}", "delta": "{spelled}"}}\n\ndata: {{"id": "m-{spelled}"}}\n\n'.encode()
    for cut in range(len(data)):
        about: dict[str, Any] = {"adapter": "a", "content_type": None, "secrets": (KEY,)}
        decoder = KeylessDecoder(**about, keys=(KEY,), words=frozenset({"delta"}))
        events = [*decoder.feed(data[:cut]), *decoder.feed(data[cut:]), *decoder.close()]
        assert events == [{"odd": "***", "delta": KEY}, {"id": "m-***"}]


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_model_says_stays_as_it_is(asked: Callable[..., toolfan.Calls[City]], *, stream: bool) -> None:
    assert list(asked(KEY, stream=stream)) == [City(name=KEY)]
