"""What comes is no HTTP: each library that reads HTTP tells it as that, once, not as a connection or a key that fails.

Raw answers in other forms than those of the fault server, for each provider's real SDK.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import PROVIDERS, client_of
from google_asking import WARNINGS, GoogleClients, need
from loopback import USER, http
from pydantic import BaseModel
from tenacity import wait_none
from toolfan import BadResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import FaultServer

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
NO_HTTP = {
    "no status": b"HTTP/1.1 abc OK\r\ncontent-length: 2\r\n\r\n{}",
    "a page at once": b"<html>\r\n\r\n</html>",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "a list of lengths": HEAD + b"content-length: 2, 3\r\n\r\n{}",
}


class Weather(BaseModel):
    location: str


@pytest.fixture(autouse=True)
def _urllib3_leaves_its_socket_to_the_garbage_collector() -> Iterator[None]:
    """When two lengths came; elsewhere nobody is to hear of it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def held(answer: bytes) -> Any:
    """Sends this and waits until the client has left: aiohttp may see the end of a connection before what came."""

    def send(handler: Any) -> None:
        handler.wfile.write(answer)
        handler.connection.settimeout(10)
        handler.rfile.read(1)

    return send


def told(client: Any, server: FaultServer, run: Callable[[Any], Any]) -> toolfan.ProviderError:
    """The error of a call that was made once."""
    with pytest.raises(toolfan.ToolfanError) as caught:
        run(lambda: client.create(messages=USER, tools=(Weather,)))
    assert isinstance(caught.value, toolfan.ProviderError)
    assert len(server.requests) == caught.value.requests
    return caught.value


@pytest.mark.parametrize("answer", NO_HTTP.values(), ids=NO_HTTP)
@pytest.mark.parametrize("provider", [one for one in PROVIDERS if one != "gemini"])
def test_it_is_told_and_not_asked_for_again(faulty: Callable[..., FaultServer], provider: str, answer: bytes) -> None:
    server = faulty(held(answer))
    with client_of(provider, server.url, stop=None, wait=wait_none()) as client:
        error = told(client, server, lambda ask: ask())
    assert (type(error), error.requests, error.retryable) == (BadResponse, 1, False)
    assert "no HTTP that can be read" in str(error)


def of_google(kind: str, server: FaultServer) -> toolfan.ProviderError:
    """What a call through one of Google's clients ends with."""
    need(kind)
    with contextlib.ExitStack() as stack:
        google = GoogleClients(kind, server.url.removesuffix("/v1"), stack)
        return told(google.client("m"), server, google.run)


@pytest.mark.parametrize("answer", NO_HTTP.values(), ids=NO_HTTP)
@pytest.mark.parametrize("kind", ["gemini", "gemini async", "rest"])
def test_it_is_told_by_googles_clients(faulty: Callable[..., FaultServer], kind: str, answer: bytes) -> None:
    """aiohttp and requests: of two lengths the latter says what it says of a key with a line break."""
    error = of_google(kind, faulty(held(answer)))
    assert (type(error), error.requests, error.retryable) == (BadResponse, 1, False)
    assert "no HTTP that can be read" in str(error)


@pytest.mark.skipif(not importlib.util.find_spec("aiohttp"), reason="aiohttp is not installed")
@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        HEAD + b"x: y\r\n" * 1000 + b"content-length: 2\r\n\r\n{}",
    ],
    ids=["a length and chunks", "a thousand headers"],
)
def test_what_aiohttp_alone_does_not_read_is_not_asked_for_again(
    faulty: Callable[..., FaultServer], answer: bytes
) -> None:
    error = of_google("gemini async", faulty(held(answer)))
    assert (type(error), error.requests, error.retryable) == (BadResponse, 1, False)


@pytest.mark.skipif(not importlib.util.find_spec("aiohttp"), reason="aiohttp is not installed")
@pytest.mark.skipif(bool(importlib.util.find_spec("brotli")), reason="brotli is installed")
def test_an_encoding_that_aiohttp_does_not_undo_is_an_answer_that_cannot_be_read(
    faulty: Callable[..., FaultServer],
) -> None:
    """As with the other clients; the connection is sound."""
    error = of_google("gemini async", faulty(held(http(b"\x0b\x02\x80{}\x03", content_encoding="br"))))
    assert (type(error), error.requests) == (BadResponse, 3)
    assert "Can not decode content-encoding" in str(error)
