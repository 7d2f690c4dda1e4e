"""Streams that are left while the service is silent: at once, though boto3 blocks."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import asked
from bedrock_wire import answer, events, frames, use
from loopback import USER, until
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n"


class City(BaseModel):
    name: str


ASKED: dict[str, Any] = {"model": "m", "messages": USER, "tools": (City,), "deadline": 30}


def one_call_then_silence(handler: BaseHTTPRequestHandler, head: bytes = HEAD) -> None:
    said = events(answer(use("t", "City", {"name": "Oslo"}), use("u", "City", {"name": "Bergen"})))
    data = frames(said[:5])
    handler.wfile.write(head + b"%x\r\n%b\r\n" % (len(data), data))
    handler.wfile.flush()
    time.sleep(6)


def then_closed(handler: BaseHTTPRequestHandler) -> None:
    """As that, of a server that keeps no connection: http.client has let go of the socket then."""
    one_call_then_silence(handler, HEAD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))


@pytest.mark.parametrize("serve", [one_call_then_silence, then_closed])
def test_a_cancelled_task(bedrock: Callable[..., Any], serve: Any) -> None:
    clients = []

    async def main() -> float:
        client = toolfan.wrap_async(bedrock(serve)[0])
        came = asyncio.Event()

        async def ask() -> None:
            async with client.stream(**ASKED) as stream:
                async for _ in stream:
                    came.set()

        task = asyncio.create_task(ask())
        await asyncio.wait_for(came.wait(), 5)
        await asyncio.sleep(0.1)  # what had come with it is read
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        clients.append(client)
        return time.monotonic() - started

    assert asyncio.run(main()) < 0.8
    until(lambda: clients[0].abandoned == 0, 3)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_the_end_of_the_answer_is_the_end(bedrock: Callable[..., Any], way: str) -> None:
    """Though the server keeps the connection open; the tokens, which follow the end of the message, are read."""

    def linger(handler: BaseHTTPRequestHandler) -> None:
        data = frames(events(answer(use("t", "City", {"name": "Oslo"}))))
        handler.wfile.write(HEAD + b"%x\r\n%b\r\n" % (len(data), data))
        handler.wfile.flush()
        time.sleep(6)

    client, _ = bedrock(linger)
    started = time.monotonic()
    calls = asked(way, client, tools=[City], deadline=30)
    assert (list(calls), calls.usage.total_tokens) == ([City(name="Oslo")], 182)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("serve", [one_call_then_silence, then_closed])
def test_another_thread_closes_it(bedrock: Callable[..., Any], serve: Any) -> None:
    stream = toolfan.wrap(bedrock(serve)[0]).stream(**ASKED)
    assert next(iter(stream)).value == City(name="Oslo")
    threading.Timer(0.2, stream.close).start()
    started = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - started < 3
    assert list(stream.calls) == [City(name="Oslo")]


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_what_goes_on_after_the_deadline_is_counted(bedrock: Callable[..., Any], streams: bool) -> None:
    """boto3 waits in a thread; the client says how much of its own does, until it has ended."""
    free = threading.Event()
    sdk, server = bedrock(lambda handler: None)
    sdk.meta.events.register("before-send.bedrock-runtime", lambda **event: free.wait(20))
    client, other = toolfan.wrap_async(sdk), toolfan.wrap_async(sdk)
    asked = {**ASKED, "deadline": 0.4}

    async def main() -> None:
        work = [client.stream(**asked).until_done() if streams else client.create(**asked) for _ in range(2)]
        errors = await asyncio.gather(*work, return_exceptions=True)
        assert [type(error) for error in errors] == [toolfan.DeadlineExceeded] * 2
        assert client.abandoned == 2
        assert other.abandoned == 0

    assert client.abandoned == 0
    asyncio.run(main())
    free.set()
    until(lambda: client.abandoned == 0, 10)
    assert server.requests == [], "they were sent after all"


def test_what_is_cancelled_and_goes_on_is_counted(bedrock: Callable[..., Any]) -> None:
    """A hook of the program's own: of a request, the connection ends."""
    free, reached = threading.Event(), threading.Event()

    def wait(**event: Any) -> None:
        reached.set()
        free.wait(20)

    sdk, server = bedrock(b"")
    sdk.meta.events.register("before-send.bedrock-runtime.Converse", wait)
    client = toolfan.wrap_async(sdk)

    async def main() -> None:
        task = asyncio.create_task(client.create(**ASKED))
        await asyncio.to_thread(reached.wait, 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert client.abandoned == 1

    asyncio.run(main())
    assert client.abandoned == 1
    free.set()
    until(lambda: client.abandoned == 0, 10)
    assert server.requests == [], "it was sent after all"
