"""What becomes of each call the model made: a typed value, or a failure that says why; never a crash, never a loss."""

from __future__ import annotations

import copy
import json
import pickle
import threading
import time
from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import USER, Bench, call, completion, raw
from pydantic import BaseModel, ConfigDict, field_validator, model_validator
from toolfan import (
    BadCall,
    Call,
    Calls,
    InvalidArguments,
    InvalidCalls,
    MalformedArguments,
    RawCall,
    Tool,
    TooManyCalls,
    TruncatedCall,
    UnknownTool,
    load_adapter,
    tool,
)
from toolfan.tools.toolset import tool_set
from toolfan.validation.outcomes import MAX_ARGUMENT_CHARACTERS, Rules, validate


class Weather(BaseModel):
    location: str
    days: int = 1


class Note(BaseModel):
    data: Any = None


class Ping(BaseModel):
    at: int | None = None


class Exact(BaseModel):
    model_config = ConfigDict(strict=True)
    count: int
    names: list[int] = []


class PreciseBranch(BaseModel):
    model_config = ConfigDict(strict=True)
    a: int
    any: Any = None


class Precise(BaseModel):
    model_config = ConfigDict(strict=True)
    count: int
    any: Any = None
    text: str = ""
    ratio: float = 0.0
    either: PreciseBranch | str = ""


class Level(BaseModel):
    name: str
    below: Level | None = None


FORM = Iterable[Weather | Note | Ping | Exact | Precise]
GOOD = call("Weather", {"location": "Oslo"}, "good")


def judged(bench: Bench, *calls: dict[str, Any], finish: str = "tool_calls", **options: Any) -> Calls[Any]:
    """The calls of one scripted answer, the bad ones kept."""
    options.setdefault("on_invalid", "keep")
    return bench.answered(*calls, finish=finish).create(model="m", messages=USER, response_model=FORM, **options)


NESTED = "[" * 10_000 + "]" * 10_000
BAD: dict[str, tuple[str, str, type[Exception], str]] = {
    "not JSON": ("Weather", "{location: 1}", MalformedArguments, "not JSON"),
    "cut": ("Weather", '{"location": "Os', MalformedArguments, "EOF"),
    "single quotes": ("Weather", "{'location': 'Oslo'}", MalformedArguments, "not JSON"),
    "trailing comma": ("Weather", '{"location": "Oslo",}', MalformedArguments, "trailing comma"),
    "trailing text": ("Weather", '{"location": "Oslo"} and more', MalformedArguments, "trailing"),
    "two objects": ("Weather", '{"location": "a"}{"location": "b"}', MalformedArguments, "trailing"),
    "line break in a text": ("Weather", '{"location": "a\nb"}', MalformedArguments, "control character"),
    "empty, but fields are required": ("Weather", "", MalformedArguments, "has no arguments"),
    "null, but fields are required": ("Weather", "null", InvalidArguments, "object"),
    "a list": ("Weather", "[]", InvalidArguments, "object"),
    "a number": ("Weather", "3", InvalidArguments, "object"),
    "a field is missing": ("Weather", "{}", InvalidArguments, "location: Field required"),
    "two faults": ("Weather", '{"days": "x"}', InvalidArguments, "location: .*; days: "),
    "a fraction for an int": ("Weather", '{"location": "a", "days": 1.5}', InvalidArguments, "days"),
    "nested 10,000 deep": ("Note", f'{{"data": {NESTED}}}', MalformedArguments, "recursion|depth"),
    "nested at the root": ("Note", NESTED, MalformedArguments, "recursion|depth"),
    "nested in double encoding": ("Note", json.dumps(NESTED), InvalidArguments, "object"),
    "an int of 5,000 digits": (
        "Weather",
        f'{{"location": "a", "days": {"9" * 5000}}}',
        MalformedArguments,
        "out of range",
    ),
    "a lone surrogate": ("Weather", '{"location": "\\ud800"}', MalformedArguments, "hex escape"),
    "NaN for an int": ("Weather", '{"location": "a", "days": NaN}', InvalidArguments, "days"),
    "a key twice": ("Note", '{"data": 1, "data": 2}', InvalidArguments, "data: The key comes twice"),
    "unknown tool": ("Sing", "{}", UnknownTool, "Sing"),
    "arguments behind a control token": ('Ping<|message|>{"at": 1}', "", UnknownTool, "none of the tools"),
    "another name behind a control token": (
        "Ping<|channel|>commentary to=Exact",
        "{}",
        UnknownTool,
        "none of the tools",
    ),
    "wrong case": ("weather", '{"location": "a"}', UnknownTool, "Did you mean 'Weather'"),
    "empty name": ("", '{"location": "a"}', UnknownTool, "''"),
    "dotted name": ("tools.Weather", '{"location": "a"}', UnknownTool, "Did you mean"),
    "an odd name": ("\x00\u2028😀" * 50, "{}", UnknownTool, "none of the tools"),
    "a cut code fence": ("Weather", '```json\n{"location": "a"}', MalformedArguments, "not JSON"),
    "encoded three times": ("Weather", json.dumps(json.dumps('{"location": "a"}')), InvalidArguments, "object"),
    "a fence in a fence": ("Weather", '```\n```\n{"location": "a"}\n```\n```', MalformedArguments, "not JSON"),
    "null in quotes, but fields are required": ("Weather", '"null"', InvalidArguments, "object"),
    "text in quotes": ("Ping", '"now"', InvalidArguments, "object"),
    "a word in a fence on one line": ("Ping", "```null```", MalformedArguments, "not JSON"),
    "wrapper of nothing in a fence": ("parallel", '```\n{"tool_uses": []}\n```', UnknownTool, "parallel"),
    "wrapper of nothing": ("multi_tool_use.parallel", '{"tool_uses": []}', UnknownTool, "multi_tool_use"),
    "wrapper of rubbish": ("multi_tool_use.parallel", '{"tool_uses": [3]}', UnknownTool, "multi_tool_use"),
    "too long": ("Note", '{"data": "' + "x" * MAX_ARGUMENT_CHARACTERS + '"}', InvalidArguments, "longer than"),
}


