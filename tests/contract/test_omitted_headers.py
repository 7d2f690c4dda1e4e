"""A header that a call leaves out, by the `Omit()` of the SDK: it does not reach the service, and is no fault."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest
import toolfan
from every_provider import client_of
from loopback import KEY, USER, Bench
from toolfan.testing.recording import RecordingAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

HOUSE = "house-value-0815"
KINDS = ("openai", "openai-responses", "anthropic")
OMITS: dict[str, Any] = {"openai": openai.Omit, "openai-responses": openai.Omit, "anthropic": anthropic.Omit}


def lookup(x: int) -> int:
    return x


def answering(bench: Bench) -> str:
    """A server's address, for the SDKs."""
    server = bench.serve({"times": "always", "calls": [{"name": "lookup", "arguments": {"x": 1}}]})
    return str(server.base_url)


def made(kind: str, url: str, **options: Any) -> Any:
    """A client of the SDK, by its class: `AsyncOpenAI` and so on."""
    package: Any = anthropic if "Anthropic" in kind else openai
    address = url if package is anthropic else f"{url}/v1"
    return getattr(package, kind)(api_key=KEY, base_url=address, default_headers={"X-House": HOUSE}, **options)


def asked(adapter: Any, url: str, headers: Mapping[str, Any], *, use_async: bool, streams: bool) -> int:
    """How many calls came."""
    kind = ("Async" if use_async else "") + ("Anthropic" if adapter == "anthropic" else "OpenAI")
    given: dict[str, Any] = {"messages": USER, "tools": (lookup,), "model": "m", "extra_headers": headers}

    async def ask() -> int:
        async with made(kind, url) as sdk:
            client = toolfan.wrap_async(sdk, adapter=adapter)
            if streams:
                return len(await client.stream(**given).until_done())
            return len(await client.create(**given))

    if use_async:
        return asyncio.run(ask())
    with made(kind, url) as sdk:
        client = toolfan.wrap(sdk, adapter=adapter)
        return len(client.stream(**given).until_done() if streams else client.create(**given))


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("adapter", KINDS)
def test_it_does_not_go_out(bench: Bench, adapter: str, use_async: bool, streams: bool) -> None:
    url = answering(bench)
    for headers, house in (
        ({}, HOUSE),
        ({"X-House": OMITS[adapter](), "x-mine": "1"}, None),
        ({"X-House": "mine"}, "mine"),
    ):
        assert asked(adapter, url, headers, use_async=use_async, streams=streams) == 1
        assert bench.server.requests[-1].headers.get("x-house") == house
    assert bench.server.requests[1].headers["x-mine"] == "1"


@pytest.mark.parametrize("streams", [False, True])
def test_nor_while_it_is_recorded(bench: Bench, streams: bool) -> None:
    adapter, headers = RecordingAdapter(toolfan.load_adapter("openai")), {"X-House": openai.Omit()}
    assert asked(adapter, answering(bench), headers, use_async=False, streams=streams) == 1
    assert "x-house" not in bench.server.requests[-1].headers


def test_the_key_may_be_left_out(bench: Bench) -> None:
    url = answering(bench)
    with pytest.raises(toolfan.AuthenticationError):
        asked("openai", url, {"Authorization": openai.omit}, use_async=False, streams=False)
    assert "authorization" not in bench.server.requests[0].headers


def test_an_error_beside_it_is_told(bench: Bench) -> None:
    bench.serve({"error": {"status": 400, "message": "No."}})
    with pytest.raises(toolfan.RequestRejected, match="No") as caught:
        asked("openai", str(bench.server.base_url), {"X-House": openai.Omit()}, use_async=False, streams=False)
    assert copy.deepcopy(caught.value) == caught.value


@pytest.mark.parametrize(
    ("adapter", "value"),
    [
        ("openai", anthropic.Omit()),
        ("anthropic", openai.Omit()),
        ("openai", openai.Omit),
        ("openai", None),
        ("cohere", openai.Omit()),
        ("gemini", openai.Omit()),
        ("bedrock", openai.Omit()),
    ],
)
def test_elsewhere_it_is_no_header(adapter: str, value: Any) -> None:
    with (
        client_of(adapter, "http://127.0.0.1:9") as client,
        pytest.raises(toolfan.UsageError, match="extra_headers holds 'x-house', which cannot be sent"),
    ):
        client.create(messages=USER, tools=(lookup,), model="m", extra_headers={"x-house": value})
