"""Types that pydantic reads otherwise, or not at all: what is taken, and what to write where nothing can be."""

from __future__ import annotations

import json
import sys
import typing
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydantic
import pytest
from loopback import USER, Bench, call
from toolfan import Tool, ToolDefinitionError

if TYPE_CHECKING:
    from fractions import Fraction


class Place(typing.TypedDict):
    name: str


class Trip(typing.TypedDict):
    to: Place


@dataclass
class Order:
    to: Place


class Tree(typing.TypedDict):
    kids: list[Tree]


def go(to: Place, by: list[Trip] | None = None, *, back: typing.Annotated[Trip, "x"]) -> Any:
    return to, by, back


def test_typed_dicts_of_typing_are_parameters_of_functions(bench: Bench) -> None:
    """On Python 3.11 too, where pydantic reads those of typing_extensions alone."""
    place = {"name": "Oslo"}
    arguments = {"to": place, "by": [{"to": place}], "back": {"to": place}}
    client = bench.answered(call("go", arguments), call("go", {"to": {}, "back": {"to": place}}))
    calls = client.create(model="m", messages=USER, tools=(go,), on_invalid="keep")
    assert calls[0].run() == (place, [{"to": place}], {"to": place})
    assert "to.name: Field required" in str(calls.failed[0].error)
    sent = bench.bodies[0]["tools"][0]["function"]["parameters"]
    assert sent["$defs"]["Trip"]["required"] == ["to"]


@pydantic.with_config(pydantic.ConfigDict(extra="forbid", str_max_length=3))
class Closed(typing.TypedDict):
    code: str


class Holder(typing.TypedDict):
    closed: Closed


def take(closed: Closed) -> Closed:
    return closed


@pytest.mark.parametrize("name", ["Closed", "Holder", "take"])
def test_the_configuration_of_a_typed_dict_of_typing_counts(bench: Bench, name: str) -> None:
    """It was lost on Python 3.11: what it forbids passed."""
    tool = Tool[Any]({"Closed": Closed, "Holder": Holder, "take": take}[name])
    nest: Any = (lambda value: value) if name == "Closed" else lambda value: {"closed": value}
    offered = [nest(value) for value in ({"code": "abc"}, {"code": "abcd"}, {"code": "abc", "more": 1})]
    client = bench.answered(*(call(name, arguments) for arguments in offered))
    calls = client.create(model="m", messages=USER, tools=(tool,), on_invalid="keep")
    assert len(calls) == 1
    assert [bad.error.errors[0]["type"] for bad in calls.failed] == ["string_too_long", "extra_forbidden"]
    assert json.dumps(bench.bodies[0]["tools"]).count('"additionalProperties": false') == 1


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic reads them from Python 3.12 on")
@pytest.mark.parametrize("tool", [Order, Tree])
def test_a_typed_dict_that_cannot_be_read_is_told_with_what_to_write(tool: Any) -> None:
    with pytest.raises(ToolDefinitionError, match="Write `from typing_extensions import TypedDict`") as caught:
        _ = Tool(tool).schema
    assert caught.value.tool == tool.__name__


def share(of: Fraction) -> None: ...


def test_a_type_for_checkers_alone_is_told_so() -> None:
    with pytest.raises(ToolDefinitionError, match=r"name 'Fraction' is not defined.*outside `TYPE_CHECKING`"):
        _ = Tool(share).schema


def test_a_model_of_pydantic_1_is_told_so() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from Python 3.14 on it warns
        from pydantic.v1 import BaseModel

        class Old(BaseModel):
            x: int

    with pytest.raises(ToolDefinitionError, match=r"Old cannot be a tool\. It is a model of pydantic\.v1: derive it"):
        Tool(Old)
