"""The same answers whole and in pieces give the same calls, errors and further requests, whatever the model wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import KEY, USER, FaultServer, call, completion, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]


class A(BaseModel):
    x: int


class B(BaseModel):
    y: int


class Both(BaseModel):
    x: int
    y: int


class Nothing(BaseModel): ...


TOOLS = (A, B, Both, Nothing)
USES = st.lists(st.sampled_from([1, 2, "n"]), max_size=3).map(
    lambda found: {"tool_uses": [{"recipient_name": "functions.A", "parameters": {"x": x}} for x in found]}
)
ARGUMENTS = st.sampled_from(
    ["", '{"x":', "null", {"x": 1}, {"x": 2}, {"x": "n"}, {"y": 1}, {"x": 1, "y": 1}, {"x": 2.0}, {"x": 2, "y": "n"}]
)
PLAIN = st.tuples(st.sampled_from(["A", "A", "B", "Both", "Both", "Nothing", "Zing", "functions.A"]), ARGUMENTS)
WRAPPER = st.tuples(st.just("multi_tool_use.parallel"), USES)
CALLS = st.lists(st.tuples(st.one_of(PLAIN, PLAIN, WRAPPER), st.sampled_from(["c0", "c1", "c2", "d", "e"])), max_size=5)
ANSWERS = st.tuples(
    CALLS, st.sampled_from([None, "Well."]), st.sampled_from(["tool_calls", "tool_calls", "stop", "length"])
)


def whole(answer: Any) -> JSON:
    calls, text, finish = answer
    made = [call(name, arguments, call_id) for (name, arguments), call_id in calls]
    return completion(*made, finish=finish, content=text)


def events(answer: Any) -> list[JSON]:
    """Each call in two pieces, one call after another."""
    body = whole(answer)
    deltas: list[JSON] = [{"role": "assistant", "content": body["choices"][0]["message"]["content"]}]
    for at, one in enumerate(body["choices"][0]["message"].get("tool_calls", ())):
        text = one["function"]["arguments"]
        deltas.append({"tool_calls": [{"index": at, **one, "function": {**one["function"], "arguments": text[:3]}}]})
        if text[3:]:
            deltas.append({"tool_calls": [{"index": at, "function": {"arguments": text[3:]}}]})
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return [*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": answer[2]}]}]


class Asked:
    """One server and client for all stories."""

    def __init__(self) -> None:
        self.server = FaultServer(http("{}"))
        self.sdk = openai.OpenAI(api_key=KEY, base_url=self.server.url)
        self.client = toolfan.from_openai(self.sdk, model="m", wait=lambda _: 0)

    def tell(self, story: list[Any], *, stream: bool, **options: Any) -> tuple[Any, list[JSON]]:
        """What comes of it, and the messages of all requests."""
        self.server.requests.clear()
        told = [
            http("".join(f"data: {json.dumps(event)}\n\n" for event in events(one)) + "data: [DONE]\n\n")
            if stream
            else http(json.dumps(whole(one)))
            for one in story
        ]
        self.server.answers[:] = told
        asked: JSON = {"messages": USER, "tools": TOOLS, **options}
        self.came: list[Any] = []
        error = None
        try:
            calls = self._streamed(asked) if stream else self.client.create(**asked)
        except toolfan.ToolfanError as exc:
            error, calls = (type(exc), exc.message), exc.calls  # type: ignore[assignment]
        told_outcomes = [] if calls is None else [told_of(one) for one in calls.outcomes]
        messages = [json.loads(body)["messages"] for *_, body in self.server.requests]
        return (error, told_outcomes), messages

    def _streamed(self, asked: JSON) -> Any:
        stream = self.client.stream(**asked)
        self.came.extend(map(told_of, stream))  # also when it raises in the end
        return stream.calls


def told_of(one: Any) -> Any:
    return one.index, one.id, one.name, one.attempt, getattr(one, "value", None), repr(getattr(one, "error", None))


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    made = Asked()
    yield made
    made.sdk.close()
    made.server.close()


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    story=st.lists(ANSWERS, min_size=3, max_size=3),
    parallel=st.sampled_from([True, True, 2]),
    on_invalid=st.sampled_from(["reask", "reask", "keep", "raise"]),
)
def test_a_story_ends_the_same(asked: Asked, story: list[Any], parallel: Any, on_invalid: Any) -> None:
    options = {"parallel": parallel, "on_invalid": on_invalid}
    streamed, whole_one = asked.tell(story, stream=True, **options), asked.tell(story, stream=False, **options)
    assert streamed[0] == whole_one[0]
    assert streamed[1] == whole_one[1]


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=st.lists(ANSWERS, min_size=3, max_size=3), parallel=st.sampled_from([True, True, 2]))
def test_what_is_yielded_is_what_it_ends_with(asked: Asked, story: list[Any], parallel: Any) -> None:
    """Each call once a round, however early its place was known; the last of each place is that of the result."""
    (_, outcomes), _ = asked.tell(story, stream=True, parallel=parallel)
    places = [(attempt, index) for index, _, _, attempt, *_ in asked.came]
    assert len({*places}) == len(places)
    assert sorted({one[0]: one for one in asked.came}.values(), key=lambda one: one[0]) == outcomes


WRAPPED = ("multi_tool_use.parallel", {"tool_uses": [{"recipient_name": "A", "parameters": {"x": x}} for x in (1, 2)]})


def test_a_call_that_is_whole_at_the_end_alone_keeps_its_place_before_a_wrapper(asked: Asked) -> None:
    story = [([(("Nothing", ""), "a"), (WRAPPED, "w"), (("A", {"x": 3}), "b")], None, "tool_calls")]
    (error, outcomes), _ = asked.tell(story, stream=True)
    assert error is None
    assert [(one[0], one[4]) for one in outcomes] == [(0, Nothing()), (1, A(x=1)), (2, A(x=2)), (3, A(x=3))]


@pytest.mark.parametrize("ids", [("a", "a"), ("a", "z"), ("y", "z")])
@pytest.mark.parametrize("stream", [False, True])
def test_a_good_call_misses_no_slot_for_a_bad_one(asked: Asked, ids: tuple[str, str], *, stream: bool) -> None:
    bad, good = ("A", {"x": "n"}), ("A", {"x": 5})
    story = [([(bad, "a")], None, "tool_calls"), ([(bad, ids[0]), (good, ids[1])], None, "tool_calls")]
    (error, outcomes), messages = asked.tell(story, stream=stream)
    assert (error, len(messages)) == (None, 2)
    assert [one[4] for one in outcomes] == [A(x=5), None]
