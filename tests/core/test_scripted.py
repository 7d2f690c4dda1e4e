"""Clients whose answers are given: `toolfan.testing.scripted`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from pydantic import BaseModel, Field
from toolfan import RateLimited, Unavailable, UsageError
from toolfan.testing import AdapterConformance, ErrorSample, Sample, ScriptedAdapter, scripted, scripted_async

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASK = [{"role": "user", "content": "Weather?"}]


class Weather(BaseModel):
    location: str = Field(alias="where")


@dataclass
class Search:
    query: str


OSLO = Weather(where="Oslo")
TOOLS = (Weather, Search)


def test_values_come_back_as_they_were_given() -> None:
    """Models by their aliases, dataclasses, names with arguments; texts beside them."""
    client = scripted([["Two: ", OSLO, Search("x"), ("Search", {"query": "y"})]])
    calls = client.create(messages=ASK, tools=TOOLS)
    assert list(calls) == [OSLO, Search("x"), Search("y")]
    assert (calls.text, calls.stop.kind) == ("Two: ", "calls")


def test_each_request_takes_the_next_answer() -> None:
    """A request too many is told, with the count."""
    client = scripted([OSLO, "Nothing to do."])
    assert list(client.create(messages=ASK, tools=TOOLS)) == [OSLO]
    assert client.create(messages=ASK, tools=TOOLS).text == "Nothing to do."
    with pytest.raises(UsageError, match="the script has 2 answers, and this is request 3"):
        client.create(messages=ASK, tools=TOOLS)
    assert len(client.sdk_client.requests) == 3


def test_what_the_model_was_told_can_be_looked_at() -> None:
    """A call that is wrong is asked for again; the second request has the answer to it."""
    client = scripted([("Weather", '{"where": 7}'), OSLO], model="any")
    calls = client.create(messages=ASK, tools=TOOLS)
    assert (list(calls), calls.attempts) == ([OSLO], 2)
    first, second = client.sdk_client.requests
    assert first["model"] == "any"
    assert "Input should be a valid string" in second["messages"][-1]["content"]


def test_errors_are_raised_and_retried_as_real_ones() -> None:
    """By class."""
    client = scripted([Unavailable("down", retry_after=0.0), OSLO, RateLimited("slow down", retryable=False)])
    assert client.create(messages=ASK, tools=TOOLS).requests == 2
    with pytest.raises(RateLimited, match="slow down"):
        client.create(messages=ASK, tools=TOOLS)


def test_streams_and_runs_are_scripted_too() -> None:
    """Text word by word, each call in an event of its own."""
    client = scripted([["Let me look.", OSLO, OSLO]])
    with client.stream(messages=ASK, tools=TOOLS) as stream:
        words = [event.text for event in stream.events() if isinstance(event, toolfan.TextDelta)]
    assert words == ["Let", " me", " look."]
    assert list(stream.calls) == [OSLO, OSLO]

    def search(query: str) -> str:
        return f"found {query}"

    run = scripted([("search", {"query": "x"}), "Done."]).run(messages=ASK, tools=(search,))
    assert run.text == "Done."


def test_awaited() -> None:
    """Whole and streamed."""

    async def ask() -> None:
        client = scripted_async([OSLO, ["Hm.", OSLO]])
        assert list(await client.create(messages=ASK, tools=TOOLS)) == [OSLO]
        async with client.stream(messages=ASK, tools=TOOLS) as stream:
            assert [one.value async for one in stream] == [OSLO]
        await client.aclose()

    asyncio.run(ask())


@pytest.mark.parametrize("answer", [7, {"location": "Oslo"}, [None], Weather, ("Weather",)])
def test_what_is_no_answer_is_refused(answer: Any) -> None:
    """When the script is given, not when it is played."""
    with pytest.raises(UsageError, match="a script holds"):
        scripted([answer])


@pytest.mark.parametrize("script", ["hello", b"hello", OSLO, {"location": "Oslo"}, 7, None, RateLimited("slow")])
@pytest.mark.parametrize("make", [scripted, scripted_async])
def test_what_is_no_list_of_answers_is_refused(make: Any, script: Any) -> None:
    """A text alone would be its letters."""
    with pytest.raises(UsageError, match=r"a script is a list of answers.*Write scripted\(\[the answer\]\)"):
        make(script)


def body(text: str, stop: str, *calls: Mapping[str, Any]) -> dict[str, Any]:
    return {"calls": list(calls), "text": text, "stop": stop}


def events(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = answer.get("text")
    pieces = [{"text": piece} for piece in (text[:3], text[3:])] if isinstance(text, str) else []
    calls = answer.get("calls")
    told = [{"calls": [call]} for call in calls] if isinstance(calls, list) else []
    return [*pieces, *told, {"stop": answer.get("stop"), "end": True}]


def sample(name: str, answer: dict[str, Any], **said: Any) -> Sample:
    return Sample(name=name, body=answer, events=events(answer), **said)


A = {"id": "a", "name": "Weather", "arguments": '{"where":"Oslo"}'}
B = {"id": "b", "name": "Weather", "arguments": '{"where":"Bergen"}'}
CALLED = [("Weather", {"where": "Oslo"}), ("Weather", {"where": "Bergen"})]
NOT_OURS = {
    "test_it_is_found_by_its_name": "it is not installed: scripted() makes it",
    "test_the_samples_show_what_the_laws_need": "a script does not say how many tokens were used",
}


class TestScripted(AdapterConformance):
    adapter = ScriptedAdapter()
    plugin = "toolfan.testing"
    broken_laws = NOT_OURS
    samples = (
        sample("two calls", body("", "calls", A, B), calls=CALLED, ids=["a", "b"]),
        sample("beside text", body("Hm.", "calls", A, B), calls=CALLED, ids=["a", "b"], text="Hm."),
        sample("a text", body("It rains.", "end"), text="It rains.", stop="end"),
        sample("cut", body("", "length", A), calls=CALLED[:1], ids=["a"], stop="length"),
    )
    errors = (
        ErrorSample(
            name="down",
            error=Unavailable,
            body={"error": {"code": "unavailable"}},
            events=[{"text": "x"}, {"error": {"code": "unavailable"}}],
        ),
    )

    def events_of(self, answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events(answer)
