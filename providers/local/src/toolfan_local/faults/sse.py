"""Faults of server-sent events: how events are written as bytes.

Knows the format of server-sent events; nothing of calls.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import Failure
from toolfan_local.faults.fault import CHAT, EVENTS, TYPED, Dialect, Fault
from toolfan_local.faults.openai_form import DONE
from toolfan_local.faults.payload import first
from toolfan_local.faults.stage import JSON_TYPE, framed, lines
from toolfan_local.faults.streaming import Frames, Framing, Streaming

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.answers import SaidCall

SEPARATORS = "\u2028\u2029\x85"
"""Line ends to Unicode, but not to server-sent events."""

_STAND_IN = "~"  # one character, so that no cut parts it, which JSON does not escape
_MIXED = ("\n\n", "\r\n\r\n", "\r\r", "\n\r\n", "\r\n\n")


def _ended(frames: Frames, line_end: str) -> list[bytes]:
    return [framed(text, line_end) for text in frames.texts]


def _byte_by_byte(frames: Frames) -> list[bytes]:
    return [bytes([byte]) for byte in b"".join(frames.all())]


def _mixed(frames: Frames) -> list[bytes]:
    ends = itertools.cycle(_MIXED)
    return ["\n".join(lines(text)).encode() + next(ends).encode() for text in frames.texts]


def _split_crlf(frames: Frames) -> list[bytes]:
    return [piece for text in frames.texts for piece in ("\r\n".join(lines(text)).encode() + b"\r", b"\n\r", b"\n")]


def _multi_line(frames: Frames) -> list[bytes]:
    def parted(text: str) -> str:
        parts = [text] if text == DONE else json.dumps(json.loads(text), indent=1).splitlines()
        named = [*lines(text)[:-1], *(f"data: {part}" for part in parts)]
        return "".join(f"{line}\n" for line in named)

    return [f"{parted(text)}\n".encode() for text in frames.texts]


def _no_space(frames: Frames) -> list[bytes]:
    return [piece.replace(b"data: ", b"data:", 1).replace(b"event: ", b"event:", 1) for piece in frames.all()]


def _comments(frames: Frames) -> list[bytes]:
    return [b": ping\n\n: a comment\n" + "\n".join(lines(text)).encode() + b"\n:\n\n" for text in frames.texts]


def _id_and_retry(frames: Frames) -> list[bytes]:
    return [f"id: {place}\nretry: 3000\n".encode() + piece for place, piece in enumerate(frames.all())]


def _separators(frames: Frames) -> list[bytes]:
    return [piece.replace(_STAND_IN.encode(), SEPARATORS.encode()) for piece in frames.all()]


def _stand_in(call: SaidCall) -> None:
    name = next((key for key, value in call.arguments.items() if isinstance(value, str)), "extra")
    call.arguments[name] = call.arguments.get(name, "") + _STAND_IN


def _bom(frames: Frames) -> list[bytes]:
    return ["\ufeff".encode(), *frames.all()]


def _before_each(extra: bytes) -> Callable[[Frames], list[bytes]]:
    return lambda frames: [piece for event in frames.all() for piece in (extra, event)]


def _instead_of_last_call(event: bytes) -> Callable[[Frames], list[bytes]]:
    """This event in place of the last piece of the last call; the first call is whole."""

    def frame(frames: Frames) -> list[bytes]:
        pieces = frames.all()
        pieces[frames.last] = event
        return pieces

    return frame


def _last_open(frames: Frames) -> list[bytes]:
    """The event with the finish reason is the last one, and no blank line ends it."""
    texts = [text for text in frames.texts if text != DONE and '"choices": []' not in text]
    return [*(frames.framed(text) for text in texts[:-1]), f"data: {texts[-1]}".encode()]


def _done_open(frames: Frames) -> list[bytes]:
    return [*(frames.framed(text) for text in frames.texts[:-1]), f"data: {frames.texts[-1]}".encode()]


def _after_done(frames: Frames) -> list[bytes]:
    return [*frames.all(), frames.framed(json.dumps(frames.form.LATE)), b"data: {not json\n\n"]


def _error_event(frames: Frames) -> list[bytes]:
    error: Any = {"error": {"message": "The server had an error.", "type": "server_error", "code": "server_error"}}
    if hasattr(frames.form, "error_event"):
        error = frames.form.error_event(Failure(500, "The server had an error."))
    return [*frames.all()[: frames.second], f"event: error\ndata: {json.dumps(error)}\n\n".encode()]


def _fault(
    name: str, text: str, play: Any, expectation: str = "exact", dialects: tuple[Dialect, ...] = EVENTS
) -> Fault:
    return Fault(name, "3", text, dialects, expectation, play)


_LOST = "BadResponse, the calls before it kept"

FAULTS = (
    _fault("sse-byte-by-byte", "every byte a chunk of its own", Framing(_byte_by_byte)),
    _fault("sse-crlf", "lines end with CRLF", Framing(lambda frames: _ended(frames, "\r\n"))),
    _fault("sse-cr", "lines end with CR", Framing(lambda frames: _ended(frames, "\r"))),
    _fault("sse-mixed-line-ends", "LF, CRLF and CR in turn", Framing(_mixed)),
    _fault("sse-crlf-split", "every CRLF parted by the border of a chunk", Framing(_split_crlf)),
    _fault("sse-multi-line-data", "the JSON of an event on many `data` lines", Framing(_multi_line)),
    _fault("sse-no-space", "no space after `data:`", Framing(_no_space)),
    _fault("sse-comments", "comments between events and in them", Framing(_comments)),
    _fault("sse-id-and-retry", "`id` and `retry` beside `data`", Framing(_id_and_retry)),
    _fault("sse-unicode-separators", "U+2028, U+2029, U+0085 in a string", Framing(_separators, first(_stand_in))),
    _fault("sse-data-after-done", "a call and broken JSON after the end", Framing(_after_done), dialects=TYPED),
    _fault("sse-done-without-blank-line", "`[DONE]` without a blank line", Framing(_done_open), dialects=CHAT),
    _fault("sse-json-content-type", "events as application/json", Streaming(content_type=JSON_TYPE)),
    _fault("sse-bom", "a byte order mark first", Framing(_bom), "stripped"),
    _fault(
        "sse-ping",
        "`event: ping` with `{}` before each event",
        Framing(_before_each(b"event: ping\ndata: {}\n\n")),
        "skipped",
    ),
    _fault("sse-empty-data", "an empty `data:` before each event", Framing(_before_each(b"data:\n\n")), "skipped"),
    _fault(
        "sse-retry-only",
        "an event of `retry` alone before each event",
        Framing(_before_each(b"retry: 3000\n\n")),
        "skipped",
    ),
    _fault(
        "sse-broken-json",
        "broken JSON in place of the last piece of a call",
        Framing(_instead_of_last_call(b'data: {"id": "x", "choices": [{\n\n')),
        _LOST,
    ),
    _fault(
        "sse-bad-utf8",
        "bytes that are no UTF-8 in place of the same",
        Framing(_instead_of_last_call(b'data: {"id": "\xff\xfe"}\n\n')),
        _LOST,
    ),
    _fault(
        "sse-last-without-blank-line",
        "the event that finishes is the last, without a blank line",
        Framing(_last_open),
        "accepted at the end",
    ),
    _fault(
        "sse-error-event", "`event: error` after the first call", Framing(_error_event), "the ProviderError of its code"
    ),
)