@pytest.mark.parametrize(("name", "arguments", "error", "message"), BAD.values(), ids=BAD)
def test_a_bad_call_says_why_and_costs_no_other(
    bench: Bench, name: str, arguments: str, error: type[Exception], message: str
) -> None:
    calls = judged(bench, call(name, arguments, "bad"), GOOD)
    (bad,) = calls.failed
    assert list(calls) == [Weather(location="Oslo")]
    assert type(bad.error) is error
    assert bad.error.call_id == bad.id == "bad"
    assert (bad.index, bad.raw.name, bad.raw.arguments) == (0, name, arguments)
    assert len(str(bad.error)) < 3000
    with pytest.raises(error, match=rf"(?s){message}"):
        raise bad.error
    assert pickle.loads(pickle.dumps(bad)) == bad == copy.deepcopy(bad)


def test_all_errors_are_told_up_to_a_thousand_and_the_rest_is_counted(bench: Bench) -> None:
    def errors(wrong: int) -> tuple[dict[str, Any], ...]:
        (bad,) = judged(bench, call("Exact", {"count": 1, "names": ["no"] * wrong})).failed
        assert isinstance(bad.error, InvalidArguments)
        assert f"and {wrong - 20} more" in bad.error.message
        assert pickle.loads(pickle.dumps(bad)) == bad
        return bad.error.errors

    assert [one["loc"] for one in errors(1000)] == [["names", at] for at in range(1000)]
    assert {one["input"] for one in errors(1000)} == {"no"}
    *first, last = errors(200_000)
    assert [one["loc"] for one in first] == [["names", at] for at in range(1000)]
    assert {one["type"] for one in first} == {"int_type"}
    assert (last["type"], last["msg"]) == ("too_many_errors", "199000 more errors are not told")


def test_a_fault_in_each_level_of_something_large_does_not_hold_it_once_for_each(bench: Bench) -> None:
    """Each missing field's input is all that is below it."""
    inner = json.dumps({"text": ["x" * 1000] * 1000})
    for _ in range(100):
        inner = f'{{"below": {inner}}}'
    (bad,) = (
        bench.answered(call("Level", inner)).create(model="m", messages=USER, on_invalid="keep", tools=(Level,)).failed
    )
    assert isinstance(bad.error, InvalidArguments)
    assert len(bad.error.errors) == 101
    assert bad.error.errors[0]["loc"] == ["name"]
    assert len(pickle.dumps(bad.error)) < 500_000


