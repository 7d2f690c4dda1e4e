"""Tools of every shape, and one call of each kind, for the tests of Google's codec and senders."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from toolfan.adapter import ToolRequest, Turn
from toolfan.tools.toolset import ToolSet
from toolfan_vertex.codec import VERTEX
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
USER = {"role": "user", "content": "Go."}


class Weather(BaseModel):
    """The weather at a place."""

    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


class Ping(BaseModel):
    pass


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Address(BaseModel):
    street: str
    zip: str | None = None


class Order(BaseModel):
    """Orders things."""

    address: Address
    items: list[Address]
    colour: Colour
    size: Size = Size.SMALL
    count: Annotated[int, Field(gt=0, lt=10)]


class Node(BaseModel):
    value: int
    children: list[Node] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Adopt(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Aliased(BaseModel):
    from_: str = Field(alias="from")
    class_: str


class Box(BaseModel, Generic[T]):
    content: T


@dataclass
class Point:
    x: float
    y: float = 0.0


class Options(TypedDict):
    verbose: bool
    tags: dict[str, int]


def add(a: int, b: int = 2) -> int:
    """Adds two numbers."""
    return a + b


class Report(BaseModel):
    location: str = ""
    class_: int = 0
    from_: str = ""
    ratio: float = 0.0
    nested: dict[str, Any] = {}


def request(*tools: Any, messages: Any = (USER,), **fields: Any) -> ToolRequest:
    return ToolRequest(fields.pop("model", "gemini-x"), tuple(messages), ToolSet(tools or (Weather,)), **fields)


def body(*tools: Any, **fields: Any) -> dict[str, Any]:
    return VERTEX.build_request(request(*tools, **fields)).body


def answer(*parts: Mapping[str, Any], **candidate: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    return {"candidates": [{"content": content, "finishReason": "STOP", **candidate}]}


def call(name: str = "Weather", **fields: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **fields}}


def parse(*parts: Mapping[str, Any], **candidate: Any) -> Turn:
    return VERTEX.parse_response(answer(*parts, **candidate))
