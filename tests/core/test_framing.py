"""Bytes to events: every legal form and the illegal ones that were seen; however the bytes are cut, the same."""

from __future__ import annotations

import itertools
import json
import operator
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toolfan import BadResponse, IncompleteStream
from toolfan.framing import decoder
from toolfan.framing.decoder import DONE, EventDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

JSON = dict[str, Any]
A, B, C = {"a": 1}, {"b": [1, {"c": "}]"}]}, {"text": '\u2028\u2029\x85 \r\n ü 😀 \\ " data: x'}
BOM = "\ufeff".encode()
SECRET = "sk-planted-in-an-answer"


def written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def sse(*values: Any, end: bytes = b"\n\n") -> bytes:
    return b"".join(b"data: " + (value if isinstance(value, bytes) else written(value)) + end for value in values)


GOOD = sse(A, B, C, b"[DONE]")


def decoded(pieces: Iterable[bytes], **options: Any) -> tuple[list[JSON], str | None]:
    """The events in these pieces, and what the error says."""
    decoder = EventDecoder(adapter="house", **options)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.close()
    if decoder.error is None:
        return events, None
    assert type(decoder.error) in (BadResponse, IncompleteStream)
    assert (decoder.error.adapter, decoder.error.retryable) == ("house", True)
    assert decoder.ended
    return events, decoder.error.message


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def check(data: bytes, events: list[JSON], error: str | None = None) -> None:
    """In one piece, byte by byte, with empty pieces between, in two pieces at every place."""
    whole = decoded([data])
    assert whole[0] == events
    assert (whole[1] is None) == (error is None), whole[1]
    assert error is None or error in (whole[1] or "")
    assert decoded(bytewise(data)) == whole
    assert decoded([b"", *itertools.chain.from_iterable((piece, b"") for piece in bytewise(data))]) == whole
    for at in range(1, min(len(data), 400)):
        assert decoded([data[:at], data[at:]]) == whole, at


