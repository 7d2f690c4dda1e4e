"""Ctrl-C ends the request, too: also where it runs in a worker thread, the server sees the connection close."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from every_provider import client_of
from google_asking import WARNINGS, GoogleClients, need
from loopback import KEY, USER, until
from pydantic import BaseModel
from toolfan.drivers import workers
from toolfan.drivers.sockets import Limit, _Stream, limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import FaultServer

pytestmark = [
    *(pytest.mark.filterwarnings(warning) for warning in WARNINGS),
    pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals"),
]

NOTHING, BEGUN = b"", b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 1000\r\n\r\n:"


class Weather(BaseModel):
    location: str


@contextlib.contextmanager
def asking(provider: str, url: str) -> Iterator[Any]:
    """A client whose requests run in a worker thread."""
    if provider == "openai with a hook":
        hooks = {"request": [lambda request: None]}
        with openai.OpenAI(api_key=KEY, base_url=url, http_client=openai.DefaultHttpxClient(event_hooks=hooks)) as sdk:
            yield toolfan.from_openai(sdk, model="m")
    elif provider == "bedrock":
        with client_of(provider, url) as client:
            yield client
    else:
        need(provider)
        with contextlib.ExitStack() as stack:
            yield GoogleClients(provider, url.removesuffix("/v1"), stack).client("m")


@pytest.mark.parametrize(
    ("provider", "streams", "sent"),
    [
        *(
            (name, streams, sent)
            for name in ("openai with a hook", "gemini", "bedrock", "rest")
            for streams, sent in ((False, NOTHING), (False, BEGUN), (True, NOTHING), (True, BEGUN))
        ),
    ],
)
def test_nothing_of_ours_runs_on(faulty: Callable[..., FaultServer], provider: str, streams: bool, sent: bytes) -> None:
    waits, closed, main = threading.Event(), threading.Event(), threading.main_thread().ident or 0

    def hang(handler: Any) -> None:
        handler.wfile.write(sent)
        waits.set()
        handler.connection.settimeout(30)
        with contextlib.suppress(ConnectionError):
            if handler.connection.recv(1):
                return
        closed.set()

    def interrupt() -> None:
        waits.wait(60)
        time.sleep(0.3)  # until the main thread waits for the worker
        signal.pthread_kill(main, signal.SIGINT)

    before = workers.pool.abandoned
    with asking(provider, faulty(hang).url) as client:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            list((client.stream if streams else client.create)(messages=USER, tools=(Weather,)))
        assert closed.wait(10), "the connection stayed open"
        until(lambda: client.abandoned == 0)
    assert workers.pool.abandoned <= before


def test_a_connection_that_serves_another_request_by_then_is_left_alone() -> None:
    from toolfan.drivers.blocking import _sent

    class Transport:
        def send(self, *args: Any, **options: Any) -> Any:
            within = limit.get()
            assert within is not None
            within.stream = object()
            return "answered"

    within = Limit(time.monotonic() + 60)
    prepared: Any = type("Prepared", (), {"headers": {}, "query": {}})
    transport: Any = Transport()
    request: Any = None
    assert _sent(request, transport, prepared, 60.0, within) == "answered"
    assert within.stream is None


class Wire:
    """A network stream of httpcore's, over one end of a pair of sockets."""

    def __init__(self, sock: socket.socket, pieces: list[bytes]) -> None:
        self.sock, self.pieces, self.read_under = sock, pieces, ""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        within = limit.get()
        assert within is not None
        self.read_under = "waits" if within.stream is self else "is not known"
        return self.pieces.pop(0)

    def get_extra_info(self, info: str) -> Any:
        assert info == "socket"
        return self.sock


def test_what_has_come_is_waited_for_no_more() -> None:
    """Behind the last byte the connection may serve another thread, long before the answer is parsed."""
    ours, theirs = socket.socketpair()
    wire, within = Wire(ours, [b"all"]), Limit(time.monotonic() + 60)
    token = limit.set(within)
    with ours, theirs:
        try:
            assert _Stream(wire).read(100) == b"all"
        finally:
            limit.reset(token)
        within.leave()
        ours.sendall(b"of another")
        assert theirs.recv(100) == b"of another"
    assert wire.read_under == "waits"


def test_the_end_of_a_connection_lets_nothing_out_unencrypted() -> None:
    """Python's TLS sockets drop their cipher before they are shut down; a worker may be writing a key just then."""
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    with context.wrap_socket(ours, do_handshake_on_connect=False) as encrypted, theirs:
        within = Limit(time.monotonic() + 60, stream=Wire(encrypted, []))
        within.leave()
        assert encrypted._sslobj is not None  # type: ignore[attr-defined]
        assert theirs.recv(100) == b""
