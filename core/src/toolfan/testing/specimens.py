"""Tools of every shape that pydantic has a JSON Schema for: what the suite renders.

Knows: pydantic, dataclasses, TypedDicts, functions.  Must not know: adapters.
"""

from __future__ import annotations

import datetime  # noqa: TC003
import decimal  # noqa: TC003 - pydantic reads it
import enum
import uuid  # noqa: TC003
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, Required

from pydantic import AliasChoices, BaseModel, ConfigDict, Discriminator, Field, SecretStr, Tag, create_model
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import from_json
from typing_extensions import TypeAliasType, TypedDict, TypeVar

from toolfan.tools.tool_type import Tool
from toolfan.wire import encode_json

T = TypeVar("T")


class Weather(BaseModel):
    """What the weather is."""

    location: str = Field(description="A city")
    units: Literal["imperial", "metric"]


class Empty(BaseModel):
    """Takes nothing."""


class Wordy(BaseModel):
    """Says much.

    A description may have paragraphs,
        and lines that begin with blanks:

    - and lists.

    """

    what: str = Field(description="First line.\n\n  Second paragraph; " + "and so on, " * 1500 + "to the very end.")


Wordy.__doc__ = f"{Wordy.__doc__}{'A sentence of no use at all. ' * 1200}The last word."


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Paint(BaseModel):
    colour: Colour
    level: Level = Level.LOW


class Address(BaseModel):
    street: str
    zip: Annotated[str, Field(pattern=r"^\d{4}$")]


class Person(BaseModel):
    name: str
    address: Address
    others: list[Address] = []
    by_name: dict[str, Address] = Field(default_factory=dict)


class Node(BaseModel):
    value: int
    children: list[Node] = []


class Maybe(BaseModel):
    required_or_null: Optional[int]  # noqa: UP045
    left_out: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    breed: str


class Adopt(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


def _kind(value: Any) -> str:
    return "cat" if "lives" in (value if isinstance(value, dict) else vars(value)) else "dog"


class Feed(BaseModel):
    pet: Annotated[Annotated[Cat, Tag("cat")] | Annotated[Dog, Tag("dog")], Discriminator(_kind)]


class Aliased(BaseModel):
    from_: str = Field(alias="from")
    town: str = Field(validation_alias=AliasChoices("town", "city"))


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    first_name: str


class Box(BaseModel, Generic[T]):
    content: T


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="A quite different title")
    count: Annotated[int, Field(ge=1, le=9)]
    when: datetime.date


class Scalars(BaseModel):
    when: datetime.datetime
    id: uuid.UUID
    price: decimal.Decimal
    ratio: float
    secret: SecretStr
    tags: set[str]
    pair: tuple[int, str]
    short: Annotated[str, Field(max_length=3)]


class Parent(BaseModel):
    a: int


class Child(Parent):
    b: str


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list[str])


@pydantic_dataclass
class Checked:
    x: Annotated[int, Field(gt=0)]


class Choices(TypedDict, total=False):
    verbose: Required[bool]
    names: NotRequired[list[str]]


class Pair(NamedTuple):
    left: int
    right: str


class Paired(BaseModel):
    pair: Pair


UserId = NewType("UserId", int)
AnyJson = TypeAliasType("AnyJson", "dict[str, AnyJson] | list[AnyJson] | str | int | None")


class Anything(BaseModel):
    user: UserId
    data: AnyJson
    more: Any = None


def add(left: int, right: int = 1) -> int:
    """Adds."""
    return left + right


SPECIMENS: dict[str, Any] = {
    getattr(tool, "__name__", str(tool)): tool
    for tool in (
        Weather,
        Empty,
        Wordy,
        Paint,
        Person,
        Node,
        Maybe,
        Adopt,
        Feed,
        Aliased,
        Camel,
        Box[int],
        Box[list[Cat]],
        Closed,
        Scalars,
        Child,
        Point,
        Checked,
        Choices,
        Paired,
        Anything,
        create_model("Dynamic", city=(str, ...), days=(int, 3)),
        add,
    )
}
"""Tools by the name of their type."""


@cache
def _made(target: Any) -> tuple[bytes, Any]:
    tool = Tool(target)
    return encode_json(tool.schema), tool.validator


def fresh(target: Any) -> Tool[Any]:
    """A tool of its own, in which an adapter may spoil what it likes, though its schema is generated but once."""
    tool = Tool(target)
    schema, tool.validator = _made(target)
    tool.schema = from_json(schema)
    return tool