ALL = [A, B, C, DONE]
FORMS: dict[str, tuple[bytes, list[JSON]]] = {
    "lf": (GOOD, ALL),
    "crlf": (sse(A, B, C, b"[DONE]", end=b"\r\n\r\n"), ALL),
    "cr": (sse(A, B, C, b"[DONE]", end=b"\r\r"), ALL),
    "mixed line ends": (sse(A, end=b"\r\n\n") + sse(B, end=b"\n\r\n") + sse(C, end=b"\r\r\n") + sse(A), [A, B, C, A]),
    "more blank lines": (b"\n\n" + sse(A, B, end=b"\n\n\n\n\r\n\r\n\r\r"), [A, B]),
    "a byte order mark": (BOM + GOOD, ALL),
    "a byte order mark and blank lines": (BOM + b"\r\n\r\n" + GOOD, ALL),
    "no space": (sse(A, B, b"[DONE]").replace(b"data: ", b"data:"), [A, B, DONE]),
    "many spaces": (sse(A, B, b"[DONE]").replace(b"data: ", b"data: \t  "), [A, B, DONE]),
    "data on many lines": (b'data: {"b": [1,\ndata: {"c":\ndata:\ndata: "}]"}\ndata: ]}\n\n', [B]),
    "comments": (b": hello\n\n:\ndata: " + written(A) + b"\n: within\n\n:bye\n\n", [A]),
    "id and retry": (b"id: 7\nretry: 3000\ndata: " + written(A) + b"\nid\n\nretry: 1\n\nid: 8\n\n" + sse(B), [A, B]),
    "named events": (
        b"event: message\n" + sse(A) + b"event: ping\ndata: {}\n\nevent: ping\n\nevent\n" + sse(B),
        [A, B],
    ),
    "unknown fields": (b"event: x\nfoo: bar\nfoo\n" + sse(A), [A]),
    "empty data": (sse(b"", A, b"   ", b"null", b"{}", B) + b"data\n\n", [A, B]),
    "no blank line after the last": (GOOD[:-2], ALL),
    "half a blank line after the last": (GOOD[:-1], ALL),
    "no blank line after the last event that counts": (sse(A, B)[:-2], [A, B]),
    "no blank lines at all": (sse(A, B, C, b"[DONE]", end=b"\n"), ALL),
    "no blank lines, and cut": (sse(A, B, b'{"c', end=b"\n"), [A, B]),
    "cut in the json": (GOOD[:-20], [A, B]),
    "cut in the name of a field": (sse(A) + b"dat", [A]),
    "after the end": (GOOD + sse(A, b"{broken"), ALL),
    "the end is said oddly": (sse(A, b" [DONE] now"), [A, DONE]),
    "the end alone": (sse(b"[DONE]"), [DONE]),
    "cut in the name of the first field": (b"dat", []),
    "comments alone": (b": ping\n\n" * 5, []),
    "nothing": (b"", []),
    "blanks": (b" \r\n\t\n", []),
    "lists of events": (
        b"data: [" + written(A) + b"]\n\n" + b"data: [" + written(B) + b", {}, " + written(C) + b"]\n\n",
        ALL[:3],
    ),
    "an error that is an event": (b'event: error\ndata: {"message": "no"}\n\n', [{"error": {"message": "no"}}]),
    "an error in an event": (b'event: error\ndata: {"error": {"code": 1}}\n\n', [{"error": {"code": 1}}]),
    "an error that is a text": (b"event: error\ndata: it is over\n\n", [{"error": "it is over"}]),
    "an error that is a json text": (b'event: error\ndata: "it is over"\n\n', [{"error": "it is over"}]),
    "an error without a field": (sse(A) + b'{"error": {"code": 503}}\n\n', [A, {"error": {"code": 503}}]),
    "an error without a field, last": (sse(A) + b'{"error": {"code": 503}}', [A, {"error": {"code": 503}}]),
    "an error for a field": (sse(A) + b'error: {"code": 1}\n\n' + sse(B), [A, {"error": {"code": 1}}, B]),
    "an error for a field, first and last": (b'error: {"error": "x"}', [{"error": "x"}]),
    "an error for a field, without blank lines": (
        sse(A, end=b"\n") + b'error: {"code": 1}\n' + sse(b"[DONE]"),
        [A, {"error": {"code": 1}}, DONE],
    ),
    "signs of life": (
        b"event: ping\ndata: 2026-01-01T00:00:00Z\n\n"
        + sse(A)
        + b'event: keepalive\ndata: 17\n\nevent: keepalive\ndata: "on"\n\nevent: queue\ndata: waiting: 3\n\n'
        + sse(B),
        [A, B],
    ),
    "signs of life alone": (b"event: ping\ndata: 3\n\n" * 3, []),
    "numbers and texts": (sse(b"17", A, b'"on"', b"true", B, b"1.5"), [A, B]),
    "byte order marks": (BOM + sse(A) + BOM + sse(B) + BOM + b"event: x\n" + BOM + sse(C), [A, B, C]),
    "nothing but zeros before": (b"\0\0" + sse(A, B), [A, B]),
    "blanks before a field": (b" \n  data: " + written(A) + b"\n\n" + sse(B), [A, B]),
    "lone surrogates": (sse(b'{"a": "\\ud83d"}'), [{"a": "\ud83d"}]),
    "not a number": (sse(b'{"a": Infinity, "b": 1}'), [{"a": float("inf"), "b": 1}]),
    "a key twice": (sse(b'{"a": 0, "a": 1}'), [A]),
    "an array": (b"[" + b",\r\n".join(map(written, (A, B, C))) + b"]", [A, B, C]),
    "an array of nothing": (b"[]", []),
    "an array that is cut": (b"[" + written(A) + b",\n" + written(B)[:-2], [A]),
    "an array whose end is missing": (b"\n[\n" + written(A) + b"\n,", [A]),
    "json lines": (b"\n".join(map(written, (A, B, C))), [A, B, C]),
    "json lines with crlf": (b"\r\n\r\n".join(map(written, (A, B, C))) + b"\r\n", [A, B, C]),
    "a json body": (BOM + b"\n" * 500 + json.dumps([B], indent=2).encode()[1:-1] + b"\n", [B]),
    "a json body with NaN": (b'{"usage": {"n": NaN}, "a": 1', []),
    "a json body that is cut": (written(B)[:-1], []),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_form(form: str) -> None:
    check(*FORMS[form])


BROKEN: dict[str, tuple[bytes, list[JSON], str]] = {
    "broken json": (sse(A, b'{"b": [', B), [A], "an event of the stream is not JSON; it starts with ' {\"b\": ['"),
    "bad utf-8": (sse(A, b'{"b": "\xff\xfe"}', B), [A], "an event of the stream is not JSON"),
    "a number and nothing else": (sse(b"3", b"[DONE]"), [], "an event is no JSON object; it starts with ' 3'"),
    "a text and nothing else": (sse(b'"x"', b"null"), [], "an event is no JSON object"),
    "a line that is no field": (sse(A) + b"\x01data: {}\n\n" + sse(B), [A], "a line of the stream is no field"),
    "a first line that is no field": (b'<data: {"a": 1}\n\n' + sse(B), [], "is no field; it starts with '<data: {"),
    "a last line that is no field": (sse(A) + b"<data: {}", [A], "a line of the stream is no field"),
    "broken json in a named event": (b'event: delta\ndata: {"b": [\n\n', [], "an event of the stream is not JSON"),
    "a list in a named event": (b'event: delta\ndata: [{"a": 1}, 2]\n\n', [], "an event is no JSON object"),
    "a list": (sse(A, b'[{"a": 1}, [2]]', B), [A], "an event is no JSON object"),
    "an empty list": (sse(A, b"[]", B), [A], "an event is no JSON object"),
    "a page": (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", [], "no event stream; it starts with '<!DOC"),
    "a word": (b"upstream connect error", [], "no event stream; it starts with 'upstream connect error'"),
    "a json text": (b'"no"', [], "no event stream"),
    "a number alone": (b"17", [], "no event stream; it starts with '17'"),
    "an array of numbers": (b'[{"a": 1}, 17]', [A], "the answer is not JSON; it starts with '[{\"a\": 1}, 1'"),
    "json and a word": (b'{"a": 1}\nover and out', [A], "the answer is not JSON; it starts with '{\"a\": 1}\\no'"),
    "brackets that do not match": (b'{"a": [1}}', [], "an event of the stream is not JSON"),
    "words after a brace": (b"{malformed: <<<", [], "the answer is not JSON; it starts with '{malformed: <<<'"),
    "json with bad utf-8": (b'{"a": "\xff"}', [], "an event of the stream is not JSON"),
}


@pytest.mark.parametrize("form", BROKEN)
def test_what_is_broken_is_told_after_the_events_before_it(form: str) -> None:
    check(*BROKEN[form])


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "\\ud83d", "more": ["\\ud83d\\n", "\\udc00", "\\ud83d\\u0041"]}',
        b'{"deep": ' + b"[" * 230 + b"]" * 230 + b"}",
        '{"text": "ü 😀\u2028", "numbers": [-1.5e+30, NaN, -Infinity, 0, true, null]}'.encode(),
    ],
    ids=["halves of characters", "deep", "whatever json has"],
)
def test_the_beginning_of_what_would_be_read_whole_is_no_fault(body: bytes) -> None:
    assert decoded([body])[0] != []
    for end in range(1, len(body)):
        assert decoded([body[:end]]) == ([], None), body[:end]


