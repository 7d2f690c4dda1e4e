"""Streams as gateways in front of other services write them: the calls that were made come out."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
import toolfan
from counting import comparisons
from loopback import KEY, ONCE, USER, call, completion, http
from odd_streams import CALL, CALL_B, DONE, END, A, Hear, Now, Pay, Weather, chunk, event, heard, piece
from toolfan.assembly.slots import Slot
from toolfan.http.gzip_members import plain_bytes
from toolfan_openai.streaming import ChatStreamParser

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["heard"]

PAY = '{"k": 1}'
SCATTERED: dict[str, list[Any]] = {
    "the arguments under the next index": [
        piece(0, "a", "Weather", ""),
        piece(1, None, "", A),
        piece(2, "b", "Pay", ""),
        piece(3, None, "", PAY),
    ],
    "an index used again, and the rest under the next": [
        piece(0, "a", "Weather", A),
        piece(0, "b", "Pay", PAY[:3]),
        piece(1, arguments=PAY[3:]),
    ],
    "a name under the place of its tool": [
        piece(2, "a", "Weather", ""),
        piece(0, arguments=A[:5]),
        piece(0, arguments=A[5:]),
        piece(1, "b", "Pay", PAY),
    ],
    "all under the first index, by id": [
        piece(0, "a", "Weather", ""),
        piece(1, "b", "Pay", ""),
        piece(0, "a", None, A[:5]),
        piece(0, "b", None, PAY[:3]),
        piece(0, "a", None, A[5:]),
        piece(0, "b", None, PAY[3:]),
    ],
    "all under the first index, one after another": [
        piece(0, "a", "Weather", ""),
        piece(0, arguments=A),
        piece(1, "b", "Pay", ""),
        piece(0, arguments=PAY[:3]),
        piece(0, arguments=PAY[3:]),
    ],
    "all under the first index, one after another, by id": [
        piece(0, "a", "Weather", ""),
        piece(0, "a", None, A),
        piece(1, "b", "Pay", ""),
        piece(0, "b", None, PAY[:3]),
        piece(0, arguments=PAY[3:]),
    ],
    "no index, and another id with each piece": [
        piece(call_id="a", name="Weather", arguments=""),
        piece(call_id="x", arguments=A[:5]),
        piece(call_id="y", arguments=A[5:]),
        piece(call_id="b", name="Pay", arguments=PAY),
    ],
}


@pytest.mark.parametrize("form", SCATTERED)
def test_arguments_that_came_apart_from_their_name(heard: Hear, form: str) -> None:
    found = heard(event(*map(chunk, SCATTERED[form])) + END)
    assert (found.error, found.said) == (None, [("a", Weather(location="A")), ("b", Pay(k=1))])
    assert found.stream.calls.warnings == ()


EARLY: dict[str, list[Any]] = {
    "whole": [piece(1, arguments=PAY), piece(1, "b", "Pay", None)],
    "a part": [piece(1, arguments=PAY[:3]), piece(1, "b", "Pay", PAY[3:])],
    "two parts": [piece(1, arguments=PAY[:3]), piece(1, arguments=PAY[3:]), piece(1, "b", "Pay", "")],
    "and those of the call before": [piece(1, arguments=PAY), piece(0, arguments="{}"), piece(1, "b", "Pay", "")],
}


@pytest.mark.parametrize("form", EARLY)
def test_arguments_before_their_name_are_not_those_of_the_call_before(heard: Hear, form: str) -> None:
    found = heard(event(*map(chunk, [piece(0, "a", "Now", ""), *EARLY[form]])) + END)
    assert (found.error, sorted(found.said, key=lambda one: one[0])) == (None, [("a", Now()), ("b", Pay(k=1))])
    assert found.stream.calls.warnings == ()


NAMES = [piece(call_id="a", name="Weather", arguments=""), piece(call_id="b", name="Pay", arguments=PAY[:3])]
BY_PLACE: dict[str, list[list[Any]]] = {
    "in the list": [[piece(arguments=A[:5]), piece(arguments=PAY[3:])], [piece(arguments=A[5:]), piece(arguments="")]],
    "in the list, with nothing of one": [
        [piece(None, None, None, A), piece(None, "", "", None)],
        [piece(arguments=PAY[3:])],
    ],
    "by an index that only they have": [
        [piece(1, arguments=PAY[3:]), piece(0, arguments=A[:5])],
        [piece(0, arguments=A[5:])],
    ],
    "by such an index, one after another": [[piece(0, arguments=A)], [piece(1, arguments=PAY[3:])]],
}


@pytest.mark.parametrize("form", BY_PLACE)
def test_arguments_whose_place_alone_tells_the_call(heard: Hear, form: str) -> None:
    """Names that came in one list without indices: the arguments of the first were read as those of the last."""
    found = heard(event(*(chunk(*pieces) for pieces in [NAMES, *BY_PLACE[form]])) + END)
    assert (found.error, found.said) == (None, [("a", Weather(location="A")), ("b", Pay(k=1))])
    assert found.stream.calls.warnings == ()


def test_a_place_in_a_list_is_that_among_the_last_names(heard: Hear) -> None:
    more = [piece(call_id="c", name="Pay", arguments=""), piece(call_id="d", name="Weather", arguments="")]
    last = [piece(arguments=PAY), piece(arguments=A)]
    whole = [piece(call_id="a", name="Weather", arguments=A), piece(call_id="b", name="Pay", arguments=PAY)]
    found = heard(event(chunk(*whole), chunk(*more), chunk(*last)) + END)
    assert [one for one, _ in found.said] == ["a", "b", "c", "d"]
    assert [value for _, value in found.said] == [Weather(location="A"), Pay(k=1), Pay(k=1), Weather(location="A")]


@pytest.mark.parametrize(("name", "whole", "value"), [("Weather", A, Weather(location="A")), ("Now", "{}", Now())])
def test_a_place_of_a_call_that_is_whole_is_none(heard: Hear, name: str, whole: str, value: Any) -> None:
    """Two pieces of the only open call came in one list: the first of them was read as the other call's, and lost."""
    names = [piece(call_id="a", name=name, arguments=whole), piece(call_id="b", name="Pay", arguments="")]
    rest = [piece(arguments=PAY[:3]), piece(arguments=PAY[3:])]
    found = heard(event(chunk(*names), chunk(*rest)) + END)
    assert (found.error, found.said) == (None, [("a", value), ("b", Pay(k=1))])
    assert found.stream.calls.warnings == ()


