"""boto3 and GenerativeModel: a request that nobody waits for any more ends, and its connection; no other does."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import GOOD, client_of
from google_asking import WARNINGS, GoogleClients, need
from loopback import USER, http, until
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from http.server import BaseHTTPRequestHandler

    from loopback import FaultServer

    Start = Callable[..., FaultServer]

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
KINDS = ("bedrock", "rest")
DEADLINE = 1.0
"""Seconds: a busy machine sends a request within them."""
ASKED: dict[str, Any] = {"model": "m", "messages": USER}


class Weather(BaseModel):
    location: str


def kept(body: bytes, length: int | None = None) -> bytes:
    """An answer after which the connection serves again."""
    return http(body, length=length).replace(b"connection: close", b"connection: keep-alive")


class Drips:
    """Sends this and then a byte now and then, and knows when the client has gone."""

    def __init__(self, start: bytes, piece: bytes) -> None:
        self.start, self.piece = start, piece
        self.came, self.gone = threading.Event(), threading.Event()
        self.port = 0

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.port = handler.client_address[1]
        try:
            handler.wfile.write(self.start)
            self.came.set()
            for _ in range(1000):
                handler.wfile.write(self.piece)
                time.sleep(0.02)
        except OSError:
            self.gone.set()


class Answers:
    """The whole answer of a provider, on a connection that stays open."""

    def __init__(self, kind: str, *, after: float = 0.0) -> None:
        self.body = json.dumps(GOOD["bedrock" if kind == "bedrock" else "gemini"]).encode()
        self.after, self.came, self.ports = after, threading.Event(), list[int]()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.ports.append(handler.client_address[1])
        self.came.set()
        time.sleep(self.after)
        handler.protocol_version = "HTTP/1.1"
        handler.close_connection = False
        handler.wfile.write(kept(self.body))


DRIPS = {
    "status line": (b"", b"H"),
    "headers": (b"HTTP/1.1 200 OK\r\nx-long: ", b"y"),
    "body": (kept(b"", 10**6), b" "),
    "body of a connection that closes": (http(b"", length=10**6), b" "),
}


@contextlib.contextmanager
def asking(kind: str, url: str) -> Generator[toolfan.Client]:
    if kind == "bedrock":
        with client_of(kind, url) as client:
            yield client
        return
    need(kind)
    with contextlib.ExitStack() as stack:
        yield GoogleClients(kind, url.removesuffix("/v1"), stack).client("m")


def late(client: Any, *, streams: bool = False) -> None:
    started = time.monotonic()
    asked: dict[str, Any] = {**ASKED, "tools": (Weather,), "deadline": DEADLINE}
    with pytest.raises(toolfan.DeadlineExceeded) as caught:
        client.stream(**asked).until_done() if streams else client.create(**asked)
    assert caught.value.requests == 1
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_deadline_ends_it_and_the_client_serves_on(faulty: Start, kind: str, drip: Any, streams: bool) -> None:
    dripping = Drips(*drip)
    server = faulty(dripping, Answers(kind))
    with asking(kind, server.url) as client:
        late(client, streams=streams)
        assert dripping.gone.wait(10), "the connection stayed open"
        until(lambda: client.abandoned == 0)
        assert len(server.requests) == 1, "the SDK sent it again"
        assert list(client.create(**ASKED, tools=(Weather,))) == [Weather(location="A")]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
@pytest.mark.parametrize("ends", ["cancelled", "deadline"])
def test_so_does_the_end_of_a_task(faulty: Start, drip: Any, streams: bool, ends: str) -> None:
    dripping = Drips(*drip)
    server = faulty(dripping, Answers("bedrock"))
    asked: dict[str, Any] = {**ASKED, "tools": (Weather,), "deadline": DEADLINE if ends == "deadline" else None}

    async def main(sdk: Any) -> None:
        client = toolfan.wrap_async(sdk)
        task = asyncio.ensure_future(client.stream(**asked).until_done() if streams else client.create(**asked))
        await asyncio.to_thread(dripping.came.wait, 10)
        await asyncio.sleep(0.1)
        if ends == "cancelled":
            task.cancel()
        with pytest.raises(asyncio.CancelledError if ends == "cancelled" else toolfan.DeadlineExceeded):
            await task
        assert await asyncio.to_thread(dripping.gone.wait, 10), "the connection stayed open"
        await asyncio.to_thread(until, lambda: client.abandoned == 0)
        assert len(server.requests) == 1
        assert list(await client.create(**ASKED, tools=(Weather,))) == [Weather(location="A")]

    with client_of("bedrock", server.url) as client:
        asyncio.run(main(client.sdk_client))


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_served_before_is_ended_too(faulty: Start, kind: str) -> None:
    good, dripping = Answers(kind), Drips(*DRIPS["body"])
    with asking(kind, faulty(good, dripping).url) as client:
        assert list(client.create(**ASKED, tools=(Weather,))) == [Weather(location="A")]
        late(client)
        assert dripping.gone.wait(10)
        assert good.ports == [dripping.port], "another connection was made"
        until(lambda: client.abandoned == 0)


def test_a_client_that_was_used_before_it_is_passed(faulty: Start) -> None:
    dripping = Drips(*DRIPS["headers"])
    with (
        client_of("bedrock", faulty(Answers("bedrock"), dripping).url) as client,
        contextlib.closing(_fresh(client.sdk_client)) as sdk,
    ):
        assert own(sdk) == "Weather"
        used = toolfan.wrap(sdk)
        late(used)
        assert dripping.gone.wait(10)
        until(lambda: used.abandoned == 0)


def test_a_connection_to_a_proxy_is_ended_too(faulty: Start) -> None:
    from botocore.config import Config

    dripping = Drips(*DRIPS["headers"])
    server = faulty(dripping, Answers("bedrock"))
    proxies = {"http": server.url.removesuffix("/v1")}
    with client_of("bedrock", "http://service.invalid/v1") as client:
        sdk = _fresh(client.sdk_client, config=Config(proxies=proxies))
        with contextlib.closing(sdk):
            proxied = toolfan.wrap(sdk)
            late(proxied)
            assert dripping.gone.wait(10)
            until(lambda: proxied.abandoned == 0)
            assert list(proxied.create(**ASKED, tools=(Weather,))) == [Weather(location="A")]
    assert [path for _, path, _, _ in server.requests] == ["http://service.invalid/model/m/converse"] * 2


@pytest.mark.parametrize("use_async", [False, True], ids=["sync", "async"])
def test_a_handshake_that_is_not_answered(use_async: bool) -> None:
    """There is no socket yet that could be shut down; it has no more time than the deadline leaves."""
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, client_of("bedrock", f"https://127.0.0.1:{silent.getsockname()[1]}/v1") as client:
        waiting: Any = toolfan.wrap_async(client.sdk_client) if use_async else client
        if use_async:
            with pytest.raises(toolfan.DeadlineExceeded):
                asyncio.run(waiting.create(**ASKED, tools=(Weather,), deadline=DEADLINE))
        else:
            late(waiting)
        until(lambda: waiting.abandoned == 0, 10)


def _fresh(sdk: Any, **options: Any) -> Any:
    """Another client of boto3 like this one, of which toolfan does not know yet."""
    import boto3

    keys = sdk._request_signer._credentials
    options |= {"aws_access_key_id": keys.access_key, "aws_secret_access_key": keys.secret_key}
    return boto3.client("bedrock-runtime", endpoint_url=sdk.meta.endpoint_url, region_name="us-east-1", **options)


def own(sdk: Any) -> str:
    """A request of the program's own."""
    said = sdk.converse(modelId="m", messages=[{"role": "user", "content": [{"text": "own"}]}])
    return str(said["output"]["message"]["content"][0]["toolUse"]["name"])


