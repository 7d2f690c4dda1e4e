"""`tool()` in its three forms, and what a function that it replaced still can."""

from __future__ import annotations

import asyncio
import copy
import functools
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from toolfan import BoundCall, Tool, ToolDefinitionError, ToolSet, UsageError, tool

if TYPE_CHECKING:
    from collections.abc import Callable


@tool
def plain(x: int) -> int:
    """Adds one."""
    return x + 1


@tool(name="other", timeout=3, sequential=True)
def named(x: int) -> float:
    return x / 2


@tool()
async def awaited(x: int) -> str:
    return str(x)


class Service:
    @tool
    def inner(x: int) -> int:
        return x


def bare(x: int) -> int:
    return x


@tool
@dataclass
class Move:
    x: int


def test_the_decorator_makes_a_tool_with_and_without_options() -> None:
    assert (plain.name, plain.description, plain.kind) == ("plain", "Adds one.", "function")
    assert (named.name, named.timeout, named.sequential, named.early) == ("other", 3, True, False)
    assert awaited.name == "awaited"
    assert (Move.name, Move.kind) == ("Move", "dataclass")


def test_the_function_form_is_the_same() -> None:
    made = tool(bare, name="other", description="d", early=True)
    assert isinstance(made, Tool)
    assert (made.target, made.name, made.description, made.early) == (bare, "other", "d", True)


def test_a_wrong_option_is_refused_where_it_is_written() -> None:
    with pytest.raises(TypeError, match="nam"):
        tool(nam="x")  # type: ignore[call-overload]
    with pytest.raises(ToolDefinitionError, match="cannot be a tool"):
        tool(3)  # type: ignore[call-overload]
    with pytest.raises(ToolDefinitionError, match=r"Write Tool\(type, handler=function\)"):
        tool(int, handler=print)  # type: ignore[call-overload]


@pytest.mark.parametrize("made", [plain, named, awaited, Service.inner, tool(bare)], ids=lambda made: made.name)
def test_a_decorated_tool_and_its_calls_pickle_and_copy(made: Tool[BoundCall[object]]) -> None:
    call = BoundCall(made.target, {"x": 3})
    for again in (pickle.loads(pickle.dumps(call)), copy.deepcopy(call), copy.copy(call)):
        assert again == call
        assert again.function is made.target
    for same in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert (same.target, same.name, same.timeout) == (made.target, made.name, made.timeout)
    assert [one.target for one in pickle.loads(pickle.dumps(ToolSet((made,))))] == [made.target]


def test_running_a_bound_call() -> None:
    assert BoundCall(plain.target, {"x": 3}).run() == 4
    assert asyncio.run(BoundCall(plain.target, {"x": 3}).arun()) == 4
    assert asyncio.run(BoundCall(awaited.target, {"x": 3}).arun()) == "3"
    with pytest.raises(UsageError, match="is a coroutine function"):
        BoundCall(awaited.target, {"x": 3}).run()


class Awaited:
    async def __call__(self, x: int) -> str:
        return str(x)


@pytest.mark.parametrize(
    "function", [Awaited(), Awaited().__call__, functools.partial(Awaited()), functools.partial(awaited.target)]
)
def test_what_is_to_be_awaited_is_refused_by_run(function: Callable[..., Any]) -> None:
    call = BoundCall(function, {"x": 3})
    with pytest.raises(UsageError, match=r"is a coroutine function\. Use `await call\.arun\(\)`"):
        call.run()
    assert asyncio.run(call.arun()) == "3"


def test_a_local_function_fails_to_pickle_as_any_does() -> None:
    def local(x: int) -> int:
        return x

    with pytest.raises((AttributeError, pickle.PicklingError), match="local"):
        pickle.dumps(BoundCall(local, {"x": 1}))
