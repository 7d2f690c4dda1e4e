"""Where a fault is, the model is told in the names of the schema that it was sent, so that it can mend the call."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

import pytest
from loopback import USER, Bench, call, completion, raw
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, model_validator, with_config
from toolfan import BadCall, Calls, InvalidArguments, InvalidCalls
from typing_extensions import TypedDict

BY_FIELD = ConfigDict(loc_by_alias=False)
E1 = Field(validation_alias=AliasChoices(AliasPath("p", "q"), "e1"))


class Inner(BaseModel):
    model_config = BY_FIELD
    a: int = Field(alias="AA")


class Tree(BaseModel):
    model_config = BY_FIELD
    leaf: int = Field(alias="Leaf")
    below: list[Tree] = Field(alias="Below", default=[])


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = E1


class Dog(BaseModel):
    model_config = BY_FIELD
    kind: Literal["dog"]
    lives: int = Field(alias="Dogs")


@dataclasses.dataclass
class Record:
    e: Annotated[int, E1]


@with_config(BY_FIELD)
class Keys(TypedDict):
    a: Annotated[int, Field(alias="AA")]


class Nested(BaseModel):
    one: Inner | None
    many: list[Inner]
    named: dict[str, Inner]
    pair: tuple[int, Inner]
    either: Dog | Inner
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    record: Record
    keys: Keys
    tree: Tree

    @model_validator(mode="after")
    def _same(self) -> Nested:
        return self


class Checked(Inner):
    @model_validator(mode="after")
    def _same(self) -> Checked:
        return self


class Unions(BaseModel):
    some: list[str | dict[str, Inner] | Inner | list[Inner] | Checked | None]
    more: dict[str, Dog | Inner] = {}


class Forbidding(BaseModel):
    model_config = ConfigDict(loc_by_alias=False, extra="forbid")
    a: int = Field(alias="AA")


class Swapped(BaseModel):
    model_config = BY_FIELD
    a: int = Field(alias="b")
    b: int = Field(alias="a")


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)
    a: int = Field(alias="AA")


class Either(BaseModel):
    e: int = E1


def function(a: Annotated[int, Field(alias="AA")], e: Annotated[int, E1]) -> None: ...


def told(bench: Bench, tool: Any, arguments: Any) -> list[str]:
    """The faults as the second request tells them."""
    bench.serve(raw(completion(call(name := tool.__name__, arguments))), raw(completion(call(name, arguments))))
    with pytest.raises(InvalidCalls):
        bench.client().create(model="m", messages=USER, tools=(tool,), max_attempts=2)
    lines = bench.bodies[1]["messages"][-1]["content"].splitlines()
    assert (lines[0], lines[-1]) == ("Invalid arguments:", "Call the tool again with all arguments corrected.")
    return [line.removeprefix("- ").partition(" (given")[0] for line in lines[1:-1]]


MISSING, NUMBER = "Field required", "Input should be a valid integer, unable to parse string as an integer"

UNIONS = [
    "some.0.str: Input should be a valid string",
    "some.0.dict[str,Inner].a: Input should be an object",
    f"some.0.Inner.AA: {MISSING}",
    "some.0.list[Inner]: Input should be a valid array",
    f"some.0.function-after[_same(), Checked].AA: {MISSING}",
]


@pytest.mark.parametrize(
    ("tool", "arguments", "faults"),
    [
        (Inner, {"AA": "no"}, [f"AA: {NUMBER}"]),
        (Inner, {"a": 1}, [f"AA: {MISSING}"]),
        (Either, {}, [f"e1: {MISSING}"]),
        (Either, {"p": {"q": "no"}}, [f"p.q: {NUMBER}"]),  # as the model wrote it: it is taken there
        (Record, {"e1": "no"}, [f"e1: {NUMBER}"]),
        (Keys, {}, [f"AA: {MISSING}"]),
        (function, {}, [f"AA: {MISSING}", f"e1: {MISSING}"]),
        (Swapped, {"a": 1, "b": "no"}, [f"b: {NUMBER}"]),
        (ByName, {"AA": 1}, [f"a: {MISSING}"]),
        (Forbidding, {"a": 1}, [f"AA: {MISSING}", "a: Extra inputs are not permitted"]),
        (Unions, {"some": [{"a": 1}]}, UNIONS),
        (
            Unions,
            {"some": [], "more": {"a": {"kind": "dog"}}},
            [f"more.a.Dog.Dogs: {MISSING}", f"more.a.Inner.AA: {MISSING}"],
        ),
        (Tree, {"Leaf": 1, "Below": [{"Leaf": 2, "Below": [{}]}]}, [f"Below.0.Below.0.Leaf: {MISSING}"]),
    ],
)  # fmt: skip
def test_the_model_is_told_the_names_of_the_schema(bench: Bench, tool: Any, arguments: Any, faults: list[str]) -> None:
    assert told(bench, tool, arguments) == faults


def test_the_names_inside_other_values(bench: Bench) -> None:
    arguments = {
        "one": {},
        "many": [{"AA": 1}, {"a": 1}],
        "named": {"a": {}},
        "pair": [1, {}],
        "either": {"kind": "dog"},
        "pet": {"kind": "cat"},
        "record": {},
        "keys": {},
        "tree": {"Leaf": 1, "Below": [{"Leaf": "no"}]},
    }
    places = [line.partition(":")[0] for line in told(bench, Nested, arguments)]
    assert places == [
        *("one.AA", "many.1.AA", "named.a.AA", "pair.1.AA", "either.Dog.Dogs", "either.Inner.AA", "pet.cat.e1"),
        *("record.e1", "keys.AA", "tree.Below.0.Leaf"),
    ]


def test_a_model_that_obeys_is_understood(bench: Bench) -> None:
    bench.serve(raw(completion(call("Inner", {"AA": "no"}))), raw(completion(call("Inner", {"AA": 1}))))
    calls = bench.client().create(model="m", messages=USER, response_model=Inner)
    assert calls[0].a == 1
    assert calls.attempts == 2


def test_pydantics_own_place_stays_beside_it(bench: Bench) -> None:
    bench.serve(raw(completion(call("Inner", {}), call("Either", {"e1": "no"}))))
    calls = bench.client().create(model="m", messages=USER, tools=(Inner, Either), on_invalid="keep")
    assert [str(one.error).partition(" [")[0] for one in calls.failed] == [
        f"the arguments do not fit: AA: {MISSING}",
        f"the arguments do not fit: e1: {NUMBER}",
    ]
    first, second = (one.error for one in calls.failed)
    assert isinstance(first, InvalidArguments)
    assert isinstance(second, InvalidArguments)
    assert [(fault["loc"], fault.get("told")) for fault in (*first.errors, *second.errors)] == [
        (["a"], ["AA"]),
        (["e1"], None),
    ]


def test_stored_calls_tell_the_same(bench: Bench) -> None:
    bench.serve(raw(completion(call("Inner", {}))))
    calls = bench.client().create(model="m", messages=USER, response_model=Inner, on_invalid="keep")
    again: Calls[Any] = Calls.from_json(calls.to_json(), response_model=Inner)
    assert isinstance(again.outcomes[0], BadCall)
    assert again.reply({}) == calls.reply({})
    assert f"- AA: {MISSING}" in str(again.reply({}))