def test_large_and_odd_but_valid_arguments_are_kept(bench: Bench) -> None:
    text = "é" * 1_000_000 + "x" * 8_000_000
    calls = judged(
        bench,
        call("Note", f'{{"data": "{text}"}}', "long"),
        call("Note", '{"data": [NaN, Infinity, -0.0, 1e999]}', "nan"),
        call("Note", '{"data": "\\u0000\\ud83d\\ude00"}', "nul"),
        call("Note", '{"data": %s}' % ("9" * 4000), "digits"),
        call("Note", f'{{"data": {"[" * 150}1{"]" * 150}}}', "deep"),
        call("Note", '{"data": 1, "data": 1}', "twice"),
    )
    assert calls.failed == ()
    assert calls[0].data == text
    assert calls[2].data == "\0😀"
    assert calls[5].data == 1


REPAIRS: dict[str, tuple[str, str, Any, tuple[str, ...]]] = {
    "empty": ("Ping", "", Ping(), ("empty_arguments",)),
    "blank": ("Ping", " \n", Ping(), ("empty_arguments",)),
    "null": ("Ping", "null", Ping(), ("empty_arguments",)),
    "byte order mark": ("Ping", '\ufeff{"at": 1}', Ping(at=1), ("byte_order_mark",)),
    "fence": ("Ping", '```json\n{"at": 1}\n```', Ping(at=1), ("code_fence",)),
    "bare fence": ("Ping", '\n```\n{"at": 1}```\n', Ping(at=1), ("code_fence",)),
    "double encoded": ("Ping", json.dumps('{"at": 1}'), Ping(at=1), ("double_encoded",)),
    "fence on one line": ("Ping", '```json {"at": 1}```', Ping(at=1), ("code_fence",)),
    "bare fence on one line": ("Ping", '```{"at": 1}```', Ping(at=1), ("code_fence",)),
    "mark in a fence": ("Ping", '```json\n\ufeff{"at": 1}\n```', Ping(at=1), ("code_fence", "byte_order_mark")),
    "fence, double encoded": (
        "Ping",
        json.dumps('```json\n{"at": 1}\n```'),
        Ping(at=1),
        ("double_encoded", "code_fence"),
    ),
    "null, double encoded": ("Ping", '"null"', Ping(), ("double_encoded", "empty_arguments")),
    "empty, double encoded": ("Ping", '""', Ping(), ("double_encoded", "empty_arguments")),
    "marks around all": (
        "Ping",
        '\ufeff"\ufeff```\\n\ufeff{\\"at\\": 1}\\n```"',
        Ping(at=1),
        ("byte_order_mark", "double_encoded", "code_fence"),
    ),
    "prefix": ("functions.Ping", '{"at": 1}', Ping(at=1), ("functions_prefix",)),
    "Google's prefix": ("default_api.Ping", '{"at": 1}', Ping(at=1), ("functions_prefix",)),
    "Google's prefix with a colon": ("default_api:Ping", '{"at": 1}', Ping(at=1), ("functions_prefix",)),
    "control token": ("Ping<|channel|>commentary", '{"at": 1}', Ping(at=1), ("control_token",)),
    "control token behind a prefix": (
        "functions.Ping <|constrain|>json",
        '{"at": 1}',
        Ping(at=1),
        ("control_token", "functions_prefix"),
    ),
    "integral float beside floats": (
        "Precise",
        '{"any": [1.0, 1e22, 0.10], "count": -3.0, "text": "1.0 \\" 2.0", "ratio": 2.0}',
        Precise(count=-3, any=[1.0, 1e22, 0.1], text='1.0 " 2.0', ratio=2.0),
        ("integral_float",),
    ),
    "integral float in a branch": (
        "Precise",
        '{"count": 1, "either": {"a": 2.0, "any": 3.0}}',
        Precise(count=1, either=PreciseBranch(a=2, any=3.0)),
        ("integral_float",),
    ),
    "integral float": ("Exact", '{"count": 3.0, "names": [1.0]}', Exact(count=3, names=[1]), ("integral_float",)),
    "all at once": (
        "functions.Exact",
        '\ufeff```json\n"{\\"count\\": 2.0}"\n```',
        Exact(count=2),
        ("functions_prefix", "byte_order_mark", "code_fence", "double_encoded", "integral_float"),
    ),
}


