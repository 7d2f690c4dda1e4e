"""For every shape of tool: the schema that was sent is right, and the call that came back is the right typed value."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, TypeVar

import jsonschema
import pytest
from loopback import USER, Bench, call
from pydantic import BaseModel, Field, RootModel
from shapes import SHAPES, Empty, Node, Shape, Titled, Weather
from toolfan import BadCall, BoundCall, InvalidArguments, Tool, ToolDefinitionError, UsageError
from toolfan.tools.toolset import tool_types
from typing_extensions import TypeAliasType

T = TypeVar("T")
U = TypeVar("U")


def sent_function(bench: Bench) -> dict[str, Any]:
    return bench.bodies[0]["tools"][0]["function"]


def wire_name(shape: Shape) -> str:
    return shape.name or shape.tool.__name__


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_call_comes_back_as_the_typed_value(bench: Bench, shape: Shape) -> None:
    client = bench.answered(call(wire_name(shape), shape.arguments))
    calls = client.create(model="m", messages=USER, response_model=Iterable[shape.tool])
    assert list(calls) == [shape.value]
    assert [type(value) for value in calls] == [type(shape.value)]
    assert sent_function(bench)["name"] == wire_name(shape)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_schema_that_was_sent_takes_good_arguments_and_refuses_wrong_ones(bench: Bench, shape: Shape) -> None:
    client = bench.answered(call(wire_name(shape), shape.arguments if shape.wrong is None else shape.wrong))
    calls = client.create(model="m", messages=USER, tools=(shape.tool,), on_invalid="keep")
    schema = sent_function(bench)["parameters"]
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert schema["type"] == "object"
    assert [error.message for error in validator.iter_errors(shape.arguments)] == []
    if shape.wrong is not None:
        assert not validator.is_valid(shape.wrong)
        assert [type(bad.error) for bad in calls.failed] == [InvalidArguments]


def forecast(city: str, days: int = 3, *, metric: bool = True) -> str:
    """The forecast for a city."""
    return f"{city} {days} {metric}"


async def awaited(x: int) -> int:
    return x + 1


def clashing(self: int, model_config: str, schema: bool, copy: int = 1, **_none: Any) -> Any: ...


def named_like_pydantic(model_fields: int, json: str, validate: bool = True) -> Any:
    return model_fields, json, validate


def positional(a: int, b: int, /, c: int) -> int:
    return a * 100 + b * 10 + c


def documented(place: Annotated[str, Field(description="Where")], unannotated=1) -> Any:  # type: ignore[no-untyped-def]
    return place, unannotated


class Service:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def times(self, x: int) -> int:
        return self.factor * x

    def __call__(self, x: int) -> int:
        return self.factor * x

    @classmethod
    def made(cls, x: int) -> int:
        return cls(2).factor * x

    @staticmethod
    def bare(x: int) -> int:
        return -x


FUNCTIONS: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "forecast": (forecast, {"city": "Oslo", "metric": False}, "Oslo 3 False"),
    "named_like_pydantic": (named_like_pydantic, {"model_fields": 1, "json": "x"}, (1, "x", True)),
    "positional": (positional, {"a": 1, "b": 2, "c": 3}, 123),
    "documented": (documented, {"place": "x"}, ("x", 1)),
    "times": (Service(3).times, {"x": 2}, 6),
    "made": (Service.made, {"x": 2}, 4),
    "bare": (Service.bare, {"x": 2}, -2),
    "partial": (Tool(functools.partial(forecast, days=9), name="partial"), {"city": "A"}, "A 9 True"),
    "callable": (Tool(Service(5), name="callable"), {"x": 2}, 10),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_comes_back_bound_and_runs(bench: Bench, name: str) -> None:
    function, arguments, result = FUNCTIONS[name]
    client = bench.answered(call(name, arguments))
    (bound,) = client.create(model="m", messages=USER, tools=(function,))
    assert isinstance(bound, BoundCall)
    assert bound.function is (function.target if isinstance(function, Tool) else function) or name in ("times", "made")
    assert bound.run() == result
    assert asyncio.run(bound.arun()) == result
    assert jsonschema.Draft202012Validator(sent_function(bench)["parameters"]).is_valid(arguments)


def test_a_coroutine_function_is_awaited_with_arun_and_refused_by_run(bench: Bench) -> None:
    (bound,) = bench.answered(call("awaited", {"x": 1})).create(model="m", messages=USER, tools=(awaited,))
    assert asyncio.run(bound.arun()) == 2
    with pytest.raises(UsageError, match="arun"):
        bound.run()


def test_a_functions_wire_form(bench: Bench) -> None:
    client = bench.answered(call("documented", {"place": "x"}))
    client.create(model="m", messages=USER, tools=(documented,))
    assert sent_function(bench) == {
        "name": "documented",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string", "description": "Where"}, "unannotated": {"default": 1}},
            "required": ["place"],
        },
    }


def test_several_kinds_in_one_request_keep_their_order(bench: Bench) -> None:
    client = bench.answered(call("forecast", {"city": "A"}), call("Empty", "", "b"), call("Weather", {}, "c"))
    calls = client.create(model="m", messages=USER, tools=[Weather, forecast, Empty], on_invalid="keep")
    assert [tool["function"]["name"] for tool in bench.bodies[0]["tools"]] == ["Weather", "forecast", "Empty"]
    assert [type(outcome).__name__ for outcome in calls.outcomes] == ["Call", "Call", "BadCall"]
    assert isinstance(calls.outcomes[2], BadCall)


def test_a_renamed_and_described_tool(bench: Bench) -> None:
    tool = Tool(Weather, name="other", description="Else.")
    calls = bench.answered(call("other", SHAPES["model"].arguments)).create(model="m", messages=USER, tools=(tool,))
    assert (calls.good[0].name, calls[0]) == ("other", SHAPES["model"].value)
    assert sent_function(bench)["description"] == "Else."


def test_titles_are_those_the_user_wrote_and_descriptions_are_docstrings(bench: Bench) -> None:
    bench.serve({"text": "no", "times": "always"})
    client = bench.client()
    for tool in (Weather, Titled, Node):
        client.create(model="m", messages=USER, tools=(tool,))
    weather, titled, node = (body["tools"][0]["function"] for body in bench.bodies)
    assert weather["description"] == "What the weather is."
    assert "title" not in json.dumps(weather["parameters"])
    assert (titled["name"], "description" in titled) == ("Titled", False)
    assert node["parameters"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}


class Rooted(RootModel[list[int]]):
    pass


class RootedObject(RootModel[dict[str, int]]):
    pass


class Untypable(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    thing: Service


class Callback(BaseModel):
    then: Callable[[int], int]


class CallingBack(BaseModel):
    first: int
    inner: Callback


@dataclasses.dataclass
class CallsBack:
    then: Annotated[Callable[[], None], Field(alias="after")]


def call_back(then: Callable[[int], int]) -> None: ...


class Undefined(BaseModel):
    thing: Missing  # type: ignore[name-defined]  # noqa: F821


def undefined(thing: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


REFUSED: dict[str, tuple[Any, str]] = {
    "root model of a list": (Rooted, "'array' at its root"),
    "no schema": (Untypable, "the field 'thing' has no JSON schema"),
    "a callable inside": (CallingBack, "the field 'inner.then' has no JSON schema"),
    "a callable in a dataclass": (CallsBack, "the field 'after' has no JSON schema"),
    "a callable in a function": (call_back, "the field 'then' has no JSON schema"),
    "undefined name": (Undefined, "not defined"),
    "undefined in a function": (undefined, "not defined"),
    "star arguments": (lambda *a: a, "no name"),
    "keyword arguments": (clashing, r"\*_none"),
    "an instance": (Weather(location="a", units="metric"), "cannot be a tool"),
    "a plain class": (Service, "cannot be a tool"),
    "int": (int, "cannot be a tool"),
    "a text": ("Weather", "cannot be a tool"),
    "BaseModel": (BaseModel, "BaseModel itself"),
    "an empty name": (Tool, "cannot be a tool"),
}


@pytest.mark.parametrize(("tool", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_model_could_be_offered_is_refused_before_sending(bench: Bench, tool: Any, message: str) -> None:
    client = bench.answered()
    with pytest.raises(ToolDefinitionError, match=message):
        client.create(model="m", messages=USER, tools=(tool,))
    assert bench.bodies == []


Several = TypeAliasType("Several", Iterable[T], type_params=(T,))
Same = TypeAliasType("Same", T, type_params=(T,))
Crossed = TypeAliasType("Crossed", Annotated[list[U | T], "later first"], type_params=(T, U))
Nested = TypeAliasType("Nested", Several[T | Empty], type_params=(T,))
Constant = TypeAliasType("Constant", list[Weather | Empty], type_params=(T,))


class Box(BaseModel, Generic[T]):
    inside: T


@dataclasses.dataclass
class Shelf(Generic[T]):
    boxes: list[T]


Boxes = TypeAliasType("Boxes", Iterable[Box[T] | Shelf[Box[U]] | Box[Box[U]]], type_params=(T, U))


@pytest.mark.parametrize(
    ("form", "names"),
    [
        (Several[Weather | Empty], ["Weather", "Empty"]),
        (Several[Same[Weather]], ["Weather"]),
        (Same[Several[Empty]], ["Empty"]),
        (Crossed[Weather, Empty], ["Empty", "Weather"]),
        (Nested[Weather], ["Weather", "Empty"]),
        (Constant[int], ["Weather", "Empty"]),
        (Iterable[Same[Weather] | Empty], ["Weather", "Empty"]),
    ],
    ids=str,
)
def test_generic_aliases(bench: Bench, form: Any, names: list[str]) -> None:
    client = bench.answered(call("Weather", {"location": "a", "units": "metric"}), call("Empty", {}, id="e"))
    calls = client.create(model="m", messages=USER, response_model=form, on_invalid="keep")
    assert [tool["function"]["name"] for tool in bench.bodies[0]["tools"]] == names
    assert [outcome.name for outcome in calls.good] == [name for name in ("Weather", "Empty") if name in names]


def test_generic_tools_in_a_generic_alias() -> None:
    """Of pydantic's models, too, which are classes and show typing no variables."""
    inside = {"properties": {"inside": {"type": "integer"}}, "required": ["inside"], "title": "Box[int]"}
    boxed, shelf, twice = map(Tool, tool_types(Boxes[str, int]))
    assert boxed.schema["properties"] == {"inside": {"type": "string"}}
    assert shelf.schema["$defs"] == twice.schema["$defs"] == {"Box_int_": {**inside, "type": "object"}}


def test_a_generic_alias_without_its_types_is_refused(bench: Bench) -> None:
    client = bench.answered()
    for form in (Several, Iterable[Same]):
        with pytest.raises(ToolDefinitionError, match="cannot be a tool"):
            client.create(model="m", messages=USER, response_model=form)
    assert bench.bodies == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type X = ...` came with Python 3.12")
def test_type_statements(bench: Bench) -> None:
    names: dict[str, Any] = {"Weather": Weather, "Empty": Empty, "Iterable": Iterable}
    exec("type Both = Weather | Empty\ntype Many = Iterable[Both]", names)
    both = names["Both"]
    for form in (Iterable[both], names["Many"], both):
        calls = bench.answered(call("Empty", {})).create(model="m", messages=USER, response_model=form)
        assert list(calls) == [Empty()]
        assert [tool["function"]["name"] for tool in bench.bodies[0]["tools"]] == ["Weather", "Empty"]
