"""What `stream()` takes and gives before anything is sent: what `create()` takes, and a stream."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, Bench
from pydantic import BaseModel
from toolfan import AsyncCallStream, AsyncClient, CallStream, Client, UsageError


class Weather(BaseModel):
    city: str


ASKED: dict[str, Any] = {"model": "m", "messages": USER, "response_model": Weather}


def async_client(bench: Bench) -> AsyncClient:
    return toolfan.from_openai(openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_stream_takes_what_create_takes(kind: Any) -> None:
    parameters = inspect.signature(kind.stream).parameters
    assert parameters == inspect.signature(kind.create).parameters
    assert list(parameters) == ["self", "messages", "response_model", "tools", "options"]
    assert "CallStream" in (inspect.getdoc(Client.stream) or "")
    assert not inspect.iscoroutinefunction(kind.stream)


@pytest.mark.parametrize("spelling", ["stream", "create", "completions"])
def test_a_stream_comes_before_anything_is_sent(bench: Bench, spelling: str) -> None:
    bench.serve({"text": "x"})
    client = bench.client()
    create = client.create if spelling == "create" else client.chat.completions.create
    with client.stream(**ASKED) if spelling == "stream" else create(**ASKED, stream=True) as stream:
        assert type(stream) is CallStream
        assert bench.bodies == []
        assert stream.until_done().text == "x"
    assert bench.bodies[0]["stream"] is True


@pytest.mark.parametrize("spelling", ["stream", "create", "completions"])
def test_a_stream_of_the_async_client_does_too(bench: Bench, spelling: str) -> None:
    async def main() -> None:
        bench.serve({"text": "x"})
        client = async_client(bench)
        create = client.create if spelling == "create" else client.chat.completions.create
        async with client.stream(**ASKED) if spelling == "stream" else await create(**ASKED, stream=True) as stream:
            assert type(stream) is AsyncCallStream
            assert bench.bodies == []
            assert (await stream.until_done()).text == "x"
        assert bench.bodies[0]["stream"] is True
        await client.sdk_client.close()

    asyncio.run(main())


WRONG = [
    ({"temprature": 0.3}, "temprature= is no option .*Did you mean 'temperature'"),
    ({"max_retries": 3}, "max_attempts="),
    ({"stream": False}, r"stream is False in stream\(\).*call create\(\)"),
    ({"stream": "yes"}, "stream is 'yes'"),
    ({"tools": (Weather,)}, "not both"),
    ({"deadline": "soon"}, "deadline is 'soon'"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_a_wrong_argument_is_refused_at_once(bench: Bench, options: dict[str, Any], message: str) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(UsageError, match=rf"(?s){message}"):
        bench.client().stream(**ASKED, **options)
    with pytest.raises(UsageError, match=rf"(?s){message}"):
        async_client(bench).stream(**ASKED, **options)
    assert bench.bodies == []


def test_stream_true_says_what_is_known_already(bench: Bench) -> None:
    bench.serve({"text": "x"})
    assert bench.client().stream(**ASKED, stream=True).until_done().text == "x"


def test_a_closed_client_streams_nothing(bench: Bench) -> None:
    bench.serve({"text": "x"})
    with bench.client() as client:
        begun = client.stream(**ASKED)
    with pytest.raises(UsageError, match="the client is closed"):
        client.stream(**ASKED)
    with pytest.raises(UsageError, match="the client is closed"):
        next(begun)
    assert bench.bodies == []
