"""What the page on reliability promises of streams, one test each, over the real SDK."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import http
from pydantic import BaseModel
from toolfan import BadCall, Call, CallStream, TruncatedCall
from toolfan_local import Pace
from toolfan_local.faults import FaultServer

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

    from loopback import Bench


class Weather(BaseModel):
    location: str
    units: str = ""


class GoogleSearch(BaseModel):
    query: str


TOOLS = (Weather, GoogleSearch)
USER = [{"role": "user", "content": "The weather in Toronto, and who won the super bowl?"}]
PLACES = ("Oslo", "Bergen")
TWO = {"calls": [{"id": f"id-{place}", "name": "Weather", "arguments": {"location": place}} for place in PLACES]}


@pytest.fixture(scope="module")
def faults() -> Any:
    with FaultServer() as server:
        yield server


def faulty_stream(faults: FaultServer, model: str, **options: Any) -> CallStream[Any]:
    client = toolfan.from_openai(openai.OpenAI(base_url=faults.openai_url, api_key="k"), wait=lambda _: 0)
    return client.stream(model=model, messages=USER, tools=TOOLS, **options)


def test_a_call_is_there_while_the_next_one_is_written(bench: Bench) -> None:
    bench.serve(TWO, pace=Pace(call=0.5))
    with bench.client().stream(model="m", messages=USER, tools=TOOLS) as stream:
        came = [(outcome.index, time.monotonic()) for outcome in stream]
    assert [index for index, _ in came] == [0, 1]
    assert came[1][1] - came[0][1] > 0.25


def test_the_result_is_that_of_a_whole_answer(bench: Bench) -> None:
    bench.serve({**TWO, "text": "Two of them.", "times": 2})
    arguments: dict[str, Any] = {"model": "m", "messages": USER, "tools": TOOLS}
    streamed, whole = bench.client().stream(**arguments).until_done(), bench.client().create(**arguments)
    assert streamed.outcomes == whole.outcomes
    assert (streamed.text, streamed.stop, streamed.usage) == (whole.text, whole.stop, whole.usage)


@pytest.mark.parametrize(
    ("fault", "order"), [("sse-index-reversed", [1, 0]), ("sse-index-from-1", [0, 1]), ("sse-index-missing", [0, 1])]
)
def test_a_call_is_held_back_while_one_may_come_before_it(faults: FaultServer, fault: str, order: list[int]) -> None:
    stream = faulty_stream(faults, fault)
    assert [outcome.index for outcome in stream] == order
    assert [type(value) for value in stream.calls] == [Weather, GoogleSearch]


def test_text_after_the_arguments_is_a_warning(faults: FaultServer) -> None:
    calls = faulty_stream(faults, "arguments-trailing-text").until_done()
    assert len(calls) == 2
    assert any("characters after the end of its arguments were left out" in warning for warning in calls.warnings)


def test_sent_again_only_while_no_call_was_handed_out(faults: FaultServer) -> None:
    before = faulty_stream(faults, "sse-cut-before-first-call-once@promise")
    assert len(before.until_done()) == 2
    assert before.calls.requests == 2
    with pytest.raises(toolfan.IncompleteStream) as caught:
        faulty_stream(faults, "sse-cut-after-first-call@promise").until_done()
    assert caught.value.requests == faults.requests("sse-cut-after-first-call@promise") == 1


def test_a_cut_stream_carries_what_had_come(faults: FaultServer) -> None:
    stream = faulty_stream(faults, "sse-cut-in-arguments")
    came = next(stream)
    with pytest.raises(toolfan.IncompleteStream) as caught:
        next(stream)
    error = caught.value
    assert error.calls is not None
    good, cut = error.calls.outcomes
    assert good == came
    assert isinstance(good, Call)
    assert good.value == Weather(location="Toronto", units="metric")
    assert isinstance(cut, BadCall)
    assert isinstance(cut.error, TruncatedCall)
    assert stream.calls == error.calls
    assert error.turn is not None
    assert len(error.turn.calls) == 2


SAID = 'data: {"choices": [{"index": 0, "delta": {"content": "It rains, "}}]}\n\n'
REFUSED = 'data: {"error": {"code": 429, "message": "slow"}}\n\n'


@pytest.mark.parametrize(
    ("cut", "kind"),
    [
        (http(SAID, content_type="text/event-stream"), toolfan.IncompleteStream),
        (http(SAID, length=500, content_type="text/event-stream"), toolfan.IncompleteStream),
        (http(SAID + REFUSED, content_type="text/event-stream"), toolfan.RateLimited),
    ],
    ids=["an end", "the connection", "an error"],
)
def test_text_that_was_handed_out_is_kept_when_the_stream_breaks(faulty: Any, cut: bytes, kind: Any) -> None:
    heard: list[Any] = []
    with openai.OpenAI(base_url=faulty(cut).url, api_key="k") as sdk:
        client = toolfan.from_openai(sdk, wait=lambda _: 0)
        stream = client.stream(model="m", messages=USER, tools=TOOLS)
        with pytest.raises(kind) as caught:
            heard.extend(stream.events())
        with pytest.raises(toolfan.ProviderError) as again:  # of what nobody heard the last is told
            client.stream(model="m", messages=USER, tools=TOOLS).until_done()
    assert [piece.text for piece in heard] == ["It rains, "]
    assert stream.text == "It rains, "
    assert caught.value.calls == stream.calls
    assert (len(stream.calls), stream.calls.outcomes) == (0, ())
    assert caught.value.turn is not None
    assert caught.value.turn.text == "It rains, "
    if kind is toolfan.IncompleteStream:
        assert "text that had come is in .turn.text" in str(caught.value)
    assert again.value.calls is not None
    assert (again.value.requests, again.value.calls.text) == (3, "It rains, ")


@pytest.mark.parametrize("fault", ["sse-only-done", "sse-empty-body"])
def test_an_error_of_which_nothing_came_points_at_nothing(faults: FaultServer, fault: str) -> None:
    with openai.OpenAI(base_url=faults.openai_url, api_key="k") as sdk:
        client = toolfan.from_openai(sdk, wait=lambda _: 0)
        with pytest.raises(toolfan.IncompleteStream, match="without an answer") as caught:
            client.stream(model=fault, messages=USER, tools=TOOLS).until_done()
    assert ".calls" not in str(caught.value)
    assert caught.value.calls is None


def test_leaving_ends_the_connection(faulty: Any) -> None:
    ended = Event()

    def never_ending(handler: BaseHTTPRequestHandler) -> None:
        piece = '{"index": 0, "id": "a", "function": {"name": "Weather", "arguments": "{\\"location\\": \\"Oslo\\"}"}}'
        event = f'data: {{"choices": [{{"index": 0, "delta": {{"tool_calls": [{piece}]}}}}]}}\n\n'
        handler.wfile.write(f"HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\n\r\n{event}".encode())
        try:
            while True:
                handler.wfile.write(b": ping\n\n")
                time.sleep(0.01)
        except OSError:
            ended.set()

    client = toolfan.from_openai(openai.OpenAI(base_url=faulty(never_ending).url, api_key="k"))
    with client.stream(model="m", messages=USER, tools=TOOLS) as stream:
        assert next(stream).name == "Weather"
        assert not ended.is_set()
    assert ended.wait(5)
    assert list(stream.calls) == [Weather(location="Oslo")]


def test_the_deadline_counts_the_time_between_two_calls(bench: Bench) -> None:
    bench.serve(TWO, pace=Pace(call=0.2))
    stream = bench.client().stream(model="m", messages=USER, tools=TOOLS, deadline=2)
    first = next(stream)
    time.sleep(2)
    with pytest.raises(toolfan.DeadlineExceeded) as caught:
        next(stream)
    assert caught.value.calls is not None
    assert caught.value.calls.outcomes[0] == first
