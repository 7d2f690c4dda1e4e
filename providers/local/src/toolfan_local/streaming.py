"""A stream on its way out: its events as bytes, each at its time, until the server ends.

Knows starlette's responses and the two framings (server-sent events, a JSON array); not what is in an event.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

Timed = tuple[float, Any]
"""Seconds to wait, and what comes then."""


async def rest(closing: threading.Event, seconds: float) -> bool:
    """Waits; False as soon as the server ends."""
    end = time.monotonic() + seconds
    await asyncio.sleep(0)  # also when it is late: or nobody would hear that the client has left
    while (left := end - time.monotonic()) > 0:
        if closing.is_set():
            return False
        await asyncio.sleep(min(left, 0.05))
    return True


def as_events(
    events: Iterable[Timed], line_end: str, last: str | None = None, *, named: bool = False
) -> Iterator[tuple[float, bytes]]:
    """Server-sent events, and as a last one the text `last`; `named`: each under the name that its type is."""
    for pause, event in events:
        name = f"event: {event['type']}{line_end}".encode() if named else b""
        yield pause, name + b"data: " + encoded(event) + line_end.encode() * 2
    if last is not None:
        yield 0.0, f"data: {last}{line_end}{line_end}".encode()


def as_array(events: Iterable[Timed]) -> Iterator[tuple[float, bytes]]:
    """A JSON array; each event is complete in its own piece."""
    opening = b"["
    for pause, event in events:
        yield pause, opening + encoded(event)
        opening = b"\r\n,\r\n"
    yield 0.0, b"[]" if opening == b"[" else b"\r\n]"


def stream_response(
    closing: threading.Event,
    pieces: Iterable[tuple[float, bytes]],
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> StreamingResponse:
    """A response that sends each piece as a chunk of its own.  When the server ends, it ends without the rest."""

    async def body() -> AsyncIterator[bytes]:
        due = time.monotonic()  # against the clock, or the delays of many chunks would add up
        for pause, data in pieces:
            due += pause
            if not await rest(closing, due - time.monotonic()):
                return
            yield data

    return StreamingResponse(body(), headers={"cache-control": "no-cache", **(headers or {})}, media_type=content_type)


def encoded(event: Any) -> bytes:
    """JSON bytes; what UTF-8 cannot carry is escaped."""
    try:
        return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(event, separators=(",", ":")).encode()
