"""What users write, with the type that every checker must find for it.  `test_typing.py` runs the checkers; nothing
here is executed."""

import collections.abc
import typing
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Generic, TypedDict, TypeVar, Union, assert_type, cast

import openai
import toolfan
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from pydantic import BaseModel
from toolfan import AsyncClient, BadCall, BoundCall, Call, Calls, Client, Result, Run, Tool, ToolChoice, ToolSet, tool
from toolfan.signatures.options import Options  # noqa: TC002 - as users write it

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


@dataclass
class Path:
    points: list[int]

    def __iter__(self) -> Iterator[int]:
        return iter(self.points)


class Note(TypedDict):
    text: str


class Task(TypedDict):
    title: str


WeatherOrSearch = Weather | Search


def count(x: int) -> int:
    return x


def greet(name: str, *, loud: bool = False) -> str:
    return name.upper() if loud else name


def flip(side: bool) -> bool:
    return not side


async def fetch(url: str) -> bytes:
    return url.encode()


async def check(url: str) -> bool:
    return bool(url)


class Service:
    def price(self, item: str) -> float:
        return float(len(item))

    def __call__(self, x: int) -> str:
        return str(x)


@tool
def decorated(x: int) -> str:
    return str(x)


@tool(name="other", timeout=3)
def named(x: int) -> float:
    return float(x)


@tool(sequential=True)
async def async_named(x: int) -> bytes:
    return bytes(x)


M = [{"role": "user", "content": "hi"}]


def several(client: Client) -> None:
    assert_type(client.create(messages=M, response_model=Iterable[Weather | Search]), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=typing.Iterable[Weather | Search]), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=Iterable[Union[Weather, Search]]), Calls[Weather | Search])  # noqa: UP007
    assert_type(
        client.create(messages=M, response_model=typing.Iterable[Union[Weather, Search]]),  # noqa: UP007
        Calls[Weather | Search],
    )
    assert_type(
        client.create(messages=M, response_model=collections.abc.Iterable[Weather | Search]), Calls[Weather | Search]
    )
    assert_type(client.create(messages=M, response_model=Iterable[WeatherOrSearch]), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=Iterable[Weather]), Calls[Weather])
    assert_type(client.create(messages=M, response_model=Iterable[Note]), Calls[Note])
    assert_type(client.create(messages=M, response_model=Iterable[Move]), Calls[Move])
    assert_type(client.create(messages=M, response_model=Iterable[Path | Note]), Calls[Path | Note])
    assert_type(
        client.create(messages=M, response_model=Iterable[Weather | Search | Mail]), Calls[Weather | Search | Mail]
    )
    assert_type(
        client.create(messages=M, response_model=Iterable[Weather | Move | Note | Task]),
        Calls[Weather | Move | Note | Task],
    )
    assert_type(
        client.create(messages=M, response_model=Iterable[Annotated[Weather, "w"] | Search]), Calls[Weather | Search]
    )
    assert_type(client.create(messages=M, response_model=Iterable[Box[int] | Weather]), Calls[Box[int] | Weather])
    assert_type(client.create(messages=M, response_model=Iterable[Any]), Calls[Any])


def other_containers(client: Client) -> None:
    assert_type(client.create(messages=M, response_model=list[Weather | Search]), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=list[Weather]), Calls[Weather])
    assert_type(client.create(messages=M, response_model=list[Weather | Note | Move]), Calls[Weather | Note | Move])
    assert_type(client.create(messages=M, response_model=Sequence[Weather | Search]), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=tuple[Weather | Search, ...]), Calls[Weather | Search])
    assert_type(
        client.create(messages=M, response_model=Annotated[Iterable[Weather | Search], "x"]), Calls[Weather | Search]
    )


def single(client: Client) -> None:
    assert_type(client.create(messages=M, response_model=Weather), Calls[Weather])
    assert_type(client.create(messages=M, response_model=Note), Calls[Note])
    assert_type(client.create(messages=M, response_model=Move), Calls[Move])
    assert_type(client.create(messages=M, response_model=Path), Calls[Path])
    assert_type(client.create(messages=M, response_model=Box[int]), Calls[Box[int]])
    assert_type(client.create(messages=M, response_model=Annotated[Weather, "x"]), Calls[Weather])


