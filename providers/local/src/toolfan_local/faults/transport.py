"""Faults of the transport: connections that break, hang or drip, and bodies that are not what the header says.

Knows the wire; nothing of calls or dialects.
"""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from toolfan_local.bedrock_stream import frame
from toolfan_local.faults.fault import HTTP, Fault
from toolfan_local.faults.wire import chunk, head

if TYPE_CHECKING:
    from toolfan_local.faults.fault import Play
    from toolfan_local.faults.stage import Prepared, Stage

_GZIP = 31
"""What zlib calls the largest window with the head and the end of gzip."""
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"


def _prepared(stage: Stage) -> Prepared:
    return stage.prepared(stage.body())


def _fields(stage: Stage, prepared: Prepared, **more: object) -> dict[str, str]:
    return stage.fields(prepared.content_type) | {name.replace("_", "-"): str(value) for name, value in more.items()}


def _begin(stage: Stage, *, early: bool = False) -> None:
    """The head, and the body up to the middle of the last call; or its first byte alone."""
    prepared = _prepared(stage)
    length = len(prepared.whole)
    cut = prepared.early if early else prepared.middle
    stage.wire.send(head(200, _fields(stage, prepared, content_length=length)) + prepared.whole[:cut])


def _begin_chunked(stage: Stage) -> None:
    prepared = _prepared(stage)
    stage.wire.begin_chunks(_fields(stage, prepared))
    sent = 0
    for piece in prepared.pieces:  # each event is a chunk, as services write them
        if sent + len(piece) > prepared.middle:
            stage.wire.send(f"{len(piece):x}\r\n".encode() + piece[: prepared.middle - sent])
            return
        stage.wire.send(chunk(piece))
        sent += len(piece)


