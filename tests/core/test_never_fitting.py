"""What a schema tells and pydantic takes from no JSON: members of a Literal are read, the rest is refused."""

from __future__ import annotations

import abc
import dataclasses
import enum
from typing import Annotated, Any, ClassVar, Generic, Literal, NotRequired

import pytest
from loopback import USER, Bench, call, completion, raw
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from toolfan import BadCall, ToolDefinitionError
from typing_extensions import TypedDict, TypeVar


class Kind(enum.Enum):
    CAT = "cat"
    DOG = "dog"
    ONE = 1
    NOT = None


class Text(enum.StrEnum):
    CAT = "cat"


class Cat(BaseModel):
    kind: Literal[Kind.CAT]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal[Kind.DOG] = Kind.DOG


class Pet(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


class Members(BaseModel):
    model_config = ConfigDict(strict=True)
    one: Literal[Kind.ONE, Kind.NOT, b"raw"]
    some: list[Literal[Kind.CAT, "other"]] = []
    text: Literal[Text.CAT] = Text.CAT


class Beside(BaseModel):
    either: Literal[Kind.CAT, "cat"]


class Before(BaseModel):
    kind: Annotated[Literal[Kind.CAT], BeforeValidator(lambda text: Kind[text.upper()])]


def adopt(kind: Literal[Kind.CAT, Kind.DOG]) -> None: ...


def asked(bench: Bench, tool: Any, arguments: Any) -> Any:
    """The value of one call, or what the model would be told of it."""
    bench.serve(raw(completion(call(tool.__name__, arguments))))
    (outcome,) = bench.client().create(model="m", messages=USER, tools=(tool,), on_invalid="keep").outcomes
    return str(outcome.error) if isinstance(outcome, BadCall) else outcome.value


@pytest.mark.parametrize(
    ("tool", "arguments", "value"),
    [
        (Cat, {"kind": "cat"}, Cat(kind=Kind.CAT)),
        (Pet, {"pet": {"kind": "cat", "lives": 1}}, Pet(pet=Cat(kind=Kind.CAT, lives=1))),
        (Pet, {"pet": {"kind": "dog"}}, Pet(pet=Dog(kind=Kind.DOG))),
        (Members, {"one": 1}, Members(one=Kind.ONE)),
        (Members, {"one": None, "text": "cat"}, Members(one=Kind.NOT)),
        (Members, {"one": "raw", "some": ["other", "cat"]}, Members(one=b"raw", some=["other", Kind.CAT])),
        (Beside, {"either": "cat"}, Beside(either="cat")),
        (Before, {"kind": "cat"}, Before.model_construct(kind=Kind.CAT)),
    ],
    ids=str,
)
def test_a_member_of_a_literal_is_read_as_the_schema_tells_it(
    bench: Bench, tool: Any, arguments: Any, value: Any
) -> None:
    assert asked(bench, tool, arguments) == value


def test_so_it_is_with_a_parameter_of_a_function(bench: Bench) -> None:
    assert asked(bench, adopt, {"kind": "dog"}).arguments == {"kind": Kind.DOG}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [(Cat, {"kind": "dog"}), (Cat, {"kind": ["cat"]}), (Members, {"one": True}), (Members, {"one": "1"})],
    ids=str,
)
def test_what_is_no_member_fails(bench: Bench, tool: Any, arguments: Any) -> None:
    assert "Input should be" in asked(bench, tool, arguments)


class Abstract(BaseModel, abc.ABC):
    x: int

    @abc.abstractmethod
    def price(self) -> int: ...


class Made(Abstract):
    def price(self) -> int:
        return self.x


@dataclasses.dataclass
class Record(abc.ABC):
    x: int

    @abc.abstractmethod
    def price(self) -> int: ...


T = TypeVar("T", default=int)


class Holder(BaseModel, Generic[T]):
    deep: dict[str, list[T]] = Field(alias="Deep")


class OfClass(BaseModel):
    kind: type[int]


def takes_class(kind: type[BaseModel]) -> None: ...


def takes_attribute(n: int, other: str) -> None: ...


takes_attribute.__annotations__["n"] = ClassVar[int]  # as they are without the import from __future__


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (OfClass, r"the field 'kind' is a class itself, .* \[tool OfClass\]\. Write Literal\[\.\.\.\] or an Enum"),
        (takes_class, r"the field 'kind' is a class itself, .* \[tool takes_class\]"),
        (Holder[type[int]], r"the field 'Deep' is a class itself"),
        (Abstract, r"it is of an abstract class, Abstract, .* \[tool Abstract\]\. Write the classes that are derived"),
        (Record, "it is of an abstract class, Record"),
        (Holder[Abstract], "the field 'Deep' is of an abstract class, Abstract"),
        (takes_attribute, r"the parameter 'n' is annotated as an attribute .* \[tool takes_attribute\]\. Annotate it"),
    ],
)
def test_what_can_never_fit_is_refused_beforehand(bench: Bench, tool: Any, said: str) -> None:
    bench.serve()
    with pytest.raises(ToolDefinitionError, match=said):
        bench.client().create(model="m", messages=USER, tools=(tool,))
    assert bench.bodies == []


class Optionally(BaseModel):
    kind: type[int] | None = None
    other: int | Abstract
    named: Annotated[type[int], BeforeValidator(lambda _: int)] = int


class Mending(BaseModel):
    kind: type[int]

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: Any) -> Any:
        return {"kind": int}


class Initialised(BaseModel):
    kind: type[int]

    def __init__(self, **data: Any) -> None:
        super().__init__(kind=int)


class Elsewhere(Abstract):
    def __new__(cls, *_: Any, **__: Any) -> Any:
        return object.__new__(Made)


class Keys(TypedDict):
    kind: NotRequired[type[int]]


@pytest.mark.parametrize(
    ("tool", "arguments", "value"),
    [
        (Optionally, {"other": 3, "named": "int"}, Optionally(other=3)),
        (Mending, {"kind": "int"}, Mending(kind=int)),
        (Initialised, {"kind": "int"}, Initialised()),
        (Elsewhere, {"x": 1}, Made(x=1)),
        (Keys, {}, {}),
    ],
    ids=str,
)
def test_what_may_fit_in_some_way_is_offered(bench: Bench, tool: Any, arguments: Any, value: Any) -> None:
    assert asked(bench, tool, arguments) == value