def bare_unions(client: Client) -> None:
    assert_type(client.create(messages=M, response_model=Weather | Search), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=Union[Weather, Search]), Calls[Weather | Search])  # noqa: UP007
    assert_type(client.create(messages=M, response_model=WeatherOrSearch), Calls[Weather | Search])
    assert_type(client.create(messages=M, response_model=Weather | Search | Mail), Calls[Weather | Search | Mail])
    assert_type(client.create(messages=M, response_model=Move | Turn), Calls[Move | Turn])
    assert_type(client.create(messages=M, response_model=Note | Task), Calls[Note | Task])
    # Refused when run, with the right spelling; typed rightly all the same.
    assert_type(client.create(messages=M, response_model=Weather | Note | Move), Calls[Weather | Note | Move])


def chosen_when_run(client: Client, one: type[Weather], either: type[Weather] | type[Search], any_: Any) -> None:
    assert_type(client.create(messages=M, response_model=one), Calls[Weather])
    client.create(messages=M, tools=(either,))  # a union of classes; mypy finds their common base only
    assert_type(client.create(messages=M, tools=any_), Calls[Any])


def openai_spelling(client: Client) -> None:
    assert_type(
        client.chat.completions.create(messages=M, response_model=Iterable[Weather | Search]), Calls[Weather | Search]
    )
    assert_type(client.chat.completions.create(messages=M, tools=(Weather, count)), Calls[Any])
    assert_type(client.chat.completions.create(messages=M, response_model=Weather, temperature=0), Calls[Weather])


def tools_of_types(client: Client) -> None:
    assert_type(client.create(messages=M, tools=(Weather,)), Calls[Weather])
    assert_type(client.create(messages=M, tools=(Weather, Search)), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=(Weather, Move, Note)), Calls[Weather | Move | Note])
    assert_type(client.create(messages=M, tools=(Weather, Search, Mail, Move)), Calls[Weather | Search | Mail | Move])
    assert_type(
        client.create(messages=M, tools=(Weather, Search, Mail, Move, Turn)),
        Calls[Weather | Search | Mail | Move | Turn],
    )
    assert_type(
        client.create(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note)),
        Calls[Weather | Search | Mail | Move | Turn | Note],
    )
    assert_type(
        client.create(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note, Task)),
        Calls[Weather | Search | Mail | Move | Turn | Note | Task],
    )
    assert_type(
        client.create(messages=M, tools=(Weather, Search, Mail, Move, Turn, Note, Task, Box[int])),
        Calls[Weather | Search | Mail | Move | Turn | Note | Task | Box[int]],
    )


def tools_of_functions(client: Client) -> None:
    assert_type(client.create(messages=M, tools=(count,)), Calls[BoundCall[int]])
    assert_type(client.create(messages=M, tools=(count, greet)), Calls[BoundCall[int] | BoundCall[str]])
    assert_type(
        client.create(messages=M, tools=(partial(count, 1), Service(), Service().price)),
        Calls[BoundCall[int] | BoundCall[str] | BoundCall[float]],
    )
    assert_type(
        client.create(messages=M, tools=(count, greet, flip, count, greet, flip, Service(), Service().price)),
        Calls[BoundCall[int] | BoundCall[str] | BoundCall[bool] | BoundCall[float]],
    )


def tools_wrapped(client: Client) -> None:
    assert_type(tool(count), Tool[BoundCall[int]])
    assert_type(tool(count, name="get"), Tool[BoundCall[int]])
    assert_type(tool(Weather), Tool[Weather])
    assert_type(Tool(Weather, handler=print), Tool[Weather])
    assert_type(Tool(Note, name="note"), Tool[Note])
    assert_type(Tool(count, timeout=2), Tool[BoundCall[int]])
    assert_type(decorated, Tool[BoundCall[str]])
    assert_type(named, Tool[BoundCall[float]])
    assert_type(client.create(messages=M, tools=(decorated,)), Calls[BoundCall[str]])
    assert_type(client.create(messages=M, tools=(Weather, tool(count))), Calls[Weather | BoundCall[int]])
    assert_type(
        client.create(messages=M, tools=(decorated, Weather, named)), Calls[BoundCall[str] | Weather | BoundCall[float]]
    )


