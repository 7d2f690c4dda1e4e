"""Streams as users write them, with the type that every checker must find for each; see `accepted.py`."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, TypedDict, TypeVar, Union, assert_type

from pydantic import BaseModel
from toolfan import (
    AsyncCallStream,
    AsyncClient,
    BadCall,
    BoundCall,
    Call,
    Calls,
    CallStream,
    Client,
    StopReason,
    TextDelta,
    ToolSet,
    Usage,
    tool,
)

X = TypeVar("X")


class Weather(BaseModel):
    city: str


class Search(BaseModel):
    query: str


class Mail(BaseModel):
    to: str


class Box(BaseModel, Generic[X]):
    item: X


@dataclass
class Move:
    x: int


@dataclass
class Turn:
    angle: float


class Note(TypedDict):
    text: str


class Task(TypedDict):
    title: str


WeatherOrSearch = Weather | Search


def count(x: int) -> int:
    return x


def greet(name: str) -> str:
    return name


def flip(side: bool) -> bool:
    return not side


class Service:
    def price(self, item: str) -> float:
        return float(len(item))

    def __call__(self, x: int) -> str:
        return str(x)


@tool
def decorated(x: int) -> str:
    return str(x)


M = [{"role": "user", "content": "hi"}]


def what_is_in_it(client: Client) -> None:
    stream = client.stream(messages=M, response_model=Iterable[Weather | Search])
    assert_type(stream, CallStream[Weather | Search])
    for outcome in stream:
        assert_type(outcome, Call[Weather | Search] | BadCall)
        if isinstance(outcome, Call):
            assert_type(outcome.value, Weather | Search)
        else:
            assert_type(outcome, BadCall)
    assert_type(stream.calls, Calls[Weather | Search])
    assert_type(stream.until_done(), Calls[Weather | Search])
    assert_type(stream.text, str)
    assert_type(stream.usage, Usage)
    assert_type(stream.stop, StopReason)
    assert_type(list(stream), list[Call[Weather | Search] | BadCall])
    assert_type(iter(stream), Iterator[Call[Weather | Search] | BadCall])
    stream.close()


def what_is_bad_first(client: Client) -> None:
    with client.stream(messages=M, tools=(Weather, Search)) as stream:
        assert_type(stream, CallStream[Weather | Search])
        for outcome in stream:
            if isinstance(outcome, BadCall):
                assert_type(outcome, BadCall)
            elif isinstance(outcome.value, Weather):
                assert_type(outcome.value, Weather)
            else:
                assert_type(outcome.value.query, str)


def with_its_text(client: Client) -> None:
    for event in client.stream(messages=M, response_model=Weather).events():
        assert_type(event, Call[Weather] | BadCall | TextDelta)
        if isinstance(event, TextDelta):
            assert_type(event.text, str)
        elif isinstance(event, Call):
            assert_type(event.value, Weather)


def response_models(client: Client) -> None:
    assert_type(
        client.stream(messages=M, response_model=typing.Iterable[Weather | Search]), CallStream[WeatherOrSearch]
    )
    assert_type(client.stream(messages=M, response_model=Iterable[Union[Weather, Note]]), CallStream[Weather | Note])  # noqa: UP007
    assert_type(client.stream(messages=M, response_model=Iterable[WeatherOrSearch]), CallStream[Weather | Search])
    assert_type(client.stream(messages=M, response_model=Iterable[Weather]), CallStream[Weather])
    assert_type(client.stream(messages=M, response_model=Iterable[Note]), CallStream[Note])
    assert_type(client.stream(messages=M, response_model=Iterable[Move]), CallStream[Move])
    assert_type(client.stream(messages=M, response_model=Iterable[Move | Note]), CallStream[Move | Note])
    assert_type(client.stream(messages=M, response_model=Iterable[Any]), CallStream[Any])
    assert_type(client.stream(messages=M, response_model=list[Weather | Search]), CallStream[Weather | Search])
    assert_type(client.stream(messages=M, response_model=Sequence[Weather | Note]), CallStream[Weather | Note])
    assert_type(client.stream(messages=M, response_model=tuple[Weather | Search, ...]), CallStream[Weather | Search])
    assert_type(
        client.stream(messages=M, response_model=Annotated[Iterable[Weather | Search], "x"]),
        CallStream[Weather | Search],
    )


def single(client: Client) -> None:
    """A model, and a TypedDict, is itself iterable to a checker."""
    assert_type(client.stream(messages=M, response_model=Weather), CallStream[Weather])
    assert_type(client.stream(messages=M, response_model=Note), CallStream[Note])
    assert_type(client.stream(messages=M, response_model=Move), CallStream[Move])
    assert_type(client.stream(messages=M, response_model=Box[int]), CallStream[Box[int]])
    assert_type(client.stream(messages=M, response_model=Annotated[Weather, "x"]), CallStream[Weather])
    assert_type(client.stream(messages=M, response_model=Weather | Search), CallStream[Weather | Search])
    assert_type(client.stream(messages=M, response_model=Move | Turn), CallStream[Move | Turn])
    assert_type(client.stream(messages=M, response_model=Note | Task), CallStream[Note | Task])


def types(client: Client, tools: ToolSet[Weather | Search], any_: Any) -> None:
    assert_type(client.stream(messages=M, tools=(Weather,)), CallStream[Weather])
    assert_type(client.stream(messages=M, tools=(Weather, Move, Note)), CallStream[Weather | Move | Note])
    assert_type(client.stream(messages=M, tools=(Weather, decorated)), CallStream[Weather | BoundCall[str]])
    assert_type(
        client.stream(messages=M, tools=(Weather, Search, Mail, Move)), CallStream[Weather | Search | Mail | Move]
    )
    assert_type(
        client.stream(messages=M, tools=(Weather, Search, Mail, Move, Turn)),
        CallStream[Weather | Search | Mail | Move | Turn],
    )
    assert_type(
        client.stream(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note)),
        CallStream[Weather | Search | Mail | Move | Turn | Note],
    )
    assert_type(
        client.stream(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note, Task)),
        CallStream[Weather | Search | Mail | Move | Turn | Note | Task],
    )
    assert_type(
        client.stream(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note, Task, Box[int])),
        CallStream[Weather | Search | Mail | Move | Turn | Note | Task | Box[int]],
    )
    assert_type(client.stream(messages=M, tools=tools), CallStream[Weather | Search])
    assert_type(client.stream(messages=M, tools=any_), CallStream[Any])


def functions(client: Client) -> None:
    assert_type(client.stream(messages=M, tools=(count,)), CallStream[BoundCall[int]])
    assert_type(client.stream(messages=M, tools=(count, greet)), CallStream[BoundCall[int] | BoundCall[str]])
    assert_type(
        client.stream(messages=M, tools=(partial(count, 1), Service(), Service().price)),
        CallStream[BoundCall[int] | BoundCall[str] | BoundCall[float]],
    )
    assert_type(
        client.stream(messages=M, tools=(count, greet, flip, count, greet, flip, Service(), Service().price)),
        CallStream[BoundCall[int] | BoundCall[str] | BoundCall[bool] | BoundCall[float]],
    )
    for outcome in client.stream(messages=M, tools=(count,)):
        if isinstance(outcome, Call):
            assert_type(outcome.value.run(), int)


def untyped(client: Client) -> None:
    assert_type(client.stream(messages=M, tools=(Weather, count)), CallStream[Any])
    assert_type(client.stream(messages=M, tools=(count, decorated)), CallStream[Any])
    assert_type(client.stream(messages=M, tools=[Weather, Note, Move, count, decorated]), CallStream[Any])
    assert_type(client.stream(messages=M, tools={Weather, Turn}), CallStream[Any])


def options(client: Client) -> None:
    stream = client.stream(
        messages=M,
        response_model=Weather,
        model="m",
        tool_choice="required",
        parallel=2,
        max_attempts=2,
        on_invalid="keep",
        deadline=None,
        extra_body={"a": 1},
        temperature=0,
    )
    assert_type(stream, CallStream[Weather])


def created(client: Client, tools: ToolSet[Weather | Search]) -> None:
    assert_type(
        client.create(messages=M, response_model=Iterable[Weather | Search], stream=True), CallStream[Weather | Search]
    )
    assert_type(client.create(messages=M, response_model=Weather, stream=True), CallStream[Weather])
    assert_type(client.create(messages=M, response_model=Note, stream=True), CallStream[Note])
    assert_type(client.create(messages=M, response_model=Move, stream=True), CallStream[Move])
    assert_type(client.create(messages=M, response_model=Iterable[Note], stream=True), CallStream[Note])
    assert_type(client.create(messages=M, response_model=list[Weather], stream=True), CallStream[Weather])
    assert_type(client.create(messages=M, response_model=tuple[Move | Note, ...], stream=True), CallStream[Move | Note])
    assert_type(client.create(messages=M, response_model=Note | Task, stream=True), CallStream[Note | Task])
    assert_type(client.create(messages=M, tools=(Weather,), stream=True), CallStream[Weather])
    assert_type(client.create(messages=M, tools=(Weather, Search), stream=True), CallStream[Weather | Search])
    assert_type(
        client.create(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note, Task, Box[int]), stream=True),
        CallStream[Weather | Search | Mail | Move | Turn | Note | Task | Box[int]],
    )
    assert_type(client.create(messages=M, tools=tools, stream=True), CallStream[Weather | Search])
    assert_type(client.create(messages=M, tools=(count,), stream=True), CallStream[BoundCall[int]])
    assert_type(
        client.create(messages=M, tools=(count, greet), stream=True), CallStream[BoundCall[int] | BoundCall[str]]
    )
    assert_type(client.create(messages=M, tools=(Weather, count), stream=True), CallStream[Any])
    assert_type(client.create(messages=M, tools=[Weather, Box[int]], stream=True), CallStream[Any])
    assert_type(client.create(messages=M, response_model=Weather, stream=True, temperature=0), CallStream[Weather])
    assert_type(client.create(messages=M, response_model=Weather, stream=False), Calls[Weather])
    assert_type(client.create(messages=M, tools=(Weather, Search), stream=False), Calls[Weather | Search])


def openai_spelling(client: Client) -> None:
    create = client.chat.completions.create
    assert_type(create(messages=M, response_model=Iterable[Weather | Note], stream=True), CallStream[Weather | Note])
    assert_type(create(messages=M, tools=(Weather, Search), stream=True), CallStream[Weather | Search])
    assert_type(create(messages=M, tools=(Weather, Search), stream=False), Calls[Weather | Search])


def covariance(client: Client) -> None:
    def wants_models(stream: CallStream[BaseModel]) -> None: ...
    def wants_outcomes(outcomes: Iterable[Call[BaseModel] | BadCall]) -> None: ...

    wants_models(client.stream(messages=M, tools=(Weather, Search)))
    wants_outcomes(client.stream(messages=M, tools=(Weather, Search)))
    declared: CallStream[Weather | Search] = client.stream(messages=M, tools=(Weather, Search))
    declared = client.create(messages=M, response_model=Iterable[Weather | Search], stream=True)
    assert_type(declared.calls[0], Weather | Search)


async def awaited(client: AsyncClient) -> None:
    stream = client.stream(messages=M, response_model=Iterable[Weather | Search])
    assert_type(stream, AsyncCallStream[Weather | Search])
    async for outcome in stream:
        assert_type(outcome, Call[Weather | Search] | BadCall)
        if isinstance(outcome, Call):
            assert_type(outcome.value, Weather | Search)
    assert_type(stream.calls, Calls[Weather | Search])
    assert_type(aiter(stream), AsyncIterator[Call[Weather | Search] | BadCall])
    await stream.aclose()
    async with client.stream(messages=M, tools=(Weather, Note)) as opened:
        assert_type(opened, AsyncCallStream[Weather | Note])
        assert_type(await opened.until_done(), Calls[Weather | Note])
    async for event in client.stream(messages=M, response_model=Weather).events():
        assert_type(event, Call[Weather] | BadCall | TextDelta)


async def awaited_forms(client: AsyncClient) -> None:
    assert_type(client.stream(messages=M, response_model=Weather), AsyncCallStream[Weather])
    assert_type(client.stream(messages=M, response_model=Note), AsyncCallStream[Note])
    assert_type(client.stream(messages=M, response_model=Move), AsyncCallStream[Move])
    assert_type(client.stream(messages=M, response_model=Note | Task), AsyncCallStream[Note | Task])
    assert_type(client.stream(messages=M, response_model=list[Weather | Search]), AsyncCallStream[Weather | Search])
    assert_type(client.stream(messages=M, tools=(Weather, Search, Move)), AsyncCallStream[Weather | Search | Move])
    assert_type(client.stream(messages=M, tools=(count, greet)), AsyncCallStream[BoundCall[int] | BoundCall[str]])
    assert_type(client.stream(messages=M, tools=(Weather, count)), AsyncCallStream[Any])
    assert_type(client.stream(messages=M, tools=[Weather, count], temperature=0), AsyncCallStream[Any])


async def awaited_created(client: AsyncClient) -> None:
    stream = await client.create(messages=M, response_model=Iterable[Weather | Search], stream=True)
    assert_type(stream, AsyncCallStream[Weather | Search])
    async for outcome in stream:
        assert_type(outcome, Call[Weather | Search] | BadCall)
    assert_type(await client.create(messages=M, response_model=Weather, stream=True), AsyncCallStream[Weather])
    assert_type(await client.create(messages=M, response_model=Note, stream=True), AsyncCallStream[Note])
    assert_type(await client.create(messages=M, tools=(Weather, Move), stream=True), AsyncCallStream[Weather | Move])
    assert_type(await client.create(messages=M, tools=(count,), stream=True), AsyncCallStream[BoundCall[int]])
    assert_type(await client.create(messages=M, tools=[Weather, count], stream=True), AsyncCallStream[Any])
    assert_type(await client.create(messages=M, response_model=Weather, stream=False), Calls[Weather])
    assert_type(
        await client.chat.completions.create(messages=M, response_model=Iterable[Weather], stream=True),
        AsyncCallStream[Weather],
    )
