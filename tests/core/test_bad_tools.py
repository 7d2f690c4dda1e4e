"""Tools that cannot be: refused before anything is sent, with the right spelling."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import math
import operator
import typing
from typing import Any
from unittest.mock import AsyncMock, Mock

import openai
import pytest
from loopback import USER, Bench
from pydantic import BaseModel, Field, WithJsonSchema
from toolfan import Tool, ToolDefinitionError, ToolSet, tool


class A(BaseModel):
    x: int = 0


class Service:
    def price(self, item: str) -> float:
        return float(len(item))

    @functools.lru_cache  # noqa: B019 - what it is wrapped in does not matter
    def remembered(self, item: str) -> float:
        return float(len(item))

    @staticmethod
    def flat(item: str) -> float:
        return float(len(item))

    @classmethod
    def listed(cls, item: str) -> float:
        return float(len(item))

    def __call__(self, item: str) -> float:
        return float(len(item))


BARE = [
    typing.Iterable, typing.Sequence, typing.Collection,
    typing.List, typing.Set, typing.FrozenSet, typing.Tuple,  # noqa: UP006 - these very spellings
    collections.abc.Iterable, collections.abc.Sequence, collections.abc.Collection, list, set, frozenset, tuple,
    typing.Annotated[typing.List, "x"],  # noqa: UP006
]  # fmt: skip


FORMS_OF_FUNCTIONS: list[dict[str, Any]] = [
    openai.pydantic_function_tool(A),  # type: ignore[list-item]
    {"type": "function", "name": "A", "parameters": {}},
    {"name": "A", "input_schema": {}},
    {"toolSpec": {"name": "A"}},
    {"functionDeclarations": [{"name": "A"}]},
]


@pytest.mark.parametrize("form", FORMS_OF_FUNCTIONS, ids=str)
def test_a_class_in_the_form_of_a_provider(bench: Bench, form: dict[str, Any]) -> None:
    with pytest.raises(ToolDefinitionError, match=r"a dict cannot be a tool\. It tells of a class or a function: pass"):
        bench.client().create(model="m", messages=USER, tools=(form,))


@pytest.mark.parametrize("form", BARE, ids=str)
def test_a_container_that_says_not_of_what(bench: Bench, form: Any) -> None:
    with pytest.raises(ToolDefinitionError, match=r"does not say of what\. Write Iterable\[Weather \| GoogleSearch\]"):
        bench.client().create(model="m", messages=USER, response_model=form)


@pytest.mark.parametrize("form", [tuple[()], typing.Tuple[()]])  # noqa: UP006
def test_an_empty_tuple_fixes_the_number_of_calls(bench: Bench, form: Any) -> None:
    with pytest.raises(ToolDefinitionError, match="fixes the number of calls"):
        bench.client().create(model="m", messages=USER, response_model=form)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": 5}, "name= of a tool is 5.*It is a text"),
    ({"description": ["x"]}, "description= of a tool is a list.*It is a text"),
    ({"timeout": "3"}, "timeout= of a tool is '3'.*a number of seconds above 0, or None"),
    ({"timeout": True}, "timeout= of a tool is True"),
    ({"timeout": 0}, "timeout= of a tool is 0"),
    ({"timeout": math.nan}, "timeout= of a tool is nan"),
    ({"timeout": math.inf}, "timeout= of a tool is inf"),
    ({"sequential": "yes"}, "sequential= of a tool is 'yes'.*True or False"),
    ({"sequential": None}, "sequential= of a tool is None"),
    ({"early": 1}, "early= of a tool is 1"),
]


@pytest.mark.parametrize(("options", "said"), WRONG, ids=str)
def test_an_option_of_a_wrong_type(options: dict[str, Any], said: str) -> None:
    for make in (lambda: Tool(A, **options), lambda: tool(**options)(Service.flat)):
        with pytest.raises(ToolDefinitionError, match=rf"(?s){said}") as caught:
            make()
        assert caught.value.tool in ("A", "flat")


def test_a_handler_that_cannot_be_called() -> None:
    with pytest.raises(ToolDefinitionError, match=r"handler= of a tool is 5.*It is a function"):
        Tool(A, handler=5)  # type: ignore[call-overload]


class Looking:
    def look_up(self, value: A) -> str:
        return repr(value)


class Lacking:
    def __call__(self) -> str:
        return ""


@pytest.mark.parametrize(
    "handler",
    [lambda: 1, lambda a, b: a, lambda *, a: a, Looking.look_up, functools.partial(Looking().look_up, A()), Lacking()],
    ids=["no argument", "two", "by name alone", "a method without its object", "given already", "an object"],
)
def test_a_handler_that_cannot_take_the_value_is_refused(handler: Any) -> None:
    """Where it is defined: every call would fail, and the model alone be told."""
    with pytest.raises(ToolDefinitionError, match=r"handler= of a tool is .*called with the call's value alone"):
        Tool(A, handler=handler)


def passed_on(function: Any) -> Any:
    @functools.wraps(function)
    def call(*given: Any) -> Any:
        return function(*given, "more")

    return call


def injected(function: Any) -> Any:
    """As `passed_on`, by a decorator that also tells the signature of what it decorates."""
    call = passed_on(function)
    call.__signature__ = inspect.signature(function)
    return call


class Standing:
    """In place of a function, as the objects of wrapt are: it has whatever the function has."""

    def __init__(self, function: Any) -> None:
        self.__wrapped__ = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__wrapped__, name)

    def __call__(self, *given: Any) -> Any:
        return self.__wrapped__(*given, "more")


@pytest.mark.parametrize(
    "handler",
    [
        lambda a, b=1: a,
        lambda *a: a,
        Looking().look_up,
        functools.partial(lambda a, b: a, b=1),
        passed_on(lambda a, b: (a, b)),
        injected(lambda a, b: (a, b)),
        functools.partial(injected(lambda a, b, c: (a, b, c)), 1),
        Standing(lambda a, b: (a, b)),
        functools.partial(Standing(lambda a, b, c: (a, b, c)), 1),
        repr,
        str,
        Mock(),
        AsyncMock(),
        operator.itemgetter(0),
    ],
    ids=[
        "default",
        "any",
        "method",
        "partial",
        "decorated",
        "injected",
        "injected, partly",
        "stand-in",
        "stand-in, partly",
        "builtin",
        "type",
        "mock",
        "async mock",
        "object",
    ],
)
def test_a_handler_that_can_take_it_or_may_is_taken(handler: Any) -> None:
    assert Tool(A, handler=handler).handler is handler


def test_options_of_the_right_type_pass() -> None:
    made = Tool(A, name="a", description="", handler=print, timeout=0.5, sequential=True, early=True)
    assert (made.name, made.timeout, made.sequential, made.early) == ("a", 0.5, True, True)


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        (5, "is int, not a sequence of tools"),
        (None, "is NoneType, not a sequence of tools"),
        ("Weather", "is str, not a sequence of tools"),
        (A, "is ModelMetaclass, not a sequence of tools"),
        ({A}, "is set, which has no order, not a sequence of tools"),
        (frozenset({A}), "is frozenset, which has no order, not a sequence of tools"),
        ((), "is empty"),
    ],
)
def test_what_is_no_set_of_tools(tools: Any, said: str) -> None:
    with pytest.raises(ToolDefinitionError, match=rf"ToolSet\(\) {said}.*Write ToolSet\(\(Weather, GoogleSearch\)\)"):
        ToolSet(tools)


@pytest.mark.parametrize("method", [Service.price, Service.remembered, Service.__call__], ids=lambda m: m.__name__)
def test_a_method_without_its_object(bench: Bench, method: Any) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(ToolDefinitionError, match=rf"fill in self.*my_object\.{method.__name__}") as caught:
        bench.client().create(model="m", messages=USER, tools=(method,))
    assert caught.value.tool == method.__name__
    assert bench.bodies == []


def takes_itself(self: str) -> str:
    return self


@pytest.mark.parametrize(
    "function",
    [Service().price, Service.flat, Service.listed, Tool(Service(), name="s"), takes_itself,
     Tool(functools.partial(Service.price, Service()), name="p")],
)  # fmt: skip
def test_what_needs_no_object(bench: Bench, function: Any) -> None:
    bench.serve({"text": "x"})
    bench.client().create(model="m", messages=USER, tools=(function,))
    (sent,) = bench.bodies[0]["tools"]
    assert list(sent["function"]["parameters"]["properties"]) in (["item"], ["self"])


class NotANumber(BaseModel):
    ratio: float = math.nan


class Inner(BaseModel):
    limit: float = -math.inf


class Nested(BaseModel):
    inner: list[Inner]


class Surrogate(BaseModel):
    word: str = Field("x", description="half a \ud83d")


def endless(seconds: float = math.inf) -> None: ...


@pytest.mark.parametrize(
    ("offered", "place", "what"),
    [
        (NotANumber, "properties.ratio.default", "is nan"),
        (Nested, "Inner.properties.limit.default", "is -inf"),
        (Surrogate, "properties.word.description", "has a lone surrogate"),
        (endless, "properties.seconds.default", "is inf"),
    ],
)
def test_a_schema_that_no_json_can_hold(bench: Bench, offered: Any, place: str, what: str) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(ToolDefinitionError) as caught:
        bench.client().create(model="m", messages=USER, tools=(offered,))
    assert f"{place} {what}" in caught.value.message
    assert caught.value.tool == offered.__name__
    assert bench.bodies == []


def written(schema: Any) -> Any:
    """A type with a schema that somebody wrote."""

    class Written(BaseModel):
        f: typing.Annotated[Any, WithJsonSchema(schema)]

    return Written


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


HOLDS_ITSELF: dict[str, Any] = {"type": "object", "properties": {}}
HOLDS_ITSELF["properties"]["a"] = HOLDS_ITSELF


class Odd(BaseModel):
    f: int

    @classmethod
    def __get_pydantic_json_schema__(cls, *_: Any) -> Any:
        raise AttributeError("no such thing")


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        (written({"$ref": "#/nowhere"}), "refers to .?#/nowhere.?, which is not there"),
        (written({"type": "array", "items": {"$ref": "#/$defs/Nope"}}), "Nope.?, which is not there"),
        (written({"anyOf": [{"type": "null"}, {"$ref": "other.json#/x"}]}), "other.json#/x.?, which is not there"),
        (written({"$ref": "#/properties/f/type"}), "/f/type.?, which is not there"),
        (written(HOLDS_ITSELF), "nested too deep, or holds itself|more than 100 levels deep, or holds itself"),
        (written(nested(2000)), "nested too deep, or holds itself"),
        (written(nested(200)), "nested more than 100 levels deep"),
        (written({"type": "integer", "x": object()}), "properties.f.x is of the type object"),
        (written({"type": "integer", "x": [{"y": b"z"}]}), r"properties.f.x\[0\].y is of the type bytes"),
        (written({"type": "integer", "x": {(1, 2): 3}}), r"properties.f.x.\(1, 2\) is no name"),
        (written({"type": "object", "properties": {"\ud800": {}}}), r"properties.f.properties.'\\ud800' has a lone"),
        (written({"type": "integer", "maximum": 10**5000}), "maximum is a number of thousands of digits"),
        (Odd, "cannot be a tool: AttributeError: no such thing"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
@pytest.mark.parametrize("strict", [None, True])
def test_a_schema_that_no_provider_can_carry(bench: Bench, offered: Any, said: str, strict: bool | None) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(ToolDefinitionError, match=said) as caught:
        bench.client().create(model="m", messages=USER, tools=(offered,), strict=strict)
    assert caught.value.tool == offered.__name__
    assert str(caught.value).isascii()
    assert bench.bodies == []


def test_a_schema_that_somebody_wrote_well(bench: Bench) -> None:
    ref = {"$ref": "#/$defs/Nope"}
    schema = {
        "type": "object",
        "properties": {"$ref": {"type": "string"}, "default": {"type": "integer"}},
        "x-more": [{"$ref": 5}, (1, 2), None],
        "examples": [ref],
    }
    bench.serve({"text": "x"})
    bench.client().create(model="m", messages=USER, tools=(written(schema),))
    sent = bench.bodies[0]["tools"][0]["function"]["parameters"]["properties"]["f"]
    assert sent == {**schema, "x-more": [{"$ref": 5}, [1, 2], None]}


def half() -> None:
    """Set below: Python 3.13 compiles no such text."""


half.__doc__ = "Half a \ud83d."


def test_a_description_that_no_json_can_hold(bench: Bench) -> None:
    bench.serve({"text": "x"})
    for make in (
        lambda: Tool(A, description="half a \ud83d"),
        lambda: tool(description="half a \ud83d")(endless),
        lambda: half,
    ):
        with pytest.raises(ToolDefinitionError, match="its description has a lone surrogate") as caught:
            bench.client().create(model="m", messages=USER, tools=(make(),))
        assert caught.value.tool in ("A", "endless", "half")
    assert bench.bodies == []


def test_what_is_kept_for_a_key_is_of_the_function_that_makes_it() -> None:
    """Two adapters may have the same key in mind: neither gets what the other made."""

    class Weather(BaseModel):
        location: str

    made: list[str] = []

    def one() -> list[str]:
        made.append("one")
        return ["one"]

    def other() -> list[str]:
        return ["other"]

    tools = ToolSet((Weather,))
    assert tools.memo("tools", one) is tools.memo("tools", one)
    assert (tools.memo("tools", one), tools.memo("tools", other), made) == (["one"], ["other"], ["one"])