def tools_untyped(client: Client) -> None:
    assert_type(client.create(messages=M, tools=(Weather, count)), Calls[Any])
    assert_type(client.create(messages=M, tools=(count, greet, Weather)), Calls[Any])
    assert_type(client.create(messages=M, tools=(count, decorated)), Calls[Any])
    # mypy cannot infer the type of a list or set literal of two classes with equal field types, whoever is given it.
    listed: list[type[BaseModel]] = [Weather, Search]
    assert_type(client.create(messages=M, tools=listed), Calls[Any])
    assert_type(client.create(messages=M, tools=[Weather, Box[int]]), Calls[Any])
    assert_type(client.create(messages=M, tools=[Weather, Note, Move, count, decorated]), Calls[Any])
    assert_type(client.create(messages=M, tools={Weather, Turn}), Calls[Any])
    nine = (Weather, Weather, Weather, Weather, Weather, Weather, Weather, Weather, Search)
    assert_type(client.create(messages=M, tools=nine), Calls[Any])


def tool_sets(client: Client, tools: ToolSet[Weather | Search], dynamic: list[Any]) -> None:
    assert_type(client.create(messages=M, tools=tools), Calls[Weather | Search])
    assert_type(ToolSet((Weather,)), ToolSet[Weather])
    assert_type(ToolSet((Weather, Note)), ToolSet[Weather | Note])
    assert_type(ToolSet((Weather, decorated, Move)), ToolSet[Weather | BoundCall[str] | Move])
    assert_type(
        ToolSet((Weather, Search, Mail, Move, Turn, Note, Task, Box[int])),
        ToolSet[Weather | Search | Mail | Move | Turn | Note | Task | Box[int]],
    )
    assert_type(ToolSet((Weather, count)), ToolSet[Any])
    assert_type(ToolSet([Weather, Turn]), ToolSet[Any])
    assert_type(ToolSet(dynamic), ToolSet[Any])
    assert_type(client.create(messages=M, tools=ToolSet((Weather, Search))), Calls[Weather | Search])


def own_options(client: Client) -> None:
    calls = client.create(
        messages=M,
        response_model=Weather,
        model="m",
        tool_choice="auto",
        parallel=2,
        stream=False,
        max_attempts=2,
        on_invalid="keep",
        repairs=False,
        deadline=None,
        strict=None,
        context={"a": 1},
        extra_body={"a": 1},
        extra_headers={"a": "b", "c": openai.Omit(), "d": openai.omit},
        extra_query=None,
    )
    assert_type(calls, Calls[Weather])


def provider_options(client: Client) -> None:
    assert_type(client.create(messages=M, response_model=Weather, temperature=0, top_p=0.5, seed=3), Calls[Weather])
    assert_type(client.create(messages=M, tools=(Weather, Search), stop=["x"], user="u"), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=(count,), max_output_tokens=3, top_k=4), Calls[BoundCall[int]])
    client.create(messages=M, tools=(Weather,), thinking={"type": "enabled", "budget_tokens": 1024}, system="s")
    client.create(messages=M, tools=(Weather,), documents=["a", {"data": "b"}], k=3, safety_mode="NONE")
    client.create(messages=M, tools=(Weather,), guardrailConfig={"guardrailIdentifier": "g"}, maxTokens=9)
    house = cast("Options", {"acme_mood": "calm"})
    assert_type(client.create(messages=M, response_model=Weather, **house), Calls[Weather])
    client.create(messages=M, tools=(Weather, Search), **house)  # of which mypy says Calls[Any]


def choices(client: Client, names: list[str], types: list[type[Weather]]) -> None:
    tools = (Weather, Search)
    assert_type(client.create(messages=M, tools=tools, tool_choice="required"), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice=Weather), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice=decorated), Calls[Weather | Search])
    assert_type(
        client.create(messages=M, tools=(count, greet), tool_choice=count), Calls[BoundCall[int] | BoundCall[str]]
    )
    assert_type(client.create(messages=M, tools=tools, tool_choice=[Weather, "Search"]), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice=(Weather, decorated)), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice={"Weather"}), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice=names), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice=types), Calls[Weather | Search])
    assert_type(client.create(messages=M, tools=tools, tool_choice=ToolChoice("none")), Calls[Weather | Search])


