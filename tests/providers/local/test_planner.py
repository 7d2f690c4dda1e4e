"""The planner: the example of the README, choices, schemas of every form, and that nothing makes it raise."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared_path
from toolfan_local.filling import MAX_CALLS
from toolfan_local.planner import PlannedCall, PlannerTool, plan

WEATHER = PlannerTool(
    "Weather",
    "",
    {
        "type": "object",
        "properties": {
            "location": {"title": "Location", "type": "string"},
            "units": {"title": "Units", "type": "string", "enum": ["imperial", "metric"]},
        },
        "required": ["location", "units"],
    },
)
SEARCH = PlannerTool(
    "GoogleSearch", "", {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
)
QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
EXPECTED = [
    PlannedCall("Weather", {"location": "Toronto", "units": "metric"}),
    PlannedCall("Weather", {"location": "Dallas", "units": "imperial"}),
    PlannedCall("GoogleSearch", {"query": "who won the super bowl"}),
]


def _tool(name: str, properties: dict[str, Any], *required: str, description: str = "") -> PlannerTool:
    return PlannerTool(
        name, description, {"type": "object", "properties": properties, "required": list(required or properties)}
    )


def test_the_example_of_the_readme() -> None:
    assert plan([WEATHER, SEARCH], QUESTION) == EXPECTED


def test_the_order_of_the_tools_does_not_matter() -> None:
    assert plan([SEARCH, WEATHER], QUESTION) == EXPECTED


def test_the_same_question_is_planned_the_same_way_again() -> None:
    assert plan([WEATHER, SEARCH], QUESTION) == plan([WEATHER, SEARCH], QUESTION)


def test_limit_cuts_the_calls() -> None:
    assert plan([WEATHER, SEARCH], QUESTION, limit=1) == EXPECTED[:1]
    assert plan([WEATHER, SEARCH], QUESTION, limit=0) == []


def test_choice_none_plans_nothing() -> None:
    assert plan([WEATHER, SEARCH], QUESTION, choice="none") == []


def test_auto_plans_nothing_when_nothing_fits_and_required_plans_all_the_same() -> None:
    assert plan([WEATHER, SEARCH], "hello there") == []
    assert [call.name for call in plan([WEATHER, SEARCH], "hello there", choice="required")] == ["GoogleSearch"]
    assert [call.name for call in plan([WEATHER], "hello there", choice="required")] == ["Weather"]


def test_allowed_names_are_the_only_ones_called() -> None:
    assert {call.name for call in plan([WEATHER, SEARCH], QUESTION, allowed={"Weather"})} == {"Weather"}
    assert plan([WEATHER, SEARCH], QUESTION, allowed=set()) == []


def test_no_tools_no_calls() -> None:
    assert plan([], QUESTION, choice="required") == []


def test_lists_are_multiplied_out_and_paired_when_the_text_says_respectively() -> None:
    tool = _tool("get_rainfall", {"city": {"type": "string"}, "year": {"type": "integer"}})
    every = plan([tool], "Show the rainfall of Lima and Oslo in 2019 and 2021.")
    assert [tuple(call.arguments.values()) for call in every] == [
        ("Lima", 2019),
        ("Lima", 2021),
        ("Oslo", 2019),
        ("Oslo", 2021),
    ]
    pairs = plan([tool], "Show the rainfall of Lima and Oslo in 2019 and 2021 respectively.")
    assert [tuple(call.arguments.values()) for call in pairs] == [("Lima", 2019), ("Oslo", 2021)]


def test_values_take_the_types_of_their_fields() -> None:
    tool = _tool(
        "open_deposit",
        {
            "amount": {"type": "number", "description": "Money to deposit."},
            "interest_rate": {"type": "number", "description": "Yearly rate as a decimal."},
            "years": {"type": "integer"},
            "start_date": {"type": "string", "description": "In the form DD/MM/YYYY."},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "amount",
        "interest_rate",
        "years",
        "start_date",
    )
    (call,) = plan([tool], "Open a deposit of $2,500 with an interest rate of 4% for 3 years from May 7, 2025.")
    assert call.arguments == {"amount": 2500.0, "interest_rate": 0.04, "years": 3, "start_date": "07/05/2025"}


def test_references_optionals_and_nested_objects_are_followed() -> None:
    schema = {
        "type": "object",
        "$defs": {
            "Place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            "Speed": {"type": "string", "enum": ["slow", "fast"]},
        },
        "properties": {
            "place": {"$ref": "#/$defs/Place"},
            "speed": {"anyOf": [{"$ref": "#/$defs/Speed"}, {"type": "null"}], "default": None},
            "note": {"type": "string"},
        },
        "required": ["place"],
    }
    (call,) = plan([PlannerTool("deliver_parcel", "", schema)], "Deliver the parcel in Porto, fast please.")
    assert call.arguments == {"place": {"city": "Porto"}, "speed": "fast"}


_TEXT = {"type": "string"}


@pytest.mark.parametrize("form", [{"pattern": "^[^@]+@[^@]+$"}, {"format": "email"}])
@pytest.mark.parametrize(
    "text",
    ["Email bob@x.com with subject 'hi' and alice@y.org with subject 'yo'",
     "Send an email with subject 'hi' to bob@x.com and one with subject 'yo' to alice@y.org"],
)  # fmt: skip
def test_two_values_of_the_same_form_are_two_calls_each_with_what_stands_beside_it(
    form: dict[str, Any], text: str
) -> None:
    tool = _tool("SendEmail", {"to": {**_TEXT, **form}, "subject": _TEXT, "body": _TEXT}, "to", "subject")
    assert plan([tool], text) == [
        PlannedCall("SendEmail", {"to": "bob@x.com", "subject": "hi"}),
        PlannedCall("SendEmail", {"to": "alice@y.org", "subject": "yo"}),
    ]


@pytest.mark.parametrize(
    ("form", "text", "values"),
    [
        (
            {"format": "ipv4"},
            "check the hosts 10.0.0.1, 10.0.0.2 and 192.168.7.9",
            ["10.0.0.1", "10.0.0.2", "192.168.7.9"],
        ),
        ({"pattern": r"^[a-z]{2}\d{3}$"}, "check the hosts ab123 and cd456.", ["ab123", "cd456"]),
        ({"pattern": "^[A-Z][a-z]+$"}, "What do you check? Check the host Alpha", ["Alpha"]),
        ({"pattern": r"^\d{5}$"}, "check 5 times the host 80331", ["80331"]),
    ],
)
def test_a_words_form_says_which_field_it_is_for(form: dict[str, Any], text: str, values: list[str]) -> None:
    tool = _tool("check_host", {"host": {**_TEXT, **form}, "note": _TEXT}, "host")
    assert [call.arguments["host"] for call in plan([tool], text, choice="required")] == values


def test_enum_values_nobody_mentions_are_taken_in_turn_last_first() -> None:
    tool = _tool("paint_wall", {"room": {"type": "string"}, "colour": {"enum": ["red", "green", "blue"]}})
    calls = plan([tool], "Paint the wall in the kitchen, cellar, attic and garage.")
    assert [call.arguments["colour"] for call in calls] == ["blue", "green", "red", "blue"]


def test_every_required_field_is_filled() -> None:
    kinds: dict[str, Any] = {
        "a": {"type": "string"},
        "b": {"type": "integer", "minimum": 7},
        "c": {"type": "number", "exclusiveMaximum": 0},
        "d": {"type": "boolean"},
        "e": {"type": "array", "items": {"type": "integer"}},
        "f": {"type": "object"},
        "g": {"const": "fixed"},
        "h": {"type": "string", "format": "date"},
        "i": {"type": "string", "default": "given"},
    }
    (call,) = plan([_tool("fill_everything", kinds)], "go", choice="required")
    assert call.arguments == {
        "a": "", "b": 7, "c": -1.0, "d": False, "e": [], "f": {}, "g": "fixed", "h": "2024-01-01", "i": "given",
    }  # fmt: skip


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=12),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=8,
)
_types = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null", "odd"])
_leaf = st.fixed_dictionaries(
    {},
    optional={
        "type": _types | st.lists(_types, max_size=2) | _json,
        "description": st.text(max_size=40) | _json,
        "enum": st.lists(_json, max_size=4) | _json,
        "default": _json,
        "format": st.sampled_from(["date", "time", "uuid"]) | _json,
        "items": _json,
        "minimum": st.integers() | st.floats() | _json,
        "$ref": st.sampled_from(["#", "#/$defs/x", "#/properties/a"]) | _json,
        "anyOf": _json,
    },
)
_schemas = st.recursive(
    _leaf,
    lambda below: st.fixed_dictionaries(
        {"properties": st.dictionaries(st.text(max_size=8), below, max_size=4) | _json},
        optional={
            "type": st.just("object"),
            "required": st.lists(st.text(max_size=8), max_size=3) | _json,
            "$defs": _json,
        },
    ),
    max_leaves=5,
)
_SAMPLE = """weather in of and , . ? " ' ( ) [ ] Paris New York 5 3.5 $20 4% May 3, 2024 2018-2019 at 5 pm x^2 3x^2 + 1
= to from between get who the 1,000 million 10^-3 e5 http://a.b a@b.c"""
_words = st.sampled_from([*_SAMPLE.split(), "\n"])
_texts = st.text(max_size=60) | st.lists(_words, max_size=25).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=30), _schemas | _json), max_size=3), _texts)
def test_it_never_raises_and_calls_only_what_is_offered(tools: list[tuple[str, str, Any]], text: str) -> None:
    offered = [PlannerTool(*tool) for tool in tools]
    calls = plan(offered, text, choice="required")
    assert {call.name for call in calls} <= {tool.name for tool in offered}
    assert len(calls) <= MAX_CALLS
    assert bool(calls) == bool(offered)


@pytest.mark.parametrize(
    "text", ["the " * 5000, "( 1 , " * 4000, '"' * 9000, " " * 20000 + "x", "A, " * 6000, "5 km, " * 4000]
)
def test_long_texts_are_planned(text: str) -> None:
    assert len(plan([WEATHER, SEARCH], "weather in " + text, choice="required")) <= MAX_CALLS


def test_bfcl_tool_names_are_right_for_at_least_half_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    data = shared_path("bfcl")
    monkeypatch.setattr(sys, "path", [str(Path(__file__).resolve().parents[3] / "benchmarks"), *sys.path])
    import planner_bfcl

    rows = [row for file in planner_bfcl.measure(data).values() for row in file]
    assert len(rows) == 220
    assert sum(row.names_right for row in rows) >= len(rows) / 2
    assert sum(row.all_right for row in rows) >= len(rows) / 4
