"""What every checker must refuse: each line marked `error`, and no other.  Nothing here is executed."""

from collections.abc import Iterable

import openai
import toolfan
from pydantic import BaseModel
from toolfan import AsyncClient, BoundCall, Call, Calls, CallStream, Client, Tool, ToolSet, tool

M = [{"role": "user", "content": "hi"}]


class Weather(BaseModel):
    city: str


class Search(BaseModel):
    query: str


def count(x: int) -> int:
    return x


def options(client: Client) -> None:
    client.create(messages=M, response_model=Weather, max_attempts="3")  # error
    client.create(messages=M, response_model=Weather, on_invalid="retry")  # error
    client.create(messages=M, response_model=Weather, stream="yes")  # error
    client.create(messages=M, tools=(Weather,), stream=None)  # error
    client.create(messages=M, response_model=Weather, deadline="3s")  # error
    client.create(messages=M, response_model=Iterable[Weather], model=3)  # error
    client.create(messages=M, response_model=Weather, temperature="hot")  # error
    client.create(messages=M, response_model=Weather, thinking="much")  # error
    client.create(messages=M, response_model=Weather, extra_headers={"a": 1})  # error
    client.create(messages=M, tools=(Weather,), max_attempts="3")  # error
    client.create(messages=M, tools=[Weather], max_attempts="3")  # error
    client.create(messages=M, tools=(count,), parallel="yes")  # error


def misspelt(client: Client) -> None:
    client.create(messages=M, response_model=Weather, max_attemps=3)  # error
    client.create(messages=M, response_model=Weather, max_retries=3)  # error
    client.create(messages=M, tools=(Weather,), temprature=0.3)  # error
    client.create(message=M, tools=(Weather,))  # error
    client.create_partial(messages=M, response_model=Weather)  # error
    client.chat.completions.cretae(messages=M, tools=(Weather,))  # error


def choices(client: Client) -> None:
    client.create(messages=M, tools=(Weather,), tool_choice="any")  # error
    client.create(messages=M, tools=(Weather,), tool_choice="Weather")  # error
    client.create(messages=M, tools=(Weather,), tool_choice=3)  # error
    client.create(messages=M, tools=(Weather,), tool_choice=[3])  # error


def forms(client: Client) -> None:
    client.create(messages=M)  # error
    client.create(messages=M, response_model=Weather, tools=(Weather,))  # error
    client.create(messages=M, response_model=3)  # error
    client.create(messages=M, response_model=(Weather, Search))  # error
    client.create(messages=M, tools=3)  # error
    client.create(messages=M, tools=Weather)  # error
    client.create(messages=M, tools=(Weather, 3))  # error
    client.create(messages=M, tools=[Weather, 3])  # error
    client.create(messages=M, tools="Weather")  # error
    client.create(M, response_model=Weather)  # error


def messages(client: Client) -> None:
    client.create(response_model=Weather)  # error
    client.create(messages="hi", response_model=Weather)  # error
    client.create(messages={"role": "user", "content": "hi"}, response_model=Weather)  # error
    client.create(messages=["hi"], response_model=Weather)  # error
    client.create(messages=3, response_model=Weather)  # error


def results(client: Client) -> None:
    calls = client.create(messages=M, response_model=Iterable[Weather | Search])
    calls[0].city  # error
    calls[0].nothing  # error
    narrow: Calls[Weather] = calls  # error
    for bound in client.create(messages=M, tools=(count,)):
        bound.run().upper()  # error
        wrong: BoundCall[str] = bound  # error
        print(wrong)
    print(narrow)


async def awaited(client: AsyncClient) -> None:
    client.create(messages=M, response_model=Weather).good  # error
    await client.create(messages=M, response_model=Weather, max_attempts="3")  # error
    await client.create(messages="hi", response_model=Weather)  # error
    await client.chat.completions.create(messages=M, tools=(Weather,), deadline="3s")  # error


def streams(client: Client) -> None:
    client.stream(messages=M, response_model=Weather, max_attemps=3)  # error
    client.stream(messages=M, tools=(Weather,), deadline="3s")  # error
    client.stream(messages=M, tools=(count,), temprature=0.3)  # error
    client.stream(messages=M, response_model=Weather, stream=False)  # error
    client.stream(messages=M)  # error
    client.stream(M, response_model=Weather)  # error
    client.stream(messages="hi", response_model=Weather)  # error
    client.stream(messages=M, tools=Weather)  # error
    client.create(messages=M, response_model=Weather, stream=True, max_attemps=3)  # error
    client.create(messages=M, tools=(Weather,), stream=True, deadline="3s")  # error
    client.create(messages=M, response_model=Weather, stream=True).good  # error


def what_streams_give(client: Client) -> None:
    stream = client.stream(messages=M, response_model=Iterable[Weather | Search])
    narrow: CallStream[Weather] = stream  # error
    print(narrow, len(stream))  # error
    for outcome in stream:
        print(outcome.value)  # error
        if isinstance(outcome, Call):
            print(outcome.value.city)  # error
            print(outcome.city)  # error
    for event in stream.events():
        print(event.text)  # error


async def awaited_streams(client: AsyncClient) -> None:
    await client.stream(messages=M, response_model=Weather)  # error
    client.create(messages=M, response_model=Weather, stream=True).calls  # error
    client.stream(messages=M, response_model=Weather, max_attemps=3)  # error
    list(client.stream(messages=M, response_model=Weather))  # error
    async for one in client.stream(messages=M, response_model=Weather):
        print(one.value)  # error


def making() -> None:
    tool(3)  # error
    tool(count, nam="x")  # error
    tool(timeout="3")  # error
    Tool(Weather, timeout="3")  # error
    ToolSet(3)  # error
    toolfan.connect(3)  # error
    toolfan.wrap(openai.OpenAI(), adapter=3)  # error
    toolfan.from_openai(openai.OpenAI(), "tools")  # error
    toolfan.Mode.TOOLS  # error
    toolfan.nothing  # error


def executing(client: Client) -> None:
    toolfan.execute("calls")  # error
    toolfan.execute(client.create(messages=M, tools=(count,)), timeout="3")  # error
    client.run(messages=M, tools=(count,), max_rounds="3")  # error
    client.run(messages=M, tools=(count,), temprature=1)  # error
    client.run(messages=M, tools=3)  # error
    client.run(messages=M)  # error