@pytest.mark.parametrize(("name", "arguments", "value", "made"), REPAIRS.values(), ids=REPAIRS)
def test_every_repair_is_recorded(bench: Bench, name: str, arguments: str, value: Any, made: tuple[str, ...]) -> None:
    (good,) = judged(bench, call(name, arguments)).good
    assert (good.value, repr(good.value), good.repairs) == (value, repr(value), made)
    assert (good.name, good.raw.name, good.raw.arguments) == (type(value).__name__, name, arguments)


@pytest.mark.parametrize(("name", "arguments", "value", "made"), REPAIRS.values(), ids=REPAIRS)
def test_every_repair_can_be_switched_off(
    bench: Bench, name: str, arguments: str, value: Any, made: tuple[str, ...]
) -> None:
    calls = judged(bench, call(name, arguments), GOOD, repairs=False)
    assert [type(outcome) for outcome in calls.outcomes] == [BadCall, Call]
    assert calls.good[0].repairs == ()


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("math_add", ()),
        ("math.add", ("own_name",)),
        ("functions.math.add", ("functions_prefix", "own_name")),
        ("functions_math_add", ("functions_prefix",)),
        ("default_api_math_add", ("functions_prefix",)),
        ("default_api:math.add", ("functions_prefix", "own_name")),
    ],
)
def test_a_tool_is_known_by_its_own_name_too(bench: Bench, said: str, made: tuple[str, ...]) -> None:
    tools = (Tool(Ping, name="math.add"), Tool(Exact, name="math.add2"))
    for repairs in (True, False):
        client = bench.answered(call(said, {"at": 1}))
        calls = client.create(messages=USER, tools=tools, on_invalid="keep", repairs=repairs, model="m")
        found = [(one.name, one.value, one.repairs) for one in calls.good]
        assert found == ([("math.add", Ping(at=1), made)] if repairs or not made else [])


def test_what_a_tools_own_name_has_is_no_control_token(bench: Bench) -> None:
    """One of them is meant, and it is not told which."""
    tools = (Tool(Ping, name="Ping"), Tool(Exact, name="Ping<|b"))
    client = bench.answered(call("Ping<|b<|channel|>json", {"count": 1}), call("Ping<|b", {"count": 2}))
    calls = client.create(messages=USER, tools=tools, on_invalid="keep", model="m")
    assert [type(bad.error) for bad in calls.failed] == [UnknownTool]
    assert [(one.name, one.repairs) for one in calls.good] == [("Ping<|b", ("own_name",))]


@pytest.mark.parametrize("said", ["math_add", "math.add", "functions.math.add", "functions_math_add"])
def test_a_required_call_beyond_the_limit_is_wanted_by_whatever_name(bench: Bench, said: str) -> None:
    """The model is not told to leave what it is asked for; the failed call has the tool's name."""
    tools = (Tool(Ping, name="math.add"), Tool(Exact, name="math.add2"))
    bench.serve(
        raw(completion(call("math_add2", {"count": 1}, "a"), call(said, {"at": 2}, "b"))),
        raw(completion(call(said, {"at": 2}, "c"))),
    )
    calls = bench.client().create(messages=USER, tools=tools, tool_choice=["math.add"], parallel=1, model="m")
    told = bench.bodies[1]["messages"][-1]["content"]
    assert ("Do not repeat" in told, "make it again" in told) == (False, True)
    assert [(one.name, one.value) for one in calls.good][1:] == [("math.add", Ping(at=2))]
    (failed,) = calls.failed
    assert (failed.name, type(failed.error), failed.error.tool) == ("math.add", TooManyCalls, "math.add")


def wrapper(*uses: tuple[str, Any], name: str = "multi_tool_use.parallel", call_id: str = "w") -> dict[str, Any]:
    inner = [{"recipient_name": recipient, "parameters": parameters} for recipient, parameters in uses]
    return call(name, {"tool_uses": inner}, call_id)


@pytest.mark.parametrize("name", ["multi_tool_use.parallel", "multi_tool_use_parallel", "parallel"])
def test_a_wrapper_becomes_the_calls_inside(bench: Bench, name: str) -> None:
    uses = ("functions.Weather", {"location": "a"}), ("Ping", None), ("functions.Sing", {})
    calls = judged(bench, GOOD, wrapper(*uses, name=name), call("Ping", {}, "last"))
    assert [outcome.id for outcome in calls.outcomes] == ["good", "w:0", "w:1", "w:2", "last"]
    assert [outcome.index for outcome in calls.outcomes] == [0, 1, 2, 3, 4]
    assert list(calls) == [Weather(location="Oslo"), Weather(location="a"), Ping(), Ping()]
    assert [good.repairs for good in calls.good] == [
        (),
        ("unwrapped", "functions_prefix"),
        ("unwrapped", "empty_arguments"),
        (),
    ]
    assert type(calls.failed[0].error) is UnknownTool


