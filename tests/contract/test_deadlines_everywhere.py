"""Every provider through its real SDK, sync and async, against servers that hang or drip: control returns on time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import KEY, ONCE, USER, until
from pydantic import BaseModel
from toolfan.drivers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
DEADLINE = 0.3
LATEST = 3.0
"""Seconds: the deadline, and as much again for threads that end with grace and for a busy machine."""
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nconnection: close\r\n"
EVENTS = b"text/event-stream"


class City(BaseModel):
    name: str


def openai_client(url: str, *, use_async: bool) -> Any:
    import openai

    return (openai.AsyncOpenAI if use_async else openai.OpenAI)(api_key=KEY, base_url=url)


def azure_client(url: str, *, use_async: bool) -> Any:
    import openai

    make = openai.AsyncAzureOpenAI if use_async else openai.AzureOpenAI
    return make(api_key=KEY, azure_endpoint=url, api_version="2024-10-21")


def anthropic_client(url: str, *, use_async: bool) -> Any:
    anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
    return (anthropic.AsyncAnthropic if use_async else anthropic.Anthropic)(api_key=KEY, base_url=url)


def cohere_client(url: str, *, use_async: bool) -> Any:
    cohere = pytest.importorskip("cohere", reason="the cohere SDK is not installed")
    return (cohere.AsyncClientV2 if use_async else cohere.ClientV2)(api_key=KEY, base_url=url)


def gemini_client(url: str, *, use_async: bool) -> Any:
    genai = pytest.importorskip("google.genai", reason="google-genai is not installed")
    return genai.Client(api_key=KEY, http_options={"base_url": url})


def bedrock_client(url: str, *, use_async: bool) -> Any:
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    about = {"region_name": "us-east-1", "aws_access_key_id": "id", "aws_secret_access_key": KEY}
    return boto3.client("bedrock-runtime", endpoint_url=url, **about)


PROVIDERS: dict[str, Callable[..., Any]] = {
    "openai": openai_client,
    "openai-responses": openai_client,
    "azure": azure_client,
    "anthropic": anthropic_client,
    "cohere": cohere_client,
    "gemini": gemini_client,
    "bedrock": bedrock_client,
}


def silent(handler: BaseHTTPRequestHandler) -> None:
    until_left(handler, b"")


def dripping_head(handler: BaseHTTPRequestHandler) -> None:
    until_left(handler, HEAD % b"application/json" + b"x-more: ", b"a")


def dripping_body(handler: BaseHTTPRequestHandler) -> None:
    until_left(handler, HEAD % b"application/json" + b"\r\n", b" ")


def dripping_events(handler: BaseHTTPRequestHandler) -> None:
    until_left(handler, HEAD % EVENTS + b"\r\n", b": ping\n\n")


released = Event()


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """What cannot be ended counts against later tests: the server lets it go."""
    released.clear()
    before = workers.pool.abandoned
    yield
    released.set()
    until(lambda: workers.pool.abandoned <= before, 10)


def until_left(handler: BaseHTTPRequestHandler, first: bytes, again: bytes = b"") -> None:
    """At most ten seconds: then the client would have been late long ago."""
    with suppress(OSError):
        handler.wfile.write(first)
        for _ in range(100):
            handler.wfile.write(again)
            handler.wfile.flush()
            if released.wait(0.1):
                return


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("use_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("fault", [silent, dripping_head, dripping_body, dripping_events], ids=lambda f: f.__name__)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_control_returns_on_time(
    provider: str, fault: Callable[..., None], faulty: Any, *, use_async: bool, streams: bool
) -> None:
    sdk = PROVIDERS[provider](faulty(fault).url.removesuffix("/v1"), use_async=use_async)
    wrap: Any = toolfan.wrap_async if use_async else toolfan.wrap
    client = wrap(sdk, adapter="openai" if provider == "azure" else provider, stop=ONCE)
    asked: dict[str, Any] = {"model": "m", "messages": USER, "tools": (City,), "deadline": DEADLINE}
    started = time.monotonic()
    with pytest.raises(toolfan.DeadlineExceeded) as caught:
        asyncio.run(_awaited(client, asked, streams=streams)) if use_async else _waited(client, asked, streams=streams)
    assert time.monotonic() - started < LATEST
    assert KEY not in repr(caught.value)


def _waited(client: Any, asked: dict[str, Any], *, streams: bool) -> Any:
    return client.stream(**asked).until_done() if streams else client.create(**asked)


async def _awaited(client: Any, asked: dict[str, Any], *, streams: bool) -> Any:
    if streams:
        return await client.stream(**asked).until_done()
    return await client.create(**asked)
