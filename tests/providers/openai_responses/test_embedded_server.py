"""The adapter against the embedded server, which refuses what the service refuses: asked, streamed, run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER
from pydantic import BaseModel
from responses_api import REASONING
from toolfan import tool

if TYPE_CHECKING:
    from loopback import Bench

QUESTION = [{"role": "user", "content": "What is the weather in toronto and dallas?"}]


class Weather(BaseModel):
    location: str


TWO = [Weather(location="Toronto"), Weather(location="Dallas")]


def client(bench: Bench) -> toolfan.Client:
    return toolfan.wrap(bench.sdk(), adapter="openai-responses", model="m")


@pytest.mark.parametrize("strict", [None, False, True])
def test_asked(bench: Bench, strict: bool | None) -> None:
    said = [{"name": "Weather", "arguments": {"location": place}} for place in ("Toronto", "Dallas")]
    server = bench.serve({"text": "Both.", "calls": said})
    calls = client(bench).create(messages=QUESTION, response_model=Iterable[Weather], strict=strict)
    assert (list(calls), calls.text) == (TWO, "Both.")
    assert server.requests[-1].path == "/v1/responses"
    from openai.types.responses import Response

    assert calls.raw_as(Response).status == "completed"


def test_streamed(bench: Bench) -> None:
    bench.serve({"text": "Both of them.", "calls": [{"name": "Weather", "arguments": {"location": "Oslo"}}]})
    with client(bench).stream(messages=QUESTION, tools=(Weather,)) as stream:
        items = list(stream.events())
    assert "".join(item.text for item in items if isinstance(item, toolfan.TextDelta)) == "Both of them."
    assert list(stream.calls) == [Weather(location="Oslo")]


def weather(location: str) -> str:
    return f"sunny in {location}"


RUN = [
    {"calls": [{"name": "weather", "arguments": {"location": place}} for place in ("Oslo", "Rome")]},
    {"calls": [{"name": "weather", "arguments": {"place": "Bonn"}}], "text": "One more."},
    {"text": "Sunny in both."},
]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("use_async", [False, True])
def test_run(bench: Bench, early: bool, use_async: bool) -> None:
    """Every answer goes back as it came, with one output a call; the server would refuse it otherwise."""
    bench.serve(*RUN)
    given: Any = {"messages": USER, "tools": (tool(weather, early=early),), "early": early}

    async def main() -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            return await toolfan.wrap_async(sdk, adapter="openai-responses", model="m").run(**given)

    done = asyncio.run(main()) if use_async else client(bench).run(**given)
    assert (done.text, done.stop) == ("Sunny in both.", "text")
    assert [result.value for result in done.results] == ["sunny in Oslo", "sunny in Rome", None]
    items = bench.bodies[-1]["input"]
    assert [item["type"] for item in items] == [
        "message",
        *["function_call"] * 2,
        *["function_call_output"] * 2,
        *["message", "function_call", "function_call_output"],
    ]
    assert [item["output"] for item in items[3:5]] == ["sunny in Oslo", "sunny in Rome"]
    assert "location: Field required" in items[-1]["output"]


def test_a_chat_style_history_is_taken(bench: Bench) -> None:
    bench.serve({"text": "I see."})
    called = [{"id": "c1", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}]
    history = [
        {"role": "system", "content": "Be brief."},
        *USER,
        {"role": "assistant", "content": None, "tool_calls": called},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        REASONING,
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
    ]
    calls = client(bench).create(messages=history, tools=(Weather,))
    assert calls.text == "I see."


def test_what_the_server_refuses_is_told(bench: Bench) -> None:
    bench.serve({"text": "never"})
    answer = {"type": "function_call_output", "call_id": "nobody", "output": "x"}
    with pytest.raises(toolfan.RequestRejected, match="No tool call found for function call output"):
        client(bench).create(messages=[*USER, answer], tools=(Weather,))