USE = '{"recipient_name": "Ping", "parameters": {"at": 1}}'
FUNCTION = {"name": "functions.Ping", "arguments": '{"at": 1}'}
WRAPPED: dict[str, tuple[str, tuple[str, ...]]] = {
    "fence": (f'```json\n{{"tool_uses": [{USE}]}}\n```', ("code_fence", "unwrapped")),
    "byte order mark": (f'\ufeff{{"tool_uses": [{USE}]}}', ("byte_order_mark", "unwrapped")),
    "double encoded": (json.dumps(f'{{"tool_uses": [{USE}]}}'), ("double_encoded", "unwrapped")),
    "one call": (f'{{"tool_uses": {USE}}}', ("unwrapped",)),
    "list as text": (json.dumps({"tool_uses": f"[{USE}]"}), ("double_encoded", "unwrapped")),
    "call as text": (json.dumps({"tool_uses": [USE]}), ("double_encoded", "unwrapped")),
    "call as text in a fence": (
        json.dumps({"tool_uses": f"```\n{USE}\n```"}),
        ("double_encoded", "code_fence", "unwrapped"),
    ),
    "function": (json.dumps({"tool_uses": [{"function": FUNCTION}]}), ("unwrapped", "functions_prefix")),
    "function with a type": (
        json.dumps({"tool_uses": [{"type": "function", "function": FUNCTION}]}),
        ("unwrapped", "functions_prefix"),
    ),
    "arguments in a fence": (
        json.dumps({"tool_uses": [{"name": "Ping", "arguments": '```\n{"at": 1}```'}]}),
        ("unwrapped", "code_fence"),
    ),
    "the list twice, alike": (f'{{"tool_uses": [{USE}], "tool_uses": [{USE}]}}', ("unwrapped",)),
    "a list and null": (f'{{"tool_uses": [{USE}], "tool_uses": null}}', ("unwrapped",)),
    "spelled in escapes": (f'{{"tool\\u005fuses": [{USE}]}}', ("unwrapped",)),
    "a lone surrogate beside": (
        json.dumps(f'{{"tool_uses": [{USE}], "note": "\ud800"}}'),
        ("double_encoded", "unwrapped"),
    ),
    "with fillings": (
        f'{{"note": [1, {{"tool_uses": 2}}], "n": 1e3, "t": true, "tool_uses" :[ {USE} ]\n}}',
        ("unwrapped",),
    ),
}


@pytest.mark.parametrize(("text", "made"), WRAPPED.values(), ids=WRAPPED)
def test_a_wrapper_is_read_through_every_repair(bench: Bench, text: str, made: tuple[str, ...]) -> None:
    calls = judged(bench, call("multi_tool_use.parallel", text, "w"))
    assert [(one.id, one.value, one.repairs) for one in calls.good] == [("w:0", Ping(at=1), made)]
    assert not calls.failed


NOTE = '{"recipient_name": "Note", "parameters": %s}'
TWICE: dict[str, tuple[str, list[Any], list[str]]] = {
    "lists": (f'{{"tool_uses": [{USE}], "tool_uses": [{NOTE % """{"data": 2}"""}]}}', [Ping(at=1), Note(data=2)], []),
    "a list and rubbish": (f'{{"tool_uses": [{USE}], "tool_uses": 3}}', [Ping(at=1)], [": 3"]),
    "a field": (
        f'{{"tool_uses": [{USE}, {NOTE % """{"data": 1, "data": 2}"""}]}}',
        [Ping(at=1)],
        ['Note: {"data": 1, "data": 2}'],
    ),
    "parameters": (
        '{"tool_uses": [{"recipient_name": "Ping", "parameters": {"at": 1}, "parameters": {"at": 2}}]}',
        [],
        ['Ping: [{"at": 1},{"at": 2}]'],
    ),
    "parameters and arguments": (
        '{"tool_uses": [{"name": "Ping", "parameters": {}, "arguments": "{}"}]}',
        [],
        ['Ping: [{},"{}"]'],
    ),
    "the name": (
        '{"tool_uses": [{"name": "Ping", "name": "Note", "parameters": {}}]}',
        [],
        [': {"name": "Ping", "name": "Note", "parameters": {}}'],
    ),
}


