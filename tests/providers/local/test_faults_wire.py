"""What the faults of transport, form and status are on the wire: bytes, framing, how the connection ends."""

from __future__ import annotations

import email.utils
import gzip
import json
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from fault_client import GEMINI, GOOD, Seen, ask, google_calls, google_request, is_json, openai_calls, openai_request
from toolfan_local.faults import CATALOGUE, FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator

Check = Callable[[Seen], bool]
PACE = 0.001


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer(pace=PACE) as running:
        yield running


def cut(end: str) -> Check:
    """Part of the body that the length promises."""
    return lambda seen: seen.end == end and seen.status == 200 and 1 < len(seen.body) < (seen.length or 0)


def first_byte(end: str) -> Check:
    return lambda seen: seen.end == end and len(seen.body) == 1 < (seen.length or 0)


def cut_chunk(end: str) -> Check:
    def check(seen: Seen) -> bool:
        size, _, part = seen.body.partition(b"\r\n")
        while len(part) > int(size, 16):  # a whole chunk: each event is one
            size, _, part = part[int(size, 16) + 2 :].partition(b"\r\n")
        return seen.end == end and "content-length" not in seen.fields and 1 < len(part) < int(size, 16)

    return check


def half_a_head(end: str) -> Check:
    return lambda seen: seen.end == end and seen.raw.startswith(b"HTTP/1.1 200") and b"\r\n\r\n" not in seen.raw


def unzips(data: bytes) -> bool:
    try:
        return bool(gzip.decompress(data))
    except (EOFError, OSError, zlib.error):
        return False


def whole_but_cut(seen: Seen) -> bool:
    """Well framed, and the answer is cut."""
    last = seen.data[-1].encode() if "event-stream" in seen.fields["content-type"] else seen.content
    return seen.complete and not is_json(last)


def good(seen: Seen) -> bool:
    return seen.complete and openai_calls(seen) == GOOD


def good_json(seen: Seen) -> bool:
    """The good calls in JSON, whatever was asked for."""
    calls = json.loads(seen.content.decode("utf-8-sig"))["choices"][0]["message"]["tool_calls"]
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls] == GOOD


TRANSPORT: dict[str, Check] = {
    "close-on-request": lambda seen: (seen.raw, seen.end) == (b"", "closed"),
    "reset-on-request": lambda seen: (seen.raw, seen.end) == (b"", "reset"),
    "close-in-headers": half_a_head("closed"),
    "reset-in-headers": half_a_head("reset"),
    "bad-status-line": lambda seen: not seen.raw.startswith(b"HTTP/"),
    "huge-header": lambda seen: len(seen.head) > 200_000 and seen.complete and b"GoogleSearch" in seen.body,
    "close-in-body": cut("closed"),
    "reset-in-body": cut("reset"),
    "close-in-body-early": first_byte("closed"),
    "reset-in-body-early": first_byte("reset"),
    "close-in-chunked-body": cut_chunk("closed"),
    "reset-in-chunked-body": cut_chunk("reset"),
    "close-without-length": lambda seen: (
        seen.end == "closed" and not {"content-length", "transfer-encoding"} & {*seen.fields} and not is_json(seen.body)
    ),
    "cut-json": whole_but_cut,
    "short-content-length": lambda seen: (seen.length or 0) < len(seen.body) and not is_json(seen.body[: seen.length]),
    "corrupt-gzip": lambda seen: seen.complete and seen.fields["content-encoding"] == "gzip" and not unzips(seen.body),
    "truncated-gzip": lambda seen: (
        seen.complete
        and not unzips(seen.body)
        and zlib.decompressobj(31).decompress(seen.body).startswith((b'{"id"', b"data: {"))
    ),
    "empty-200": lambda seen: seen.status == 200 and seen.length == 0 and not seen.body,
    "hang-before-headers": lambda seen: (seen.raw, seen.end) == (b"", "open"),
    "hang-in-body": cut("open"),
    "slow-drip-headers": lambda seen: b"GoogleSearch" in seen.body and seen.seconds > PACE * len(seen.head),
    "slow-drip-body": lambda seen: seen.complete and seen.seconds > PACE * (len(seen.body) - 1),
    "slow-drip-pings": lambda seen: (
        seen.end == "open" and seen.body.strip(b": ping\n") == b"" and seen.seconds > PACE * (len(seen.body) - 1)
    ),
    "html-200": lambda seen: seen.status == 200 and "text/html" in seen.fields["content-type"] and seen.complete,
    "bad-utf8": lambda seen: seen.complete and b"\xff\xfe" in seen.body and b"GoogleSearch" in seen.body,
    "slow-but-good": lambda seen: good(seen) and seen.seconds >= PACE * 1.5,
    "json-for-stream": lambda seen: good_json(seen) and seen.fields["content-type"] == "application/json",
    "json-text-plain": lambda seen: good_json(seen) and seen.fields["content-type"].startswith("text/plain"),
    "json-bom": lambda seen: good_json(seen) and seen.content.startswith(b"\xef\xbb\xbf{"),
    "json-nan-usage": lambda seen: good_json(seen) and b'"total_tokens": NaN' in seen.content,
    "json-duplicate-keys": lambda seen: good_json(seen) and seen.content.count(b'"id": "') == 4,
    "json-leading-newlines": lambda seen: good_json(seen) and seen.content.startswith(b"\n" * 500 + b"{"),
    "event-stream-for-json": lambda seen: good(seen) and seen.data[-1] == "[DONE]",
}
HANGS = {"hang-before-headers": 0, "hang-in-body": None, "slow-drip-pings": 200}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", TRANSPORT)
def test_faults_of_transport(server: FaultServer, name: str, stream: bool) -> None:
    hangs = name in HANGS
    seen = ask(server, openai_request(name, stream=stream), idle=0.5 if hangs else 30, enough=HANGS.get(name))
    assert TRANSPORT[name](seen), seen


