"""What a tool takes as an `Iterable` is a list wherever it stands, and checked; generators are refused."""

from __future__ import annotations

import dataclasses
import json
import pickle
import typing
from collections.abc import AsyncIterable, Generator, Iterable, Iterator
from typing import Any

import pytest
from loopback import USER, Bench, call, completion, raw
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass
from toolfan import BadCall, Calls, ToolDefinitionError
from typing_extensions import TypedDict


class Inner(BaseModel):
    tags: Iterable[str] = ()


@dataclasses.dataclass
class Data:
    tags: Iterable[str]


@pydantic_dataclass
class Checked:
    tags: Iterable[str]


class Typed(TypedDict):
    tags: Iterable[str]


class Pair(typing.NamedTuple):
    tags: Iterable[str]


class Everywhere(BaseModel):
    """Some fields are named like the parts of pydantic's own schemas."""

    model_config = ConfigDict(defer_build=True)
    type: Iterable[str] = ()
    schema_: typing.Iterable[str] = Field((), alias="schema")
    default: Iterable[Iterable[str]] = ()
    metadata: dict[str, Iterable[str]] = {}
    either: int | Iterable[str] | None = None
    counted: Iterable[str] = Field((), min_length=2)
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    data: Data | None = None
    checked: Checked | None = None
    typed: Typed | None = None
    pair: Pair | None = None
    again: Everywhere | None = None
    kind: Inner | Level | None = Field(None, union_mode="left_to_right")


class Level(BaseModel):
    name: str
    below: Level | None = None
    all: Iterable[Level] = ()

    @model_validator(mode="after")
    def _reads_it(self) -> Level:
        list(self.all)
        return self


def label(tags: Iterable[str], inner: Inner | None = None) -> Any:
    return list(tags), inner


class Other(BaseModel):
    x: int


TOOLS = (Everywhere, Data, Typed, Level, label, Other)
TAGS: Any = {"tags": ["a", "b"]}
PLACES = [
    ("Everywhere", {"type": ["a"]}, ("type",)),
    ("Everywhere", {"schema": ["a"]}, ("schema",)),
    ("Everywhere", {"default": [["a"], []]}, ("default", 0)),
    ("Everywhere", {"metadata": {"default": ["a"]}}, ("metadata", "default")),
    ("Everywhere", {"either": ["a"]}, ("either",)),
    ("Everywhere", {"counted": ["a", "b"]}, ("counted",)),
    ("Everywhere", {"inner": TAGS}, ("inner", "tags")),
    ("Everywhere", {"inners": [{}, TAGS]}, ("inners", 1, "tags")),
    ("Everywhere", {"data": TAGS}, ("data", "tags")),
    ("Everywhere", {"checked": TAGS}, ("checked", "tags")),
    ("Everywhere", {"typed": TAGS}, ("typed", "tags")),
    ("Everywhere", {"pair": TAGS}, ("pair", "tags")),
    ("Everywhere", {"again": {"again": {"type": ["a"]}}}, ("again", "again", "type")),
    ("Data", TAGS, ("tags",)),
    ("Typed", TAGS, ("tags",)),
    ("label", {"tags": ["a"], "inner": TAGS}, ("inner", "tags")),
    ("label", {"tags": ["a"]}, ("tags",)),
]  # fmt: skip
WRONG: Any = {"x": "k"}


def broken(arguments: dict[str, Any], place: tuple[Any, ...]) -> dict[str, Any]:
    """The arguments with something else than a text at the end of the list that stands there."""
    copy = json.loads(json.dumps(arguments))
    item: Any = copy
    for step in place:
        item = item[step]
    item.append(5)
    return copy


def asked_again(bench: Bench, name: str, arguments: dict[str, Any]) -> Calls[Any]:
    first, again = (
        completion(call(name, arguments, "good"), call("Other", WRONG, "bad")),
        call("Other", {"x": 1}, "bad"),
    )
    bench.serve(raw(first), raw(completion(again)))
    return bench.client().create(model="m", messages=USER, tools=TOOLS)


