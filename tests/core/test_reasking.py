"""Failed calls are asked for again, the good ones are kept: the real SDK against a scripted server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, call, completion, raw
from pydantic import BaseModel, field_serializer
from tenacity import stop_after_attempt
from toolfan import BadCall, Call, InvalidCalls, MalformedArguments, TooManyCalls


class A(BaseModel):
    x: int


class B(BaseModel):
    y: str
    z: int


class Unwritable(BaseModel):
    x: int

    @field_serializer("x")
    def _fails(self, x: int) -> int:
        raise KeyError(x)


GOOD, BAD = call("A", {"x": 1}, "good"), call("B", {"y": 3, "z": "no"}, "bad")
MENDED = call("B", {"y": "s", "z": 4}, "new")


def ask(bench: Bench, *answers: Any, **options: Any) -> toolfan.Calls[Any]:
    """The calls after these answers: each is a list of calls, or a scripted answer."""
    bench.serve(*(raw(completion(*answer)) if isinstance(answer, list) else answer for answer in answers))
    return bench.client().create(model="m", messages=USER, tools=(A, B), **options)


def answers_sent(bench: Bench, request: int) -> dict[str, str]:
    """What request number `request` (from 0) told the model about each call of the last turn."""
    messages = bench.bodies[request]["messages"]
    last = max(at for at, message in enumerate(messages) if message["role"] == "assistant")
    told = [message for message in messages[last:] if message["role"] == "tool"]
    assert [message["tool_call_id"] for message in told] == [
        one["id"] for one in messages[last].get("tool_calls") or []
    ], "every call of the turn is answered once, in order"
    return {message["tool_call_id"]: message["content"] for message in told}


def test_only_the_failed_call_is_asked_again_and_goes_into_its_slot(bench: Bench) -> None:
    calls = ask(bench, [BAD, GOOD], [MENDED])
    assert list(calls) == [B(y="s", z=4), A(x=1)]
    assert [(one.index, one.id, one.attempt) for one in calls.outcomes] == [(0, "bad", 2), (1, "good", 1)]
    assert (calls.attempts, calls.requests, calls.usage.total_tokens) == (2, 2, 36)
    assert [len(one.outcomes) for one in calls.rounds] == [2, 1]
    first, second = bench.bodies
    assert second["tools"] == first["tools"]
    assert second["messages"][: len(USER)] == USER
    replayed = second["messages"][len(USER)]
    assert replayed == completion(BAD, GOOD)["choices"][0]["message"]
    told = answers_sent(bench, 1)
    assert told["good"] == "Accepted. Do not repeat this call."
    assert "y: Input should be a valid string (given: 3)" in told["bad"]
    assert "z: Input should be a valid integer" in told["bad"]


def test_the_async_client_does_the_same(bench: Bench) -> None:
    bench.serve(raw(completion(BAD, GOOD)), raw(completion(MENDED)))

    async def main() -> toolfan.Calls[A | B]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            return await toolfan.from_openai(sdk).create(model="m", messages=USER, tools=(A, B))

    calls = asyncio.run(main())
    assert list(calls) == [B(y="s", z=4), A(x=1)]
    assert (calls.attempts, calls.requests) == (2, 2)


def test_each_failed_call_is_told_its_own_errors_with_its_own_id(bench: Bench) -> None:
    cut = call("A", "{", "cut")
    unknown = call("Sing", {}, "unknown")
    ask(bench, [cut, GOOD, unknown, BAD], [call("A", {"x": 5}), call("A", {"x": 6}), MENDED], on_invalid="reask")
    told = answers_sent(bench, 1)
    assert "not JSON" in told["cut"]
    assert "none of the tools offered" in told["unknown"]
    assert "They are A, B." in told["unknown"]
    assert "Invalid arguments" in told["bad"]
    assert told["good"].startswith("Accepted")


def test_a_call_of_an_unknown_tool_is_replaced_by_a_good_one_of_another_name(bench: Bench) -> None:
    calls = ask(bench, [call("a", {"x": 2}, "u"), GOOD], [call("A", {"x": 2}, "n")])
    assert list(calls) == [A(x=2), A(x=1)]


@pytest.mark.parametrize("second", [call("A", {"x": "no"}, "n"), call("Dance", {}, "n")], ids=["bad", "unknown"])
def test_a_call_of_an_unknown_tool_keeps_its_place_until_it_is_mended(bench: Bench, second: dict[str, Any]) -> None:
    answers = ([call("Sing", {}, "u"), GOOD], [second], [call("A", {"x": 3}, "m")])
    calls = ask(bench, *answers)
    assert [(one.index, one.attempt, one.value) for one in calls.outcomes] == [(0, 3, A(x=3)), (1, 1, A(x=1))]  # type: ignore[union-attr]
    with ask(bench, *answers, stream=True) as stream:  # type: ignore[attr-defined]
        seen = [(one.index, one.attempt, isinstance(one, Call)) for one in stream]
    assert seen == [(0, 1, False), (1, 1, True), (0, 2, False), (0, 3, True)]
    assert stream.calls.outcomes == calls.outcomes


def test_a_good_call_goes_before_a_bad_one_into_the_place_of_an_unknown_tool(bench: Bench) -> None:
    calls = ask(bench, [call("Sing", {}, "u")], [BAD, call("A", {"x": 3}, "m")], on_invalid="reask")
    assert [(one.index, one.value) for one in calls.good] == [(0, A(x=3))]


def test_the_model_is_told_the_names_under_which_tools_are_offered(bench: Bench) -> None:
    tools = (toolfan.Tool(A, name="weather.get"), toolfan.Tool(B, name="math.add"))
    first = [call("weather.put", {}, "put"), call("math_add", {"y": 1}, "sum")]
    bench.serve(
        *(raw(completion(*answer)) for answer in (first, [call("weather_get", {"x": 1})])), {"text": "Which sum?"}
    )
    with pytest.raises(InvalidCalls) as caught:
        bench.client().create(model="m", messages=USER, tools=tools)
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [A(x=1)]
    told = answers_sent(bench, 1)["put"]
    assert "They are weather_get, math_add. Did you mean 'weather_get'?" in told
    told = "".join(answers_sent(bench, 2).values())
    assert 'The call of math_add with the arguments {"y": 1} is still missing.' in told
    assert "weather.get" not in json.dumps(bench.bodies)


def test_a_repetition_of_a_good_call_fills_nothing_and_is_not_returned_twice(bench: Bench) -> None:
    calls = ask(bench, [GOOD, call("A", {"x": "no"}, "bad")], [GOOD, call("A", {"x": 9}, "fix")])
    assert list(calls) == [A(x=1), A(x=9)]
    assert [one.duplicate_of for one in calls.outcomes if isinstance(one, Call)] == [None, None]
    # Also with its keys in another order, and when nothing else comes.
    good, again = call("B", '{"y": "s", "z": 1}', "g"), call("B", '{"z": 1, "y": "s"}', "bad")
    with pytest.raises(InvalidCalls, match="after 2 attempts, 1 of 2 calls failed") as caught:
        ask(bench, [good, call("B", {}, "bad")], [again], max_attempts=2)
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [B(y="s", z=1)]
    assert "is still missing" not in answers_sent(bench, 1)["bad"]


@pytest.mark.parametrize("again", ['{"x": 1.0}', '```json\n{"x": 1}\n```', '{"x": 1, "note": "none"}'])
def test_a_repetition_that_is_written_otherwise_is_one_too(bench: Bench, again: str) -> None:
    class C(BaseModel):
        x: int
        note: str = "none"

    bench.serve(
        raw(completion(call("C", {"x": 1}, "g"), call("C", {"x": "no"}, "b"))),
        raw(completion(call("C", again, "n1"), call("C", {"x": 2}, "n2"))),
    )
    calls = bench.client().create(model="m", messages=USER, tools=(C,))
    assert [(one.x, one.note) for one in calls] == [(1, "none"), (2, "none")]


def test_what_is_wrong_with_very_many_items_is_told_in_part(bench: Bench) -> None:
    class Many(BaseModel):
        items: list[int]

    bad = raw(completion(call("Many", {"items": ["no"] * 800}, "b")))
    bench.serve(bad, raw(completion(call("Many", {"items": [1]}, "n"))))
    assert list(bench.client().create(model="m", messages=USER, tools=(Many,))) == [Many(items=[1])]
    told = answers_sent(bench, 1)["b"]
    assert "items.499: " in told
    assert "- and 300 more" in told


def test_what_was_forgotten_is_asked_for_once_more(bench: Bench) -> None:
    calls = ask(bench, [GOOD, BAD], [GOOD], [MENDED])
    assert list(calls) == [A(x=1), B(y="s", z=4)]
    told = answers_sent(bench, 2)["good"]
    assert told.startswith("Accepted")
    assert 'The call of B with the arguments {"y": 3, "z": "no"} is still missing' in told
    assert "z: Input should be" in told


def test_two_failed_calls_of_one_tool_are_told_apart_by_their_arguments(bench: Bench) -> None:
    first = [call("B", {"y": name * 250, "z": "no"}, name) for name in "uvw"]
    mended = [[call("B", {"y": name * 250, "z": 1}, f"new {name}")] for name in "wv"]
    calls = ask(bench, first, *mended, [call("B", {"y": "u", "z": 1}, "last")], max_attempts=4)
    assert [(one.y[0], one.z) for one in calls] == [("u", 1), ("v", 1), ("w", 1)]
    reminders = [
        [line.split("... is still missing")[0] for line in told.splitlines() if "is still missing" in line]
        for told in (answers_sent(bench, 2)["new w"], answers_sent(bench, 3)["new v"])
    ]
    start = 'The call of B with the arguments {"y": "'
    assert reminders[1] == [start + "u" * 193]
    assert [line[len(start)] for line in reminders[0]] == ["u", "v"]


def test_two_failed_calls_that_are_the_same_are_filled_in_the_order_of_the_answer(bench: Bench) -> None:
    same = {"y": "s", "z": "no"}
    good, still = call("B", {"y": "s", "z": 1}, "g"), call("B", same, "b")
    answers = [call("B", same, "u"), call("B", same, "v")], [good, still], [call("B", {"y": "s", "z": 2}, "m")]
    calls = ask(bench, *answers, max_attempts=3)
    assert [(one.id, one.attempt) for one in calls.good] == [("u", 2), ("v", 3)]
    assert list(calls) == [B(y="s", z=1), B(y="s", z=2)]


def test_a_text_in_place_of_the_failed_calls_is_replayed_and_asked_on(bench: Bench) -> None:
    calls = ask(bench, [GOOD, BAD], raw(completion(finish="stop", content="Sorry.")), [MENDED])
    assert list(calls) == [A(x=1), B(y="s", z=4)]
    assert calls.text == "Sorry."
    *_, said, nudge = bench.bodies[2]["messages"]
    assert said["content"] == "Sorry."
    assert nudge["role"] == "user"
    assert 'The call of B with the arguments {"y": 3, "z": "no"} is still missing' in nudge["content"]


def test_more_calls_than_were_asked_for_are_appended(bench: Bench) -> None:
    calls = ask(bench, [BAD, GOOD], [MENDED, call("A", {"x": 7}, "good")])
    assert list(calls) == [B(y="s", z=4), A(x=1), A(x=7)]
    extra = calls.outcomes[2]
    assert (extra.index, extra.attempt) == (2, 2)
    assert extra.id not in {"good", "bad"}


def test_a_failed_extra_call_is_shown_but_makes_nothing_worse(bench: Bench) -> None:
    calls = ask(bench, [BAD, GOOD], [MENDED, call("A", {"x": "no"}, "extra")])
    assert list(calls) == [B(y="s", z=4), A(x=1)]
    assert [bad.id for bad in calls.failed] == ["extra"]
    assert calls.attempts == 2


def test_ids_that_are_numbered_anew_in_each_answer_do_not_mislead(bench: Bench) -> None:
    one = [call("A", {"x": "no"}, "0"), call("B", {"y": "s", "z": 1}, "1"), call("B", {"y": "t"}, "2")]
    calls = ask(bench, one, [call("B", {"y": "t", "z": 2}, "0"), call("A", {"x": 3}, "1")])
    assert list(calls) == [A(x=3), B(y="s", z=1), B(y="t", z=2)]


def test_an_id_of_an_accepted_call_says_that_all_are_numbered_anew(bench: Bench) -> None:
    first = [call("A", {"x": x}, f"call_{at}") for at, x in enumerate((1, "Rome", "Bern"))]
    calls = ask(bench, first, [call("A", {"x": 22}, "call_0"), call("A", {"x": 33}, "call_1")])
    assert [(one.id, one.value.x) for one in calls.outcomes] == [("call_0", 1), ("call_1", 22), ("call_2", 33)]


def test_ids_count_where_an_accepted_call_is_only_repeated(bench: Bench) -> None:
    first = [call("A", {"x": x}, f"id{at}") for at, x in enumerate((1, "Rome", "Bern"))]
    again = [call("A", {"x": 1}, "id0"), call("A", {"x": 33}, "id2"), call("A", {"x": 22}, "id1")]
    calls = ask(bench, first, again)
    assert [(one.id, one.value.x) for one in calls.outcomes] == [("id0", 1), ("id1", 22), ("id2", 33)]


def test_ids_count_where_an_accepted_call_comes_changed_beside_all_that_are_owed(bench: Bench) -> None:
    first = [call("A", {"x": x}, f"id{at}") for at, x in enumerate((1, "Rome", "Bern"))]
    again = [call("A", {"x": 9}, "id0"), call("A", {"x": 33}, "id2"), call("A", {"x": 22}, "id1")]
    calls = ask(bench, first, again)
    assert [(one.id, one.value.x) for one in calls.outcomes[:3]] == [("id0", 1), ("id1", 22), ("id2", 33)]
    assert [one.value.x for one in calls.outcomes[3:]] == [9]


def test_the_error_counts_the_failed_calls_that_came_later_too(bench: Bench) -> None:
    with pytest.raises(InvalidCalls, match=r"after 3 attempts, 2 of 3 calls failed: B: .*; Nope: ") as caught:
        ask(bench, [BAD, GOOD], [BAD], [call("Nope", {}, "new")])
    assert caught.value.calls is not None
    assert len(caught.value.calls.failed) == 2


def test_a_new_error_replaces_the_old_one_until_attempts_run_out(bench: Bench) -> None:
    with pytest.raises(InvalidCalls, match=r"after 3 attempts, 1 of 2 calls failed: B: .*z: ") as caught:
        ask(bench, [BAD, GOOD], [call("B", "{", "b2")], [call("B", {"y": "s"}, "b3")])
    error = caught.value
    assert error.calls is not None
    assert (error.attempts, error.requests) == (error.calls.attempts, error.calls.requests) == (3, 3)
    assert list(error.calls) == [A(x=1)]
    (bad,) = error.calls.failed
    assert (bad.index, bad.id, bad.attempt, bad.error.call_id) == (0, "bad", 3, "bad")
    assert pickle.loads(pickle.dumps(error)) == error


@pytest.mark.parametrize("later", [{"error": {"status": 401}}, {"error": {"status": 503}}, raw({"choices": []})])
def test_good_values_survive_an_error_of_a_later_attempt(bench: Bench, later: dict[str, Any]) -> None:
    with pytest.raises(toolfan.ProviderError) as caught:
        ask(bench, [BAD, GOOD], later)
    error = caught.value
    assert error.calls is not None
    assert list(error.calls) == [A(x=1)]
    assert (error.attempts, error.requests) == (error.calls.attempts, error.calls.requests) == (2, 2)
    assert pickle.loads(pickle.dumps(error)) == error


def test_good_values_survive_the_deadline(bench: Bench) -> None:
    with pytest.raises(toolfan.DeadlineExceeded) as caught:
        ask(bench, [BAD, GOOD], {"text": "late", "delay": 20}, deadline=3)
    assert caught.value.calls is not None
    assert list(caught.value.calls) == [A(x=1)]


def test_a_required_call_that_did_not_come_is_asked_for(bench: Bench) -> None:
    calls = ask(bench, raw(completion(finish="stop", content="Hm.")), [GOOD], tool_choice="required")
    assert list(calls) == [A(x=1)]
    assert bench.bodies[1]["messages"][-1] == {
        "role": "user",
        "content": "A tool call is required, and you made none. Call the tools now.",
    }
    with pytest.raises(InvalidCalls, match="after 2 attempts, a call was required and none came"):
        ask(bench, *[raw(completion(finish="stop", content="Hm."))] * 2, tool_choice="required", max_attempts=2)


def test_calls_beyond_the_limit_are_not_asked_for_again(bench: Bench) -> None:
    calls = ask(bench, [GOOD, MENDED], parallel=False)
    assert list(calls) == [A(x=1)]
    assert [type(bad.error) for bad in calls.failed] == [TooManyCalls]
    assert calls.requests == 1
    with pytest.raises(InvalidCalls):
        ask(bench, [GOOD, MENDED], parallel=False, on_invalid="raise")
    # In a later round a mended call has its place, an extra one has none.
    calls = ask(bench, [GOOD, BAD], [MENDED, call("A", {"x": 8})], parallel=2)
    assert list(calls) == [A(x=1), B(y="s", z=4)]
    assert [type(bad.error) for bad in calls.failed] == [TooManyCalls]
    assert calls.attempts == 2


def test_a_good_call_goes_into_the_failed_place_of_its_own_tool_first(bench: Bench) -> None:
    unknown, still = call("Sing", {}, "u"), call("B", {"y": 0}, "bad")
    calls = ask(bench, [unknown, BAD], [call("Sing", {}, "u"), still, call("B", {"y": "s", "z": 4}, None)], [GOOD])
    assert list(calls) == [A(x=1), B(y="s", z=4)]


def test_a_call_that_is_still_owed_keeps_its_place_under_the_limit(bench: Bench) -> None:
    calls = ask(bench, [BAD], [call("B", {"y": 0}, "bad"), GOOD], [MENDED], parallel=False)
    assert list(calls) == [B(y="s", z=4)]
    assert [type(bad.error) for bad in calls.failed] == [TooManyCalls]
    assert answers_sent(bench, 2)["good"] == "Not run: the model made more calls than 1. Do not repeat this call."
    # A required one has a place beside it.
    calls = ask(bench, [BAD], [MENDED, GOOD], parallel=False, tool_choice=A)
    assert (list(calls), calls.failed) == ([B(y="s", z=4), A(x=1)], ())


def test_a_wrapper_is_answered_once_for_all_of_its_calls(bench: Bench) -> None:
    uses = [{"recipient_name": "functions.A", "parameters": {"x": n}} for n in (1, "no")]
    wrapper = call("multi_tool_use.parallel", {"tool_uses": uses}, "w")
    calls = ask(bench, [wrapper], [call("A", {"x": 2}, "n")])
    assert list(calls) == [A(x=1), A(x=2)]
    content = json.loads(answers_sent(bench, 1)["w"])
    assert content["w:0"].startswith("Accepted")
    assert "x: Input should be a valid integer" in content["w:1"]


def test_replies_go_to_the_turn_in_which_each_call_was_made(bench: Bench) -> None:
    calls = ask(bench, [BAD, GOOD], [GOOD], [MENDED, call("A", {"x": 7}, "extra")])
    said = calls.reply({"bad": "mended result", "good": "good result", "extra": 7})
    answers = [(message["tool_call_id"], message["content"]) for message in said if message["role"] == "tool"]
    assert [call_id for call_id, _ in answers] == ["bad", "good", "good", "new", "extra"]
    assert answers[1][1] == "good result"
    assert answers[2][1].startswith("Accepted")
    assert [content for _, content in answers[3:]] == ["mended result", "7"]
    with pytest.raises(toolfan.UsageError, match="no result for good"):
        calls.reply({"bad": 1, "extra": 2})


def test_a_result_of_several_rounds_is_stored_and_read_back(bench: Bench) -> None:
    calls = ask(bench, [BAD, GOOD], [GOOD], [MENDED])
    again = toolfan.Calls.from_json(calls.to_json(), tools=(A, B))
    assert again == calls
    assert again.reply({"bad": 1, "good": 2}) == calls.reply({"bad": 1, "good": 2})
    assert pickle.loads(pickle.dumps(calls)) == calls


def test_keep_and_raise_ask_once(bench: Bench) -> None:
    calls = ask(bench, [BAD, GOOD], on_invalid="keep")
    assert [type(one) for one in calls.outcomes] == [BadCall, Call]
    with pytest.raises(InvalidCalls):
        ask(bench, [BAD, GOOD], on_invalid="raise")
    assert len(bench.bodies) == 1


def test_a_call_that_the_service_could_not_read_is_asked_for_once_more(bench: Bench) -> None:
    from google import genai

    broken = {"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": "Malformed function call: A(x="}
    good = {"content": {"role": "model", "parts": [{"functionCall": {"name": "A", "args": {"x": 1}}}]}}
    answers = [raw({"candidates": [one]}) for one in (broken, good, broken, broken, good)]
    server = bench.serve(*answers)
    sdk = genai.Client(vertexai=False, api_key=KEY, http_options={"base_url": server.base_url})
    with contextlib.closing(sdk):
        client = toolfan.wrap(sdk, model="gemini-x", stop=ONCE)
        assert list(client.create(messages=USER, tools=(A,))) == [A(x=1)]
        assert [content["role"] for content in bench.bodies[1]["contents"]] == ["user", "user"]
        with pytest.raises(InvalidCalls, match="MALFORMED_FUNCTION_CALL") as caught:
            client.create(messages=USER, tools=(A,))
    assert caught.value.attempts == 2
    assert caught.value.calls is not None
    (bad,) = caught.value.calls.failed
    assert isinstance(bad.error, MalformedArguments)


def test_who_may_not_be_asked_again_is_told_so(bench: Bench) -> None:
    """All requests of one call were needed for the first answer."""
    busy = {"error": {"status": 503, "message": "busy"}}
    bench.serve(*[busy] * 6, raw(completion(BAD)))
    client = toolfan.from_openai(bench.sdk(), stop=stop_after_attempt(9), wait=lambda _: 0)
    with pytest.raises(InvalidCalls, match="not asked again, for all 7 requests"):
        client.create(model="m", messages=USER, tools=(A, B), max_attempts=3)
    assert len(bench.bodies) == 7


def test_a_value_that_cannot_be_written_is_kept(bench: Bench) -> None:
    good = call("Unwritable", {"x": 1}, "good")
    bench.serve(raw(completion(good, BAD)), raw(completion(good, MENDED)))
    calls = bench.client().create(model="m", messages=USER, tools=(Unwritable, B))
    assert list(calls) == [Unwritable(x=1), B(y="s", z=4)]
