"""Nothing is compiled, rendered or serialised twice for the same tools, however often they are asked for."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import openai
import pytest
import toolfan
import toolfan.tools
import toolfan_openai.codec
from pydantic import BaseModel, TypeAdapter
from toolfan.schema.of_types import TypeSchema

TIMES = 10
# openai 3 is built on httpx2, openai 2 on httpx.
web: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


def answer(request: Any) -> Any:
    """Calls every tool offered, with the arguments that all of them take."""
    tools = json.loads(request.content)["tools"]
    calls = [
        {
            "id": f"call_{at}",
            "type": "function",
            "function": {"name": tool["function"]["name"], "arguments": '{"city": "Oslo"}'},
        }
        for at, tool in enumerate(tools)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return web.Response(200, json={"id": "1", "object": "chat.completion", "choices": [choice]})


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many validators, schemas, and texts of tools have been made."""
    counted: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counts(*args: Any, **options: Any) -> Any:
            counted[name] += 1
            return function(*args, **options)

        return counts

    def encode_json(value: Any) -> bytes:
        counted["texts of tools"] += isinstance(value, list) and bool(value) and "function" in value[0]
        counted["bodies with tools"] += isinstance(value, dict) and "tools" in value
        return encode(value)

    encode = toolfan_openai.codec.encode_json
    monkeypatch.setattr(TypeAdapter, "__init__", counting("validators", TypeAdapter.__init__))
    monkeypatch.setattr(TypeSchema, "generate", counting("schemas", TypeSchema.generate))
    monkeypatch.setattr("toolfan_openai.codec.encode_json", encode_json)
    monkeypatch.setattr("toolfan.http.post_sender.encode_json", encode_json)
    return counted


def tools() -> tuple[Any, ...]:
    """Three tools of three kinds, new ones every time: nothing is known of them yet."""

    class Weather(BaseModel):
        city: str

    @dataclass
    class Search:
        city: str

    def travel(city: str) -> str:
        return city

    return Weather, Search, travel


@pytest.mark.parametrize("azure", [False, True])
def test_each_tool_is_compiled_once(azure: bool, made: Counter[str]) -> None:
    offered = tools()
    http = web.Client(transport=web.MockTransport(answer))
    sdk = (
        openai.AzureOpenAI(azure_endpoint="http://stub", api_version="2024-10-21", api_key="k", http_client=http)
        if azure
        else openai.OpenAI(base_url="http://stub/v1", api_key="k", http_client=http)
    )
    client = toolfan.from_openai(sdk, model="m")
    for _ in range(TIMES):
        assert len(client.create(messages=[{"role": "user", "content": "hi"}], tools=offered)) == 3
    assert made == {"validators": 3, "schemas": 3, "texts of tools": 1, "bodies with tools": 0}


def test_each_tool_is_compiled_once_async(made: Counter[str]) -> None:
    offered = tools()

    async def ask() -> None:
        async with web.AsyncClient(transport=web.MockTransport(answer)) as http:
            sdk = openai.AsyncOpenAI(base_url="http://stub/v1", api_key="k", http_client=http)
            client = toolfan.from_openai(sdk, model="m")
            for _ in range(TIMES):
                assert len(await client.create(messages=[{"role": "user", "content": "hi"}], tools=offered)) == 3

    asyncio.run(ask())
    assert made == {"validators": 3, "schemas": 3, "texts of tools": 1, "bodies with tools": 0}


def test_a_form_is_read_into_the_same_tools_by_every_client(made: Counter[str]) -> None:
    weather, search, _ = tools()
    for _ in range(TIMES):
        http = web.Client(transport=web.MockTransport(answer))
        client = toolfan.from_openai(openai.OpenAI(base_url="http://stub/v1", api_key="k", http_client=http))
        form = Iterable[weather | search]  # type: ignore[valid-type]  # made anew, as in a function's body
        calls = client.create(model="m", messages=[{"role": "user", "content": "hi"}], response_model=form)
        assert [type(call) for call in calls] == [weather, search]
    assert made == {"validators": 2, "schemas": 2, "texts of tools": 1, "bodies with tools": 0}