def test_places_are_counted_without_what_is_no_call(heard: Hear) -> None:
    """A piece that says nothing came first: the arguments of the second call were read as the first's."""
    last = [chunk(piece(1, arguments=PAY[3:])), chunk(piece(0, arguments=A))]
    found = heard(event(chunk(piece(call_id="z", arguments="")), chunk(*NAMES), *last) + END)
    assert (found.error, found.said) == (None, [("a", Weather(location="A")), ("b", Pay(k=1))])


def test_a_place_where_nothing_is_said_does_not_end_another_call(heard: Hear) -> None:
    """Each began with `{}`; arguments of the last one follow, with nothing in the place of the first."""
    names = [piece(call_id="a", name="Now", arguments="{}"), piece(call_id="b", name="Pay", arguments="{}")]
    rest = [[piece(arguments=""), piece(arguments=PAY[:3])], [piece(arguments=""), piece(arguments=PAY[3:])]]
    found = heard(event(chunk(*names), *(chunk(*pieces) for pieces in rest)) + END)
    assert (found.error, found.said) == (None, [("a", Now()), ("b", Pay(k=1))])
    assert found.stream.calls.warnings == ()


def test_names_of_custom_tools_begin_calls_of_their_own() -> None:
    parser = ChatStreamParser("openai")
    rows = [[("x", "1"), ("y", "2")], [("x", "3"), ("y", "4")]]
    for row in rows:
        entries = [{"type": "custom", "custom": {"name": name, "input": text}} for name, text in row]
        parser.feed(chunk(*entries))
    parser.feed(chunk(finish="tool_calls"))
    assert [(call.name, call.arguments) for call in parser.close().calls] == [one for row in rows for one in row]