def test_the_start_of_a_long_page_is_told_with_its_type_and_without_secrets() -> None:
    page = b"<html>\n<p>" + SECRET.encode() + b"</p>\n" + b"x" * 5000
    for pieces in ([page], bytewise(page)):
        events, error = decoded(pieces, content_type="text/html", secrets=[SECRET])
        assert events == []
        assert error is not None
        assert "(text/html)" in error
        assert SECRET not in error
        assert len(error) < 400


@pytest.mark.parametrize("size", [300, 380, 388, 389, 390, 391, 392, 393, 400, 5000])
@pytest.mark.parametrize("form", [sse, lambda *values: b"[" + b",".join(map(written, values)) + b"]"])
def test_an_event_that_is_too_long_is_none(
    monkeypatch: pytest.MonkeyPatch, form: Callable[..., bytes], size: int
) -> None:
    """However long the whole stream is, and whatever stands between its events."""
    monkeypatch.setattr(decoder, "LARGEST_EVENT", 400)
    long = {"a": "x" * size}
    data = form(A, A, A, A, long, A)
    whole = decoded([data])
    assert decoded(bytewise(data)) == whole
    assert whole[0][:4] == [A] * 4
    if size <= 380:
        assert whole == ([A, A, A, A, long, A], None)
    if size >= 400:
        assert len(whole[0]) == 4
        assert "an event is longer than 400 bytes; it starts with" in str(whole[1])
    pings = b": ping\n\n" * 100 + sse(A)
    assert decoded([pings]) == decoded(bytewise(pings)) == ([A], None)