def plain(value: Any) -> Any:
    """What is there to be read, everything as JSON knows it."""
    if isinstance(value, BaseModel):
        said = value.model_fields_set
        return {(type(value).model_fields[name].alias or name): plain(getattr(value, name)) for name in said}
    if dataclasses.is_dataclass(value):
        return {name: plain(one) for name, one in vars(value).items() if not name.startswith("__")}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items() if one is not None}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("name", "arguments", "place"), PLACES, ids=str)
def test_an_iterable_is_a_list_after_another_round_too(
    bench: Bench, name: str, arguments: dict[str, Any], place: tuple[Any, ...]
) -> None:
    calls = asked_again(bench, name, arguments)
    assert calls.attempts == 2
    for value in (calls[0], pickle.loads(pickle.dumps(calls))[0]):
        assert plain(value.arguments if name == "label" else value) == arguments
    assert Calls.from_json(calls.to_json(), tools=TOOLS) == calls
    if name == "label":
        assert calls[0].run() == calls[0].run()


@pytest.mark.parametrize(("name", "arguments", "place"), PLACES, ids=str)
def test_what_stands_in_an_iterable_is_checked(
    bench: Bench, name: str, arguments: dict[str, Any], place: tuple[Any, ...]
) -> None:
    client = bench.answered(call(name, broken(arguments, place)))
    (bad,) = client.create(model="m", messages=USER, tools=TOOLS, on_invalid="keep").outcomes
    assert isinstance(bad, BadCall)
    assert ".".join(map(str, place)) in str(bad.error)
    assert "valid string" in str(bad.error)


def test_the_validators_and_bounds_of_the_user_hold(bench: Bench) -> None:
    client = bench.answered(
        call("Everywhere", {"counted": ["a"]}, "short"),
        call("Level", {"name": "top", "all": [{"name": "one", "all": [{"name": "two"}]}]}, "deep"),
    )
    calls = client.create(model="m", messages=USER, tools=TOOLS, on_invalid="keep")
    assert "at least 2 items" in str(calls.failed[0].error)
    assert [[two.name for two in one.all] for one in calls[0].all] == [["two"]]


def test_the_class_itself_is_as_it_was(bench: Bench) -> None:
    asked_again(bench, "Everywhere", {"inner": TAGS})
    assert not isinstance(Inner(tags=["a"]).tags, list)
    assert Inner.__pydantic_complete__
    (parameters, *_) = (tool["function"]["parameters"]["properties"] for tool in bench.bodies[0]["tools"])
    assert parameters["type"] == {"type": "array", "items": {"type": "string"}, "default": []}


class Generating(BaseModel):
    made: dict[str, Generator[int, None, None]] = {}


class Outer(BaseModel):
    inner: list[Generating]


@dataclasses.dataclass
class DataGenerating:
    made: Generator[int, None, None]


class TypedGenerating(TypedDict):
    made: typing.Generator[int, None, None]


class OwnInit(BaseModel):
    tags: Iterable[str] = ()

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)


class Root(RootModel[Generator[int, None, None]]):
    pass


class Rooted(BaseModel):
    root: Root


class Arbitrary(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    parts: AsyncIterable[int]


def generating(made: Generator[str, None, None]) -> None: ...


def iterating(parts: Iterator[str]) -> None: ...


def iterating_async(parts: AsyncIterable[str]) -> None: ...


REFUSED = [
    (Generating, "the field 'made' is a generator"),
    (Outer, "the field 'made' is a generator"),
    (DataGenerating, "the field 'made' is a generator"),
    (TypedGenerating, "the field 'made' is a generator"),
    (Rooted, "is a generator"),
    (generating, "the field 'made' is a generator"),
    (OwnInit, "the field 'tags' is an iterable that can be read only once.*Write list"),
    (Arbitrary, "the field 'parts' has no JSON schema"),
    (iterating, r"none of pydantic's.*Iterator\[str\].*list\[...\]"),
    (iterating_async, r"none of pydantic's.*AsyncIterable\[str\].*list\[...\]"),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "said"), REFUSED)
def test_what_cannot_be_a_list_is_refused_before_sending(bench: Bench, tool: Any, said: str) -> None:
    client = bench.answered()
    with pytest.raises(ToolDefinitionError, match=said) as caught:
        client.create(model="m", messages=USER, tools=(tool,))
    assert caught.value.tool == tool.__name__
    assert "arbitrary_types_allowed" not in str(caught.value)
    assert bench.bodies == []