def _half_a_head(stage: Stage) -> None:
    whole = head(200, _fields(stage, _prepared(stage), content_length=100))
    stage.wire.send(whole[: len(whole) // 2])


def _close_on_request(stage: Stage) -> None:
    stage.wire.close()


def _reset_on_request(stage: Stage) -> None:
    stage.wire.reset()


def _close_in_headers(stage: Stage) -> None:
    _half_a_head(stage)
    stage.wire.close()


def _reset_in_headers(stage: Stage) -> None:
    _half_a_head(stage)
    stage.wire.reset()


def _close_in_body(stage: Stage) -> None:
    _begin(stage)
    stage.wire.close()


def _reset_in_body(stage: Stage) -> None:
    _begin(stage)
    stage.wire.reset()


def _close_in_body_early(stage: Stage) -> None:
    _begin(stage, early=True)
    stage.wire.close()


def _reset_in_body_early(stage: Stage) -> None:
    _begin(stage, early=True)
    stage.wire.reset()


def _close_in_chunked_body(stage: Stage) -> None:
    _begin_chunked(stage)
    stage.wire.close()


def _reset_in_chunked_body(stage: Stage) -> None:
    _begin_chunked(stage)
    stage.wire.reset()


def _close_without_length(stage: Stage) -> None:
    prepared = _prepared(stage)
    fields = _fields(stage, prepared, connection="close")
    stage.wire.send(head(200, fields) + prepared.whole[: prepared.middle])
    stage.wire.close()


def _cut_json(stage: Stage) -> None:
    prepared = _prepared(stage)
    stage.wire.respond(prepared.whole[: prepared.middle], fields=_fields(stage, prepared))


def _short_content_length(stage: Stage) -> None:
    prepared = _prepared(stage)
    stage.wire.send(head(200, _fields(stage, prepared, content_length=prepared.middle)) + prepared.whole)
    stage.wire.close()


def _corrupt_gzip(stage: Stage) -> None:
    prepared = _prepared(stage)
    packing = zlib.compressobj(wbits=_GZIP)
    packed = packing.compress(prepared.whole[: prepared.middle]) + packing.flush(zlib.Z_SYNC_FLUSH)
    # A block of no known type: turned bits would, with some luck, be an answer that nobody gave.
    stage.wire.respond(packed + b"\xff" * len(packed), fields=_fields(stage, prepared, content_encoding="gzip"))


def _truncated_gzip(stage: Stage) -> None:
    prepared = _prepared(stage)
    packed = gzip.compress(prepared.whole, mtime=0)
    stage.wire.respond(packed[: len(packed) // 2], fields=_fields(stage, prepared, content_encoding="gzip"))


def _empty_200(stage: Stage) -> None:
    stage.wire.respond(b"", fields=_fields(stage, _prepared(stage)))


def _hang_before_headers(stage: Stage) -> None:
    stage.wire.hang()


def _hang_in_body(stage: Stage) -> None:
    _begin(stage)
    stage.wire.hang()


def _slow_drip_headers(stage: Stage) -> None:
    prepared = _prepared(stage)
    fields = _fields(stage, prepared, content_length=len(prepared.whole))
    stage.wire.drip(head(200, fields), stage.pace)
    stage.wire.send(prepared.whole)


def _slow_drip_body(stage: Stage) -> None:
    prepared = _prepared(stage)
    stage.wire.send(head(200, _fields(stage, prepared, content_length=len(prepared.whole))))
    stage.wire.drip(prepared.whole, stage.pace)


def _slow_drip_pings(stage: Stage) -> None:
    stage.wire.keep = False
    ping = {"sse": b": ping\n\n", "frames": frame("ping", b"{}")}.get(stage.asked.framing, b"\n")
    kind = _prepared(stage).content_type
    stage.wire.send(head(200, stage.fields(kind) | {"connection": "close"}))
    while True:  # until the client leaves: the wire raises Gone
        stage.wire.drip(ping, stage.pace)
        stage.wire.pause(stage.pace)


def _html_200(stage: Stage) -> None:
    stage.wire.respond(_HTML, fields=stage.fields("text/html; charset=utf-8"))


def _bad_utf8(stage: Stage) -> None:
    prepared = _prepared(stage)
    data, quote = prepared.whole, prepared.whole.index(b'": "') + 4  # where the first string begins
    stage.wire.respond(data[:quote] + b"\xff\xfe" + data[quote:], fields=_fields(stage, prepared))


def _bad_status_line(stage: Stage) -> None:
    stage.wire.send(b"HTP/one two hundred\r\ncontent-length: 2\r\n\r\n{}")
    stage.wire.close()


def _huge_header(stage: Stage) -> None:
    prepared = _prepared(stage)
    fields = _fields(stage, prepared, content_length=len(prepared.whole), x_huge="x" * 200_000)
    stage.wire.send(head(200, fields) + prepared.whole)


def _slow_but_good(stage: Stage) -> None:
    stage.wire.pause(stage.pace * 1.5)
    stage.good()


def _all(*rows: tuple[str, Play, str, str]) -> tuple[Fault, ...]:
    return tuple(
        Fault(name, "1", text, (*HTTP, "grpc") if name in _ON_GRPC else HTTP, expectation, play)
        for name, play, text, expectation in rows
    )


_ON_GRPC = ("hang-before-headers", "hang-in-body", "reset-on-request", "reset-in-body")
_RETRY = "retried; ConnectionFailed"
_PARTIAL = "retried while no call was handed out; in a stream IncompleteStream, calls kept"
_BAD = "retried; BadResponse"
_DEADLINE = "DeadlineExceeded at the total deadline"

FAULTS = _all(
    ("close-on-request", _close_on_request, "closes the connection when the request has come", _RETRY),
    ("reset-on-request", _reset_on_request, "resets the connection when the request has come", _RETRY),
    ("close-in-headers", _close_in_headers, "closes the connection in the middle of the header", _RETRY),
    ("reset-in-headers", _reset_in_headers, "resets the connection in the middle of the header", _RETRY),
    ("bad-status-line", _bad_status_line, "begins with a line that is no status line", "fatal"),
    ("huge-header", _huge_header, "sends a header field of 200 kB before a good answer", "fatal"),
    ("close-in-body", _close_in_body, "closes inside the last call, short of the content length", _PARTIAL),
    ("reset-in-body", _reset_in_body, "resets inside the last call, short of the content length", _PARTIAL),
    ("close-in-body-early", _close_in_body_early, "closes after the first byte of the body", _RETRY),
    ("reset-in-body-early", _reset_in_body_early, "resets after the first byte of the body", _RETRY),
    ("close-in-chunked-body", _close_in_chunked_body, "closes inside the last call, inside a chunk", _PARTIAL),
    ("reset-in-chunked-body", _reset_in_chunked_body, "resets inside the last call, inside a chunk", _PARTIAL),
    ("close-without-length", _close_without_length, "no length; closes inside the last call, so the JSON is cut", _BAD),
    ("cut-json", _cut_json, "well framed, but the JSON ends inside the last call", _BAD),
    ("short-content-length", _short_content_length, "the content length ends inside the last call", _BAD),
    ("corrupt-gzip", _corrupt_gzip, "says gzip; the second half of the body is garbage", _BAD),
    ("truncated-gzip", _truncated_gzip, "says gzip; only the first half of it comes", _BAD),
    ("empty-200", _empty_200, "200 with an empty body", _BAD),
    ("hang-before-headers", _hang_before_headers, "reads the request and says nothing", _DEADLINE),
    ("hang-in-body", _hang_in_body, "stops inside the last call and keeps the connection open", _DEADLINE),
    ("slow-drip-headers", _slow_drip_headers, "sends the header one byte a pace, then a good body", _DEADLINE),
    ("slow-drip-body", _slow_drip_body, "sends a good body one byte a pace", _DEADLINE),
    ("slow-drip-pings", _slow_drip_pings, "sends comments (in JSON: newlines) for ever, one byte a pace", _DEADLINE),
    ("html-200", _html_200, "200 with an HTML page", "BadResponse with an excerpt"),
    ("bad-utf8", _bad_utf8, "bytes that are no UTF-8 inside a string", "BadResponse"),
    ("slow-but-good", _slow_but_good, "a good answer after one and a half paces", "good"),
)
