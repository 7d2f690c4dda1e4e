"""A `Field(...)` in a function's signature means what it means to pydantic's `validate_call`, as a default too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
import toolfan
from loopback import USER, Bench, call
from pydantic import AliasChoices, Field, ValidationError, validate_call
from toolfan import BoundCall

if TYPE_CHECKING:
    from collections.abc import Callable


def book(
    name: str = Field(description="who", min_length=1), seats: int = Field(2, ge=1, le=9, description="how many")
) -> Any:
    return name, seats


def optional_first(seats: int = Field(2, ge=1), name: str = Field()) -> Any:
    return seats, name


def fresh(tags: list[str] = Field(default_factory=list), at: int = Field(default_factory=lambda: 4, gt=0)) -> Any:
    return tags, at


def annotated(a: Annotated[int, Field(ge=1, default=7)], b: Annotated[str, Field(max_length=3)] = "x") -> Any:
    return a, b


NOT_GIVEN: Any = object()


def wait(seconds: float = NOT_GIVEN) -> Any:
    return seconds


def both(a: Annotated[int, Field(ge=1, description="least")] = Field(5, le=9)) -> Any:
    return a


def renamed(
    a: Annotated[int, Field(alias="first", ge=1)],
    b: int = Field(2, alias="second"),
    c: Annotated[int, Field(validation_alias="third")] = 3,
    d: int = Field(4, validation_alias=AliasChoices("fourth", "vierte")),
    e: Annotated[int, Field(serialization_alias="fifth")] = 5,
) -> Any:
    return a, b, c, d, e


def keyword(*, model_config: int = Field(1, le=5), json: Annotated[str, Field(alias="class")] = "j") -> Any:
    return model_config, json


FUNCTIONS: dict[Callable[..., Any], list[dict[str, Any]]] = {
    book: [{"name": "x"}, {"seats": 9, "name": "x"}, {"seats": 10, "name": "x"}, {"seats": 1}, {"name": ""}, {}],
    fresh: [{}, {"tags": ["a"], "at": 1}, {"at": 0}],
    annotated: [{}, {"a": 0}, {"a": 2, "b": "long"}, {"a": 2, "b": "abc"}],
    both: [{}, {"a": 0}, {"a": 10}, {"a": 9}],
    renamed: [{"first": 1}, {"first": 1, "second": 7, "third": 8, "fourth": 9, "e": 6}, {"first": 0}, {"a": 1}],
    keyword: [{}, {"model_config": 6}, {"model_config": 5, "class": "c"}],
}
CASES = [(function, arguments) for function, given in FUNCTIONS.items() for arguments in given]


@pytest.mark.parametrize(("function", "arguments"), CASES, ids=lambda it: getattr(it, "__name__", str(it)))
def test_a_call_is_judged_as_validate_call_does(
    bench: Bench, function: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    client = bench.answered(call(function.__name__, arguments))
    calls = client.create(model="m", messages=USER, tools=(function,), on_invalid="keep")
    try:
        expected = validate_call(function)(**arguments)
    except ValidationError:
        assert [type(bad.error) for bad in calls.failed] == [toolfan.InvalidArguments]
    else:
        assert [bound.run() for bound in calls] == [expected]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda it: it.__name__)
def test_a_call_holds_the_parameters_own_names(bench: Bench, function: Callable[..., Any]) -> None:
    client = bench.answered(call(function.__name__, FUNCTIONS[function][0]))
    (bound,) = client.create(model="m", messages=USER, tools=(function,))
    assert isinstance(bound, BoundCall)
    code = function.__code__
    assert list(bound.arguments) == list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def test_the_schema_says_bounds_descriptions_and_what_is_required(bench: Bench) -> None:
    bench.answered(call("book", {"name": "x"})).create(model="m", messages=USER, tools=(book, renamed, both))
    schemas = [tool["function"]["parameters"] for tool in bench.bodies[0]["tools"]]
    assert schemas[0] == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "who"},
            "seats": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2, "description": "how many"},
        },
        "required": ["name"],
    }
    assert list(schemas[1]["properties"]) == ["first", "second", "third", "fourth", "e"]
    assert schemas[1]["required"] == ["first"]
    bounds = {"type": "integer", "minimum": 1, "maximum": 9, "default": 5, "description": "least"}
    assert schemas[2]["properties"] == {"a": bounds}


def test_a_default_that_json_has_no_word_for_is_left_out_without_a_warning(bench: Bench) -> None:
    """Warnings are errors here, and one would make the function no tool."""
    calls = bench.answered(call("wait", {})).create(model="m", messages=USER, tools=(wait,))
    assert bench.bodies[0]["tools"][0]["function"]["parameters"] == {
        "type": "object",
        "properties": {"seconds": {"type": "number"}},
    }
    assert calls[0].run() is NOT_GIVEN


def test_a_default_that_is_made_is_made_for_each_call(bench: Bench) -> None:
    client = bench.answered(call("fresh", {}, "c1"), call("fresh", {}, "c2"))
    one, other = client.create(model="m", messages=USER, tools=(fresh,))
    assert one.arguments["tags"] == [] == other.arguments["tags"]
    assert one.arguments["tags"] is not other.arguments["tags"]


def test_one_that_must_be_given_may_stand_behind_one_that_need_not(bench: Bench) -> None:
    client = bench.answered(call("optional_first", {"name": "x"}, "c1"), call("optional_first", {"seats": 3}, "c2"))
    calls = client.create(model="m", messages=USER, tools=(optional_first,), on_invalid="keep")
    assert [bound.run() for bound in calls] == [(2, "x")]
    assert "name: Field required" in str(calls.failed[0].error)
