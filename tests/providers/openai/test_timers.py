"""The SDK's timeouts beside the deadline: of an awaited request none is set that would ring after it."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, call, completion
from pydantic import BaseModel
from toolfan.adapter import WireRequest

# The library that this version of the SDK is built on.
HTTPX: Any = import_module(
    next(name for cls in openai.DefaultHttpxClient.__mro__ if (name := cls.__module__.partition(".")[0])[:5] == "httpx")
)


class City(BaseModel):
    name: str


class Noting:
    """Answers, and notes with which timeouts it was asked."""

    def __init__(self, **options: Any) -> None:
        self.timeouts: list[dict[str, float | None]] = []
        http_client = HTTPX.AsyncClient(transport=HTTPX.MockTransport(self.answer))
        self.sdk = openai.AsyncOpenAI(api_key=KEY, base_url="http://127.0.0.1:1/v1", http_client=http_client, **options)

    def answer(self, request: Any) -> Any:
        self.timeouts.append(request.extensions["timeout"])
        return HTTPX.Response(200, json=completion(call("City", {"name": "Oslo"})))

    def asked(self, **options: Any) -> dict[str, float | None]:
        client = toolfan.from_openai(self.sdk, stop=ONCE)
        assert list(asyncio.run(client.create(model="m", messages=USER, tools=(City,), **options))) == [
            City(name="Oslo")
        ]
        return self.timeouts[-1]


@pytest.mark.parametrize(
    ("own", "deadline", "told"),
    [
        (openai.Timeout(600, connect=5), 600.0, (5, None, None, None)),
        (openai.Timeout(600, connect=5), 3.0, (None, None, None, None)),
        (2, 600.0, (2, 2, 2, 2)),
        (None, 600.0, (None, None, None, None)),
        (openai.Timeout(600, connect=5), None, (5, 600, 600, 600)),
        (None, None, (None, None, None, None)),
    ],
)
def test_no_timer_rings_after_the_deadline(own: Any, deadline: float | None, told: tuple[float | None, ...]) -> None:
    noting = Noting(timeout=own)
    assert noting.asked(deadline=deadline) == dict(zip(("connect", "read", "write", "pool"), told, strict=True))


def test_timeouts_that_are_set_anew_count() -> None:
    noting = Noting(timeout=2)
    assert noting.asked()["read"] == 2
    noting.sdk.timeout = 3
    assert noting.asked()["read"] == 3


def test_a_transport_alone_has_the_timeouts_of_the_sdk() -> None:
    """Without a client of toolfan's nothing else would end it."""
    noting = Noting(timeout=openai.Timeout(600, connect=5))
    transport: Any = toolfan.load_adapter("openai").transport(noting.sdk, use_async=True)
    body = json.loads(json.dumps({"model": "m", "messages": USER}))
    asyncio.run(transport.send(WireRequest("m", body), timeout=9.0, headers={}, query={}))
    assert noting.timeouts == [{"connect": 5, "read": 9.0, "write": 9.0, "pool": 9.0}]


def test_no_connection_is_free() -> None:
    """The only one serves another task: the deadline ends the wait for it."""

    async def is_first_under_way() -> bool:
        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        http_client = HTTPX.AsyncClient(limits=HTTPX.Limits(max_connections=1))
        async with server, openai.AsyncOpenAI(api_key=KEY, base_url=url, http_client=http_client) as sdk:
            client = toolfan.from_openai(sdk, stop=ONCE)

            async def ask(deadline: float) -> None:
                with pytest.raises(toolfan.DeadlineExceeded):
                    await client.create(model="m", messages=USER, tools=(City,), deadline=deadline)

            first = asyncio.create_task(ask(3.0))
            await asyncio.sleep(0.2)
            await ask(0.3)
            under_way = not first.done()
            await first
            return under_way

    assert asyncio.run(is_first_under_way())
