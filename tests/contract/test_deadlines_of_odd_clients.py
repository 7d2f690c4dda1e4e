"""Clients of a user's own making, whose HTTP client waits for something else than a socket: the deadline holds."""

from __future__ import annotations

import socket
import time
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, call, completion, http, until
from pydantic import BaseModel
from toolfan.drivers import workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler

# The library that this version of the SDK is built on.
HTTPX: Any = import_module(
    next(name for cls in openai.DefaultHttpxClient.__mro__ if (name := cls.__module__.partition(".")[0])[:5] == "httpx")
)


class City(BaseModel):
    name: str


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    before = workers.pool.abandoned
    yield
    until(lambda: workers.pool.abandoned <= before, 10)


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(4)


def late_by(client: toolfan.Client, deadline: float) -> float:
    """Seconds, after the deadline, in which control came back."""
    started = time.monotonic()
    with pytest.raises(toolfan.DeadlineExceeded):
        client.create(model="m", messages=USER, tools=(City,), deadline=deadline)
    return time.monotonic() - started - deadline


def client_of(url: str, **options: Any) -> toolfan.Client:
    return toolfan.from_openai(openai.OpenAI(api_key=KEY, base_url=url, **options), stop=ONCE)


def test_a_transport_that_connects_again_and_again() -> None:
    with socket.socket() as bound:  # nobody listens
        bound.bind(("127.0.0.1", 0))
        transport = HTTPX.HTTPTransport(retries=10)
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        client = client_of(url, http_client=HTTPX.Client(transport=transport))
        assert late_by(client, 1.5) < 1


def test_an_authentication_that_waits(faulty: Callable[..., Any]) -> None:
    class Auth(HTTPX.Auth):  # type: ignore[misc]
        def auth_flow(self, request: Any) -> Any:
            time.sleep(3)
            yield request

    client = client_of(faulty(http("{}")).url, http_client=HTTPX.Client(auth=Auth()))
    assert late_by(client, 0.5) < 1
    later = HTTPX.Client()
    client = client_of(faulty(http("{}")).url, http_client=later)
    later.auth = Auth()
    assert late_by(client, 0.5) < 1


@pytest.mark.parametrize(
    "timeout", [600, None, 1.0, openai.Timeout(0.9, pool=None), openai.Timeout(2, pool=30)], ids=str
)
def test_no_connection_is_free(faulty: Callable[..., Any], timeout: Any) -> None:
    """The only one serves another thread."""
    http_client = HTTPX.Client(limits=HTTPX.Limits(max_connections=1))
    client = client_of(faulty(hang).url, http_client=http_client, timeout=timeout)
    wide = client_of(client.sdk_client.base_url, http_client=http_client)
    other = Thread(target=late_by, args=(wide, 3.0))
    other.start()
    time.sleep(0.2)
    assert late_by(client, 0.5) < 1
    other.join()


def test_threads_that_share_a_connection_wait_for_each_other_elsewhere(bench: Any) -> None:
    """Over HTTP/2 the sockets alone cannot keep the deadline: the request goes to a worker."""
    bench.serve({"body": {"content": completion(call("City", {"name": "Oslo"}))}})
    transport = HTTPX.HTTPTransport()
    transport._pool._http2 = True
    with openai.OpenAI(
        api_key=KEY, base_url=bench.server.openai_url, http_client=HTTPX.Client(transport=transport)
    ) as sdk:
        inner: Any = toolfan.load_adapter("openai").transport(sdk, use_async=False)
        assert not inner.keeps_deadline
        plain: Any = toolfan.load_adapter("openai").transport(bench.sdk(), use_async=False)
        assert plain.keeps_deadline
