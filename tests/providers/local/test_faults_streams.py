"""What the faults of server-sent events are on the wire: bytes, events, and where streams end."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from fault_client import GOOD, Seen, ask, google_calls, google_request, is_json, openai_calls, openai_request, pieces
from toolfan_local.faults import CATALOGUE, FaultServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[Seen], bool]

SEPARATORS = "\u2028\u2029\x85"


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


def good(seen: Seen) -> bool:
    return openai_calls(seen) == GOOD


def count(seen: Seen, text: bytes) -> int:
    return seen.content.count(text)


def mixed(seen: Seen) -> bool:
    content = seen.content
    return b"}\n\n" in content and b"}\r\n\r\n" in content and b"}\r\r" in content and good(seen)


BYTES: dict[str, Check] = {
    "sse-byte-by-byte": lambda seen: {len(chunk) for chunk in seen.chunks} == {1} and good(seen),
    "sse-crlf": lambda seen: count(seen, b"\r\n\r\n") == len(seen.data) == count(seen, b"\n") / 2 and good(seen),
    "sse-cr": lambda seen: count(seen, b"\n") == 0 and count(seen, b"\r\r") == len(seen.data) and good(seen),
    "sse-mixed-line-ends": mixed,
    "sse-crlf-split": lambda seen: seen.chunks[0].endswith(b"\r") and seen.chunks[1] == b"\n\r" and good(seen),
    "sse-multi-line-data": lambda seen: count(seen, b"data: ") > 3 * len(seen.data) and good(seen),
    "sse-no-space": lambda seen: count(seen, b"data: ") == 0 and good(seen),
    "sse-comments": lambda seen: count(seen, b": ping\n\n: a comment\ndata:") == len(seen.data) and good(seen),
    "sse-id-and-retry": lambda seen: count(seen, b"retry: 3000\ndata:") == len(seen.data) and good(seen),
    "sse-unicode-separators": lambda seen: (
        openai_calls(seen)[0][1]["location"] == "Toronto" + SEPARATORS and SEPARATORS.encode() in seen.content
    ),
    "sse-data-after-done": lambda seen: seen.content.partition(b"[DONE]")[2].count(b"data: ") == 2,
    "sse-done-without-blank-line": lambda seen: seen.content.endswith(b"\n\ndata: [DONE]") and good(seen),
    "sse-bom": lambda seen: seen.content.startswith(b"\xef\xbb\xbfdata: "),
    "sse-ping": lambda seen: count(seen, b"event: ping\ndata: {}\n\n") == len(seen.data) / 2 and good(seen),
    "sse-empty-data": lambda seen: count(seen, b"data:\n\n") == len(seen.data) / 2,
    "sse-retry-only": lambda seen: count(seen, b"retry: 3000\n\ndata:") == len(seen.data) and good(seen),
    "sse-broken-json": lambda seen: [text for text in seen.data[:-1] if not is_json(text.encode())] == [seen.data[-3]],
    "sse-bad-utf8": lambda seen: count(seen, b"\xff\xfe") == 1,
    "sse-last-without-blank-line": lambda seen: (
        not seen.content.endswith(b"\n") and seen.events[-1]["choices"][0]["finish_reason"] == "tool_calls"
    ),
    "sse-error-event": lambda seen: (
        seen.content.rpartition(b"\n\n")[0].rpartition(b"\n\n")[2].startswith(b'event: error\ndata: {"error"')
    ),
    "sse-json-content-type": lambda seen: (
        seen.fields["content-type"] == "application/json" and seen.content.startswith(b"data: ")
    ),
}


def deltas(seen: Seen) -> list[Any]:
    return pieces(seen.events)


def indices(seen: Seen) -> list[Any]:
    return [piece.get("index", "none") for piece in deltas(seen)]


def opened(seen: Seen) -> list[Any]:
    """The pieces that carry a name."""
    return [piece for piece in deltas(seen) if (piece.get("function") or {}).get("name")]


def first_call(seen: Seen) -> list[Any]:
    return [piece for piece in deltas(seen) if piece["index"] == 0]


def finishes(seen: Seen) -> list[Any]:
    reasons = [one["finish_reason"] for event in seen.events for one in event["choices"] or []]
    return [reason for reason in reasons if reason]


def grows(seen: Seen) -> bool:
    texts = [piece["function"]["arguments"] for piece in first_call(seen)]
    return all(after.startswith(before) for before, after in itertools.pairwise(texts)) and is_json(texts[-1].encode())


EVENTS: dict[str, Check] = {
    "sse-usage-last": lambda seen: seen.events[-1]["choices"] == [] and seen.events[-1]["usage"]["total_tokens"] == 18,
    "sse-empty-choices-first": lambda seen: seen.events[0]["choices"] == [] and good(seen),
    "sse-all-calls-in-one-chunk": lambda seen: len(seen.events) == 3 and len(deltas(seen)) == 2 and good(seen),
    "sse-name-in-fragments": lambda seen: [piece["function"]["name"] for piece in opened(seen)][:2] == ["Wea", "ther"],
    "sse-empty-ids-later": lambda seen: {piece["id"] for piece in first_call(seen)[1:]} == {""} and good(seen),
    "sse-null-arguments-first": lambda seen: [piece["function"]["arguments"] for piece in opened(seen)] == [None] * 2,
    "sse-finish-twice": lambda seen: finishes(seen) == ["tool_calls"] * 2 and good(seen),
    "sse-null-choices": lambda seen: (
        [event["choices"] for event in seen.events[::2]] == [None] * (len(seen.events) // 2)
    ),
    "sse-null-delta": lambda seen: {str(event["choices"][0]["delta"]) for event in seen.events[::2]} == {"None"},
    "sse-index-missing": lambda seen: {*indices(seen)} == {"none"} and len(opened(seen)) == 2,
    "sse-index-null": lambda seen: {*indices(seen)} == {None} and len({piece["id"] for piece in opened(seen)}) == 2,
    "sse-all-index-0": lambda seen: {*indices(seen)} == {0} and len({piece["id"] for piece in opened(seen)}) == 2,
    "sse-interleaved": lambda seen: indices(seen)[:4] == [0, 1, 0, 1] and good(seen),
    "sse-index-reversed": lambda seen: indices(seen) == sorted(indices(seen), reverse=True) and good(seen),
    "sse-index-gap": lambda seen: {*indices(seen)} == {0, 5} and good(seen),
    "sse-index-from-1": lambda seen: {*indices(seen)} == {1, 2} and good(seen),
    "sse-index-reused": lambda seen: (
        [piece["index"] for piece in opened(seen)] == [0, 1, 0, 1] and len({piece["id"] for piece in opened(seen)}) == 4
    ),
    "sse-name-repeated": lambda seen: (
        {(piece["id"], piece["function"]["name"]) for piece in first_call(seen)} == {("call_1_0", "Weather")}
    ),
    "sse-id-late": lambda seen: ["id" in piece for piece in first_call(seen)] == [False] * 3 + [True] and good(seen),
    "sse-null-function": lambda seen: [piece["function"] for piece in first_call(seen)][1] is None and good(seen),
    "sse-cumulative-arguments": grows,
    "sse-50-calls": lambda seen: len(openai_calls(seen)) == 50,
    "sse-100-calls": lambda seen: len(openai_calls(seen)) == 100,
    "sse-200-calls": lambda seen: len(openai_calls(seen)) == 200,
    "sse-400-calls": lambda seen: len(openai_calls(seen)) == 400,
    "sse-no-done": lambda seen: "[DONE]" not in seen.data and finishes(seen) == ["tool_calls"] and good(seen),
    "sse-done-without-finish": lambda seen: seen.data[-1] == "[DONE]" and finishes(seen) == [] and good(seen),
    "sse-cut-in-arguments": lambda seen: {*indices(seen)} == {0, 1} and not finishes(seen) and no_end(seen),
    "sse-cut-after-first-call": lambda seen: {*indices(seen)} == {0} and no_end(seen) and is_json(joined(seen)),
    "sse-cut-before-first-call": lambda seen: len(seen.events) == 1 and not deltas(seen) and no_end(seen),
    "sse-empty-body": lambda seen: seen.content == b"",
    "sse-only-done": lambda seen: seen.data == ["[DONE]"],
    "sse-error-object": lambda seen: seen.events[-1]["error"]["code"] == 503 and b"Weather" in seen.content,
    "sse-error-string": lambda seen: isinstance(seen.events[-1]["error"], str) and no_end(seen),
    "sse-error-first": lambda seen: [event["error"]["code"] for event in seen.events] == ["rate_limit_exceeded"],
    "sse-error-in-choice": lambda seen: finishes(seen) == ["error"] and seen.events[-1]["choices"][0]["error"]["code"],
}


def no_end(seen: Seen) -> bool:
    """The body is well framed, and the stream is not finished."""
    return seen.complete and "[DONE]" not in seen.data


def joined(seen: Seen) -> bytes:
    return "".join(piece["function"]["arguments"] for piece in first_call(seen)).encode()


@pytest.mark.parametrize("name", {**BYTES, **EVENTS})
def test_streams(server: FaultServer, name: str) -> None:
    seen = ask(server, openai_request(name, stream=True))
    assert (seen.status, seen.complete) == (200, True)
    assert {**BYTES, **EVENTS}[name](seen)


@pytest.mark.parametrize("name", {**BYTES, **EVENTS})
def test_to_a_whole_answer_they_are_good(server: FaultServer, name: str) -> None:
    assert openai_calls(ask(server, openai_request(name))) == GOOD


def test_the_usage_that_was_asked_for(server: FaultServer) -> None:
    seen = ask(server, openai_request("good", stream=True, stream_options={"include_usage": True}))
    assert seen.events[-1]["usage"]["total_tokens"] == 18
    assert openai_calls(seen) == GOOD


def unfinished(seen: Seen) -> bool:
    return b"finishReason" not in seen.content and not seen.content.endswith((b"]", b"}\r\n\r\n"))


GOOGLE: dict[str, Check] = {
    "sse-byte-by-byte": lambda seen: {len(chunk) for chunk in seen.chunks} == {1} and google_calls(seen, "sse") == GOOD,
    "sse-cr": lambda seen: b"\n" not in seen.content and google_calls(seen, "sse") == GOOD,
    "sse-multi-line-data": lambda seen: google_calls(seen, "sse") == GOOD,
    "sse-unicode-separators": lambda seen: SEPARATORS.encode() in seen.content,
    "sse-broken-json": lambda seen: is_json(seen.data[0].encode()) and not is_json(seen.data[1].encode()),
    "sse-last-without-blank-line": lambda seen: google_calls(seen, "sse") == GOOD and seen.content.endswith(b"}"),
    "sse-done-without-finish": lambda seen: google_calls(seen, "sse") == GOOD and b"finishReason" not in seen.content,
    "sse-cut-in-arguments": unfinished,
    "sse-cut-after-first-call": lambda seen: google_calls(seen, "sse") == GOOD[:1] and b"finish" not in seen.content,
    "sse-cut-before-first-call": lambda seen: seen.content == b"",
    "sse-empty-body": lambda seen: seen.content == b"",
    "sse-error-object": lambda seen: seen.events[-1]["error"]["code"] == 503 and b"Weather" in seen.content,
    "sse-error-first": lambda seen: [event["error"]["code"] for event in seen.events] == [429],
    "sse-50-calls": lambda seen: len(google_calls(seen, "sse")) == 50,
}


@pytest.mark.parametrize("name", GOOGLE)
def test_in_googles_dialect(server: FaultServer, name: str) -> None:
    seen = ask(server, google_request(name, framing="sse"))
    assert (seen.status, seen.complete) == (200, True)
    assert GOOGLE[name](seen)


def test_in_a_json_array(server: FaultServer) -> None:
    """What is said in events can be said in an array; what is about their bytes cannot, and is good."""
    seen = ask(server, google_request("sse-cut-after-first-call", framing="array"))
    assert (
        json.loads(seen.content + b"]")[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "Weather"
    )
    assert google_calls(ask(server, google_request("sse-cr", framing="array")), "array") == GOOD


def test_these_are_all_faults_of_streams() -> None:
    assert {fault.name for fault in CATALOGUE.values() if fault.section == "3"} == {*BYTES, *EVENTS}