@pytest.mark.parametrize(("text", "good", "bad"), TWICE.values(), ids=TWICE)
def test_nothing_that_comes_twice_in_a_wrapper_is_swallowed(
    bench: Bench, text: str, good: list[Any], bad: list[str]
) -> None:
    calls = judged(bench, call("multi_tool_use.parallel", text, "w"))
    assert list(calls) == good
    assert [f"{one.name}: {one.raw.arguments}" for one in calls.failed] == bad


def test_a_wrapper_stays_whole_without_repairs(bench: Bench) -> None:
    calls = judged(bench, wrapper(("Ping", {})), repairs=False)
    assert [bad.name for bad in calls.failed] == ["multi_tool_use.parallel"]


def test_the_same_call_twice_is_kept_and_marked(bench: Bench) -> None:
    calls = judged(bench, GOOD, call("Ping", {}, "p"), call("Weather", {"location": "Oslo"}, "again"))
    assert [good.duplicate_of for good in calls.good] == [None, None, 0]


ALIKE: dict[str, tuple[list[str], list[int | None]]] = {
    "the order of keys": (['{"a":1,"b":[2,"x"]}', '{"b":[2,"x"],"a":1}'], [None, 0]),
    "blanks": (['{"a":1,"b":2}', '{"a": 1,\n"b" : 2 }', '{"a":2,"b":1}'], [None, 0, None]),
    "escapes": (['{"a":"é \\" 1"}', '{"a":"\\u00e9 \\" 1"}', '{"a":"\\u00e9 \\" 2"}'], [None, 0, None]),
    "blanks in a text": (['{"a":"b c"}', '{"a":"bc "}', '{"a":"bc"}'], [None, None, None]),
    "the order in a list": (['{"a":[1,2]}', '{"a":[2,1]}'], [None, None]),
    "a number as a text": (['{"a":1}', '{"a":"1"}', '{"a":{"\\u0000number":"1"}}'], [None, None, None]),
    "numbers to the letter": (['{"a":1.0}', '{"a":1}', '{"a":1.00}', '{"a": 1.0}'], [None, None, None, 0]),
    "long": ([f'{{"a":{[*range(2000)]},"b":1}}', f'{{"b":1,"a":{[*range(2000)]}}}', "{}"], [None, 0, None]),
    "a third one": (['{"a":1}', '{"a":2}', '{"a": 2}', '{"a":1}', "{}"], [None, None, 1, 0, None]),
}


@pytest.mark.parametrize(("texts", "marks"), ALIKE.values(), ids=ALIKE)
@pytest.mark.parametrize("merged", [False, True])
def test_the_same_arguments_are_marked_however_they_are_written(
    bench: Bench, texts: list[str], marks: list[int | None], merged: bool
) -> None:
    """Whether they came in one answer, or a later one was merged into it."""
    calls = [call("Any", text, f"{at}") for at, text in enumerate(texts)]
    bad, late = call("Weather", "{}", "late"), call("Weather", {"location": "Oslo"}, "late")
    bench.serve(raw(completion(*calls, *[bad] * merged)), raw(completion(late)))
    tools = (tool(anything, name="Any"), tool(anything, name="Other"), Weather)
    result = bench.client().create(model="m", messages=USER, tools=tools)
    assert len(result.rounds) == 1 + merged
    assert [one.duplicate_of for one in result.good][: len(texts)] == marks


def anything(a: Any = None, b: Any = None) -> None:
    """Takes anything."""


@pytest.mark.parametrize(
    ("calls", "errors"),
    [
        ([GOOD, call("Weather", '{"location": "Ber', "cut")], [TruncatedCall]),
        ([GOOD, call("Weather", "", "cut")], [TruncatedCall]),
        ([GOOD, call("Ping", "", "cut")], [TruncatedCall]),
        ([call("Weather", "{", "early"), GOOD], [MalformedArguments]),
        ([GOOD], []),
    ],
)
def test_truncation_damages_only_the_call_that_was_cut(bench: Bench, calls: Any, errors: list[Any]) -> None:
    kept = judged(bench, *calls, finish="length")
    assert [type(bad.error) for bad in kept.failed] == errors
    assert Weather(location="Oslo") in kept
    assert kept.stop.kind == "length"


