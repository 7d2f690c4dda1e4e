"""Tools of every shape, each with arguments that a model sends, the value they make, and arguments that do not fit."""

from __future__ import annotations

import datetime
import decimal  # noqa: TC003 - pydantic reads it
import typing
import uuid  # noqa: TC003
from dataclasses import dataclass, field
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
)

import annotated_types
from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    create_model,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass
from toolfan.testing.specimens import Address, Adopt, Cat, Colour, Dog, Feed, Level, Maybe, Node, Paint, Person
from typing_extensions import TypeAliasType, TypedDict, TypeVar

T = TypeVar("T")


class Weather(BaseModel):
    """What the weather is."""

    location: str
    units: Literal["imperial", "metric"]


class Aliased(BaseModel):
    from_: str = Field(alias="from")
    to: str = Field(serialization_alias="nach", default="x")


class ByValidationAlias(BaseModel):
    city: str = Field(validation_alias="cityName")


class ByChoices(BaseModel):
    city: str = Field(validation_alias=AliasChoices("town", "city"))


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    first_name: str


class CamelIn(BaseModel):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel, serialization_alias=str.upper))
    first_name: str


class Box(BaseModel, Generic[T]):
    content: T


class Titled(BaseModel):
    model_config = ConfigDict(title="A quite different title")
    x: int


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    count: int
    when: datetime.date


class Scalars(BaseModel):
    when: datetime.datetime
    id: uuid.UUID
    price: decimal.Decimal
    ratio: float
    secret: SecretStr
    tags: set[str]
    pair: tuple[int, str]
    short: Annotated[str, annotated_types.MaxLen(3)]


class Empty(BaseModel):
    """Takes nothing."""


class Base(BaseModel):
    a: int


class Derived(Base):
    b: str


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)


@pydantic_dataclass
class Checked:
    x: Annotated[int, Field(gt=0)]


class Options(TypedDict, total=False):
    verbose: Required[bool]
    depth: int
    names: NotRequired[list[str]]


class Pair(NamedTuple):
    left: int
    right: str


class WithPair(BaseModel):
    pair: Pair


UserId = NewType("UserId", int)
Json = TypeAliasType("Json", "dict[str, Json] | list[Json] | str | int | None")


class WithAlias(BaseModel):
    user: UserId
    data: Json


class Inner:
    class Weather(BaseModel):
        z: int


Dynamic = create_model("Dynamic", city=(str, ...), days=(int, 3))


class Stop(typing.TypedDict):
    """A stop on the way."""

    place: str
    days: typing.NotRequired[int]


class Trip(typing.TypedDict, total=False):
    """A trip, with the TypedDict of `typing`."""

    stops: Required[list[Stop]]
    by_day: dict[str, Stop | None]
    last: Annotated[Stop, Field(description="The last one")]
    how: Literal["car", "train"]


@dataclass(frozen=True)
class Shape:
    """One tool; `name` is its name on the wire where that is not the type's."""

    tool: Any
    arguments: dict[str, Any]
    value: Any
    wrong: dict[str, Any] | None = None
    name: str | None = None