def test_of_a_cut_stream_the_first_call_is_whole(server: FaultServer) -> None:
    seen = ask(server, openai_request("close-in-body", stream=True))
    events = [json.loads(text) for text in seen.data[:-1]]
    indices = {piece["index"] for event in events for piece in event["choices"][0]["delta"].get("tool_calls", [])}
    assert indices == {0, 1}
    assert b'finish_reason": "' not in seen.body


def says(seen: Seen) -> tuple[int, Any, Any]:
    error = seen.json["error"]
    return seen.status, error["type"], error["code"]


def retry_after(value: str, name: str = "retry-after") -> Check:
    return lambda seen: seen.status == 429 and seen.fields[name] == value and "rate_limit" in seen.json["error"]["code"]


def dated(seen: Seen) -> bool:
    first, second = (email.utils.parsedate_to_datetime(seen.fields[name]) for name in ("date", "retry-after"))
    return seen.status == 429 and (second - first).total_seconds() == 2


STATUSES: dict[str, Check] = {
    "302-to-itself": lambda seen: seen.status == 302 and seen.fields["location"].startswith("/v1/chat/completions?"),
    "429-insufficient-quota": lambda seen: says(seen) == (429, "insufficient_quota", "insufficient_quota"),
    "429-retry-after-1": retry_after("1"),
    "429-retry-after-date": dated,
    "429-retry-after-skewed-date": dated,
    "429-retry-after-150-ms": retry_after("150", "retry-after-ms"),
    "429-retry-after-0.2": retry_after("0.2"),
    "429-retry-after-300": retry_after("300"),
    "429-retry-after-junk": retry_after("soon"),
    "429-retry-after-negative": retry_after("-5"),
    "500-should-not-retry": lambda seen: seen.status == 500 and seen.fields["x-should-retry"] == "false",
    "502-html": lambda seen: seen.status == 502 and seen.body.startswith(b"<html>"),
    "500-empty": lambda seen: seen.status == 500 and seen.length == 0,
    "422-detail": lambda seen: seen.status == 422 and seen.json["detail"][0]["loc"] == ["body", "messages"],
}
PLAIN = [fault.name for fault in CATALOGUE.values() if fault.section == "2" and fault.name.isdigit()]
ELSEWHERE = {"429-retry-info", "503-retry-info", "429-retry-info-300", "429-quota-per-day"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", STATUSES)
def test_faults_of_status(server: FaultServer, name: str, stream: bool) -> None:
    assert STATUSES[name](ask(server, openai_request(name, stream=stream)))


@pytest.mark.parametrize("name", PLAIN)
def test_every_status_in_both_dialects(server: FaultServer, name: str) -> None:
    seen = ask(server, openai_request(name))
    assert (seen.status, seen.complete) == (int(name), True)
    assert seen.json["error"]["message"]
    seen = ask(server, google_request(name))
    assert (seen.status, seen.json["error"]["code"]) == (int(name), int(name))
    assert ask(server, google_request(name, framing="array")).json[0]["error"]["code"] == int(name)


def test_the_skewed_clock_is_an_hour_ahead(server: FaultServer) -> None:
    def clock(name: str) -> float:
        fields = ask(server, openai_request(name)).fields
        return email.utils.parsedate_to_datetime(fields["date"]).timestamp()

    assert 3590 < clock("429-retry-after-skewed-date") - clock("429-retry-after-date") < 3700


def test_a_redirect_that_is_followed_is_counted(server: FaultServer) -> None:
    seen = ask(server, openai_request("302-to-itself@followed"))
    assert server.requests("302-to-itself@followed") == 1
    get = f"GET {seen.fields['location']} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
    assert ask(server, get).status == 302
    assert server.requests("302-to-itself@followed") == 2


def test_these_are_all_faults_of_transport_and_status() -> None:
    assert {fault.name for fault in CATALOGUE.values() if fault.section == "1"} == {*TRANSPORT}
    assert {fault.name for fault in CATALOGUE.values() if fault.section == "2"} == {*STATUSES, *PLAIN}


def test_both_dialects_break_alike(server: FaultServer) -> None:
    """The faults of transport do not look at what they break."""
    seen = ask(server, google_request("close-in-body"))
    assert cut("closed")(seen)
    assert b"Weather" in seen.body
    seen = ask(server, google_request("json-for-stream", framing="sse", prefix=GEMINI))
    assert google_calls(seen) == GOOD
