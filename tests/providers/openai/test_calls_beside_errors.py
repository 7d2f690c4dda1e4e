"""An answer that ends in an error: the error brings the calls that came whole, streamed or not; nothing runs them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import openai
import pytest
import toolfan
from ended_ways import MODES, ask, choice, said_call
from loopback import KEY, ONCE, USER, FaultServer, completion, http
from odd_streams import Weather
from toolfan import BadResponse, RateLimited, TruncatedCall, Unavailable

Start = Callable[..., FaultServer]
MESSAGE = {"role": "assistant", "content": "I look.", "tool_calls": [said_call("a"), said_call("b", '{"location": "B')]}
RATE = {"code": 429, "message": "slow down"}
GONE = {"code": 502, "message": "upstream"}
SHAPES: dict[str, tuple[dict[str, Any], type[toolfan.ProviderError]]] = {
    "an end": ({"choices": [choice("error", MESSAGE)]}, Unavailable),
    "an end of its own": ({"choices": [choice("network_error", MESSAGE)]}, Unavailable),
    "in the choice": ({"choices": [choice("error", MESSAGE, error=GONE)]}, Unavailable),
    "beside choices": ({"choices": [choice("tool_calls", MESSAGE)], "error": RATE}, RateLimited),
}
each_shape = pytest.mark.parametrize("shape", SHAPES)


@pytest.mark.parametrize("mode", MODES)
@each_shape
def test_what_came_whole_is_in_the_error(faulty: Start, mode: str, shape: str) -> None:
    body, kind = SHAPES[shape]
    found = ask(faulty, mode, body)
    error = found.error
    assert error is not None
    assert error.calls is not None
    assert error.turn is not None
    assert isinstance(error, kind) or "stream" in mode
    assert list(error.calls) == [Weather(location="A")]
    assert (error.turn.text, error.calls.text) == ("I look.", "I look.")
    assert [type(bad.error) for bad in error.calls.failed] == [TruncatedCall]
    assert len(found.bodies) == (1 if "stream" in mode else 3)  # a stream has delivered the call: it is not asked again
    assert error.calls.requests == error.requests == len(found.bodies)
    assert pickle.loads(pickle.dumps(error)) == error


@pytest.mark.parametrize("mode", ["create", "create_async"])
@each_shape
def test_what_one_try_brought_is_kept_when_the_next_brings_nothing(faulty: Start, mode: str, shape: str) -> None:
    found = ask(faulty, mode, SHAPES[shape][0], {"choices": [choice("error", {"role": "assistant"})]})
    assert (type(found.error), len(found.bodies)) == (Unavailable, 3)
    assert found.error is not None
    assert list(found.error.calls or ()) == [Weather(location="A")]


@pytest.mark.parametrize("mode", MODES)
@each_shape
def test_a_later_round_fills_the_places_that_failed(faulty: Start, mode: str, shape: str) -> None:
    """The first round had a bad call; the error of the second brings its good one."""
    message = {"role": "assistant", "tool_calls": [said_call("a"), said_call("b", '{"location": 7}')]}
    body, _ = SHAPES[shape]
    (one,) = body["choices"]
    mended = {"role": "assistant", "tool_calls": [said_call("b", '{"location": "B"}')]}
    found = ask(faulty, mode, choice("tool_calls", message), {**body, "choices": [{**one, "message": mended}]})
    assert found.error is not None
    assert list(found.error.calls or ()) == [Weather(location="A"), Weather(location="B")]


@pytest.mark.parametrize("calls", ["text", 7, True])
def test_calls_that_are_no_list_do_not_hide_the_error(faulty: Start, calls: Any) -> None:
    message = {"role": "assistant", "tool_calls": calls}
    found = ask(faulty, "create", {"choices": [choice("error", message)], "error": RATE})
    assert isinstance(found.error, RateLimited)
    assert found.error.calls is None
    assert isinstance(ask(faulty, "create", choice("tool_calls", message)).error, BadResponse)


def test_a_whole_answer_where_events_were_asked_for(faulty: Start) -> None:
    body = {"choices": [choice("error", MESSAGE)]}
    with (
        openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(body))).url) as sdk,
        pytest.raises(Unavailable) as caught,
        toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=(Weather,)) as stream,
    ):
        list(stream)
    assert list(caught.value.calls or ()) == [Weather(location="A")]


@pytest.mark.parametrize("shape", ["in the choice", "beside choices"])
def test_an_error_in_the_chunk_of_the_calls(faulty: Start, shape: str) -> None:
    (one,) = SHAPES[shape][0]["choices"]
    calls = [{**said, "index": at} for at, said in enumerate(MESSAGE["tool_calls"])]
    delta = {key: value for key, value in one.items() if key not in ("message", "finish_reason")}
    event = {**SHAPES[shape][0], "choices": [{**delta, "delta": {**MESSAGE, "tool_calls": calls}}]}
    body = http(f"data: {json.dumps(event)}\n\n", content_type="text/event-stream")
    with (
        openai.OpenAI(api_key=KEY, base_url=faulty(body).url) as sdk,
        pytest.raises(SHAPES[shape][1]) as caught,
        toolfan.from_openai(sdk, stop=ONCE).stream(model="m", messages=USER, tools=(Weather,)) as stream,
    ):
        list(stream)
    assert list(caught.value.calls or ()) == [Weather(location="A")]
    assert caught.value.calls is not None
    assert caught.value.calls.text == "I look."


def test_nothing_of_it_is_run(faulty: Start) -> None:
    ran = list[Any]()

    def look(location: str) -> str:
        """Look."""
        ran.append(location)
        return "sunny"

    body = completion(
        finish="error", tool_calls=[said_call() | {"function": {"name": "look", "arguments": '{"location": "A"}'}}]
    )
    with (
        openai.OpenAI(api_key=KEY, base_url=faulty(http(json.dumps(body))).url) as sdk,
        pytest.raises(Unavailable) as caught,
    ):
        toolfan.from_openai(sdk, stop=ONCE).run(model="m", messages=USER, tools=[look])
    assert ran == []
    assert caught.value.calls is not None
    assert [call.name for call in caught.value.calls.good] == ["look"]
