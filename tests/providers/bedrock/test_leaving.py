"""Streams that are left while the service is silent: at once, though boto3 blocks."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import toolfan
from bedrock_wire import answer, events, frames, use
from loopback import USER
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\ntransfer-encoding: chunked\r\n\r\n"


class City(BaseModel):
    name: str


ASKED: dict[str, Any] = {"model": "m", "messages": USER, "tools": (City,), "deadline": 30}


def one_call_then_silence(handler: BaseHTTPRequestHandler) -> None:
    said = events(answer(use("t", "City", {"name": "Oslo"}), use("u", "City", {"name": "Bergen"})))
    data = frames(said[:5])
    handler.wfile.write(HEAD + b"%x\r\n%b\r\n" % (len(data), data))
    handler.wfile.flush()
    time.sleep(6)


def test_a_cancelled_task(bedrock: Callable[..., Any]) -> None:
    async def main() -> float:
        client = toolfan.wrap_async(bedrock(one_call_then_silence)[0])
        came = asyncio.Event()

        async def ask() -> None:
            async with client.stream(**ASKED) as stream:
                async for _ in stream:
                    came.set()

        task = asyncio.create_task(ask())
        await asyncio.wait_for(came.wait(), 5)
        started = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - started

    assert asyncio.run(main()) < 0.8


def test_another_thread_closes_it(bedrock: Callable[..., Any]) -> None:
    stream = toolfan.wrap(bedrock(one_call_then_silence)[0]).stream(**ASKED)
    assert next(iter(stream)).value == City(name="Oslo")
    threading.Timer(0.2, stream.close).start()
    started = time.monotonic()
    assert list(stream) == []
    assert time.monotonic() - started < 3
    assert list(stream.calls) == [City(name="Oslo")]