def messages(client: Client, typed: list[ChatCompletionMessageParam], completion: ChatCompletion) -> None:
    nested = [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
    answered = client.create(messages=typed, response_model=Weather)
    assert_type(answered, Calls[Weather])
    assert_type(client.create(messages=nested, response_model=Weather), Calls[Weather])
    assert_type(client.create(messages=tuple(typed), response_model=Weather), Calls[Weather])
    assert_type(client.create(messages=(one for one in typed), response_model=Weather), Calls[Weather])
    assert_type(client.create(messages=[*typed, completion.choices[0].message], response_model=Weather), Calls[Weather])
    assert_type(
        client.create(messages=[{"role": "user", "content": "x"}, completion.choices[0].message], tools=(count,)),
        Calls[BoundCall[int]],
    )
    assert_type(client.create(messages=[*M, *answered.reply({})], response_model=Weather), Calls[Weather])


def results(client: Client) -> None:
    calls = client.create(messages=M, response_model=Iterable[Weather | Search])
    for value in calls:
        assert_type(value, Weather | Search)
        if isinstance(value, Weather):
            assert_type(value, Weather)
        else:
            assert_type(value.query, str)
    assert_type(calls[0], Weather | Search)
    assert_type(calls[1:], Sequence[Weather | Search])
    assert_type(list(calls), list[Weather | Search])
    assert_type(calls.outcomes, tuple[Call[Weather | Search] | BadCall, ...])
    assert_type(calls.good, tuple[Call[Weather | Search], ...])
    assert_type(calls.failed, tuple[BadCall, ...])
    for outcome in calls.outcomes:
        if isinstance(outcome, BadCall):
            assert_type(outcome, BadCall)
        else:
            assert_type(outcome.value, Weather | Search)
    assert_type(calls.raw_as(ChatCompletion), ChatCompletion)


def stored(text: str) -> None:
    assert_type(Calls.from_json(text, response_model=Iterable[Weather | Search]), Calls[Weather | Search])
    assert_type(Calls.from_json(text, Iterable[Note | Task]), Calls[Note | Task])
    assert_type(Calls.from_json(text, list[Weather]), Calls[Weather])
    assert_type(Calls.from_json(text, Weather), Calls[Weather])
    assert_type(Calls.from_json(text, Note, context={"limit": 1}), Calls[Note])
    assert_type(Calls.from_json(text, Move), Calls[Move])
    assert_type(Calls.from_json(text, tools=(Weather, count)), Calls[Any])
    assert_type(Calls.from_json(text, None, tools=[Weather, count]), Calls[Any])


def covariance(client: Client) -> None:
    def wants_models(calls: Calls[BaseModel]) -> None: ...
    def wants_sequence(calls: Sequence[BaseModel]) -> None: ...
    def wants_more(calls: Calls[Weather | Search | Mail]) -> None: ...
    def wants_tools(tools: ToolSet[BaseModel]) -> None: ...
    def wants_bound(call: BoundCall[float]) -> None: ...

    calls = client.create(messages=M, response_model=Iterable[Weather | Search])
    wants_models(calls)
    wants_sequence(calls)
    wants_more(calls)
    wants_more(client.create(messages=M, tools=(Weather, Search)))
    wants_tools(ToolSet((Weather, Search)))
    wants_bound(client.create(messages=M, tools=(count,))[0])
    declared: Calls[Weather | Search] = client.create(messages=M, response_model=Iterable[Weather | Search])
    declared = client.create(messages=M, tools=(Weather, Search))
    assert_type(declared[0], Weather | Search)


async def bound_calls(client: Client) -> None:
    plain = client.create(messages=M, tools=(count, greet))[0]
    assert_type(plain.run(), int | str)
    assert_type(await plain.arun(), int | str)
    for bound in client.create(messages=M, tools=(Weather, decorated)):
        print(bound.run().upper() if isinstance(bound, BoundCall) else bound.city)


async def coroutine_functions(client: Client, either: BoundCall[int] | BoundCall[Coroutine[Any, Any, bytes]]) -> None:
    """Checkers name the type of a coroutine differently, so what awaiting it gives is compared."""
    assert_type(await either.arun(), int | bytes)
    assert_type(await client.create(messages=M, tools=(fetch,))[0].arun(), bytes)
    assert_type(await client.create(messages=M, tools=(fetch, check))[0].arun(), bytes | bool)
    assert_type(await client.create(messages=M, tools=(count, fetch, greet))[0].arun(), int | bytes | str)
    assert_type(await client.create(messages=M, tools=(async_named, named))[0].arun(), bytes | float)
    for call in client.create(messages=M, tools=(count, fetch)):
        assert_type(await call.arun(), int | bytes)


def clients(sdk: object) -> None:
    assert_type(toolfan.wrap(sdk), Client)
    assert_type(toolfan.wrap(sdk, adapter="openai", model="m"), Client)
    assert_type(toolfan.wrap_async(sdk), AsyncClient)
    assert_type(toolfan.from_openai(openai.OpenAI()), Client)
    assert_type(toolfan.from_openai(openai.AzureOpenAI(), toolfan.Mode.PARALLEL_TOOLS), Client)
    assert_type(toolfan.from_openai(openai.AsyncOpenAI()), AsyncClient)
    assert_type(toolfan.from_openai(openai.AsyncAzureOpenAI(), model="m"), AsyncClient)
    assert_type(toolfan.from_vertexai(sdk), Client)
    assert_type(toolfan.from_vertexai(sdk, mode=toolfan.Mode.VERTEXAI_PARALLEL_TOOLS, use_async=False), Client)
    assert_type(toolfan.from_vertexai(sdk, use_async=True), AsyncClient)
    assert_type(toolfan.connect("openai:gpt-4o-mini", deadline=3), Client)
    assert_type(toolfan.connect_async(profile="fast"), AsyncClient)
    with toolfan.connect("local") as client:
        assert_type(client, Client)


async def awaited(client: AsyncClient) -> None:
    assert_type(await client.create(messages=M, response_model=Iterable[Weather | Search]), Calls[Weather | Search])
    assert_type(await client.create(messages=M, response_model=Weather), Calls[Weather])
    assert_type(await client.create(messages=M, response_model=Note), Calls[Note])
    assert_type(await client.create(messages=M, response_model=Move), Calls[Move])
    assert_type(await client.create(messages=M, response_model=Weather | Search), Calls[Weather | Search])
    assert_type(await client.create(messages=M, response_model=list[Weather | Search]), Calls[Weather | Search])
    assert_type(await client.create(messages=M, response_model=tuple[Weather, ...]), Calls[Weather])
    assert_type(await client.create(messages=M, tools=(Weather, Search)), Calls[Weather | Search])
    assert_type(await client.create(messages=M, tools=(Weather, decorated)), Calls[Weather | BoundCall[str]])
    assert_type(await client.create(messages=M, tools=(count, greet)), Calls[BoundCall[int] | BoundCall[str]])
    assert_type(await client.create(messages=M, tools=[Weather, count]), Calls[Any])
    assert_type(
        await client.chat.completions.create(messages=M, response_model=Iterable[Weather], temperature=0),
        Calls[Weather],
    )
    async with toolfan.connect_async("local") as opened:
        assert_type(opened, AsyncClient)


def look_up(weather: Weather) -> str:
    return weather.city


def executed(client: Client) -> None:
    calls = client.create(messages=M, response_model=Iterable[Weather | Search])
    done = toolfan.execute(calls, max_concurrency=4, timeout=3)
    assert_type(done, list[Result[Weather | Search]])
    for result in done:
        assert_type(result.call, Call[Weather | Search] | BadCall)
        assert_type(result.error, BaseException | None)
        assert_type(result.seconds, float)
    assert_type(
        toolfan.execute(calls.good, tools=(Tool(Weather, handler=look_up), Search)), list[Result[Weather | Search]]
    )
    assert_type(toolfan.execute(list(calls.good)), list[Result[Weather | Search]])
    assert_type(toolfan.execute(client.create(messages=M, tools=(count, fetch)))[0].value, Any)
    calls.reply(done)


async def executed_async(client: AsyncClient) -> None:
    calls = await client.create(messages=M, tools=(Weather, Search))
    assert_type(await toolfan.execute_async(calls), list[Result[Weather | Search]])
    assert_type(await toolfan.execute_async(calls.good, timeout=None), list[Result[Weather | Search]])


def runs(client: Client, tools: ToolSet[Any]) -> None:
    run = client.run(messages=M, tools=(count, fetch, decorated, Tool(Weather, handler=look_up)), early=True, model="m")
    assert_type(run, Run)
    assert_type(run.text, str)
    assert_type(run.results[0].call.id, str)
    assert_type(client.run(messages=M, tools=[count], max_rounds=3, max_calls=5, max_concurrency=2, deadline=3), Run)
    assert_type(client.run(messages=M, tools=tools, tool_choice="required", temperature=0), Run)
    assert_type(client.run(messages=[*M, *run.messages], response_model=Iterable[Weather]), Run)


async def awaited_runs(client: AsyncClient) -> None:
    assert_type(await client.run(messages=M, tools=(count, fetch), early=True, on_invalid="reask"), Run)
