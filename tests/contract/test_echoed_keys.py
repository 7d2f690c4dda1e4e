"""A good answer that sends the key back: what is kept of it is without the key, but for what the model itself says."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import FaultServer, call, completion, http
from pydantic import BaseModel

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
    servers: list[FaultServer] = []
    clients: list[Any] = []

    def ask(name: str) -> toolfan.Calls[City]:
        servers.append(FaultServer(http(json.dumps(answer(name)))))
        clients.append(client(servers[-1].url))
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


def test_what_the_model_says_stays_as_it_is(asked: Callable[[str], toolfan.Calls[City]]) -> None:
    assert list(asked(KEY)) == [City(name=KEY)]
