"""Whatever the model says in whichever round: no good value is lost, and every call is answered once a round."""

from __future__ import annotations

import functools
import importlib
import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from google import genai
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import KEY, ONCE, USER, call, completion
from pydantic import BaseModel
from toolfan import BadCall, Call

if TYPE_CHECKING:
    from collections.abc import Callable

# openai 3 is built on httpx2, openai 2 on httpx; google-genai on whatever its own client is.
web: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str


# One call: a tool's name and its arguments as text; what is no JSON object only the chat dialect can say.
GOOD = st.one_of(
    st.tuples(st.just("A"), st.integers(0, 2).map(lambda x: json.dumps({"x": x}))),
    st.tuples(st.just("B"), st.sampled_from("st").map(lambda y: json.dumps({"y": y}))),
)
BAD = st.tuples(
    st.sampled_from(["A", "B", "C", "b"]), st.sampled_from(["{}", '{"x": "no"}', '{"y": 1}', '{"x": '])
).filter(lambda one: one != ("A", '{"x": 1}'))
IDS = st.sampled_from(["a", "b", "c", "", None])
TURN = st.lists(st.tuples(st.one_of(GOOD, BAD), IDS), max_size=5)
ROUNDS = st.lists(TURN, min_size=1, max_size=4)
Turn = list[tuple[tuple[str, str], str | None]]


def chat_answer(turn: Turn) -> Any:
    calls = [call(name, arguments, call_id) for (name, arguments), call_id in turn]
    return completion(*calls, finish="tool_calls" if calls else "stop", content=None if calls else "Hm.")


def gemini_answer(turn: Turn) -> Any:
    parts = []
    for (name, arguments), call_id in turn:
        known = {"id": call_id} if call_id else {}
        args = json.loads(arguments) if arguments.endswith("}") else {"broken": arguments}
        parts.append({"functionCall": {"name": name, "args": args, **known}})
    content = {"role": "model", "parts": parts or [{"text": "Hm."}]}
    return {"candidates": [{"content": content, "finishReason": "STOP"}]}


def chat_ids(body: Any) -> tuple[list[Any], list[Any]]:
    """The ids of the calls of the last turn, and those of the answers to it."""
    messages = body["messages"]
    last = max(at for at, message in enumerate(messages) if message["role"] == "assistant")
    made = [one["id"] for one in messages[last].get("tool_calls") or []]
    return made, [message["tool_call_id"] for message in messages[last:] if message["role"] == "tool"]


def gemini_ids(body: Any) -> tuple[list[Any], list[Any]]:
    said, answered = body["contents"][-2:]
    calls = [part["functionCall"] for part in said["parts"] if "functionCall" in part]
    answers = [part["functionResponse"] for part in answered["parts"] if "functionResponse" in part]
    return ([(one["name"], one.get("id")) for one in calls], [(one["name"], one.get("id")) for one in answers])


class Model:
    """Says one turn after the other, and keeps what it was asked."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def begin(self, rounds: list[Turn], answer: Callable[[Turn], Any]) -> None:
        self.rounds, self.answer, self.bodies = rounds, answer, []

    def __call__(self, request: Any) -> Any:
        self.bodies.append(json.loads(request.content))
        return self.answer(self.rounds[len(self.bodies) - 1])


@functools.cache
def chat_client() -> tuple[toolfan.Client, Model]:
    model = Model()
    http = web.Client(transport=web.MockTransport(lambda request: web.Response(200, json=model(request))))
    sdk = openai.OpenAI(api_key=KEY, base_url="http://stub/v1", http_client=http)
    return toolfan.from_openai(sdk, model="m", stop=ONCE), model


@functools.cache
def gemini_client() -> tuple[toolfan.Client, Model]:
    model, sdk = Model(), genai.Client(vertexai=False, api_key=KEY)
    own: Any = sdk._api_client._httpx_client
    theirs: Any = importlib.import_module(type(own).__mro__[1].__module__.split(".")[0])
    own._transport = theirs.MockTransport(lambda request: theirs.Response(200, json=model(request)))
    own._mounts = {}
    return toolfan.wrap(sdk, model="m", stop=ONCE), model


DIALECTS = {
    "chat": (chat_client, chat_answer, chat_ids),
    "gemini": (gemini_client, gemini_answer, gemini_ids),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(deadline=None, max_examples=150)
@given(rounds=ROUNDS)
def test_no_good_value_is_lost_and_each_call_is_answered_once(dialect: str, rounds: list[Turn]) -> None:
    connect, answer, ids = DIALECTS[dialect]
    client, model = connect()
    model.begin(rounds, answer)
    failed = False
    try:
        calls = client.create(messages=USER, tools=(A, B), max_attempts=len(rounds))
    except toolfan.InvalidCalls as exc:
        calls = toolfan.Calls() if exc.calls is None else exc.calls
        failed = True
    assert failed <= any(isinstance(outcome, BadCall) for outcome in calls.outcomes)
    assert calls.attempts == calls.requests == len(model.bodies) == len(calls.rounds)
    for one in calls.rounds:  # what was judged in a round is what the model said in it
        assert len(one.outcomes) == len(one.turn.calls)
    _check_slots(calls)
    _check_answers(calls, model, ids)
    results = {outcome.id: "done" for outcome in calls.outcomes}
    assert calls.reply(results)
    assert toolfan.Calls.from_json(calls.to_json(), tools=(A, B)) == calls


def _check_slots(calls: toolfan.Calls[Any]) -> None:
    values = list(calls)
    for one in calls.rounds:
        assert all(outcome.value in values for outcome in one.outcomes if isinstance(outcome, Call))
    first = next((one.outcomes for one in calls.rounds if one.outcomes), ())
    assert len(calls.outcomes) >= len(first)
    for before, after in zip(first, calls.outcomes, strict=False):
        assert (before.index, before.id) == (after.index, after.id)
        if isinstance(before, Call):
            assert after == before
    assert [outcome.index for outcome in calls.outcomes] == list(range(len(calls.outcomes)))
    assert len({outcome.id for outcome in calls.outcomes}) == len(calls.outcomes)
    for outcome in calls.outcomes:  # nothing is made up: each came in its round
        said = calls.rounds[outcome.attempt - 1].outcomes
        assert any(other.raw == outcome.raw for other in said)


def _check_answers(calls: toolfan.Calls[Any], model: Model, ids: Callable[[Any], Any]) -> None:
    for one, body in zip(calls.rounds, model.bodies[1:], strict=False):
        if one.turn.calls:
            made, answered = ids(body)
            assert made == answered
            assert len(made) == len(one.turn.calls)