SCALARS = {
    "when": "2026-01-02T03:04:05Z",
    "id": "12345678-1234-5678-1234-567812345678",
    "price": "1.10",
    "ratio": 1,
    "secret": "s",
    "tags": ["a"],
    "pair": [1, "b"],
    "short": "abc",
}
HOME = {"street": "S", "zip": "1234"}
SHAPES: dict[str, Shape] = {
    "model": Shape(
        Weather,
        {"location": "Oslo", "units": "metric"},
        Weather(location="Oslo", units="metric"),
        {"location": "Oslo", "units": "kelvin"},
    ),
    "enums": Shape(
        Paint, {"colour": "red", "level": 2}, Paint(colour=Colour.RED, level=Level.HIGH), {"colour": "green"}
    ),
    "nested": Shape(
        Person,
        {"name": "A", "address": HOME, "others": [HOME], "by_name": {"k": HOME}},
        Person(name="A", address=Address(**HOME), others=[Address(**HOME)], by_name={"k": Address(**HOME)}),
        {"name": "A", "address": {"street": "S", "zip": "12"}},
    ),
    "recursive": Shape(
        Node,
        {"value": 1, "children": [{"value": 2}]},
        Node(value=1, children=[Node(value=2)]),
        {"value": 1, "children": [{}]},
    ),
    "optional": Shape(Maybe, {"required_or_null": None}, Maybe(required_or_null=None), {"left_out": "x"}),
    "discriminated": Shape(
        Adopt,
        {"pet": {"kind": "cat", "lives": 9}},
        Adopt(pet=Cat(kind="cat", lives=9)),
        {"pet": {"kind": "dog", "lives": 9}},
    ),
    "callable-discriminator": Shape(
        Feed, {"pet": {"kind": "dog", "breed": "b"}}, Feed(pet=Dog(kind="dog", breed="b")), {"pet": {"kind": "dog"}}
    ),
    "alias": Shape(Aliased, {"from": "a"}, Aliased(**{"from": "a"}), {"from_": "a"}),
    "validation-alias": Shape(ByValidationAlias, {"cityName": "a"}, ByValidationAlias(cityName="a"), {"city": "a"}),
    "alias-choices": Shape(ByChoices, {"town": "a"}, ByChoices(town="a"), {}),
    "alias-generator": Shape(Camel, {"firstName": "a"}, Camel(firstName="a"), {"first_name": "a"}),
    "alias-generator-in": Shape(CamelIn, {"firstName": "a"}, CamelIn(firstName="a"), {"first_name": "a"}),
    "generic": Shape(Box[int], {"content": 1}, Box[int](content=1), {"content": "x"}, name="Box_int_"),
    "generic-of-model": Shape(
        Box[list[Cat]],
        {"content": [{"kind": "cat", "lives": 1}]},
        Box[list[Cat]](content=[Cat(kind="cat", lives=1)]),
        {"content": 1},
        name="Box_list_Cat__",
    ),
    "titled": Shape(Titled, {"x": 1}, Titled(x=1), {"x": "a"}),
    "closed-strict": Shape(
        Closed,
        {"count": 1, "when": "2026-01-02"},
        Closed(count=1, when=datetime.date(2026, 1, 2)),
        {"count": 1, "when": "2026-01-02", "more": 1},
    ),
    "scalars": Shape(Scalars, SCALARS, Scalars(**SCALARS), {**SCALARS, "short": "abcd"}),
    "empty": Shape(Empty, {}, Empty()),
    "derived": Shape(Derived, {"a": 1, "b": "x"}, Derived(a=1, b="x"), {"a": 1}),
    "dataclass": Shape(Point, {"x": 1, "tags": ["a"]}, Point(1, 0, ["a"]), {"y": 1}),
    "pydantic-dataclass": Shape(Checked, {"x": 1}, Checked(1), {"x": 0}),
    "typeddict": Shape(Options, {"verbose": True, "depth": 2}, {"verbose": True, "depth": 2}, {"depth": 2}),
    "typings-typeddict": Shape(
        Trip,
        {"stops": [{"place": "a", "days": 2}], "by_day": {"x": None, "y": {"place": "b"}}, "last": {"place": "c"}},
        {"stops": [{"place": "a", "days": 2}], "by_day": {"x": None, "y": {"place": "b"}}, "last": {"place": "c"}},
        {"stops": [{"days": 2}]},
    ),
    "named-tuple-inside": Shape(WithPair, {"pair": [1, "a"]}, WithPair(pair=Pair(1, "a")), {"pair": [1]}),
    "new-type-and-alias": Shape(
        WithAlias,
        {"user": 1, "data": {"a": [None, "b", 1]}},
        WithAlias(user=UserId(1), data={"a": [None, "b", 1]}),
        {"user": "x", "data": 1},
    ),
    "nested-class": Shape(Inner.Weather, {"z": 1}, Inner.Weather(z=1), {}),
    "created": Shape(Dynamic, {"city": "a"}, Dynamic(city="a"), {"days": 1}),
}