def test_what_the_program_asks_of_its_client_meanwhile_is_not_touched(faulty: Start) -> None:
    slow, dripping = Answers("bedrock", after=3.0), Drips(*DRIPS["body"])
    answers: list[str] = []
    with client_of("bedrock", faulty(slow, dripping, Answers("bedrock")).url) as client:
        other = threading.Thread(target=lambda: answers.append(own(client.sdk_client)))
        other.start()
        assert slow.came.wait(10)
        late(client)
        assert dripping.gone.wait(10)
        assert answers == [], "it has ended before the deadline"
        other.join(10)
        assert answers == ["Weather"]


def test_deadlines_that_pass_as_answers_come_break_no_other_request(faulty: Start) -> None:
    """The connection of a late answer goes back to the pool just when it is to be shut down."""
    slow = Answers("bedrock", after=0.05)
    end, failed, late_ones = time.monotonic() + 1.5, list[BaseException](), list[int]()

    def repeat(work: Callable[[], object]) -> None:
        while time.monotonic() < end:
            try:
                work()
            except toolfan.DeadlineExceeded:
                late_ones.append(1)
            except BaseException as exc:
                failed.append(exc)

    with client_of("bedrock", faulty(slow).url) as client:
        sdk = client.sdk_client
        ask = [lambda: client.create(**ASKED, tools=(Weather,), deadline=0.055), lambda: own(sdk)] * 4
        threads = [threading.Thread(target=repeat, args=(work,)) for work in ask]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        until(lambda: client.abandoned == 0)
    assert failed == []
    assert late_ones


