"""What the model is told when calls failed, and what is kept: section 5 of the catalogue.

A scripted server plays the model; Vertex's form is asked through google-genai.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, call, completion, raw
from pydantic import BaseModel, ConfigDict
from toolfan import InvalidCalls, RateLimited

if TYPE_CHECKING:
    from fault_asking import Asked, Asker


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str
    z: int


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    n: int


A1, A2, B3 = A(x=1), A(x=2), B(y="s", z=3)
GOOD_A, GOOD_B = call("A", {"x": 1}, "a"), call("B", {"y": "s", "z": 3}, "b")
BAD_A, BAD_B = call("A", {"x": "no"}, "bad-a"), call("B", {"y": 3}, "bad-b")
MENDED_A = call("A", {"x": 2}, "mended")
ACCEPTED = "Accepted. Do not repeat this call."


def asked(ask: Asker, bench: Bench, *answers: Any, **options: Any) -> Asked:
    """What comes of these answers: each is a list of calls, or a scripted answer."""
    server = bench.serve(*(raw(completion(*one)) if isinstance(one, list) else one for one in answers))
    options.setdefault("tools", (A, B))
    return ask("good", base_url=server.openai_url, **options)


def told(bench: Bench, request: int) -> dict[str, str]:
    """What request `request` (from 0) told the model of each call of the turn before it."""
    messages = bench.bodies[request]["messages"]
    last = max(at for at, message in enumerate(messages) if message["role"] == "assistant")
    answers = {one["tool_call_id"]: one["content"] for one in messages[last + 1 :]}
    assert list(answers) == [one["id"] for one in messages[last]["tool_calls"]]
    return answers


def one_of_three(ask: Asker, bench: Bench) -> None:
    """Its own text for each id; a model that sends the failed one again alone loses nothing."""
    found = asked(ask, bench, [GOOD_A, BAD_A, GOOD_B], [MENDED_A])
    assert list(found.result) == [A1, A2, B3]
    answers = told(bench, 1)
    assert (answers["a"], answers["b"]) == (ACCEPTED, ACCEPTED)
    assert "x: Input should be a valid integer" in answers["bad-a"]
    assert "Accepted" not in answers["bad-a"]
    assert (found.result.attempts, found.result.requests) == (2, 2)


def two_of_three(ask: Asker, bench: Bench) -> None:
    """All errors of all failed calls."""
    found = asked(ask, bench, [BAD_A, GOOD_A, BAD_B], [call("B", {"y": "s", "z": 3}, "n"), MENDED_A])
    assert list(found.result) == [A2, A1, B3]
    answers = told(bench, 1)
    assert answers["a"] == ACCEPTED
    assert "x: Input should be a valid integer" in answers["bad-a"]
    assert "y: Input should be a valid string (given: 3)" in answers["bad-b"]
    assert "z: Field required" in answers["bad-b"]


def exhausted(ask: Asker, bench: Bench) -> None:
    """Values, errors and what was spent."""
    error = asked(ask, bench, [GOOD_A, BAD_B], [BAD_B], [call("B", {"y": "s"}, "late")]).raised
    assert (type(error), error.attempts, error.requests) == (InvalidCalls, 3, 3)
    assert error.calls is not None
    assert list(error.calls) == [A1]
    (bad,) = error.calls.failed
    assert (bad.index, bad.attempt) == (1, 3)
    assert "z: Field required" in str(bad.error)
    assert "after 3 attempts, 1 of 2 calls failed" in str(error)
    assert error.calls.usage.total_tokens == 3 * 18
    assert len(error.calls.rounds) == 3


def inside_the_loop(ask: Asker, bench: Bench) -> None:
    """What create() returned is valid: nothing is left to fail when it is looked at."""
    found = asked(ask, bench, [call("Strict", {"n": "3"})], [call("Strict", {"n": 3})], tools=(Strict,))
    assert [type(value) for value in found.result] == [Strict]
    assert [type(outcome.value) for outcome in found.result.good] == [Strict]
    genai = google(bench, [("Strict", {"n": "3"})], [("Strict", {"n": 3})])
    assert list(genai.create(messages=USER, tools=(Strict,))) == [Strict(n=3)]
    assert len(bench.bodies) == 2


def google(bench: Bench, *turns: list[tuple[str, dict[str, Any]]]) -> toolfan.Client:
    """A client over google-genai, whose server makes these calls."""
    from google import genai

    answers = []
    for number, turn in enumerate(turns):
        parts: list[dict[str, Any]] = [{"text": f"Turn {number}."}]
        parts += [{"functionCall": {"name": name, "args": arguments}} for name, arguments in turn]
        answers.append(raw({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}))
    server = bench.serve(*answers)
    sdk = genai.Client(vertexai=False, api_key=KEY, http_options={"base_url": server.base_url})
    return toolfan.wrap(sdk, model="gemini-x", stop=ONCE)


def as_many_responses(ask: Asker, bench: Bench) -> None:
    """The turn as it came, then one Content with a response for each call, although a text came first."""
    client = google(bench, [("A", {"x": 1}), ("A", {"x": "no"}), ("B", {"y": "s", "z": 3})], [("A", {"x": 2})])
    assert list(client.create(messages=USER, tools=(A, B))) == [A1, A2, B3]
    question, turn, answer = bench.bodies[1]["contents"]
    assert [content["role"] for content in (question, turn, answer)] == ["user", "model", "user"]
    calls = [part["functionCall"]["name"] for part in turn["parts"] if "functionCall" in part]
    responses = [part["functionResponse"] for part in answer["parts"]]
    assert [one["name"] for one in responses] == calls == ["A", "A", "B"]
    assert ["Accepted" in json.dumps(one["response"]) for one in responses] == [True, False, True]


def fails_between(ask: Asker, bench: Bench) -> None:
    """The good values of the first answer are in the error of the second request."""
    limited = {"error": {"status": 429, "message": "slow down", "headers": {"retry-after": "300"}}}
    error = asked(ask, bench, [GOOD_A, BAD_A], limited).raised
    assert (type(error), error.attempts, error.requests, error.retry_after) == (RateLimited, 2, 2, 300)
    assert error.calls is not None
    assert list(error.calls) == [A1]
    assert [type(bad.error).__name__ for bad in error.calls.failed] == ["InvalidArguments"]
    found = asked(ask, bench, [GOOD_A, BAD_A], {"error": {"status": 429}}, [MENDED_A])
    assert list(found.result) == [A1, A2]
    assert (found.result.attempts, found.result.requests) == (2, 3)


def always_bad(ask: Asker, bench: Bench) -> None:
    """Success of some calls gives no new attempts: three rounds, whatever they say."""
    rounds = [[BAD_B, call("A", {"x": n}, f"a{n}")] for n in range(50)]
    error = asked(ask, bench, *rounds).raised
    assert (type(error), error.attempts, error.requests) == (InvalidCalls, 3, 3)
    assert error.calls is not None
    assert list(error.calls) == [A(x=0), A(x=1), A(x=2)]
    error = asked(ask, bench, *rounds, max_attempts=5).raised
    assert (error.attempts, error.requests) == (5, 5)
    # With a provider that fails too, the ceiling of requests is for all rounds together.
    failure = {"error": {"status": 503}}
    answers = [answer for one in rounds[:9] for answer in (failure, failure, one)]
    error = asked(ask, bench, *answers, max_attempts=9).raised
    assert (error.requests, len(bench.bodies)) == (19, 19)


CHECKS = {
    "1 of 3 invalid": one_of_three,
    "2 of 3 invalid": two_of_three,
    "retries exhausted": exhausted,
    "Anthropic, Vertex": inside_the_loop,
    "Vertex re-ask": as_many_responses,
    "API error (429) during a re-ask": fails_between,
    "always-bad model": always_bad,
}
ROWS = list(CHECKS)


@pytest.mark.parametrize("row", ROWS)
def test_asking_again(ask: Asker, bench: Bench, row: str) -> None:
    CHECKS[row](ask, bench)


def test_a_thousand_failed_calls_are_told_each_its_own(ask: Asker, bench: Bench) -> None:
    bad = [call("A", {"x": f"no {n}"}, f"id{n}") for n in range(1000)]
    mended = [call("A", {"x": n}, f"id{n}") for n in range(1000)]
    found = asked(ask, bench, bad, mended)
    assert list(found.result) == [A(x=n) for n in range(1000)]
    answers = told(bench, 1)
    assert [f'(given: "no {n}")' in answers[f"id{n}"] for n in range(1000)] == [True] * 1000
