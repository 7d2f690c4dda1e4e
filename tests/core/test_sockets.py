"""On a client that toolfan made, a request that passed its deadline ends: the server sees the connection close."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, FaultServer, http, until
from pydantic import BaseModel
from toolfan.drivers.workers import WorkerPool

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
    from toolfan.drivers.sockets import Limit, end_at_the_deadline, limit

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
        client._mounts = {}
        assert end_at_the_deadline(client)
        assert end_at_the_deadline(client)  # once is enough
        backend = transport._pool._network_backend
        assert backend._inner is inner
    stream = backend.connect_tcp("h", 1, timeout=3).start_tls(None, timeout=3)
    backend.connect_unix_socket("p", timeout=None)
    stream.read(1, timeout=2)
    token = limit.set(Limit(time.monotonic() + 60))
    try:
        stream.write(b"x", timeout=None)
        stream.read(1, timeout=2)
        limit.set(Limit(time.monotonic() - 1))
        with pytest.raises(TimeoutError):
            stream.read(1, timeout=2)
        stream.get_extra_info("socket")
        stream.close()
    finally:
        limit.reset(token)
    limits = [timeout for name, timeout in inner.given if name in ("read", "write")]
    assert limits[0] == limits[2] == 2
    assert 50 < limits[1] <= 60
    assert not end_at_the_deadline(object())
    assert not end_at_the_deadline(None)
    own = type("Own", (type(transport),), {"__module__": "elsewhere"})()
    with openai.DefaultHttpxClient(transport=own) as client:
        assert not end_at_the_deadline(client)


def waits(release: threading.Event) -> dict[str, Any]:
    """An HTTP client that a function of the user's holds up: nothing of ours can end that."""
    return {"http_client": openai.DefaultHttpxClient(event_hooks={"request": [lambda request: release.wait(20)]})}


def test_what_no_socket_can_end_is_left_to_a_worker_and_counted(bench: Bench) -> None:
    release = threading.Event()
    bench.serve({"text": "late"})
    client = bench.client(**waits(release))
    with pytest.raises(toolfan.DeadlineExceeded, match=r"within the deadline of 0\.1 s"):
        client.create(model="m", messages=USER, response_model=A, deadline=0.1)
    assert client.abandoned == 1
    release.set()
    until(lambda: client.abandoned == 0)


def test_so_is_looking_up_the_host(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def look_up(*args: Any, **options: Any) -> Any:
        release.wait(20)
        raise OSError("no such host")

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    client = bench.client(base_url="http://slow.invalid/v1", max_retries=0)
    with pytest.raises(toolfan.DeadlineExceeded):
        client.create(model="m", messages=USER, response_model=A, deadline=0.2)
    assert client.abandoned == 1
    release.set()
    until(lambda: client.abandoned == 0)


def test_a_passed_client_ends_its_sockets_too_and_needs_no_thread(bench: Bench, faulty: Start) -> None:
    for drip in DRIPS.values():
        dripping = Drip(*drip)
        client = bench.client(base_url=faulty(dripping).url, max_retries=0)
        with pytest.raises(toolfan.DeadlineExceeded):
            client.create(model="m", messages=USER, response_model=A, deadline=0.3)
        assert dripping.gone.wait(10)
        assert client.abandoned == 0


def test_a_client_with_connections_from_before_is_not_trusted_to_end_them(bench: Bench, faulty: Start) -> None:
    good = http('{"choices": [{"message": {"content": "x"}}]}').replace(b"connection: close", b"connection: keep-alive")
    dripping = Drip(*DRIPS["body"])

    def keep(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = False
        handler.wfile.write(good)

    sdk = bench.sdk(base_url=faulty(keep, dripping).url, max_retries=0)
    assert sdk.chat.completions.create(model="m", messages=[]).choices[0].message.content == "x"
    client = toolfan.from_openai(sdk, stop=ONCE)
    with pytest.raises(toolfan.DeadlineExceeded):
        client.create(model="m", messages=USER, response_model=A, deadline=0.3)
    assert client.abandoned == 1
    sdk.close()


def test_requests_left_behind_elsewhere_do_not_stand_in_the_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolfan.drivers.workers.pool", WorkerPool(max_abandoned=0))
    bench.serve({"text": "x"})
    assert bench.client(max_retries=0).create(model="m", messages=USER, response_model=A).text == "x"


@pytest.mark.parametrize("deadline", [30, None])
def test_a_shorter_timeout_of_the_client_is_no_passed_deadline(
    bench: Bench, faulty: Start, deadline: float | None
) -> None:
    dripping = Drip(b"", b"")
    timeout = openai.Timeout(10, read=0.1, pool=40)
    client = bench.client(base_url=faulty(dripping).url, timeout=timeout)
    with pytest.raises(toolfan.ConnectionFailed) as caught:
        client.create(model="m", messages=USER, response_model=A, deadline=deadline)
    assert caught.value.retryable