@pytest.mark.parametrize("asks", ["async", "streamed"])
def test_what_a_hook_begins_has_its_own_end(faulty: Start, asks: str) -> None:
    """In a copy of the context, as tasks run in: that of a request which nobody waits for any more by then."""
    contexts: list[contextvars.Context] = []
    dripping = Drips(*DRIPS["headers"])
    serve: dict[str, Callable[[Any], Any]] = {
        "async": lambda sdk: asyncio.run(toolfan.wrap_async(sdk).create(**ASKED, tools=(Weather,), deadline=None)),
        "streamed": lambda sdk: toolfan.wrap(sdk).stream(**ASKED, tools=(Weather,), deadline=None).until_done(),
    }
    with client_of("bedrock", faulty(dripping, Answers("bedrock")).url) as client:
        sdk = _fresh(client.sdk_client)
        with contextlib.closing(sdk):
            sdk.meta.events.register("before-send", lambda **_: contexts.append(contextvars.copy_context()))
            late(toolfan.wrap(sdk))
            assert dripping.gone.wait(10)
            assert list(contexts[0].run(serve[asks], sdk)) == [Weather(location="A")]


def test_a_client_of_another_form_works_as_before(faulty: Start) -> None:
    dripping = Drips(*DRIPS["body"])
    with client_of("bedrock", faulty(Answers("bedrock"), dripping).url) as client:
        fresh = _fresh(client.sdk_client)
        session = fresh._endpoint.http_session

        class Other:
            def send(self, request: Any) -> Any:
                return session.send(request)

        fresh._endpoint.http_session = Other()
        other = toolfan.wrap(fresh)
        assert list(other.create(**ASKED, tools=(Weather,))) == [Weather(location="A")]
        late(other)
        assert not dripping.gone.wait(0.5)
        assert other.abandoned == 1
        session.close()


def test_the_classes_of_the_sdk_can_still_be_replaced(monkeypatch: pytest.MonkeyPatch, faulty: Start) -> None:
    """As those do that record what a program sends."""
    from botocore import awsrequest

    made: list[str] = []

    class Recording(awsrequest.AWSHTTPConnection):  # type: ignore[misc]
        def connect(self) -> None:
            made.append(self.host)
            super().connect()

    with client_of("bedrock", faulty(Answers("bedrock")).url) as client:
        monkeypatch.setattr(awsrequest.AWSHTTPConnectionPool, "ConnectionCls", Recording)
        assert list(client.create(**ASKED, tools=(Weather,), deadline=30)) == [Weather(location="A")]
    assert made == ["127.0.0.1"]
