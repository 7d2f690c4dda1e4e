"""A turn that the service pauses, at work with tools of its own: `run` lets it go on, `create` says so."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from anthropic_asking import Asker, stream, whole
from anthropic_samples import message, text, tool_use
from loopback import KEY, USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

SEARCHES = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Oslo"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
PAUSED = message(text("I look it up."), SEARCHES, stop="pause_turn")
DONE = message(FOUND, text(" It rains."), stop="end_turn")


def weather(location: str) -> str:
    return f"rain in {location}"


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Callable[..., toolfan.Run]:
    """`client.run` with the SDK's client of this kind."""

    async def awaited(url: str, options: dict[str, Any]) -> toolfan.Run:
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=url) as sdk:
            return await toolfan.wrap_async(sdk, model="m").run(**options)

    def run(server: FaultServer, **options: Any) -> toolfan.Run:
        url, options = server.url.removesuffix("/v1"), {"messages": USER, "tools": (weather,), **options}
        if request.param == "async":
            return asyncio.run(awaited(url, options))
        with anthropic.Anthropic(api_key=KEY, base_url=url) as sdk:
            return toolfan.wrap(sdk, model="m").run(**options)

    return run


def sent(server: FaultServer) -> list[Any]:
    """The bodies of the requests."""
    return [json.loads(body) for _, _, _, body in server.requests]


@pytest.mark.parametrize("early", [False, True])
def test_run_sends_a_paused_turn_back_until_it_ends(faulty: Any, run: Any, early: bool) -> None:
    form = stream if early else whole
    server = faulty(form(PAUSED), form(message(SEARCHES, stop="pause_turn")), form(DONE))
    got = run(server, early=early)
    assert (got.stop, got.text, len(got.rounds), got.requests) == ("text", "I look it up. It rains.", 3, 3)
    assert [one.calls.stop.kind for one in got.rounds] == ["paused", "paused", "end"]
    first, second, third = (body["messages"] for body in sent(server))
    assert second == [*first, {"role": "assistant", "content": PAUSED["content"]}]
    assert third == [*first, {"role": "assistant", "content": [*PAUSED["content"], SEARCHES]}]
    assert got.messages[-1]["content"] == DONE["content"]
    assert got.usage.input_tokens == 300


@pytest.mark.parametrize("early", [False, True])
def test_calls_of_a_paused_turn_run_and_are_answered(faulty: Any, run: Any, early: bool) -> None:
    form = stream if early else whole
    calling = message(SEARCHES, tool_use("toolu_a", "weather", {"location": "Oslo"}), stop="pause_turn")
    server = faulty(form(calling), form(PAUSED), form(DONE))
    got = run(server, early=early, tool_choice="required")
    assert ([result.value for result in got.results], got.text) == (["rain in Oslo"], "I look it up. It rains.")
    assert [body["tool_choice"]["type"] for body in sent(server)] == ["any", "auto", "auto"]


def test_a_required_call_is_still_required_after_a_pause(faulty: Any, run: Any) -> None:
    calling = message(FOUND, tool_use("toolu_a", "weather", {"location": "Oslo"}))
    server = faulty(whole(PAUSED), whole(calling), whole(message(text("Rain."), stop="end_turn")))
    got = run(server, tool_choice="required")
    assert (got.stop, got.text, len(got.rounds)) == ("text", "Rain.", 3)
    assert [body["tool_choice"]["type"] for body in sent(server)] == ["any", "any", "auto"]
    assert sent(server)[1]["messages"][-1] == {"role": "assistant", "content": PAUSED["content"]}


def test_pauses_without_end_are_limited(faulty: Any, run: Any) -> None:
    server = faulty(whole(PAUSED))
    got = run(server, max_rounds=3)
    assert (got.stop, len(server.requests)) == ("max_rounds", 3)


@pytest.mark.parametrize("streams", [False, True])
def test_create_says_that_the_turn_is_paused(faulty: Any, streams: bool) -> None:
    ask = Asker(use_async=False, streams=streams)
    calls = ask(faulty(ask.good(PAUSED)).url)
    assert calls.stop == toolfan.StopReason("paused", "pause_turn")
    (warning,) = calls.warnings
    assert "paused its turn" in warning
    assert calls.reply({}) == [{"role": "assistant", "content": PAUSED["content"]}]


def test_a_refusal_without_words_ends_its_sentence(faulty: Callable[..., FaultServer]) -> None:
    url = faulty(whole(message(stop="refusal"))).url.removesuffix("/v1")
    with anthropic.Anthropic(api_key=KEY, base_url=url) as sdk, pytest.raises(toolfan.Refused) as caught:
        toolfan.wrap(sdk, model="m").create(messages=USER, tools=(weather,))
    assert caught.value.message == "the model refused (refusal)"
