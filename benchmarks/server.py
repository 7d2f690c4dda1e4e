"""The loopback server of the benchmark: answers chat completions with as many calls as the model's name says.

    python benchmarks/server.py

Runs in a process of its own, prints its port, and ends when its standard input does.  The model `k3` makes three calls,
`k128` a hundred and twenty-eight; every answer is made once and sent again and again, so that the server costs next to
nothing.  Knows: just enough HTTP, and the form of a chat completion.  Must not know: toolfan, the SDKs, what is timed.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_MODEL = re.compile(rb'"model"\s*:\s*"k(\d+)"')
_STREAM = re.compile(rb'"stream"\s*:\s*true')
_CITIES = ("Toronto", "Lisbon", "Oslo")
MAX_REQUEST = 64 * 1024 * 1024


def _arguments(at: int) -> str:
    return json.dumps({"city": f"{_CITIES[at % 3]} {at}", "days": at % 7 + 1, "units": "metric", "tags": ["a", "b"]})


def _calls(count: int) -> list[dict[str, object]]:
    names = ("LookupA", "LookupB", "LookupC")
    return [
        {
            "id": f"call_{at:024d}",
            "type": "function",
            "function": {"name": names[at % 3], "arguments": _arguments(at)},
        }
        for at in range(count)
    ]


def _http(content_type: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nx-request-id: req_1\r\ncontent-length: %d\r\n\r\n%b" % (
        content_type,
        len(body),
        body,
    )


_USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}


@functools.cache
def completion(count: int) -> bytes:
    """The whole response with `count` calls."""
    message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": _calls(count)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "bench"}
    return _http(b"application/json", json.dumps({**body, "choices": [choice], "usage": _USAGE}).encode())


@functools.cache
def stream(count: int) -> bytes:
    """The same as a stream of events, for peers that always stream."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "bench"}
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": None}]
    for at, call in enumerate(_calls(count)):
        deltas.append({"tool_calls": [{"index": at, **call}]})
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    chunks.append({**base, "choices": [], "usage": _USAGE})
    events = b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    return _http(b"text/event-stream", events + b"data: [DONE]\n\n")


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.buffer, 0, end)
            length = int(found[1]) if found else 0
            if length > MAX_REQUEST:
                self.transport.close()
                return
            if len(self.buffer) < end + 4 + length:
                return
            body = bytes(self.buffer[end + 4 : end + 4 + length])
            del self.buffer[: end + 4 + length]
            self.transport.write(answer(body))


def answer(body: bytes) -> bytes:
    """The response to one request."""
    found = _MODEL.search(body)
    count = int(found[1]) if found else 1
    return stream(count) if _STREAM.search(body) else completion(count)


async def main() -> None:
    """Serve until the standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