def test_raise_carries_every_outcome(bench: Bench) -> None:
    for more in ({"on_invalid": "raise"}, {"on_invalid": "reask", "max_attempts": 1}):
        with pytest.raises(InvalidCalls, match="1 of 2 calls failed: Sing") as caught:
            judged(bench, call("Sing", {}, "bad"), GOOD, **more)
        error = caught.value
        assert error.calls is not None
        assert list(error.calls) == [Weather(location="Oslo")]
        assert [outcome.id for outcome in error.calls.outcomes] == ["bad", "good"]
        assert (error.attempts, error.requests, error.retryable) == (1, 1, False)
        again = pickle.loads(pickle.dumps(error))
        assert again == error == copy.deepcopy(error)
        assert again.calls == error.calls


def test_zero_calls_are_an_error_only_where_one_was_required(bench: Bench) -> None:
    for choice, what in ("required", ""), (Weather, " of Weather"), ([Weather, Ping], " of Weather or Ping"):
        with pytest.raises(InvalidCalls, match=f"a call{what} was required and none came") as caught:
            judged(bench, finish="stop", tool_choice=choice, on_invalid="raise")
        assert caught.value.calls is not None
        assert len(caught.value.calls) == 0
        assert len(judged(bench, finish="stop", tool_choice=choice)) == 0
    assert len(judged(bench, finish="stop", on_invalid="raise")) == 0


class Odd(BaseModel):
    how: str

    @field_validator("how")
    @classmethod
    def raises(cls, how: str) -> str:
        if how == "recursion":
            return cls.raises(how)
        if how.startswith("input"):
            Ping.model_validate({"at": {"input": how, "held": Silent() if how == "input silent" else threading.Lock()}})
        kinds: dict[str, BaseException] = {
            "key": KeyError("k"),
            "unicode": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
            "no text": ValueError(),
            "surrogate": ValueError("\ud800"),
            "bad str": Unprintable(),
            "silent": Silent(),
            "validation": InvalidArguments("mine"),
            "attribute": AttributeError("a"),
            "stop": StopIteration("s"),
            "memory": MemoryError("m"),
            "exception group": ExceptionGroup("g", [ValueError("v")]),
        }
        raise kinds[how]


