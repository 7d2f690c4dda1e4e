"""One streamed answer as botocore reads it: its events, where it ends, and what is no event stream at all.

Knows: botocore's event streams and the connection below.  Must not know: requests, what else is in an event.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from toolfan.drivers.sockets import interrupt_urllib3
from toolfan.errors import BadResponse
from toolfan.http.async_transport import END_SECONDS
from toolfan.secrets.masking import masked
from toolfan.translation.error_bodies import body_of
from toolfan.translation.statuses import provider_words
from toolfan.wire import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXCERPT = 300
"""Bytes of what is no event stream that are looked at."""
_PIECE = 65536
_BLANK = b" \t\r\n\xef\xbb\xbf"
_OF_AN_ANSWER = frozenset({"output", "__type", "message", "error", "Error", "Output"})


class Whole(dict[str, Any]):
    """A whole answer, or an error, as JSON in the place of a stream."""

    __slots__ = ()


class _CameWholeError(Exception):
    """What leads a whole answer past botocore's reader."""

    def __init__(self, body: Whole) -> None:
        super().__init__()
        self.body = body


def events_of(stream: Any, *, adapter: str, content_type: str | None, secrets: Iterable[str]) -> Iterator[Any]:
    """The events, as botocore gives them, until all of interest have come.

    A whole answer in their place is one `Whole`.  Raises BadResponse for what is neither, and whatever botocore raises.
    """
    _look_at_its_start(stream, adapter, content_type, secrets)
    _tell_errors(stream)
    try:
        yield from _events(stream)
    except _CameWholeError as exc:
        yield exc.body


def _events(stream: Any) -> Iterator[Any]:
    found, stopped = iter(stream), False
    for event in found:
        yield event
        stopped = stopped or "messageStop" in event
        if stopped and "metadata" in event:
            yield from _read_on(stream, found)
            return


def interrupt(stream: Any) -> None:
    """Ends a read of this stream that another thread is waiting for."""
    interrupt_urllib3(getattr(stream, "_raw_stream", None))


def _read_on(stream: Any, found: Iterator[Any]) -> list[Any]:
    """To the end of the answer, for a moment: only a connection that was read to its end serves again."""
    rest: list[Any] = []
    until = time.monotonic() + END_SECONDS
    with suppress(Exception):  # all events of interest have come
        if (connection := stream._raw_stream._connection) is not None:
            connection.sock.settimeout(END_SECONDS)
        for event in found:
            rest.append(event)
            if time.monotonic() > until:
                break
    return rest


def _tell_errors(stream: Any) -> None:
    """Has the stream raise errors with all their words, and those that its SDK does not know by their names, too."""
    parse = getattr(stream, "_parse_event", None)
    if parse is None:  # of another form in other versions of the SDK
        return

    def parsed(event: Any) -> Any:
        try:
            return parse(event)
        except Exception as exc:
            answer: Any = getattr(exc, "response", None)
            known = answer.get("Error") if isinstance(answer, dict) else None
            if isinstance(known, dict):
                answer["Error"] = _told(known, event)
            raise

    stream._parse_event = parsed


def _told(known: Mapping[str, Any], event: Any) -> Mapping[str, Any]:
    """What the SDK tells of an error, with what it leaves out: name and words if it knows none, and the model's own."""
    body, words = body_of(event.payload), known.get("Message")
    if not known.get("Code"):
        return {"Code": event.headers.get(":exception-type"), "Message": words or provider_words(body)}
    original = body.get("originalMessage") if isinstance(body, Mapping) else None
    if not isinstance(original, str) or not original or original in str(words):
        return known
    return {**known, "Message": f"{words}: {original}" if words else original}


def _look_at_its_start(stream: Any, adapter: str, content_type: str | None, secrets: Iterable[str]) -> None:
    """Has the stream raise if its bytes are no frames: botocore fails at them unseen, or passes over them.

    A frame begins with its length in four bytes, and none is as long as a first byte above 1 would tell.
    """
    raw: Any = getattr(stream, "_raw_stream", None)
    read = getattr(raw, "stream", None)
    if read is None:  # of another form in other versions of the SDK
        return

    def looked_at(*given: Any, **named: Any) -> Iterator[bytes]:
        # urllib3 would wait for 64 kB, or for the end, where the answer is not in chunks.
        as_it_comes = not getattr(raw, "chunked", True) and hasattr(raw, "read1")
        chunks = iter(lambda: raw.read1(_PIECE), b"") if as_it_comes else read(*given, **named)
        first = next(filter(None, chunks), b"")
        if first[:1] > b"\x01":
            start = _start(first, chunks)
            if (body := _whole(start, chunks)) is not None:
                raise _CameWholeError(body)
            raise _no_frames(start[:_EXCERPT], adapter, content_type, secrets)
        yield first
        yield from chunks

    stream._raw_stream.stream = looked_at


def _start(first: bytes, chunks: Iterator[bytes]) -> bytes:
    start = first
    while len(start.lstrip(_BLANK)) < _EXCERPT and (more := next(chunks, None)) is not None:
        start += more
    return start


def _whole(start: bytes, chunks: Iterator[bytes]) -> Whole | None:
    """The answer, or the error, that came as JSON; None for anything else."""
    if not start.lstrip(_BLANK).startswith(b"{"):
        return None
    try:
        body = decode_json(start + b"".join(chunks), adapter="")
    except BadResponse:
        return None
    return Whole(body) if body.keys() & _OF_AN_ANSWER else None


def _no_frames(start: bytes, adapter: str, content_type: str | None, secrets: Iterable[str]) -> BadResponse:
    shown = masked(start.decode("utf-8", "replace"), secrets)[:200]
    kind = f" ({content_type})" if content_type else ""
    return BadResponse(
        f"the answer is no event stream; it starts with {shown!r}{kind}",
        adapter=adapter,
        hint="Check endpoint_url: a proxy or another service may have answered.",
    )
