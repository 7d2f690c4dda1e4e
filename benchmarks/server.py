"""The loopback server of the benchmark: answers chat completions with as many calls as the model's name says.

    python benchmarks/server.py

Runs in a process of its own, prints its port, and ends when its standard input does.  The model `k3` makes three calls,
`k128` a hundred and twenty-eight; `s16x2000` streams sixteen of two thousand characters each, a few characters a chunk,
`s16x2000p500` the same in half a second, evenly.  Every answer is made once and sent again and again, so that the
server costs next to nothing.

Knows: just enough HTTP, and the form of a chat completion.  Must not know: toolfan, the SDKs, what is timed.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys

_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
_MODEL = re.compile(rb'"model"\s*:\s*"k(\d+)"')
_PIECES = re.compile(rb'"model"\s*:\s*"s(\d+)x(\d+)(?:p(\d+))?"')
PIECE = 20  # characters of arguments in a chunk, some five tokens
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


def _long_arguments(at: int, size: int) -> str:
    given = {"city": f"{_CITIES[at % 3]} {at}", "days": at % 7 + 1, "units": "metric", "tags": [""]}
    given["tags"] = ["x" * max(0, size - len(json.dumps(given)))]
    return json.dumps(given)


@functools.cache
def pieces(count: int, size: int) -> tuple[bytes, ...]:
    """The events of a stream of `count` calls, each with `size` characters of arguments, in small pieces."""
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "bench"}
    about = {**base, "service_tier": "default", "system_fingerprint": "fp_1"}
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": None, "refusal": None}]
    for at, call in enumerate(_calls(count)):
        function = {"name": call["function"]["name"], "arguments": ""}  # type: ignore[index]
        deltas.append({"tool_calls": [{"index": at, **call, "function": function}]})
        text = _long_arguments(at, size)
        for start in range(0, len(text), PIECE):
            piece = {"index": at, "function": {"arguments": text[start : start + PIECE]}}
            deltas.append({"tool_calls": [piece]})
    ended = [(delta, None) for delta in deltas] + [({}, "tool_calls")]
    chunks: list[dict[str, object]] = [
        {**about, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}], "usage": None}
        for delta, end in ended
    ]
    chunks.append({**about, "choices": [], "usage": _USAGE})
    return (*(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks), b"data: [DONE]\n\n")


@functools.cache
def streamed(count: int, size: int) -> bytes:
    """The whole response of `pieces`."""
    return _http(b"text/event-stream", b"".join(pieces(count, size)))


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = bytearray()
        self.tasks: set[asyncio.Future[None]] = set()

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
            found = _PIECES.search(body)
            if found and found[3]:
                task = asyncio.ensure_future(self.paced(int(found[1]), int(found[2]), int(found[3]) / 1000))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            else:
                self.transport.write(answer(body))

    async def paced(self, count: int, size: int, seconds: float) -> None:
        """The pieces of a stream, spread evenly; late ones do not put off those after them."""
        self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        events, loop = pieces(count, size), asyncio.get_running_loop()
        start = loop.time()
        for at, event in enumerate(events):
            await asyncio.sleep(max(0.0, start + seconds * at / len(events) - loop.time()))
            if self.transport.is_closing():
                return
            self.transport.write(event)
        self.transport.close()


def answer(body: bytes) -> bytes:
    """The response to one request."""
    if found := _PIECES.search(body):
        return streamed(int(found[1]), int(found[2]))
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
