"""Tools that cannot be: refused before anything is sent, with the right spelling."""

from __future__ import annotations

import collections.abc
import functools
import math
import typing
from typing import Any

import pytest
from loopback import USER, Bench
from pydantic import BaseModel, Field
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
    ({"description": ["x"]}, r"description= of a tool is \['x'\].*It is a text"),
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