@pytest.mark.slow
def test_an_end_after_every_piece_takes_linear_time() -> None:
    def seconds(n: int) -> float:
        best = float("inf")
        for _ in range(3):
            parser = toolfan.load_adapter("openai").stream_parser()
            events = [
                chunk(one) for at in range(n) for one in (piece(at, f"c{at}", "Pay", ""), piece(at, arguments=PAY))
            ]
            started = time.thread_time()
            for one in events:
                parser.feed(one)
                parser.feed(chunk(finish="stop"))
            parser.close()
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(2000) < 9 * max(seconds(500), 0.002)  # quadratic is 16


def test_many_calls_in_one_list_are_not_held_against_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = comparisons(monkeypatch, Slot)
    calls = [{"index": at, "id": f"c{at}", "function": {"name": "Pay", "arguments": PAY}} for at in range(1000)]
    parser = toolfan.load_adapter("openai").stream_parser()
    assert (
        len(parser.feed({"choices": [{"index": 0, "delta": {"tool_calls": calls}, "finish_reason": "stop"}]})) == 1000
    )
    assert len(compared) < 5000  # each with each is half a million


@pytest.mark.parametrize("counted", [True, False], ids=["counting its chunks", "of one choice"])
def test_pieces_that_are_said_as_messages_too(heard: Hear, counted: bool) -> None:
    """As Foundry Local writes them, whose earlier versions count the chunks where the index of the choice belongs."""
    pieces: list[Any] = [
        {"content": "Let "},
        {"content": "me."},
        {"tool_calls": [piece(0, "a", "Weather", "")]},
        {"tool_calls": [piece(0, arguments=A)]},
        {"tool_calls": [piece(1, "b", "Pay", PAY[:3])]},
        {"tool_calls": [piece(1, arguments=PAY[3:])]},
        {"content": ""},
    ]
    chunks = []
    for at, said in enumerate(pieces):
        message = {"role": "assistant", "content": "", "function_call": None, "tool_calls": [], **said}
        choice = {"index": 190 + at if counted else 0, "delta": message, "message": message, "finish_reason": None}
        chunks.append({"object": "chat.completion.chunk", "choices": [choice]})
    chunks[-1]["choices"][0]["finish_reason"] = "tool_calls"
    found = heard(event(*chunks) + DONE)
    assert (found.error, found.said) == (None, [("a", Weather(location="A")), ("b", Pay(k=1))])
    assert (found.stream.calls.text, found.stream.calls.warnings) == ("Let me.", ())


@pytest.mark.parametrize("n", [2, 3])
def test_pieces_of_several_choices_that_are_said_as_messages_too(heard: Hear, n: int) -> None:
    chunks = []
    for text in ("a", "b", None):
        for at in range(n):
            said = {"role": "assistant", "content": text and text + str(at)}
            choice = {"index": at, "delta": said, "message": said, "finish_reason": None if text else "stop"}
            chunks.append({"object": "chat.completion.chunk", "choices": [choice]})
    calls = heard(event(*chunks) + DONE).stream.calls
    assert calls.warnings == (f"the answer has {n} choices; only the first was read",)
    assert n > 2 or calls.text == "a0b0"


def test_what_azure_leaves_empty_at_first_is_told_later(heard: Hear) -> None:
    empty = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}
    found = heard(event(empty) + CALL + END)
    calls = found.stream.calls
    assert (calls.model, calls.turn.response_id, calls.raw["created"]) == ("m", "c", 1)


@pytest.mark.parametrize("place", ["first", "between"])
def test_a_comment_that_came_as_data_is_one(heard: Hear, place: str) -> None:
    comment = b"data: : OPENROUTER PROCESSING\n\n"
    found = heard(comment + CALL + END if place == "first" else CALL + comment + END)
    assert (found.error, found.said, found.requests) == (None, [("a", Weather(location="A"))], 1)