class Unprintable(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("no text of mine")


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text of mine")

    __repr__ = __str__


ODD = "key|unicode|no text|surrogate|bad str|silent|input silent|input lock|validation|attribute|stop|memory"


@pytest.mark.parametrize("how", [*ODD.split("|"), "exception group", "recursion"])
def test_a_validator_may_raise_anything(bench: Bench, how: str) -> None:
    answer = raw(completion(call("Odd", {"how": how}), GOOD))
    bench.serve(answer, answer, answer)
    client, form = bench.client(), Iterable[Odd | Weather]
    calls = client.create(model="m", messages=USER, response_model=form, on_invalid="keep")
    assert list(calls) == [Weather(location="Oslo")]
    assert type(calls.failed[0].error) is InvalidArguments
    str(calls.failed[0].error)
    assert pickle.loads(pickle.dumps(calls)) == calls
    with pytest.raises(InvalidCalls, match=r"^after 2 attempts, .* calls failed: Odd: "):
        client.create(model="m", messages=USER, response_model=form, max_attempts=2)


def test_a_result_whose_text_cannot_be_had_is_told_as_an_error(bench: Bench) -> None:
    message = judged(bench, GOOD).reply({"good": Silent()})[-1]
    assert message["content"] == "Silent: (its text cannot be had: RuntimeError)"


class Ticket(BaseModel):
    seen: ClassVar[list[int]] = []
    number: int

    @field_validator("number")
    @classmethod
    def takes(cls, number: int) -> int:
        cls.seen.append(number)
        return number


@pytest.mark.parametrize("use", ["whole", "stream"])
def test_no_validator_runs_for_a_call_beyond_the_limit(bench: Bench, use: str) -> None:
    Ticket.seen.clear()
    client = bench.answered(*(call("Ticket", {"number": at}, f"{at}") for at in range(3)))
    options: dict[str, Any] = {"tools": (Ticket,), "parallel": 2, "on_invalid": "keep"}
    if use == "stream":
        calls = client.stream(model="m", messages=USER, **options).until_done()
    else:
        calls = client.create(model="m", messages=USER, **options)
    assert (Ticket.seen, [type(bad.error) for bad in calls.failed]) == ([0, 1], [TooManyCalls])


class Quitting(BaseModel):
    @model_validator(mode="after")
    def quits(self) -> Quitting:
        raise KeyboardInterrupt


def test_an_interrupt_in_a_validator_passes(bench: Bench) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.answered(call("Quitting", {})).create(model="m", messages=USER, response_model=Quitting)


RAW_CALLS = st.builds(
    call,
    st.sampled_from(["Weather", "Ping", "Sing", "functions.Ping", "", "multi_tool_use.parallel", "Note"]),
    st.one_of(
        st.text(max_size=8),
        st.sampled_from([{}, {"location": "a"}, {"data": 1}, "null", "[]", '"{}"', "{", "```\n{}\n```"]),
        st.builds(
            lambda names: {"tool_uses": [{"recipient_name": name, "parameters": {}} for name in names]},
            st.lists(st.sampled_from(["functions.Ping", "Ping", "Nope", ""]), max_size=3),
        ),
    ),
    st.sampled_from([None, "", "a", "b", "call_0", "call_1", "a:0", "w"]),
)


def test_an_id_that_looks_like_one_inside_a_wrapper_is_kept_apart(bench: Bench) -> None:
    calls = judged(bench, call("Ping", {}, "w:0"), wrapper(("Ping", {}), ("Ping", {})))
    assert [outcome.id for outcome in calls.outcomes] == ["w:0", "w:0_", "w:1"]
    first, second = calls.reply({"w:0": "outside", "w:0_": "a", "w:1": "b"})[1:]
    assert (first["content"], json.loads(second["content"])) == ("outside", {"w:0_": "a", "w:1": "b"})


@settings(max_examples=150, deadline=None)
@given(made=st.lists(RAW_CALLS, max_size=8), limit=st.sampled_from([None, 1, 3]), repairs=st.booleans())
def test_every_call_comes_out_once_and_in_order(made: list[Any], limit: int | None, repairs: bool) -> None:
    adapter = load_adapter("openai")
    tools = tool_set(FORM)
    turn = adapter.parse_response({"choices": [{"message": {"role": "assistant", "tool_calls": made}}]})
    nothing = ("", "{", "{}")
    real = [one for one in made if one["function"]["name"] or one["function"]["arguments"].strip() not in nothing]
    real = real or made  # beside nothing else an empty call is all that the model said
    assert [(raw.name, raw.arguments) for raw in turn.calls] == [
        (one["function"]["name"], one["function"]["arguments"]) for one in real
    ]
    assert len({raw.id for raw in turn.calls}) == len(turn.calls)
    capabilities = adapter.capabilities
    names = tools.names(capabilities.name_pattern, capabilities.max_name_length)
    outcomes = validate(turn.calls, tools, Rules("openai", names, repairs=repairs, limit=limit))
    assert [outcome.index for outcome in outcomes] == list(range(len(outcomes)))
    assert len({outcome.id for outcome in outcomes}) == len(outcomes)
    parents = [next(raw.id for raw in reversed(turn.calls) if _is_of(outcome.raw, raw)) for outcome in outcomes]
    assert list(dict.fromkeys(parents)) == [raw.id for raw in turn.calls]
    if limit is not None:
        assert all(isinstance(outcome.error, TooManyCalls) for outcome in outcomes[limit:])  # type: ignore[union-attr]
    calls = Calls(outcomes=outcomes, turn=turn, codec=adapter)
    answers = calls.reply({outcome.id: "r" for outcome in outcomes})
    assert [answer["tool_call_id"] for answer in answers[1:]] == [raw.id for raw in turn.calls]


def _is_of(part: RawCall, whole: RawCall) -> bool:
    return part.id == whole.id or (
        part.id.startswith(f"{whole.id}:") and part.provider_id == whole.provider_id and "tool_uses" in whole.arguments
    )


@pytest.mark.parametrize("text", ["```\n" + " " * 10**6, "```\n" + "\n " * 10**6, "```" + "a" * 10**6, '"' * 10**6])
@pytest.mark.parametrize("name", ["Ping", "parallel"])
def test_repairs_take_linear_time(bench: Bench, name: str, text: str) -> None:
    started = time.perf_counter()
    assert len(judged(bench, call(name, text)).failed) == 1
    assert time.perf_counter() - started < 15  # what is not linear takes minutes
