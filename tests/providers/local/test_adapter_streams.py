"""The streams of the adapter `local`, through the public entry, and the law that a stream and a whole answer agree."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

import pytest
import toolfan
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import ONCE
from pydantic import BaseModel
from toolfan_local import LocalAdapter, LocalClient, Pace, local_stream

ADAPTER = LocalAdapter()
QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
ENDED = {"stop": "calls", "usage": {"input": 1, "output": 2}, "end": True}


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"] = "metric"


class GoogleSearch(BaseModel):
    query: str


def asked(**changes: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": QUESTION}], "tools": (Weather, GoogleSearch), **changes}


def scripted(*answers: dict[str, Any], **options: Any) -> toolfan.Client:
    return toolfan.wrap(LocalClient([*answers], **options), adapter="local", stop=ONCE)


def call(location: str, **more: Any) -> dict[str, Any]:
    return {"name": "Weather", "arguments": {"location": location}, **more}


def closed(events: list[Any]) -> tuple[list[toolfan.RawCall], toolfan.Turn]:
    """The calls that were sealed on the way, and the turn."""
    parser = ADAPTER.stream_parser()
    sealed = [one for event in events for one in parser.feed(event)]
    return sealed, parser.close()


def test_the_question_of_the_readme_streams_as_it_is_answered() -> None:
    with toolfan.connect("local") as client:
        with client.stream(**asked()) as stream:
            outcomes = [*stream]
        whole = client.create(**asked())
    assert [outcome.value for outcome in outcomes if isinstance(outcome, toolfan.Call)] == list(whole)
    assert (stream.usage, stream.stop, stream.calls.model) == (whole.usage, whole.stop, whole.model)
    assert list(stream.calls) == list(whole)
    assert stream.calls.raw.keys() == whole.raw.keys()


def test_async_gives_the_same() -> None:
    async def ask() -> list[Any]:
        async with toolfan.connect_async("local") as client, client.stream(**asked()) as stream:
            return [outcome.name async for outcome in stream]

    assert asyncio.run(ask()) == ["Weather", "Weather", "GoogleSearch"]


def test_text_comes_in_pieces_and_one_bad_call_ends_nothing() -> None:
    client = scripted({"text": "Let me look.", "calls": [call("A"), call("B", arguments="{"), call("C")]})
    with client.stream(**asked(on_invalid="keep")) as stream:
        events = [*stream.events()]
    assert [event.text for event in events if isinstance(event, toolfan.TextDelta)] == ["Let", " me", " look."]
    kinds = [type(event) for event in events if not isinstance(event, toolfan.TextDelta)]
    assert kinds == [toolfan.Call, toolfan.BadCall, toolfan.Call]
    assert stream.text == "Let me look."


def test_a_failed_call_is_asked_for_again() -> None:
    client = scripted({"calls": [call("A"), call("B", arguments={})]}, {"calls": [call("B", id="x")]})
    with client.stream(**asked()) as stream:
        seen = [(outcome.index, outcome.attempt, type(outcome)) for outcome in stream]
    assert seen == [(0, 1, toolfan.Call), (1, 1, toolfan.BadCall), (1, 2, toolfan.Call)]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": {"status": 429, "message": "later"}}, toolfan.RateLimited),
        ({"body": {"content": "no", "status": 401}}, toolfan.AuthenticationError),
        ({"body": {"content": "<html>"}}, toolfan.BadResponse),
        ({"body": {"content": []}}, toolfan.BadResponse),
        ({"body": {"content": {"calls": 3}}}, toolfan.BadResponse),
        ({"body": {"content": {"text": 3, "calls": []}}}, toolfan.BadResponse),
        ({"body": {"content": {"error": {"message": "x", "code": 503}}}}, toolfan.Unavailable),
    ],
)
def test_errors_are_those_of_a_whole_answer(answer: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        scripted(answer).create(**asked(max_attempts=1))
    with pytest.raises(error), scripted(answer).stream(**asked(max_attempts=1)) as stream:
        list(stream)


def test_a_body_where_a_stream_was_asked_is_an_answer() -> None:
    body = {"calls": [call("A")], "text": "hi"}
    client = scripted({"body": {"content": body, "headers": {"X-Request-Id": "r"}}})
    with client.stream(**asked()) as stream:
        assert [outcome.name for outcome in stream] == ["Weather"]
    assert (stream.text, stream.calls.request_id) == ("hi", "r")


class TestPace:
    def test_calls_come_one_after_the_other(self) -> None:
        client = scripted({"calls": [call("A"), call("B")]}, pace=Pace(first_byte=0.1, call=0.2))
        began = time.monotonic()
        with client.stream(**asked()) as stream:
            times = [time.monotonic() - began for _ in stream]
        assert times[0] >= 0.29
        assert times[1] >= 0.49

    def test_all_in_one_event(self) -> None:
        client = scripted({"calls": [call("A"), call("B")]}, pace=Pace(call=0.1), calls_together=True)
        began = time.monotonic()
        with client.stream(**asked()) as stream:
            next(stream)
            assert time.monotonic() - began >= 0.19
            assert len(list(stream)) == 1

    def test_a_whole_answer_comes_when_its_stream_would_have_ended(self) -> None:
        began = time.monotonic()
        scripted({"calls": [call("A"), call("B")]}, pace=Pace(first_byte=0.1, call=0.1)).create(**asked())
        assert time.monotonic() - began >= 0.29

    @pytest.mark.parametrize("pace", [{"first_byte": 60}, {"call": 60}])
    def test_the_deadline_ends_it(self, pace: dict[str, float]) -> None:
        client = LocalClient([{"calls": [call("A")], "times": "always", "pace": pace}])
        began = time.monotonic()
        with (
            pytest.raises(toolfan.DeadlineExceeded),
            toolfan.wrap(client, adapter="local").stream(**asked(deadline=0.2)) as stream,
        ):
            list(stream)

        async def ask() -> None:
            async with toolfan.wrap_async(client, adapter="local").stream(**asked(deadline=0.2)) as stream:
                _ = [outcome async for outcome in stream]

        with pytest.raises(toolfan.DeadlineExceeded):
            asyncio.run(ask())
        assert time.monotonic() - began < 20

    def test_what_is_no_pace(self) -> None:
        with pytest.raises(ValueError, match="0 or more"):
            LocalClient(pace=-1)


class TestParser:
    def test_a_stream_without_its_end_is_incomplete_and_keeps_what_came(self) -> None:
        with pytest.raises(toolfan.IncompleteStream) as caught:
            closed([{"id": "a"}, {"text": "Let "}, {"calls": [call("A")]}])
        turn = caught.value.turn
        assert turn is not None
        assert (turn.text, [one.name for one in turn.calls]) == ("Let ", ["Weather"])

    def test_an_error_among_the_events(self) -> None:
        with pytest.raises(toolfan.Unavailable):
            closed([{"calls": [call("A")]}, {"error": {"message": "over", "code": 503}}])

    def test_what_is_no_call_costs_itself_alone(self) -> None:
        sealed, turn = closed([{"calls": [3]}, {"calls": [call("A")]}, ENDED])
        assert [one.name for one in turn.calls] == ["", "Weather"]
        assert sorted(sealed, key=lambda one: one.index) == [*turn.calls]


IDS = st.none() | st.sampled_from(["", "a", "b", "call_0", "call_1", "call_1_"])
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "id": IDS,
            "name": st.sampled_from(["A", "B", ""]),
            "arguments": st.sampled_from([{}, {"x": 1}, "{", "", None]),
        }
    ),
    max_size=5,
)
ANSWERS = st.fixed_dictionaries(
    {
        "id": st.just("answer"),
        "model": st.just("m"),
        "calls": CALLS,
        "text": st.none() | st.text(max_size=30),
        "stop": st.sampled_from(["calls", "end", "length"]),
        "usage": st.just({"input": 1, "output": 2}),
    }
)


@given(answer=ANSWERS, together=st.booleans())
@settings(deadline=None, max_examples=300)
def test_a_whole_answer_equals_its_closed_stream(answer: Any, together: bool) -> None:
    chunks = [*local_stream.chunks(answer, together=together)]
    sealed, turn = closed([chunk.event for chunk in chunks])
    assert turn == ADAPTER.parse_response(answer)
    assert turn.replay == ADAPTER.parse_response(answer).replay
    assert sorted(sealed, key=lambda one: one.index) == [*turn.calls]
    assert sum(chunk.calls for chunk in chunks) == len(answer["calls"])
