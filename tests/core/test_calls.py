"""`Calls`: a sequence of typed values that remembers everything about the answer it came from."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
import pickle
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from loopback import KEY, USER, Bench, call, completion, raw
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, TypeAdapter, ValidationInfo, field_validator
from shared_data import judge
from toolfan import (
    BadResponse,
    BoundCall,
    Call,
    Calls,
    Result,
    StopReason,
    UnknownTool,
    Usage,
    UsageError,
    load_adapter,
)
from toolfan.calls import Turn
from typing_extensions import TypedDict


class Weather(BaseModel):
    location: str


@dataclass
class Point:
    x: int


class Row(TypedDict):
    y: int


def lookup(z: int) -> int:
    """Looks up."""
    return z * 2


class Limited(BaseModel):
    x: int

    @field_validator("x")
    @classmethod
    def within(cls, value: int, info: ValidationInfo) -> int:
        if value > (info.context or {}).get("limit", 0):
            raise ValueError("over the limit")
        return value


TOOLS = (Weather, Point, Row, lookup)
MANY = (
    call("Weather", {"location": "Zürich ☔"}, "w"),
    call("Sing", {}, "s"),
    call("Point", '{"x": "no"}', "p0"),
    call("Point", '{"x": 1}', "p"),
    call("functions.Row", '{"y": 2}', "r"),
    call("lookup", '```\n{"z": 3}\n```', "l"),
)
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


def asked(bench: Bench, *calls: dict[str, Any], tools: Any = TOOLS, context: Any = None, **message: Any) -> Calls[Any]:
    body = {**completion(*calls, **message), "usage": USAGE}
    bench.serve(raw(body, headers={"X-Request-Id": "req-7", "X-RateLimit-Remaining-Requests": "41"}))
    return bench.client().create(model="m", messages=USER, tools=tools, on_invalid="keep", context=context)


VALUES = [Weather(location="Zürich ☔"), Point(1), {"y": 2}, BoundCall(lookup, {"z": 3})]


def test_it_is_a_sequence_of_the_good_values(bench: Bench) -> None:
    calls = asked(bench, *MANY)
    assert isinstance(calls, Sequence)
    assert list(calls) == list(calls) == VALUES
    assert (len(calls), bool(calls)) == (4, True)
    assert (calls[0], calls[-1]) == (VALUES[0], VALUES[3])
    assert list(calls[1:3]) == VALUES[1:3]
    assert list(calls[::-1]) == VALUES[::-1]
    assert list(reversed(calls)) == VALUES[::-1]
    assert Point(1) in calls
    assert (calls.index(Point(1)), calls.count(Point(1))) == (1, 1)
    with pytest.raises(IndexError):
        calls[4]
    match calls:
        case [Weather(), Point(x=x), *_]:
            assert x == 1
        case _:
            pytest.fail("it does not match as a sequence")


def test_outcomes_are_all_of_them_in_call_order(bench: Bench) -> None:
    calls = asked(bench, *MANY)
    assert [outcome.id for outcome in calls.outcomes] == ["w", "s", "p0", "p", "r", "l"]
    assert [outcome.index for outcome in calls.outcomes] == [0, 1, 2, 3, 4, 5]
    assert [good.id for good in calls.good] == ["w", "p", "r", "l"]
    assert [bad.id for bad in calls.failed] == ["s", "p0"]


def test_what_the_answer_said_beside_the_calls(bench: Bench) -> None:
    calls = asked(bench, *MANY, content="I'll look.")
    assert calls.text == "I'll look."
    assert calls.usage == Usage(100, 20, 120, cache_read_tokens=60, reasoning_tokens=5)
    assert calls.stop == StopReason("calls", "tool_calls")
    assert calls.model == "m-2026"
    assert (calls.attempts, calls.requests, calls.request_id) == (1, 1, "req-7")
    assert calls.headers["x-ratelimit-remaining-requests"] == "41"
    assert calls.raw == {**completion(*MANY, content="I'll look."), "usage": USAGE}
    assert calls.turn.response_id == "chatcmpl-1"


def test_raw_as_the_vendors_type(bench: Bench) -> None:
    calls = asked(bench, *MANY)
    made = calls.raw_as(ChatCompletion)
    assert isinstance(made, ChatCompletion)
    assert made.choices[0].message.tool_calls is not None
    assert len(made.choices[0].message.tool_calls) == 6
    with pytest.raises(BadResponse, match="does not fit Weather"):
        calls.raw_as(Weather)


def test_it_is_frozen_and_comparable(bench: Bench) -> None:
    calls, again = asked(bench, *MANY), asked(bench, *MANY)
    same = dataclasses.replace(again, headers=calls.headers)
    assert calls == same
    assert calls != asked(bench, MANY[0])
    assert calls != list(calls)
    with pytest.raises(dataclasses.FrozenInstanceError):
        calls.attempts = 2  # type: ignore[misc]


def test_pickle_and_copies_are_equal(bench: Bench) -> None:
    calls = asked(bench, *MANY)
    for again in (pickle.loads(pickle.dumps(calls)), copy.deepcopy(calls), copy.copy(calls)):
        assert again == calls
        assert list(again) == VALUES
        assert again.reply(dict.fromkeys("wprl", 1)) == calls.reply(dict.fromkeys("wprl", 1))
    assert KEY.encode() not in pickle.dumps(calls)
    assert KEY not in repr(calls) + str(vars(calls))


def test_json_and_back(bench: Bench) -> None:
    calls = asked(bench, *MANY, content="text \u2028 é")
    text = calls.to_json()
    assert KEY not in text
    json.loads(text)
    again = Calls.from_json(text, tools=TOOLS)
    assert again == calls
    assert again.failed == calls.failed
    assert [type(bad.error) for bad in again.failed] == [type(bad.error) for bad in calls.failed]
    assert again.to_json() == text
    assert again[3].run() == 6
    assert again.reply(dict.fromkeys("wprl", 1)) == calls.reply(dict.fromkeys("wprl", 1))


def test_json_and_back_with_a_context_and_a_response_model(bench: Bench) -> None:
    form = Iterable[Limited | Weather]
    calls = asked(bench, call("Limited", {"x": 5}), tools=(Limited, Weather), context={"limit": 9})
    assert Calls.from_json(calls.to_json(), form, context={"limit": 9}) == calls
    with pytest.raises(UsageError, match=r"(?s)no longer valid for Limited.*over the limit"):
        Calls.from_json(calls.to_json(), form)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not what"),
        ("[]", "not what"),
        ("{}", "not what"),
        ('{"toolfan_calls": 99}', "format 99"),
        ("null", "not what"),
    ],
)
def test_what_is_no_stored_result_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Calls.from_json(text, Weather)


def test_a_stored_call_of_a_tool_that_is_not_offered_is_refused(bench: Bench) -> None:
    text = asked(bench, MANY[0]).to_json()
    with pytest.raises(UsageError, match="of the tool 'Weather', which is not among Point"):
        Calls.from_json(text, Point)


def test_fields_of_models_take_the_values(bench: Bench) -> None:
    calls = asked(bench, MANY[0])
    for form in (list[Weather], tuple[Weather, ...]):
        assert list(TypeAdapter(form).validate_python(calls)) == list(calls)
    with pytest.raises(UsageError, match=r"not of values.*list\(calls\)"):  # pydantic makes another of its kind
        TypeAdapter(Sequence[Weather]).validate_python(calls)
    assert Calls(list(calls.outcomes)) == Calls(list(calls.outcomes))  # type: ignore[arg-type]


def test_a_stored_result_without_an_adapter() -> None:
    calls: Calls[Any] = Calls(turn=Turn(text="x"))
    assert Calls.from_json(calls.to_json(), Weather) == calls
    with pytest.raises(UsageError, match="do not know their adapter"):
        calls.reply({})


@pytest.mark.parametrize("finish", ["stop", None, "weird", 3])
def test_no_calls_are_an_empty_result_with_its_text(bench: Bench, finish: Any) -> None:
    calls = asked(bench, content="Nothing to do.", finish=finish)
    assert (list(calls), len(calls), calls.outcomes, calls.text) == ([], 0, (), "Nothing to do.")
    assert calls.failed == ()
    assert not calls
    assert calls.reply({}) == [{"role": "assistant", "content": "Nothing to do."}]
    with pytest.raises(IndexError):
        calls[0]


@pytest.mark.parametrize("tool_calls", [None, []])
def test_no_calls_in_every_spelling(bench: Bench, tool_calls: Any) -> None:
    assert len(asked(bench, content=None, tool_calls=tool_calls)) == 0


def test_its_repr_shows_values_failures_and_text(bench: Bench) -> None:
    shown = repr(asked(bench, *MANY[:2], content="I'll look."))
    assert shown.startswith("Calls([Weather(location='Zürich ☔')], failed=[\"Sing: the model called 'Sing'")
    assert "I'll look." in shown


def replied(bench: Bench, calls: Calls[Any], results: dict[str, Any]) -> list[Any]:
    """The reply, judged by sending it: by the server's own rules and by OpenAI's document."""
    messages = [*USER, *calls.reply(results)]
    bench.serve({"text": "thanks"})
    bench.client().create(model="m", messages=messages, tools=TOOLS)
    (body,) = bench.bodies
    assert body["messages"] == messages
    assert judge("openapi_judge").why(body) is None
    return messages[1:]


def test_a_reply_answers_every_call_once(bench: Bench) -> None:
    calls = asked(bench, *MANY, content="I'll look.", vendor_signature="kept")
    results = {"w": "sunny", "p": {"a": [1, None]}, "r": Weather(location="x"), "l": RuntimeError("broken")}
    assistant, *answers = replied(bench, calls, results)
    sent = [one["function"]["name"] for one in assistant["tool_calls"]]
    assert sent == ["Weather", "Sing", "Point", "Point", "functions_Row", "lookup"]
    assert assistant["vendor_signature"] == "kept"
    assert [answer["tool_call_id"] for answer in answers] == ["w", "s", "p0", "p", "r", "l"]
    contents = [answer["content"] for answer in answers]
    assert contents[0] == "sunny"
    assert "'Sing', which is none of the tools offered" in contents[1]
    assert "x: " in contents[2]
    assert [json.loads(contents[3]), json.loads(contents[4])] == [{"a": [1, None]}, {"location": "x"}]
    assert contents[5] == "RuntimeError: broken"


def test_a_failed_call_may_be_given_a_result(bench: Bench) -> None:
    calls = asked(bench, MANY[1])
    assert calls.reply({"s": "done all the same"})[1]["content"] == "done all the same"


def test_a_turn_that_can_be_sent_again_is_replayed_untouched(bench: Bench) -> None:
    calls = asked(bench, MANY[0], MANY[3], content="x", vendor_signature={"deep": ["kept"]})
    assistant = calls.reply({"w": 1, "p": 2})[0]
    assert assistant == calls.raw["choices"][0]["message"]


@pytest.mark.parametrize("name", ["multi_tool_use.parallel", "", "é" * 80, "a b"])
def test_a_name_that_the_service_would_refuse_is_made_legal(bench: Bench, name: str) -> None:
    calls = asked(bench, call(name, '{"broken', "x"))
    assistant, answer = replied(bench, calls, {})
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", assistant["tool_calls"][0]["function"]["name"])
    assert answer["tool_call_id"] == "x"


def test_a_custom_call_can_be_answered(bench: Bench) -> None:
    calls = asked(bench, {"id": "x", "type": "custom", "custom": {"name": "grep", "input": "a.*b"}})
    assert (calls.failed[0].raw.name, calls.failed[0].raw.arguments) == ("grep", "a.*b")
    assistant, _ = replied(bench, calls, {})
    assert assistant == calls.raw["choices"][0]["message"]


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"w": 1}, "no result for p, r, l"),
        ({"w": 1, "p": 1, "r": 1, "l": 1, "zz": 1}, "no call has the id 'zz'"),
        ({"w": 1, "p": 1, "r": 1, 3: 1}, "no result for l; no call has the id 3"),
    ],
)
def test_ids_that_are_missing_or_unknown_are_refused(bench: Bench, results: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        asked(bench, *MANY).reply(results)


def test_a_wrapper_gets_one_answer_for_all_inside(bench: Bench) -> None:
    uses = [{"recipient_name": f"functions.{name}", "parameters": {"x": 1}} for name in ("Point", "Nope")]
    calls = asked(bench, MANY[0], call("multi_tool_use.parallel", {"tool_uses": uses}, "wrap"))
    assert [outcome.id for outcome in calls.outcomes] == ["w", "wrap:0", "wrap:1"]
    _, *answers = replied(bench, calls, {"w": 1, "wrap:0": "one"})
    assert [answer["tool_call_id"] for answer in answers] == ["w", "wrap"]
    inside = json.loads(answers[1]["content"])
    assert inside["wrap:0"] == "one"
    assert "none of the tools" in inside["wrap:1"]


def test_a_legacy_function_call_can_be_answered(bench: Bench) -> None:
    calls = asked(bench, function_call={"name": "Weather", "arguments": '{"location": "x"}'})
    assert [(good.id, good.value) for good in calls.good] == [("call_0", Weather(location="x"))]
    assistant, answer = replied(bench, calls, {"call_0": "sunny"})
    assert "function_call" not in assistant
    assert answer == {"role": "tool", "tool_call_id": "call_0", "content": "sunny"}


def test_missing_and_repeated_ids_are_made_unique_and_sent_back(bench: Bench) -> None:
    place = {"location": "x"}
    sent = [call("Weather", place, given) for given in (None, "", "a", "a", "call_0")]
    calls = asked(bench, *sent)
    assert [good.id for good in calls.good] == ["call_0_", "call_1", "a", "call_3", "call_0"]
    assert [good.raw.provider_id for good in calls.good] == [None, "", "a", "a", "call_0"]
    assistant, *answers = replied(bench, calls, {good.id: "r" for good in calls.good})
    assert [one["id"] for one in assistant["tool_calls"]] == [answer["tool_call_id"] for answer in answers]
    assert "id" not in calls.raw["choices"][0]["message"]["tool_calls"][0]


def test_odd_calls_can_be_answered(bench: Bench) -> None:
    """Without a type, arguments an object, indices out of order, null ids, a phantom beside text."""
    odd = [
        {"index": 2, "id": "c", "function": {"name": "Weather", "arguments": {"location": "c"}}},
        {"index": 0, "id": None, "type": "function", "function": {"name": "Weather", "arguments": '{"location": "a"}'}},
        {"index": 1, "id": "x", "type": "function", "function": {"name": "", "arguments": ""}},
    ]
    calls = asked(bench, *odd, content="text")
    assert [value.location for value in calls] == ["a", "c"]
    assistant, *_ = replied(bench, calls, {good.id: "r" for good in calls.good})
    assert [one["id"] for one in assistant["tool_calls"]] == ["call_0", "c"]
    assert [one["function"]["name"] for one in assistant["tool_calls"]] == ["Weather", "Weather"]
    assert [json.loads(one["function"]["arguments"])["location"] for one in assistant["tool_calls"]] == ["a", "c"]


@pytest.mark.parametrize(
    "result",
    [None, 0, True, "", [], b"bytes", {1: 2}, {"a"}],
    ids=repr,
)
def test_any_data_can_be_told(bench: Bench, result: Any) -> None:
    calls = asked(bench, MANY[0])
    (answer,) = replied(bench, calls, {"w": result})[1:]
    assert isinstance(answer["content"], str)


def test_an_async_answer_is_the_same_value(bench: Bench) -> None:
    import openai
    import toolfan

    body = completion(*MANY)
    bench.serve(
        raw(body, headers={"date": "x", "x-request-id": "r"}), raw(body, headers={"date": "x", "x-request-id": "r"})
    )
    options: Any = {"model": "m", "messages": USER, "tools": TOOLS, "on_invalid": "keep"}

    async def main() -> Calls[Any]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            return await toolfan.from_openai(sdk).create(**options)

    assert asyncio.run(main()) == bench.client().create(**options)


def test_a_loaded_codec_reads_the_same_as_the_client(bench: Bench) -> None:
    calls = asked(bench, *MANY)
    assert load_adapter("openai").parse_response(calls.raw) == calls.turn
    assert isinstance(calls.outcomes[0], Call)
    assert isinstance(calls.failed[0].error, UnknownTool)


@pytest.mark.parametrize("wrong", [None, 5, "sunny", b"sunny", [1], ["sunny"], [{"w": 1}], object()])
def test_a_reply_of_no_results_is_refused(bench: Bench, wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"results.* is .*Pass \{call\.id: result"):
        asked(bench, *MANY).reply(wrong)


@pytest.mark.parametrize("part", ["call", "raw", "failed"])
def test_a_reply_with_the_call_itself_is_refused(bench: Bench, part: str) -> None:
    """Which would be told to the model as a result."""
    calls = asked(bench, *MANY)
    given: Any = calls.failed[0] if part == "failed" else calls.good[0]
    given = given.raw if part == "raw" else given
    with pytest.raises(UsageError, match=rf"is a {type(given).__name__} .*It is the call itself: give what came of it"):
        calls.reply({one.id: given if one is calls.good[0] else "x" for one in calls.outcomes})


async def later() -> str:
    return "late"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (later, r"\(coroutine is not a JSON type\) \[tool lookup, call l\]\. It was not awaited"),
        (BoundCall(lookup, {"z": 1}), r"\(function is not a JSON type\) .* the call itself: .*\.run\(\) returns"),
        (object(), r"\(object is not a JSON type\) .*Give plain data"),
        ({"mean": [1, float("nan")]}, r"\(mean\[1\]: nan is not a JSON number\)"),
        ([lookup], r"\(function is not a JSON type\)"),
    ],
    ids=["coroutine", "call", "object", "NaN", "function"],
)
def test_a_value_that_cannot_be_told_is_the_program_s_mistake(bench: Bench, value: Any, message: str) -> None:
    """And not the model's, which could do nothing about it."""
    value = value() if value is later else value
    given = {"w": 1, "p": 1, "r": 1, "l": value}
    with pytest.raises(UsageError, match=message) as caught:
        asked(bench, *MANY).reply(given)
    assert (caught.value.tool, caught.value.call_id) == ("lookup", "l")
    if asyncio.iscoroutine(value):
        value.close()


def test_a_result_of_execute_is_taken_by_its_id_as_in_the_list(bench: Bench) -> None:
    """With what the tool returned, or raised; what is no data is told as an error of its call, as `run` does."""
    calls = asked(bench, *MANY)
    values: dict[str, Any] = {"w": "sunny", "p": object(), "r": {"y": float("inf")}}
    results = [Result(one, values.get(one.id)) for one in calls.good]
    results[-1] = dataclasses.replace(results[-1], error=LookupError("no such place"))
    results += [Result(bad, error=bad.error) for bad in calls.failed]
    told = calls.reply(results)
    assert told == calls.reply({one.call.id: one for one in results})
    said = {one["tool_call_id"]: one["content"] for one in told if one["role"] == "tool"}
    assert (said["w"], said["l"]) == ("sunny", "LookupError: no such place")
    assert said["p"].startswith("UsageError: the result of Point cannot be written as JSON (object is not a JSON type)")
    assert "y: inf is not a JSON number" in said["r"]
    assert said["s"].startswith("Failed: ")
