"""Streams in which a `message` stands in place of a `delta`: the whole answer, a piece of it, or all once more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, call, completion, http
from odd_streams import DONE, END, TOOLS, A, Now, Weather, chunk, event, piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

WEATHER = Weather(location="A")
CALL = call("Weather", A, "a")


def told(faulty: Callable[..., FaultServer], content: bytes, kind: str = "text/event-stream") -> tuple[str, Any]:
    """The text as it came, and the calls; they say the same text."""
    server = faulty(http(content, content_type=kind))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        stream = toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=TOOLS, on_invalid="keep")
        heard = "".join(one.text for one in stream.events() if isinstance(one, toolfan.TextDelta))
    assert heard == stream.text
    return heard, stream.calls


def said(*, finish: Any = None, object_: str = "chat.completion.chunk", **message: Any) -> dict[str, Any]:
    return {"object": object_, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("calls", [[], [CALL]])
@pytest.mark.parametrize("finish", ["stop", None])
def test_a_whole_answer_is_heard(
    faulty: Callable[..., FaultServer], kind: str, calls: list[Any], finish: str | None
) -> None:
    body = completion(*calls, content="Hello.", finish=finish)
    content = json.dumps(body).encode() if kind == "application/json" else event(body) + DONE
    text, found = told(faulty, content, kind)
    assert (text, [*found]) == ("Hello.", [WEATHER] * len(calls))
    assert found.turn.replay == body["choices"][0]["message"]
    assert found.usage.total_tokens == 18


@pytest.mark.parametrize("calls", [[], [CALL]])
@pytest.mark.parametrize("said_before", [False, True])
def test_usage_that_follows_a_whole_answer_counts(
    faulty: Callable[..., FaultServer], calls: list[Any], *, said_before: bool
) -> None:
    message = {"content": "Hello.", "tool_calls": calls or None}
    whole = said(finish="tool_calls" if calls else "stop", role="assistant", **message)
    if said_before:
        whole["usage"] = {}
    tokens = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    sent = event(whole, {"object": "chat.completion.chunk", "choices": [], "usage": tokens}) + DONE
    text, found = told(faulty, sent)
    assert (text, [*found], found.usage) == ("Hello.", [WEATHER] * len(calls), toolfan.Usage(3, 4, 7))
    assert found.raw["usage"] == tokens


def test_a_message_of_the_role_alone_loses_nothing(faulty: Callable[..., FaultServer]) -> None:
    for delta in ({"delta": {}}, {}):
        first = said(role="assistant", content="")
        first["choices"][0] |= delta
        text, found = told(
            faulty, event(first, chunk(content="Let me look."), chunk(piece(0, "a", "Weather", A))) + END
        )
        assert (text, [*found]) == ("Let me look.", [WEATHER])
        assert found.turn.replay["content"] == "Let me look."


@pytest.mark.parametrize("object_", ["chat.completion.chunk", "chat.completion"])
def test_messages_may_come_in_pieces(faulty: Callable[..., FaultServer], object_: str) -> None:
    pieces = [
        said(object_=object_, role="assistant", content="Let me "),
        said(object_=object_, role="assistant", content="look."),
        said(object_=object_, role="assistant", content="", tool_calls=[CALL]),
        said(object_=object_, role="assistant", content="!", finish="tool_calls"),
    ]
    text, found = told(faulty, event(*pieces) + DONE)
    assert (text, [*found]) == ("Let me look.!", [WEATHER])
    assert found.turn.replay["content"] == "Let me look.!"
    assert (found.stop.kind, found.warnings) == ("calls", ())


def test_calls_in_messages_may_come_in_pieces(faulty: Callable[..., FaultServer]) -> None:
    pieces = [said(tool_calls=[piece(0, "a", "Weather", A[:5])]), said(tool_calls=[piece(0, arguments=A[5:])])]
    _, found = told(faulty, event(*pieces, said(finish="tool_calls")) + DONE)
    assert [*found] == [WEATHER]


@pytest.mark.parametrize("object_", ["chat.completion.chunk", "chat.completion"])
def test_a_message_after_its_pieces_says_all_once_more(faulty: Callable[..., FaultServer], object_: str) -> None:
    body = said(object_=object_, role="assistant", content="Look.", tool_calls=[CALL], finish="tool_calls")
    pieces = event(chunk(content="Look."), chunk(piece(0, "a", "Weather", A)))
    for before in (pieces, pieces + event(chunk(finish="tool_calls")), event(body)):
        text, found = told(faulty, before + event(body) + DONE)
        assert (text, [*found]) == ("Look.", [WEATHER])


PAIR = [CALL, {**call("Weather", json.dumps({"location": "B"}), "b"), "extra_content": {"google": {"signature": "s"}}}]
BESIDE = said(role="assistant", content="Look.", tool_calls=PAIR, finish="tool_calls", reasoning="hm")


def with_delta(body: dict[str, Any], delta: Any) -> dict[str, Any]:
    return {**body, "choices": [{**body["choices"][0], "delta": delta}]}


@pytest.mark.parametrize(
    "chunks",
    [
        [with_delta(BESIDE, {"role": "assistant", "content": ""})],
        [with_delta(BESIDE, {"tool_calls": []})],
        [with_delta(BESIDE, {"tool_calls": [{"index": 0, "function": {"name": "", "arguments": ""}}]})],
        [with_delta(BESIDE, {"content": "Look."})],
        [chunk(content="Look."), with_delta(BESIDE, {"content": ""})],
        [chunk(content="Look."), BESIDE],
        [chunk(content="Look."), chunk(finish="tool_calls"), BESIDE],
        [chunk(content="Look."), chunk(piece(0, "a", "Weather", A)), BESIDE],
        [chunk(piece(0, "a", "Weather", A), content="Look."), chunk(finish="tool_calls"), BESIDE],
        [chunk(piece(0, "z", "Weather", A), content="Look."), BESIDE],
        [chunk(piece(0, None, "Weather", A.replace(" ", "  ")), content="Look."), BESIDE],
    ],
)
def test_calls_that_stand_in_a_message_alone_come_once(
    faulty: Callable[..., FaultServer], chunks: list[dict[str, Any]]
) -> None:
    """Beside a delta that says something else, after pieces of text, or after the first of them alone."""
    text, found = told(faulty, event(*chunks) + DONE)
    assert (text, [*found]) == ("Look.", [WEATHER, Weather(location="B")])
    assert (found.stop.kind, found.warnings, found.turn.replay["reasoning"]) == ("calls", (), "hm")
    assert found.turn.replay["tool_calls"][1]["extra_content"] == {"google": {"signature": "s"}}


def test_a_message_that_grows_beside_its_pieces_says_nothing_twice(faulty: Callable[..., FaultServer]) -> None:
    first, last = (
        chunk(piece(0, "a", "Weather", A[:5]), reasoning="h"),
        chunk(piece(0, None, None, A[5:]), reasoning="m"),
    )
    first["choices"][0]["message"] = {"reasoning": "h", "tool_calls": [call("Weather", A[:5], "a")]}
    last["choices"][0]["message"] = {"reasoning": "hm", "tool_calls": [CALL]}
    for chunks in ([first, last], [first, last, chunk(finish="tool_calls")]):
        _, found = told(faulty, event(*chunks) + DONE)
        assert ([*found], found.turn.replay["reasoning"]) == ([WEATHER], "hm")


FIRST, SECOND = (said(role="assistant", content=None, tool_calls=[one]) for one in PAIR)
ROLE = {"role": "assistant"}


def ending(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "choices": [{**body["choices"][0], "finish_reason": "tool_calls"}]}


@pytest.mark.parametrize(
    "chunks",
    [
        [with_delta(FIRST, ROLE), with_delta(SECOND, ROLE), chunk(finish="tool_calls")],
        [with_delta(FIRST, ROLE), ending(with_delta(SECOND, ROLE))],
        [with_delta(FIRST, ROLE), with_delta(SECOND, ROLE), with_delta(said(content=""), ROLE), ending(chunk())],
        [with_delta(FIRST, ROLE), with_delta(BESIDE, ROLE)],
        [chunk(content="Look."), FIRST, SECOND, chunk(finish="tool_calls")],
        [chunk(content="Look."), FIRST, ending(SECOND)],
        [ending(FIRST), ending(SECOND)],
        [ending({**one, "object": "chat.completion"}) for one in (FIRST, SECOND)],
        [chunk(piece(0, "a", "Weather", A)), ending(SECOND)],
        [chunk(piece(0, "a", "Weather", A), finish="tool_calls"), SECOND],
        [chunk(piece(0, "a", "Weather", "")), with_delta(FIRST, ROLE), ending(SECOND)],
        [chunk(piece(0, "z", "Weather", A)), with_delta(FIRST, ROLE), ending(SECOND)],
    ],
)
def test_calls_that_come_one_by_one_in_messages_all_come(
    faulty: Callable[..., FaultServer], chunks: list[dict[str, Any]]
) -> None:
    """Each message has some of them, or the last all; which are told is known by ids, or by names and arguments."""
    _, found = told(faulty, event(*chunks) + DONE)
    assert [*found] == [WEATHER, Weather(location="B")]
    assert (found.stop.kind, found.warnings, len(found.failed)) == ("calls", (), 0)
    sent = found.turn.replay["tool_calls"]
    assert [one["id"] in ("a", "b", "z") for one in sent] == [True, True]
    assert sent[1]["extra_content"] == {"google": {"signature": "s"}}


def test_what_calls_lack_is_read_in_another_choice_of_their_number(faulty: Callable[..., FaultServer]) -> None:
    body = said(role="assistant", content="Look.", finish="tool_calls")
    body["choices"] += FIRST["choices"]
    text, found = told(faulty, event(body) + DONE)
    assert (text, [*found], found.warnings) == ("Look.", [WEATHER], ())


@pytest.mark.parametrize("function", [{"name": "Now", "arguments": ""}, {"name": "Now", "arguments": "{}"}])
def test_a_call_without_arguments_is_not_said_again(
    faulty: Callable[..., FaultServer], function: dict[str, Any]
) -> None:
    for one in ({"function": function}, {"id": "z", "function": function}):
        for last in ({}, {"finish": "tool_calls"}):
            chunks = [chunk(piece(0, "a", "Now", ""), **last), said(finish="tool_calls", tool_calls=[one])]
            _, found = told(faulty, event(*chunks) + DONE)
            assert ([*found], len(found.failed), found.warnings) == ([Now()], 0, ())


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "a", "Weather", "")],
        [piece(0, "a", "Wea", ""), piece(0, None, "ther")],
        [piece(0, "a", "Wea", "")],
        [piece(0, "a", "Weather", A[:7])],
        [piece(0, "a", "Weather", "{}")],
        [piece(0, None, "Weather", "")],
    ],
)
def test_arguments_may_stand_in_the_message_alone(
    faulty: Callable[..., FaultServer], pieces: list[dict[str, Any]], beside: bool
) -> None:
    """Pieces that name a call, and maybe begin its arguments, before the message that has it whole, or beside it."""
    last = said(role="assistant", tool_calls=PAIR, finish="tool_calls")
    last = with_delta(last, {"tool_calls": pieces[-1:]} if beside else {"content": ""})
    chunks = [chunk(one) for one in (pieces[:-1] if beside else pieces)]
    _, found = told(faulty, event(*chunks, last) + DONE)
    assert ([*found], len(found.failed), found.warnings) == ([WEATHER, Weather(location="B")], 0, ())
    assert [one["id"] for one in found.turn.replay["tool_calls"]] == ["a", "b"]


def test_arguments_in_a_message_after_their_call_was_handed_out_are_told(faulty: Callable[..., FaultServer]) -> None:
    chunks = [chunk(piece(0, "a", "Weather", "")), chunk(finish="tool_calls"), ending(FIRST)]
    _, found = told(faulty, event(*chunks) + DONE)
    assert ([*found], len(found.failed)) == ([], 1)
    assert found.warnings == (f"call 0: {len(A)} characters after the end of its arguments were left out",)


@pytest.mark.parametrize("call_id", ["a", None])
def test_objects_after_their_call_was_handed_out_are_told(faulty: Callable[..., FaultServer], call_id: Any) -> None:
    """As texts there are; the same object once more is not."""
    value = {"location": "A"}
    pieces = [chunk(piece(0, "a", "Weather", value)), chunk(piece(0, call_id, None, value))]
    more = chunk(piece(0, call_id, None, {**value, "unit": "C"}))
    _, found = told(faulty, event(*pieces, more) + END)
    assert [*found] == [WEATHER]
    assert found.warnings == ("call 0: 27 characters after the end of its arguments were left out",)
    assert told(faulty, event(*pieces) + END)[1].warnings == ()


def test_calls_of_a_function_call_are_not_said_again(faulty: Callable[..., FaultServer]) -> None:
    function = {"name": "Weather", "arguments": A}
    summary = said(role="assistant", content=None, function_call=function)
    for end in ({"finish": "function_call"}, {}):
        _, found = told(faulty, event(chunk(function_call=function, **end), summary) + DONE)
        assert [*found] == [WEATHER]


def test_tokens_are_read_where_groq_tells_them(faulty: Callable[..., FaultServer]) -> None:
    tokens = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}
    first = chunk(content="Hi.", x_groq={"id": "r"})
    last = chunk(finish="stop", x_groq={"id": "r", "usage": tokens})
    assert told(faulty, event(first, last) + DONE)[1].usage.total_tokens == 11
    for other in ([chunk(finish="stop", usage={"total_tokens": 7}), last], [last, {"usage": {"total_tokens": 7}}]):
        assert told(faulty, event(first, *other) + DONE)[1].usage.total_tokens == 7
