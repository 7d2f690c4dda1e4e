"""What a schema announces is what validation takes: the names of fields, the fields themselves, their defaults."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, Optional

import pydantic.dataclasses
import pytest
from loopback import USER, Bench, call
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, with_config
from toolfan import ToolDefinitionError
from typing_extensions import TypedDict

BY_NAME = ConfigDict(validate_by_alias=False, validate_by_name=True)


class Named(BaseModel):
    model_config = BY_NAME
    the_place: str = Field(alias="thePlace")


class Outer(BaseModel):
    inner: list[Named]
    other: int = Field(alias="Other")


class Either(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    at: int = Field(validation_alias=AliasPath("p", 0))
    to: int = Field(alias="To")


class Choice(BaseModel):
    a: int = Field(validation_alias=AliasChoices(AliasPath("p", 0), "zed", "ypsilon"))
    b: int = Field(validation_alias=AliasPath("bee"))


@with_config(BY_NAME)
class Record(TypedDict):
    a: Annotated[int, Field(alias="b")]


@dataclasses.dataclass
class Inheriting:
    v: Annotated[int, Field(alias="V")]


class Parent(BaseModel):
    model_config = BY_NAME
    child: Inheriting


class Cat(BaseModel):
    model_config = BY_NAME
    kind: Literal["cat"] = Field(alias="KIND")


class Dog(BaseModel):
    model_config = BY_NAME
    kind: Literal["dog"] = Field(alias="KIND")


class Pet(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclasses.dataclass
class Order:
    item: str
    total: float = dataclasses.field(init=False, default=0.0)
    late: bool = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.late = False


@pydantic.dataclasses.dataclass
class Priced:
    item: str = Field(alias="Item")
    total: float = Field(init=False, default=0.0, validation_alias=AliasPath("t", 0))


class Basket(BaseModel):
    orders: list[Order]
    priced: Priced


SHAPES: list[tuple[Any, dict[str, Any]]] = [
    (Named, {"the_place": "x"}),
    (Outer, {"inner": [{"the_place": "x"}], "Other": 1}),
    (Either, {"at": 1, "To": 2}),
    (Choice, {"zed": 1, "bee": 2}),
    (Record, {"a": 1}),
    (Parent, {"child": {"v": 1}}),
    (Pet, {"pet": {"kind": "dog"}}),
    (Order, {"item": "x"}),
    (Priced, {"Item": "x"}),
    (Basket, {"orders": [{"item": "x"}], "priced": {"Item": "x"}}),
]


def properties(schema: dict[str, Any], root: dict[str, Any], value: Any) -> dict[str, Any]:
    """The names that the schema announces, in the form of `value`."""
    if "$ref" in schema:
        return properties(root["$defs"][schema["$ref"].rpartition("/")[2]], root, value)
    if choices := schema.get("oneOf", schema.get("anyOf")):
        return properties(choices[-1], root, value)
    below = {key: value.get(key) for key in schema["properties"]}
    for key, child in schema["properties"].items():
        if isinstance(below[key], dict):
            below[key] = properties(child, root, below[key])
        elif isinstance(below[key], list):
            below[key] = [properties(child["items"], root, one) for one in below[key]]
    return below


@pytest.mark.parametrize("strict", [None, True])
@pytest.mark.parametrize(("shape", "arguments"), SHAPES, ids=lambda it: getattr(it, "__name__", ""))
def test_the_names_in_a_schema_are_those_that_validation_takes(
    bench: Bench, shape: Any, arguments: dict[str, Any], strict: bool | None
) -> None:
    client = bench.answered(call(shape.__name__, arguments))
    calls = client.create(model="m", messages=USER, tools=(shape,), on_invalid="keep", strict=strict)
    schema = bench.bodies[0]["tools"][0]["function"]["parameters"]
    assert properties(schema, schema, arguments) == arguments
    assert schema["required"] == list(schema["properties"])
    assert [type(outcome.value) for outcome in calls.outcomes] == [dict if shape is Record else shape]


class Far(BaseModel):
    a: int = Field(validation_alias=AliasPath("p", 0, "q"))


class Around(BaseModel):
    far: list[Far] = []


def reaching(a: int = Field(1, validation_alias=AliasPath("p", 0, "q"))) -> int:
    return a


@pytest.mark.parametrize("tool", [Far, Around, reaching])
def test_a_field_that_has_no_name_of_a_property_is_refused(bench: Bench, tool: Any) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(ToolDefinitionError, match=r"read at AliasPath\('p', 0, 'q'\) alone.*AliasChoices") as caught:
        bench.client().create(model="m", messages=USER, tools=(tool,))
    assert caught.value.tool == tool.__name__
    assert bench.bodies == []


def none_by_default(
    a: int = None,  # type: ignore[assignment]  # noqa: RUF013
    b: Named = None,  # type: ignore[assignment]
    c: Annotated[list[Named], Field(min_length=1)] = None,  # type: ignore[assignment]  # noqa: RUF013
    d: Optional[int] = None,  # noqa: UP045 - this very spelling
    e: Any = None,
    f: Literal[1] | None = None,
    g: Named | None = None,
) -> list[Any]:
    return [a, b, c, d, e, f, g]


def test_a_default_none_that_would_be_refused_is_not_told(bench: Bench) -> None:
    nothing: dict[str, Any] = dict.fromkeys("defg")
    client = bench.answered(call("none_by_default", {}, "c1"), call("none_by_default", nothing, "c2"))
    calls = client.create(model="m", messages=USER, tools=(none_by_default,))
    told = bench.bodies[0]["tools"][0]["function"]["parameters"]["properties"]
    assert [name for name, schema in told.items() if "default" in schema] == list(nothing)
    assert [bound.run() for bound in calls] == [[None] * 7] * 2
