"""Streams through the public door: outcomes as they are sealed, failed calls asked again, the result of `create()`."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, call, completion, http
from pydantic import BaseModel
from tenacity import wait_none
from toolfan import BadCall, Call, IncompleteStream, InvalidArguments, InvalidCalls, TextDelta, TooManyCalls, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import FaultServer

JSON = dict[str, Any]
Ask = Any


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str
    z: int


GOOD, BAD = call("A", {"x": 1}, "good"), call("B", {"y": 3, "z": "no"}, "bad")
MENDED = call("B", {"y": "s", "z": 4}, "new")
UNKNOWN = call("Sing", {}, "unknown")
TOOLS = (A, B)


def events(*calls: JSON, finish: str | None = "tool_calls", **message: Any) -> list[JSON]:
    """The chunks of a completion with these calls: each text in two pieces."""
    deltas: list[JSON] = [{"role": "assistant", "content": None}]
    text = message.get("content") or ""
    deltas += [{"content": piece} for piece in (text[:2], text[2:]) if piece]
    deltas += [{"refusal": message["refusal"]}] if message.get("refusal") else []
    for at, one in enumerate(calls):
        arguments = one["function"]["arguments"]
        half = len(arguments) // 2
        deltas.append({"tool_calls": [{"index": at, **one, "function": {**one["function"], "arguments": ""}}]})
        for piece in (arguments[:half], arguments[half:]):
            deltas.append({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
    whole = completion(*calls, finish=finish, **message)
    head = {key: whole[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    made = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    made.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    made.append({**head, "choices": [], "usage": whole["usage"]})
    return made


def sse(chunks: list[JSON], *, done: bool = True) -> bytes:
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + ("data: [DONE]\n\n" if done else "")
    return http(text, content_type="text/event-stream")


def streamed(*calls: JSON, **message: Any) -> bytes:
    return sse(events(*calls, **message))


@pytest.fixture
def asking(faulty: Callable[..., FaultServer]) -> Iterator[Ask]:
    """`asking(*answers)`: a client of a server that gives these answers, one after another."""
    made: list[openai.OpenAI] = []

    def start(*answers: bytes) -> toolfan.Client:
        server = faulty(*answers)
        made.append(openai.OpenAI(api_key=KEY, base_url=server.url))
        client = toolfan.from_openai(made[-1], model="m", wait=wait_none())
        client.server = server  # type: ignore[attr-defined]
        return client

    yield start
    for sdk in made:
        sdk.close()


def bodies(client: Any) -> list[JSON]:
    return [json.loads(body) for _, _, _, body in client.server.requests]


def shown(outcomes: Any) -> list[tuple[int, int, bool]]:
    return [(outcome.index, outcome.attempt, isinstance(outcome, Call)) for outcome in outcomes]


def test_each_call_comes_with_its_event_and_the_result_is_that_of_create(asking: Ask) -> None:
    client = asking(streamed(GOOD, MENDED, content="Well."))
    with client.stream(messages=USER, tools=TOOLS) as stream:
        outcomes = list(stream)
        calls = stream.calls
    assert [outcome.value for outcome in outcomes] == [A(x=1), B(y="s", z=4)] == list(calls)
    assert tuple(outcomes) == calls.outcomes
    assert (calls.text, calls.stop.kind, calls.usage.total_tokens) == ("Well.", "calls", 18)
    assert (stream.text, stream.stop, stream.usage) == (calls.text, calls.stop, calls.usage)
    (body,) = bodies(client)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    whole = asking(http(json.dumps(completion(GOOD, MENDED, content="Well.")))).create(messages=USER, tools=TOOLS)
    assert (calls.outcomes, calls.usage, calls.stop) == (whole.outcomes, whole.usage, whole.stop)
    assert calls.raw["choices"][0]["message"] == whole.raw["choices"][0]["message"]


def test_text_comes_in_pieces_to_who_asks_for_it(asking: Ask) -> None:
    client = asking(streamed(GOOD, content="Well."))
    items = list(client.create(messages=USER, tools=TOOLS, stream=True).events())
    assert items[:2] == [TextDelta("We"), TextDelta("ll.")]
    assert [type(item) for item in items[2:]] == [Call]


def test_the_text_of_a_later_round_comes_in_no_pieces(asking: Ask) -> None:
    stream = asking(streamed(BAD, content="Well."), streamed(MENDED, content="So.")).stream(messages=USER, tools=TOOLS)
    heard = [item.text for item in stream.events() if isinstance(item, TextDelta)]
    assert (heard, stream.text) == (["We", "ll."], "Well.\nSo.")


def test_what_is_not_there_yet_is_said_so(asking: Ask) -> None:
    with asking(streamed(GOOD, MENDED)).stream(messages=USER, tools=TOOLS) as stream:
        next(stream)
        for name in ("calls", "text", "usage", "stop"):
            with pytest.raises(UsageError, match="the stream has not ended"):
                getattr(stream, name)
        assert list(stream.until_done()) == [A(x=1), B(y="s", z=4)]


def test_a_failed_call_comes_as_it_is_and_mended_later(asking: Ask) -> None:
    client = asking(streamed(BAD, GOOD), streamed(MENDED))
    stream = client.stream(messages=USER, tools=TOOLS)
    outcomes = list(stream)
    assert shown(outcomes) == [(0, 1, False), (1, 1, True), (0, 2, True)]
    assert isinstance(outcomes[0].error, InvalidArguments)
    calls = stream.calls
    assert calls.outcomes == (outcomes[2], outcomes[1])
    assert (calls.attempts, calls.requests, calls.usage.total_tokens) == (2, 2, 36)
    answers = [http(json.dumps(completion(*given))) for given in ([BAD, GOOD], [MENDED])]
    whole = asking(*answers).create(messages=USER, tools=TOOLS)
    assert (calls.outcomes, calls.usage, calls.attempts, calls.text) == (
        whole.outcomes,
        whole.usage,
        whole.attempts,
        whole.text,
    )
    first, second = bodies(client)
    assert second["messages"][0] == first["messages"][0]
    assert second["messages"][1] == completion(BAD, GOOD)["choices"][0]["message"]
    assert [message["tool_call_id"] for message in second["messages"][2:]] == ["bad", "good"]


def test_what_fails_to_the_last_is_raised_with_what_was_good(asking: Ask) -> None:
    client = asking(streamed(BAD, GOOD))
    stream = client.stream(messages=USER, tools=TOOLS, max_attempts=2)
    outcomes = []
    with pytest.raises(InvalidCalls, match="after 2 attempts, 1 of 2 calls failed") as caught:
        outcomes.extend(stream)
    assert list(caught.value.calls or ()) == list(stream.calls) == [A(x=1)]
    assert caught.value.requests == len(bodies(client)) == 2


@pytest.mark.parametrize("bad", [BAD, UNKNOWN, call("A", '{"x": ', "cut"), call("A", "no", "word")])
def test_keep_and_raise_ask_once(asking: Ask, bad: JSON) -> None:
    client = asking(streamed(bad, GOOD))
    stream = client.stream(messages=USER, tools=TOOLS, on_invalid="keep")
    assert sorted(shown(stream)) == [(0, 1, False), (1, 1, True)]
    assert list(stream.calls) == [A(x=1)]
    assert len(stream.calls.failed) == len(bodies(client)) == 1
    delivered: list[Any] = []
    stream = client.stream(messages=USER, tools=TOOLS, on_invalid="raise")
    with pytest.raises(InvalidCalls) as caught:
        delivered.extend(stream)  # it raises after the last one
    assert caught.value.requests == 1
    assert shown(stream.calls.outcomes) == [(0, 1, False), (1, 1, True)]


def test_a_later_round_is_sent_again_when_it_fails_for_now(asking: Ask) -> None:
    """Of it nothing was delivered yet, whatever was before."""
    busy, cut = http("{}", 503), sse(events(MENDED)[:3], done=False)
    client = asking(streamed(BAD, GOOD), busy, cut, streamed(MENDED))
    stream = client.stream(messages=USER, tools=TOOLS)
    assert shown(stream) == [(0, 1, False), (1, 1, True), (0, 2, True)]
    assert stream.calls.requests == len(bodies(client)) == 4


def test_a_later_round_that_fails_for_good_takes_nothing_away(asking: Ask) -> None:
    client = asking(streamed(BAD, GOOD), http('{"error": {"message": "no"}}', 400))
    stream = client.stream(messages=USER, tools=TOOLS)
    with pytest.raises(toolfan.RequestRejected) as caught:
        list(stream)
    assert caught.value.calls == stream.calls
    assert stream.calls.requests == caught.value.requests == 2
    assert shown(stream.calls.outcomes) == [(0, 1, False), (1, 1, True)]


def test_what_a_later_round_mended_before_it_broke_is_not_lost(asking: Ask) -> None:
    """The new call had come whole; the one after it was cut, again and again."""
    other = call("B", {"y": 3, "z": "neither"}, "bad2")
    cut = sse(events(MENDED, call("B", {"y": "t", "z": 5}, "cut"))[:5], done=False)
    client = asking(streamed(BAD, GOOD, other), *[cut] * 3)
    stream = client.stream(messages=USER, tools=TOOLS, max_attempts=3)
    delivered: list[Any] = []
    with pytest.raises(IncompleteStream) as caught:
        delivered.extend(stream)  # it raises after the last one
    assert shown(delivered) == [(0, 1, False), (1, 1, True), (2, 1, False), (0, 2, True)]
    assert len(bodies(client)) > 1
    assert caught.value.calls == stream.calls
    assert shown(stream.calls.outcomes) == [(0, 2, True), (1, 1, True), (2, 1, False)]
    assert list(stream.calls) == [B(y="s", z=4), A(x=1)]
    client = asking(streamed(BAD, GOOD, other), *[cut] * 3)
    with client.stream(messages=USER, tools=TOOLS, max_attempts=3) as left:
        assert next(one for one in left if one.attempt == 2).value == B(y="s", z=4)
    assert left.calls == stream.calls


def test_a_stream_is_sent_again_only_while_nothing_was_delivered(asking: Ask) -> None:
    before, after = sse(events(GOOD, MENDED)[:3], done=False), sse(events(GOOD, MENDED)[:5], done=False)
    client = asking(before, streamed(GOOD, MENDED))
    assert list(client.stream(messages=USER, tools=TOOLS).until_done()) == [A(x=1), B(y="s", z=4)]
    assert len(bodies(client)) == 2
    client = asking(after, streamed(GOOD, MENDED))
    stream = client.stream(messages=USER, tools=TOOLS)
    with pytest.raises(IncompleteStream) as caught:
        list(stream)
    assert (caught.value.requests, caught.value.retryable) == (1, True)
    assert caught.value.turn is not None
    assert shown(stream.calls.outcomes) == [(0, 1, True), (1, 1, False)]


def test_text_that_was_delivered_is_not_asked_for_twice(asking: Ask) -> None:
    cut = sse(events(GOOD, content="Well.")[:3], done=False)
    client = asking(cut, streamed(GOOD, content="Well."))
    with pytest.raises(IncompleteStream):
        list(client.stream(messages=USER, tools=TOOLS).events())
    client = asking(cut, streamed(GOOD, content="Well."))
    assert list(client.stream(messages=USER, tools=TOOLS).until_done()) == [A(x=1)]


USES = [{"recipient_name": "functions.A", "parameters": {"x": x}} for x in (1, 2)]
WRAPPER = call("multi_tool_use.parallel", {"tool_uses": USES}, "w")


@pytest.mark.parametrize("order", [[WRAPPER, MENDED], [MENDED, WRAPPER], [WRAPPER, WRAPPER | {"id": "v"}, GOOD]])
def test_a_wrapper_is_the_calls_in_it(asking: Ask, order: list[JSON]) -> None:
    stream = asking(streamed(*order)).stream(messages=USER, tools=TOOLS)
    outcomes = list(stream)
    whole = asking(http(json.dumps(completion(*order)))).create(messages=USER, tools=TOOLS)
    assert tuple(outcomes) == stream.calls.outcomes == whole.outcomes
    stream.calls.reply({outcome.id: "done" for outcome in outcomes})


def test_a_wrapper_that_ends_after_a_later_call_costs_nobody_its_place(asking: Ask) -> None:
    head, opening, one, two, *rest = events(WRAPPER, MENDED)
    later, end = rest[:3], rest[3:]
    stream = asking(sse([head, opening, one, *later, two, *end])).stream(messages=USER, tools=TOOLS)
    delivered = list(stream)
    whole = asking(http(json.dumps(completion(WRAPPER, MENDED)))).create(messages=USER, tools=TOOLS)
    assert list(stream.calls) == list(whole) == [A(x=1), A(x=2), B(y="s", z=4)]
    assert [outcome.id for outcome in stream.calls.outcomes] == [outcome.id for outcome in whole.outcomes]
    assert [outcome.index for outcome in stream.calls.outcomes] == [0, 1, 2]
    assert tuple(delivered) == stream.calls.outcomes


@pytest.mark.parametrize(("parallel", "limit"), [(False, 1), (1, 1), (2, 2)])
def test_calls_beyond_the_limit_are_failed_not_asked_for(asking: Ask, parallel: Any, limit: int) -> None:
    given = [call("A", {"x": at}, f"id{at}") for at in range(4)]
    client = asking(streamed(*given))
    stream = client.stream(messages=USER, tools=TOOLS, parallel=parallel, on_invalid="keep")
    outcomes = list(stream)
    assert [isinstance(outcome, Call) for outcome in outcomes] == [at < limit for at in range(4)]
    assert all(isinstance(bad.error, TooManyCalls) for bad in outcomes[limit:] if isinstance(bad, BadCall))
    whole = asking(http(json.dumps(completion(*given))))
    assert whole.create(messages=USER, tools=TOOLS, parallel=parallel, on_invalid="keep").outcomes == tuple(outcomes)


@pytest.mark.parametrize(
    "bad", [call("functions.A", {"x": 1}), call("A", json.dumps('{"x": 1}')), call("A", '```json\n{"x": 1}\n```')]
)
def test_what_can_be_repaired_is_and_says_so(asking: Ask, bad: JSON) -> None:
    stream = asking(streamed(bad)).stream(messages=USER, tools=TOOLS)
    (outcome,) = stream
    assert isinstance(outcome, Call)
    assert outcome.value == A(x=1)
    assert outcome.repairs
    strict = asking(streamed(bad)).stream(messages=USER, tools=TOOLS, repairs=False, on_invalid="keep")
    assert [type(one) for one in strict] == [BadCall]


def test_a_refusal_is_raised(asking: Ask) -> None:
    stream = asking(streamed(refusal="I will not.", finish="stop")).stream(messages=USER, tools=TOOLS)
    with pytest.raises(toolfan.Refused, match=r"I will not\.") as caught:
        list(stream)
    assert (caught.value.requests, caught.value.retryable) == (1, False)


def test_what_the_filter_stopped_is_raised_after_the_calls_that_had_come(asking: Ask) -> None:
    given: JSON = {"finish": "content_filter"}
    stream = asking(streamed(GOOD, **given)).stream(messages=USER, tools=TOOLS)
    assert [outcome.value for outcome in itertools.islice(stream, 1)] == [A(x=1)]
    with pytest.raises(toolfan.ContentFiltered) as caught:
        next(stream)
    with pytest.raises(toolfan.ContentFiltered) as whole:
        asking(http(json.dumps(completion(GOOD, **given)))).create(messages=USER, tools=TOOLS)
    assert str(caught.value) == str(whole.value)
    assert caught.value.calls == stream.calls
    assert (caught.value.requests, list(stream.calls)) == (1, list(whole.value.calls or ()))


def test_length_cuts_the_last_call_alone(asking: Ask) -> None:
    cut = call("B", '{"y": "s", "z"', "cut")
    stream = asking(streamed(GOOD, cut, finish="length")).stream(messages=USER, tools=TOOLS, on_invalid="keep")
    good, bad = stream
    assert isinstance(good, Call)
    assert isinstance(bad, BadCall)
    assert isinstance(bad.error, toolfan.TruncatedCall)
    assert stream.stop.kind == "length"


def test_an_answer_without_calls_is_no_error(asking: Ask) -> None:
    stream = asking(streamed(content="Nothing to do.", finish="stop")).stream(messages=USER, tools=TOOLS)
    assert list(stream) == []
    assert (stream.text, stream.stop.kind) == ("Nothing to do.", "end")


ODD: list[JSON] = [
    {"type": []},
    {"type": {"error": 1}},
    {"error": None},
    {"choices": {}},
    {"choices": [3, None, "x"]},
    {"choices": [{"index": 0, "delta": []}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": "", "content": 3}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [None, {}], "content": []}}]},
    {"usage": 3, "id": [], "model": 7},
]


@pytest.mark.parametrize("odd", ODD, ids=json.dumps)
def test_an_odd_chunk_costs_nothing(asking: Ask, odd: JSON) -> None:
    chunks = [one for chunk in events(GOOD, MENDED) for one in (chunk, odd)]
    stream = asking(sse(chunks)).stream(messages=USER, tools=TOOLS)
    assert [outcome.value for outcome in stream if isinstance(outcome, Call)] == [A(x=1), B(y="s", z=4)]
    assert stream.calls.failed == ()


def test_the_hint_of_a_call_beyond_the_limit_goes_by_the_order_of_calls(asking: Ask) -> None:
    """The required call, the second, ends before the first, and is beyond the limit; so is the third."""
    calls = [call("A", {"x": 1}, "a"), call("B", {"y": "s", "z": 1}, "b"), call("B", {"y": "t", "z": 2}, "c")]
    begun = [{**one, "index": at, "function": {**one["function"], "arguments": ""}} for at, one in enumerate(calls)]
    ends = [{"index": at, "function": {"arguments": calls[at]["function"]["arguments"]}} for at in (1, 0, 2)]
    chunks = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [one]}}]}
        for one in (*begun[:2], *ends[:2], begun[2], ends[2])
    ]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    options = {"messages": USER, "tools": TOOLS, "tool_choice": ["B"], "parallel": 1, "on_invalid": "keep"}
    client = asking(sse([*chunks, end]), http(json.dumps(completion(*calls))))
    hints = [
        [bad.error.hint for bad in made.failed]
        for made in (client.stream(**options).until_done(), client.create(**options))
    ]
    assert hints[0] == hints[1]
    assert all("make it again" in str(hint) for hint in hints[0])
