"""Tools that are defined inside a function, in a module whose annotations are texts."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any, Generic, TypedDict, TypeVar

import pytest
from loopback import USER, Bench, call
from pydantic import BaseModel
from toolfan import Tool, ToolDefinitionError

T = TypeVar("T")


def test_tools_that_a_function_defines_name_each_other(bench: Bench) -> None:
    class Leaf(BaseModel):
        v: int

    @dataclasses.dataclass
    class Branch:
        leaf: Leaf
        more: list[Branch] = dataclasses.field(default_factory=list)

    @dataclasses.dataclass
    class Held(Generic[T]):
        leaf: Leaf
        other: T | None = None

    class Note(TypedDict):
        leaf: Leaf

    class Late(BaseModel):
        leaf: Leaf
        later: Later | None = None

    class Later(BaseModel):
        v: int

    class Service:
        def pick(self, leaf: Leaf) -> int:
            return leaf.v

    def fall(leaf: Leaf) -> int:
        return leaf.v

    def within() -> list[Any]:
        class Leaf(Later): ...

        def inner(leaf: Leaf, late: Late | None = None) -> str:
            return type(leaf).__qualname__

        return list(asked((inner,)))

    def asked(tools: tuple[Any, ...]) -> Any:
        names = [re.sub(r"\W", "_", Tool(tool).name) for tool in tools]
        client = bench.answered(*(call(name, {"leaf": {"v": 1}}, id=name) for name in names))
        return client.create(model="m", messages=USER, tools=tools)

    leaf = Leaf(v=1)
    assert list(asked((Branch, Held[int], Note, Late))) == [Branch(leaf), Held(leaf), {"leaf": leaf}, Late(leaf=leaf)]
    assert [bound.run() for bound in asked((fall, Service().pick))] == [1, 1]
    assert within()[0].run().endswith("within.<locals>.Leaf")


def test_what_wraps_a_function_stands_where_the_function_stands() -> None:
    class Leaf(BaseModel):
        v: int

    @dataclasses.dataclass
    class Branch:
        leaf: Leaf

    def fall(branch: Branch, far: int) -> int:
        return branch.leaf.v * far

    class Service:
        def __call__(self, branch: Branch) -> int:
            return branch.leaf.v

    for function in (functools.partial(functools.partial(fall), far=2), Service()):
        assert Tool(function, name="fall").schema["$defs"].keys() == {"Branch", "Leaf"}


def leaves() -> tuple[Any, Any]:
    class Leaf(BaseModel):
        v: int

    def used(leaf: Leaf) -> Any:
        return Leaf.model_validate(leaf)

    def unused(leaf: Leaf) -> Any:
        return leaf

    return used, unused


def test_what_a_function_uses_itself_outlives_the_function_around_it(bench: Bench) -> None:
    used, unused = leaves()
    (bound,) = bench.answered(call("used", {"leaf": {"v": 1}})).create(model="m", messages=USER, tools=(used,))
    assert bound.run().v == 1
    with pytest.raises(ToolDefinitionError, match="name 'Leaf' is not defined"):
        bench.answered().create(model="m", messages=USER, tools=(unused,))
