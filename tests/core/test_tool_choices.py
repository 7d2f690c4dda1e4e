"""What comes back is held against the tool choice: servers are known to ignore it.  The real SDK, loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, call
from pydantic import BaseModel
from toolfan import InvalidCalls, ToolChoice


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str


class C(BaseModel):
    z: int = 0


GOT_A, GOT_B = call("A", {"x": 1}, "a"), call("B", {"y": "s"}, "b")
WARNING = "the model called A, against the tool choice"


def whole(bench: Bench, **options: Any) -> toolfan.Calls[Any]:
    return bench.client().create(**options)


def streamed(bench: Bench, **options: Any) -> toolfan.Calls[Any]:
    with bench.client().stream(**options) as stream:
        for _ in stream:
            pass
    return stream.calls


def awaited(bench: Bench, **options: Any) -> toolfan.Calls[Any]:
    async def main() -> toolfan.Calls[Any]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            return await toolfan.from_openai(sdk, stop=ONCE).create(**options)

    return asyncio.run(main())


@pytest.fixture(params=[whole, streamed, awaited], ids=lambda way: way.__name__)
def ask(request: pytest.FixtureRequest, bench: Bench) -> Any:
    """`ask(answer, ..., option=...)`: the calls after these answers, each a list of calls, or a text."""

    def ask(*answers: Any, **options: Any) -> toolfan.Calls[Any]:
        said = [{"text": answer} if isinstance(answer, str) else scripted(answer) for answer in answers]
        bench.serve(*said)
        return request.param(bench, model="m", messages=USER, **{"tools": (A, B, C), **options})  # type: ignore[no-any-return]

    return ask


def scripted(calls: list[Any]) -> dict[str, Any]:
    """An answer, whole or streamed, that heeds nothing of what was asked."""
    return {
        "calls": [
            {"name": one["function"]["name"], "id": one["id"], "arguments": one["function"]["arguments"]}
            for one in calls
        ]
    }


@pytest.mark.parametrize("choice", ["none", ToolChoice("auto", ("B",)), ToolChoice("auto", ("B", "C"))])
def test_a_call_that_the_choice_does_not_allow_is_kept_with_a_warning(ask: Any, choice: Any) -> None:
    calls = ask([GOT_A], tool_choice=choice)
    assert (list(calls), calls.failed, calls.requests) == ([A(x=1)], (), 1)
    assert calls.warnings == (WARNING,)


def test_a_failed_call_where_none_was_wanted_is_not_asked_for_again(ask: Any) -> None:
    with pytest.raises(InvalidCalls) as caught:
        ask([GOT_A, call("A", {"x": "no"}, "bad")], tool_choice="none")
    assert (list(caught.value.calls or ()), caught.value.requests) == ([A(x=1)], 1)


@pytest.mark.parametrize("choice", [B, [B], ["B", "C"]])
def test_beside_a_required_call_another_one_is_kept_with_a_warning(ask: Any, choice: Any) -> None:
    calls = ask([GOT_A, GOT_B, call("A", {"x": 2}, "a2")], tool_choice=choice)
    assert (list(calls), calls.requests) == ([A(x=1), B(y="s"), A(x=2)], 1)
    assert calls.warnings == (WARNING,)


@pytest.mark.parametrize(
    "choice", ["auto", "required", [A], [B], [A, B], [A, B, C], ToolChoice("auto", ("A", "B")), ToolChoice("required")]
)
def test_what_is_allowed_is_not_warned_of(ask: Any, choice: Any) -> None:
    answer = [
        one for one in (GOT_A, GOT_B) if choice not in ([A], [B]) or one["function"]["name"] == choice[0].__name__
    ]
    calls = ask(answer, tool_choice=choice)
    assert len(calls) == len(answer)
    assert (calls.warnings, calls.requests) == ((), 1)


@pytest.mark.parametrize("parallel", [True, False])
def test_a_required_tool_that_was_not_called_is_asked_for(ask: Any, bench: Bench, parallel: bool) -> None:
    calls = ask([GOT_A], [GOT_B], tool_choice=[B], parallel=parallel)
    assert (list(calls), calls.failed, calls.requests) == ([A(x=1), B(y="s")], (), 2)
    assert calls.warnings == (WARNING,)
    again = bench.bodies[1]
    assert again["tool_choice"] == bench.bodies[0]["tool_choice"] != "auto"
    assert again["messages"][-1]["content"] == (
        "Accepted. Do not repeat this call.\nA call of B is required, and you made none. Call the tools now."
    )


def test_a_required_tool_that_never_comes_is_an_error_with_the_other_calls(ask: Any, bench: Bench) -> None:
    for policy, attempts in ({"max_attempts": 2}, 2), ({"on_invalid": "raise"}, 1):
        after = "after 2 attempts, " if attempts == 2 else ""
        with pytest.raises(InvalidCalls, match=f"^{after}a call of B or C was required and none came") as caught:
            ask([GOT_A], "Done.", tool_choice=["B", "C"], **policy)
        assert list(caught.value.calls) == [A(x=1)]
        assert caught.value.calls.warnings == (WARNING,)
        assert caught.value.requests == attempts
    calls = ask([GOT_A], tool_choice=B, on_invalid="keep")
    assert (list(calls), calls.warnings, calls.requests) == ([A(x=1)], (WARNING,), 1)


def test_a_required_tool_called_wrongly_is_asked_for_as_any_other(ask: Any) -> None:
    calls = ask([call("B", {"y": 3}, "b")], [GOT_B], tool_choice=B)
    assert (list(calls), calls.warnings) == ([B(y="s")], ())


BAD_B = call("B", {"y": 3}, "b")


@pytest.mark.parametrize(
    ("answers", "forced"),
    [
        ([[GOT_A, BAD_B], [GOT_B]], [True, False]),
        ([[BAD_B], [GOT_A], [call("B", {"y": "s"}, "b2")]], [True, True, False]),
        ([[call("A", {"x": "no"}, "a"), GOT_B], [GOT_A]], [True, True]),
    ],
    ids=["beside", "before", "the required one"],
)
def test_a_call_of_another_tool_is_asked_for_again_without_the_choice_that_forbids_it(
    ask: Any, bench: Bench, answers: list[Any], forced: list[bool]
) -> None:
    calls = ask(*answers, tool_choice=A)
    assert sorted(map(repr, calls)) == ["A(x=1)", "B(y='s')"]
    assert [isinstance(body.get("tool_choice"), dict) for body in bench.bodies] == forced


WRONG_A = call("A", {"x": "no"}, "wrong")


@pytest.mark.parametrize(
    ("answers", "forced"),
    [
        ([[BAD_B], [BAD_B, WRONG_A], [GOT_B], [GOT_A]], [True, True, False, True]),
        ([[BAD_B], [BAD_B, WRONG_A], [GOT_B, WRONG_A], [GOT_A]], [True, True, False, True]),
        ([[BAD_B, WRONG_A], [GOT_B], [GOT_A]], [True, False, True]),
        ([[BAD_B], [GOT_A], "Hm.", [GOT_B]], [True, True, False, False]),
    ],
    ids=["alone", "wrong again", "from the first", "met for good"],
)
def test_a_required_call_that_failed_is_owed_whatever_was_asked_for_without_the_choice(
    ask: Any, bench: Bench, answers: list[Any], forced: list[bool]
) -> None:
    calls = ask(*answers, tool_choice=A, max_attempts=5)
    assert (sorted(map(repr, calls)), calls.failed) == (["A(x=1)", "B(y='s')"], ())
    assert [isinstance(body.get("tool_choice"), dict) for body in bench.bodies] == forced
    with pytest.raises(InvalidCalls, match=f"^after {len(answers) - 1} attempts, 1 of 2 calls failed"):
        ask(*answers[:-1], tool_choice=A, max_attempts=len(answers) - 1)


def test_the_names_that_the_provider_knows_are_told_and_held(ask: Any, bench: Bench) -> None:
    tools = (A, toolfan.Tool(B, name="math.b"))
    calls = ask([GOT_A], [call("math_b", {"y": "s"}, "b")], tools=tools, tool_choice=["math.b"])
    assert list(calls) == [A(x=1), B(y="s")]
    assert "A call of math_b is required" in bench.bodies[1]["messages"][-1]["content"]


def test_in_a_run_the_requirement_holds_until_it_is_met(bench: Bench) -> None:
    def a(x: int) -> str:
        return "one"

    def b(y: str) -> str:
        return "two"

    bench.serve(
        scripted([call("a", {"x": 1}, "1")]),
        scripted([call("b", {"y": "s"}, "2")]),
        scripted([call("a", {"x": 2}, "3")]),
        {"text": "Done."},
    )
    run = bench.client().run(model="m", messages=USER, tools=(a, b), tool_choice=[b])
    assert [result.value for result in run.results] == ["one", "two", "one"]
    assert [isinstance(body.get("tool_choice"), dict) for body in bench.bodies] == [True, True, False, False]
    assert [one.calls.warnings for one in run.rounds] == [("the model called a, against the tool choice",), (), (), ()]


def test_a_required_call_beyond_the_limit_is_asked_for_and_told_so(ask: Any, bench: Bench) -> None:
    calls = ask([GOT_A, GOT_B], [call("B", {"y": "s"}, "b2")], tool_choice=B, parallel=1)
    assert (list(calls), calls.requests) == ([A(x=1), B(y="s")], 2)
    assert [one["content"] for one in bench.bodies[1]["messages"][-2:]] == [
        "Accepted. Do not repeat this call.",
        "Not run: the model made more calls than 1. A call of this tool is required: make it again.\n"
        "A call of B is required, and yours was not run. Call the tools now.",
    ]
    with pytest.raises(InvalidCalls, match="after 2 attempts, a call of B was required") as caught:
        ask([GOT_A, GOT_B], "Done.", tool_choice=B, parallel=1, max_attempts=2)
    assert list(caught.value.calls) == [A(x=1)]


def test_a_call_beyond_the_limit_is_not_to_be_repeated_where_the_required_one_came(ask: Any, bench: Bench) -> None:
    calls = ask([GOT_B, call("B", {"y": "t"}, "b2")], tool_choice=B, parallel=1)
    assert (list(calls), calls.requests, calls.failed[0].error.hint) == ([B(y="s")], 1, None)


@pytest.mark.parametrize("on_invalid", ["keep", "reask"])
def test_in_a_run_a_required_call_beyond_the_limit_is_made_again_and_runs(bench: Bench, on_invalid: Any) -> None:
    def a(x: int) -> str:
        return "one"

    def b(y: str) -> str:
        return "two"

    bench.serve(
        scripted([call("a", {"x": 1}, "1"), call("b", {"y": "s"}, "2")]),
        scripted([call("b", {"y": "s"}, "3")]),
        {"text": "Done."},
    )
    options: Any = {"tools": (a, b), "tool_choice": [b], "parallel": 1, "on_invalid": on_invalid}
    run = bench.client().run(model="m", messages=USER, **options)
    assert ([result.value for result in run.results], run.text) == (["one", None, "two"], "Done.")
    told = bench.bodies[1]["messages"][-1]["content"]
    assert told.startswith("Not run: the model made more calls than 1. A call of this tool is required: make it again.")
    assert [isinstance(body.get("tool_choice"), dict) for body in bench.bodies] == [True, True, False]


def test_a_required_call_that_comes_late_and_fails_is_asked_for_until_it_is_good(ask: Any, bench: Bench) -> None:
    late = [call("A", {"x": 5}, "late"), call("B", {"y": 0}, "bad")]
    calls = ask([GOT_A], late, [GOT_B], tool_choice=B)
    assert (list(calls), calls.failed, calls.requests) == ([A(x=1), A(x=5), B(y="s")], (), 3)
    with pytest.raises(InvalidCalls) as caught:
        ask([GOT_A], late, tool_choice=B, max_attempts=2)
    assert list(caught.value.calls or ()) == [A(x=1), A(x=5)]


def test_the_limit_holds_where_the_first_calls_come_in_a_later_round(ask: Any) -> None:
    calls = ask(
        "Hm.", [call("B", {"y": 0}, "bad"), GOT_A, call("C", {}, "c")], [GOT_B], tool_choice="required", parallel=2
    )
    assert list(calls) == [B(y="s"), A(x=1)]
    assert [type(bad.error) for bad in calls.failed] == [toolfan.TooManyCalls]


def test_a_required_call_beyond_the_limit_of_the_first_calls_is_wanted_all_the_same(ask: Any, bench: Bench) -> None:
    calls = ask("Hm.", [call("C", {}, "c"), GOT_B], [call("B", {"y": "s"}, "b2")], tool_choice=B, parallel=False)
    assert list(calls) == [C(), B(y="s")]
    told = next(one["content"] for one in bench.bodies[2]["messages"] if one.get("tool_call_id") == "b")
    assert told.startswith("Not run: the model made more calls than 1. A call of this tool is required: make it again.")
