"""Chunks as servers get them wrong: each call comes out once, whole, and as soon as it can be known to be whole."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, completion, http
from odd_streams import CALL, CALL_B, DONE, END, TOOLS, A, B, Hear, Now, Pay, Weather, chunk, event, heard, piece
from toolfan import BadResponse, IncompleteStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

__all__ = ["heard"]

BOM = "\ufeff".encode()
WEATHER = Weather(location="A")
PAY = '{"k": 1}'


def chunks(*pieces: Any) -> bytes:
    """A stream with each of these pieces in a chunk of its own."""
    return event(*map(chunk, pieces)) + END


TOLD_AGAIN: dict[str, list[Any]] = {
    "with a newline at the end": [f"{PAY}\n", f"{PAY}\n"],
    "with blanks around": [f" {PAY} ", f" {PAY} "],
    "spelt otherwise": [PAY, '{"k":1}'],
    "as a text and as an object": ['{"k":1.0}', {"k": 1}],
    "as an object and as a text": [{"k": 1}, f"{PAY}\n"],
    "as JSON in a text of JSON": [PAY[:3], PAY[3:], json.dumps(PAY)],
    "cumulative, with a newline at the end": [f"{PAY}\n"[: at + 1] for at in range(len(PAY) + 1)],
}


@pytest.mark.parametrize("told", TOLD_AGAIN)
def test_a_call_that_is_told_again_is_one_call(heard: Hear, told: str) -> None:
    found = heard(chunks(*(piece(0, "a", "Pay", arguments) for arguments in TOLD_AGAIN[told])))
    assert (found.error, found.said) == (None, [("a", Pay(k=1))])
    assert found.stream.calls.warnings == ()


def test_a_call_that_is_told_again_runs_once(faulty: Callable[..., FaultServer]) -> None:
    ran: list[int] = []

    def pay(k: int) -> str:
        """Pays."""
        ran.append(k)
        return "paid"

    twice = chunks(piece(0, "a", "pay", PAY), piece(0, "a", "pay", '{"k":1}'))
    answers = [twice, event(chunk(content="Bye.", finish="stop")) + DONE]
    server = faulty(*(http(answer, content_type="text/event-stream") for answer in answers))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        toolfan.from_openai(sdk, stop=ONCE).run(model="m", messages=USER, tools=(pay,), early=True)
    assert ran == [1]


@pytest.mark.parametrize("again", [PAY, '{ "k":1 }', '{"\\u006b": 1}'], ids=["letter by letter", "blanks", "escapes"])
def test_calls_of_the_same_content_are_marked_as_in_a_whole_answer(
    heard: Hear, faulty: Callable[..., FaultServer], again: str
) -> None:
    """Though the second is sealed first: the first ends behind it."""
    found = heard(chunks(piece(0, "a", "Pay", PAY[:3]), piece(1, "b", "Pay", again), piece(0, arguments=PAY[3:])))
    assert [one.duplicate_of for one in found.stream.calls.outcomes] == [None, 0]
    calls = [
        {"id": name, "type": "function", "function": {"name": "Pay", "arguments": text}}
        for name, text in (("a", PAY), ("b", again))
    ]
    server = faulty(http(json.dumps(completion(*calls))))
    client = toolfan.from_openai(openai.OpenAI(api_key=KEY, base_url=server.url), stop=ONCE)
    assert client.create(model="m", messages=USER, tools=TOOLS).outcomes == found.stream.calls.outcomes


def test_calls_that_differ_are_all_kept(heard: Hear) -> None:
    found = heard(chunks(piece(0, "a", "Pay", PAY), piece(0, "a", "Pay", '{"k": 2}'), piece(0, "c", "Pay", PAY)))
    assert [value for _, value in found.said] == [Pay(k=1), Pay(k=2), Pay(k=1)]


def test_later_pieces_may_bear_other_ids(heard: Hear) -> None:
    sent = [piece(0, "a", "Weather", ""), piece(0, "x", arguments='{"loc'), piece(0, "y", None, 'ation": "A"}')]
    found = heard(chunks(*sent, piece(1, "b", "Pay", '{"k"'), piece(1, "z", arguments=": 1}")))
    assert (found.error, found.said) == (None, [("a", WEATHER), ("b", Pay(k=1))])
    assert found.stream.calls.warnings == ()


@pytest.mark.parametrize("index", [0, 7, None])
def test_calls_that_share_an_index_may_come_in_turn(heard: Hear, index: Any) -> None:
    sent = [piece(index, "a", "Weather", A[:4]), piece(index, "b", "Weather", B[:9])]
    sent += [piece(index, "a", None, A[4:]), piece(index, "b", None, B[9:])]
    found = heard(chunks(*sent))
    assert found.said == [("a", WEATHER), ("b", Weather(location="B"))]
    assert found.stream.calls.warnings == ()


@pytest.mark.parametrize("first", range(1, len(A)))
def test_arguments_so_far_may_be_told_again_from_any_place(heard: Hear, first: int) -> None:
    for sizes in ((first, len(A)), (first, first + 1, len(A)), (first, len(A), len(A))):
        found = heard(chunks(*(piece(0, "a", "Weather", A[:size]) for size in sizes)))
        assert found.said == [("a", WEATHER)]
        assert found.stream.calls.warnings == ()


BETWEEN = {
    "nothing": b"",
    "no choices": event({"choices": []}),
    "an empty delta": event(chunk()),
    "an empty text": event(chunk(content="")),
    "a text": event(chunk(content="so")),
    "no calls": event(chunk(tool_calls=[])),
    "its thoughts": event(chunk(reasoning_content="hm")),
    "the tokens": event({"choices": [], "usage": {"prompt_tokens": 1}}),
    "a ping": b'event: ping\ndata: {"type": "ping"}\n\n',
    "its place alone": event(chunk(piece(0))),
}


@pytest.mark.parametrize("empty", ["{}", {}], ids=str)
@pytest.mark.parametrize("between", BETWEEN)
def test_an_empty_object_may_come_before_the_arguments(heard: Hear, empty: Any, between: str) -> None:
    first, rest = event(chunk(piece(0, "a", "Weather", empty))), [piece(0, arguments='{"loc')]
    rest += [piece(0, arguments='ation": "A"}'), piece(1, "b", "Now", "{}"), piece(2, "c", "Pay", PAY)]
    found = heard(first + BETWEEN[between] + chunks(*rest, piece(3, "d", "Now", "{}")))
    assert (found.error, found.said) == (None, [("a", WEATHER), ("b", Now()), ("c", Pay(k=1)), ("d", Now())])
    assert found.stream.calls.warnings == ()


@pytest.mark.parametrize(("zero", "one"), [("0", "1"), (0.0, 1.0), (0, "1")])
def test_an_index_may_be_a_text_or_a_float(heard: Hear, zero: Any, one: Any) -> None:
    sent = [piece(one, "b", "Weather", B[:5]), piece(zero, "a", "Weather", A[:5])]
    found = heard(chunks(*sent, piece(one, arguments=B[5:]), piece(zero, arguments=A[5:])))
    assert (found.error, found.said) == (None, [("a", WEATHER), ("b", Weather(location="B"))])


def test_calls_of_a_whole_answer_are_in_the_order_of_such_an_index(faulty: Callable[..., FaultServer]) -> None:
    body = completion(piece("1", "b", "Weather", B), piece("0", "a", "Weather", A))
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(body))).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=TOOLS)
    assert [one.id for one in calls.outcomes] == ["a", "b"]


def test_choices_may_be_one_choice_without_a_list(heard: Hear, faulty: Callable[..., FaultServer]) -> None:
    def bare(sent: Any) -> Any:
        return {**sent, "choices": sent["choices"][0]}

    found = heard(event(bare(chunk(piece(0, "a", "Weather", A))), bare(chunk(finish="tool_calls"))) + DONE)
    assert (found.error, found.said) == (None, [("a", WEATHER)])
    body = bare(completion(piece(0, "a", "Weather", A)))
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(body))).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=TOOLS)
    assert list(calls) == [WEATHER]


BOTH = [("a", WEATHER), ("b", Weather(location="B"))]


@pytest.mark.parametrize(
    "alive",
    [
        b"event: ping\ndata: 2026-01-01T00:00:00Z\n\n",
        b"event: keepalive\ndata: 17\n\n",
        b'event: heartbeat\ndata: "on"\n\n',
        b"data: 17\n\n",
        b'data: "on"\n\n',
    ],
)
def test_what_keeps_the_connection_open_is_passed_over(heard: Hear, alive: bytes) -> None:
    found = heard(alive + CALL + alive + CALL_B + alive + END)
    assert (found.error, found.said, found.requests) == (None, BOTH, 1)


def test_numbers_alone_are_no_answer(heard: Hear) -> None:
    found = heard(b"data: 17\n\n" + DONE)
    assert type(found.error) is BadResponse
    assert "no JSON object; it starts with ' 17'" in str(found.error)


@pytest.mark.parametrize("before", [BOM, b"\0\0", b" "], ids=["bom", "zeros", "blank"])
def test_what_stands_before_a_field_costs_no_call(heard: Hear, before: bytes) -> None:
    found = heard(before + CALL + before + CALL_B + before + END)
    assert (found.error, found.said) == (None, BOTH)


def test_a_line_that_is_no_field_is_an_error_with_the_calls_before_it(heard: Hear) -> None:
    found = heard(CALL + b"\x01" + CALL_B + END)
    assert (type(found.error), found.said, found.requests) == (BadResponse, BOTH[:1], 1)
    assert "a line of the stream is no field" in str(found.error)


STRAY = {
    "a line": b"Internal Server Error\n",
    "a line without an end": b"upstream connect error: reset",
    "a page": b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<p>Internal Server Error</p></html>",
    "a field of no standard": b"error: Internal Server Error\n\n",
}


@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
def test_words_in_place_of_the_end_are_told_without_the_key(heard: Hear, stray: bytes) -> None:
    found = heard(CALL + stray[:10] + f" {KEY} ".encode() + stray[10:])
    assert (type(found.error), found.said, found.requests) == (IncompleteStream, BOTH[:1], 1)
    told = str(found.error)
    assert "the stream ended in what is no event" in told
    assert stray[:6].decode() in told
    assert KEY not in told
    assert "What came whole is in .calls." in told
    alone = heard(b": ping\n\n" + stray)
    assert (type(alone.error), alone.requests) == (IncompleteStream, 2)
    assert ".calls" not in str(alone.error)


@pytest.mark.parametrize("stray", STRAY.values(), ids=STRAY)
def test_words_beside_a_whole_answer_cost_nothing(heard: Hear, stray: bytes) -> None:
    for body in (CALL + stray + b"\n" + END, CALL + event(chunk(finish="tool_calls")) + stray):
        found = heard(body)
        assert (found.error, found.said) == (None, BOTH[:1])


@pytest.mark.parametrize("cut", [b"d", b"dat", b"eve", b"i", b"retr", b"data", b": pi", b"event: x", b"\xef\xbb"])
def test_a_field_that_is_cut_is_no_words(heard: Hear, cut: bytes) -> None:
    found = heard(CALL + cut)
    assert (type(found.error), found.said) == (IncompleteStream, BOTH[:1])
    assert "the stream ended before the answer was complete" in str(found.error)


@pytest.mark.parametrize(
    "choice",
    [{"delta": "It is "}, {"text": "It is "}, {"delta": {}, "text": "It is "}, {"delta": None, "text": "It is "}],
)
def test_text_in_another_place_is_text(heard: Hear, choice: Any) -> None:
    end = {**choice, "index": 0, "finish_reason": "stop"}
    found = heard(event({"choices": [{"index": 0, "finish_reason": None, **choice}]}, {"choices": [end]}) + DONE)
    assert found.error is None
    assert (found.stream.text, found.stream.stop.raw) == ("It is It is ", "stop")


def test_text_beside_a_message_or_pieces_is_not_read_twice(heard: Hear) -> None:
    said = {"index": 0, "delta": {"content": "A"}, "text": "A", "finish_reason": None}
    assert heard(event({"choices": [said]}) + END).stream.text == "A"
    whole = {"index": 0, "message": {"content": "A"}, "text": "A", "finish_reason": "stop"}
    assert heard(event({"choices": [whole]}) + DONE).stream.text == "A"


def test_a_choice_that_began_before_the_first_is_named(heard: Hear) -> None:
    other = {"choices": [{"index": 1, "delta": {"tool_calls": [piece(0, "a", "Weather", A)]}, "finish_reason": None}]}
    end = {"choices": [{"index": at, "delta": {}, "finish_reason": "tool_calls"} for at in (0, 1)]}
    found = heard(event(other, chunk(piece(0, "b", "Weather", B)), end) + DONE)
    assert (found.error, found.said) == (None, BOTH[:1])
    assert found.stream.calls.warnings == ("the answer has 2 choices; only the first was read, number 1",)


@pytest.mark.parametrize("reason", ["tool_calls", "stop", "null", "None", "none", "", False])
def test_a_finish_reason_on_every_chunk_seals_no_call_that_goes_on(heard: Hear, reason: Any) -> None:
    sent = [piece(0, "a", "Weather", ""), piece(0, arguments=A[:5]), piece(0, arguments=A[5:])]
    sent += [piece(1, "b", "Now", ""), piece(2, "c", "Weather"), piece(2, arguments=B)]
    found = heard(event(*(chunk(one, finish=reason) for one in sent)) + END)
    assert (found.error, found.said) == (None, [("a", WEATHER), ("b", Now()), ("c", Weather(location="B"))])
    assert found.stream.calls.stop.raw == "tool_calls"


@pytest.mark.parametrize("reason", ["null", "None", False, ""])
def test_what_is_no_finish_reason_ends_nothing(heard: Hear, faulty: Callable[..., FaultServer], reason: Any) -> None:
    found = heard(event(chunk(piece(0, "a", "Weather", A), finish=reason)))
    assert (type(found.error), found.said) == (IncompleteStream, [("a", WEATHER)])
    body = completion(piece(0, "a", "Weather", A), finish=reason)
    with openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(body))).url) as sdk:
        calls = toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, tools=TOOLS)
    assert (list(calls), calls.stop.kind) == ([WEATHER], "none")


NO_ARGUMENTS = {
    "at its finish reason": [event(chunk(piece(0, "a", "Now", "")), chunk(finish="tool_calls"))],
    "an empty object, at its finish reason": [event(chunk(piece(0, "a", "Now", "{}")), chunk(finish="tool_calls"))],
    "an empty object, with the next call": [
        event(chunk(piece(0, "a", "Now", "{}")), chunk(piece(1, "b", "Weather", ""))),
        event(chunk(piece(1, arguments=B), finish="tool_calls")),
    ],
    "after a chunk with its finish reason": [
        event(chunk(piece(0, "a", "Now", ""), finish="tool_calls"), {"choices": [], "usage": {"prompt_tokens": 1}})
    ],
}


@pytest.mark.parametrize("form", NO_ARGUMENTS)
def test_a_call_without_arguments_does_not_wait_for_the_end(heard: Hear, form: str) -> None:
    first, *rest = NO_ARGUMENTS[form]
    came, in_time = threading.Event(), []

    def answer(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + first)
        handler.wfile.flush()
        in_time.append(came.wait(5))
        handler.wfile.write(b"".join(rest) + DONE)

    found = heard(answer, on_outcome=came.set)
    assert in_time == [True]
    assert (found.error, found.said[0]) == (None, ("a", Now()))