def test_an_end_after_every_piece_is_none(heard: Hear) -> None:
    """As OpenWebUI writes it; the calls come when they are whole, and one without arguments at the end."""
    pieces = [
        piece(0, "a", "Weather", ""),
        piece(0, arguments=A[:5]),
        piece(0, arguments=A[5:]),
        piece(1, "b", "Now", ""),
        piece(2, "c", "Pay", None),
        piece(2, arguments=PAY),
    ]
    found = heard(b"".join(event(chunk(one), chunk(finish="stop")) for one in pieces) + DONE)
    assert (found.error, found.said) == (None, [("a", Weather(location="A")), ("b", Now()), ("c", Pay(k=1))])
    assert found.stream.calls.stop.kind == "calls"
    assert found.stream.calls.warnings == ()


def test_a_call_without_arguments_ends_when_the_usage_is_told(heard: Hear) -> None:
    """After a finish reason; the server may be slow to say that all is said."""
    usage = {"object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    came = threading.Event()
    waited: list[bool] = []

    def answer(handler: Any) -> None:
        body = event(chunk(piece(0, "b", "Now", "")), chunk(finish="stop"), usage)
        handler.wfile.write(http(body, content_type="text/event-stream", length=len(body + DONE)))
        handler.wfile.flush()
        waited.append(came.wait(2))
        handler.wfile.write(DONE)

    found = heard(answer, came.set)
    assert (found.error, found.said, waited) == (None, [("b", Now())], [True])


def packed(*parts: bytes, end: bytes = b"") -> Any:
    """Each part compressed by itself, as a body of one member after another."""
    body = b"".join(gzip.compress(part) for part in parts) + end
    answer = http(body, content_type="text/event-stream", content_encoding="gzip")
    return lambda handler: handler.wfile.write(answer)


@pytest.mark.parametrize("size", [1, 50, 10_000])
def test_a_body_of_several_gzip_members_is_read_to_its_end(heard: Hear, size: int) -> None:
    text = CALL + CALL_B + END
    found = heard(packed(*(text[at : at + size] for at in range(0, len(text), size)), end=b"\0" * 9))
    assert (found.error, [call_id for call_id, _ in found.said]) == (None, ["a", "b"])


def test_what_came_before_a_broken_member_is_kept(heard: Hear) -> None:
    found = heard(packed(CALL, end=b"\x1f\x8b" + b"x" * 20))
    assert isinstance(found.error, toolfan.BadResponse)
    assert "the answer cannot be decompressed" in str(found.error)
    assert found.said == [("a", Weather(location="A"))]


@pytest.mark.parametrize("awaited", [False, True], ids=["sync", "async"])
def test_a_whole_answer_of_several_gzip_members_is_read_to_its_end(faulty: Any, awaited: bool) -> None:
    body = json.dumps(completion(call("Weather", {"location": "A"}))).encode()
    members = b"".join(gzip.compress(body[at : at + 50]) for at in range(0, len(body), 50))
    given: Any = {"base_url": faulty(http(members, content_encoding="gzip")).url, "api_key": KEY}
    asked: Any = {"model": "m", "messages": USER, "tools": [Weather]}

    async def create() -> Any:
        async with openai.AsyncOpenAI(**given) as sdk:
            return await toolfan.from_openai(sdk, stop=ONCE).create(**asked)

    if awaited:
        calls = asyncio.run(create())
    else:
        with openai.OpenAI(**given) as sdk:
            calls = toolfan.from_openai(sdk, stop=ONCE).create(**asked)
    assert [*calls] == [Weather(location="A")]


def test_many_gzip_members_in_one_chunk_take_linear_time() -> None:
    member = gzip.compress(b"ab")

    def seconds(n: int) -> float:
        best = float("inf")
        for _ in range(3):
            chunk = OneChunk(member * n + b"\0")
            response = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=chunk)
            started = time.thread_time()
            assert b"".join(plain_bytes(response)) == b"ab" * n
            best = min(best, time.thread_time() - started)
        return best

    assert seconds(80_000) < 9 * max(seconds(20_000), 0.002)  # quadratic is 16


class OneChunk(httpx.SyncByteStream):
    def __init__(self, chunk: bytes) -> None:
        self.chunk = chunk

    def __iter__(self) -> Iterator[bytes]:
        yield self.chunk