# However the bytes are cut.


def cuts(data: bytes) -> st.SearchStrategy[list[bytes]]:
    places = st.lists(st.integers(0, len(data)), max_size=8).map(sorted)
    return places.map(lambda at: [data[one:two] for one, two in itertools.pairwise([0, *at, len(data)])])


BITS = [
    b"data:",
    b"data: ",
    b" ",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b":",
    b"event: error\n",
    b"event:x\n",
    b"id",
    b"retry: 1",
]
BITS += [b'{"a": 1}', b'{"b": ', b"}", b"{", b"[", b"]", b",", b'"', b"\\", b"[DONE]", b"null", b"7", b"{}", b"<p>"]
BITS += [b"\xef", b"\xbb", b"\xbf", b"\xff", "ü😀\u2028".encode(), b"\t", b'{"error": "x"}']


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_any_bytes_give_the_same_however_they_are_cut(data: st.DataObject) -> None:
    made = b"".join(data.draw(st.lists(st.sampled_from(BITS), max_size=20)))
    whole = decoded([made])
    assert decoded(bytewise(made)) == whole
    assert decoded(data.draw(cuts(made))) == whole


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=3), max_size=5)
ENDS = ["\n", "\r\n", "\r"]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[JSON], bytes]:
    """Events, and a legal way of writing them as server-sent events."""
    events = draw(EVENTS)
    lines: list[str] = []
    for event in events:
        lines += draw(
            st.lists(st.sampled_from([": a comment", ":", "id: 1", "retry: 5", "event: chunk", ""]), max_size=3)
        )
        text = json.dumps(event, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1])))
        lines += [draw(st.sampled_from(["data:", "data: "])) + line for line in text.split("\n")]
        lines += draw(st.lists(st.sampled_from([": within", "id: 2"]), max_size=1))
        lines.append("")
    text = ""
    for line in lines:
        # LF after CR is one line end, not an empty line between two.
        ends = ENDS[1:] if not line and text.endswith("\r") else ENDS
        text += line + draw(st.sampled_from(ends))
    return events, text.encode()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_legally_written_is_read(data: st.DataObject) -> None:
    events, written_so = data.draw(streams())
    assert decoded([written_so]) == (events, None)
    assert decoded(data.draw(cuts(written_so))) == (events, None)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.booleans(), st.sampled_from(["", "\n", " \r\n"]), st.data())
def test_whatever_json_objects_are_written_is_read(events: list[JSON], array: bool, gap: str, data: Any) -> None:
    texts = [json.dumps(event) for event in events]
    text = f"[{gap}{f'{gap},'.join(texts)}{gap}]" if array else (gap or "\n").join(texts)
    assert decoded(data.draw(cuts(text.encode()))) == (events, None)


# Time.

FACTOR = 9
"""How much longer four times as much may take: linear is 4, quadratic 16."""


def pings(n: int) -> bytes:
    return b": ping\n\n" * n


def long_line(n: int) -> bytes:
    return sse({"a": "x" * n * 8})


def many_lines(n: int) -> bytes:
    return b'data: {"a": [\n' + b"data: 1,\n" * n + b"data: 1]}\n\n"


def array(n: int) -> bytes:
    return b"[" + b",".join([written(A)] * n) + b"]"


def long_body(n: int) -> bytes:
    return written({"a": ["x" * 6] * n})


def blanks(n: int) -> bytes:
    return b"\n" * n * 8


NAME = operator.attrgetter("__name__")


@pytest.mark.slow
@pytest.mark.parametrize("make", [pings, long_line, many_lines, array, long_body, blanks], ids=NAME)
@pytest.mark.parametrize("piece", [1, 64, 10**9])
def test_time_is_linear(make: Callable[[int], bytes], piece: int) -> None:
    def seconds(n: int) -> float:
        data = make(n)
        pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
        best = float("inf")
        for _ in range(3):
            started = time.thread_time()
            decoded(pieces)
            best = min(best, time.thread_time() - started)
        return best

    n = {1: 4_000, 64: 40_000, 10**9: 60_000}[piece]
    small = seconds(n)
    assert seconds(4 * n) < FACTOR * max(small, 0.002)
