"""On a client that toolfan made, a request that passed its deadline ends: the server sees the connection close."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, FaultServer, http, until
from pydantic import BaseModel

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

Start = Callable[..., FaultServer]


class A(BaseModel):
    x: int = 0


class Drip:
    """Sends a byte now and then, for ever (but a minute), and knows when the client has gone."""

    def __init__(self, start: bytes, piece: bytes) -> None:
        self.start, self.piece = start, piece
        self.gone = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(self.start)
            for _ in range(3000):
                handler.wfile.write(self.piece)
                handler.wfile.flush()
                time.sleep(0.02)
        except OSError:
            self.gone.set()


DRIPS = {
    "headers": (b"HTTP/1.1 200 OK\r\nx-long: ", b"y"),
    "body": (http(b"", length=10**6), b" "),
    "status line": (b"", b"H"),
}


@pytest.fixture(params=["openai", "gemini"])
def connected(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], toolfan.Client]:
    monkeypatch.setenv("PLANTED_KEY", KEY)

    def make(url: str) -> toolfan.Client:
        base = url if request.param == "openai" else url.removesuffix("/v1")
        return toolfan.connect(f"{request.param}:m", base_url=base, api_key_env="PLANTED_KEY")

    return make


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_a_dripping_server_is_left_for_good(
    connected: Callable[[str], toolfan.Client], faulty: Start, drip: tuple[bytes, bytes]
) -> None:
    dripping = Drip(*drip)
    with connected(faulty(dripping).url) as client:
        started = time.monotonic()
        with pytest.raises(toolfan.DeadlineExceeded):
            client.create(messages=USER, response_model=A, deadline=0.3)
        assert time.monotonic() - started < 5
        assert dripping.gone.wait(10)
        until(lambda: client.abandoned == 0)


def test_tls_streams_and_odd_clients_are_wrapped_or_left_alone() -> None:
    from toolfan.sockets import end, end_at_the_deadline

    class Inner:
        def __init__(self) -> None:
            self.given: list[Any] = []

        def __getattr__(self, name: str) -> Callable[..., Any]:
            def called(*args: Any, timeout: float | None = None, **options: Any) -> Inner:
                self.given.append((name, timeout))
                return self

            return called

    inner, client = Inner(), openai.DefaultHttpxClient()
    with client:
        transport: Any = client._transport
        transport._pool._network_backend = inner
        end_at_the_deadline(client)
        end_at_the_deadline(client)  # once is enough
        backend = transport._pool._network_backend
        assert backend._inner is inner
    stream = backend.connect_tcp("h", 1, timeout=3).start_tls(None, timeout=3)
    backend.connect_unix_socket("p", timeout=None)
    stream.read(1, timeout=2)
    token = end.set(time.monotonic() + 60)
    try:
        stream.write(b"x", timeout=None)
        stream.read(1, timeout=2)
        end.set(time.monotonic() - 1)
        with pytest.raises(TimeoutError):
            stream.read(1, timeout=2)
        stream.get_extra_info("socket")
        stream.close()
    finally:
        end.reset(token)
    limits = [timeout for name, timeout in inner.given if name in ("read", "write")]
    assert limits[0] == limits[2] == 2
    assert 50 < limits[1] <= 60
    end_at_the_deadline(object())
    end_at_the_deadline(None)
