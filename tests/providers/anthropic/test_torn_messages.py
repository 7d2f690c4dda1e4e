"""Streams in which a message begins while another is open: one behind a torn one, or one that begins twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from anthropic_asking import GOOD, OSLO, VALUES, Asker, Search, Weather, stream
from anthropic_samples import events, message, text, tool_use
from loopback import KEY, USER

if TYPE_CHECKING:
    from collections.abc import Callable

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
OTHER = {**message(THOUGHT, tool_use("toolu_c", "Weather", {**OSLO, "location": "Rome"})), "id": "msg_2"}


def torn(*whole: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an answer with these blocks that breaks off in a call's arguments."""
    made = events(message(*whole, tool_use("toolu_t", "Weather", OSLO)))
    last = max(at for at, event in enumerate(made) if event["type"] == "content_block_delta")
    return made[:last]


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("before", [[], [text("I look.")], [THOUGHT]], ids=["nothing", "text", "thought"])
def test_a_torn_answer_is_asked_for_again(faulty: Callable[..., Any], before: list[Any], *, use_async: bool) -> None:
    server = faulty(stream([*torn(*before), *events(OTHER)]), stream(GOOD))
    calls = Asker(use_async, True)(server.url)
    assert (list(calls), calls.requests, calls.warnings) == (VALUES, 2, ())
    said, _ = calls.reply({"toolu_a": "cold", "toolu_b": "rain"})
    assert said["content"] == GOOD["content"]


def test_a_call_that_was_handed_out_stays(faulty: Callable[..., Any]) -> None:
    server = faulty(stream([*torn(tool_use("toolu_a", "Weather", OSLO)), *events(OTHER)]))
    seen = []
    with anthropic.Anthropic(api_key=KEY, base_url=server.url.removesuffix("/v1")) as sdk:
        asked = toolfan.wrap(sdk, model="m").stream(messages=USER, tools=(Weather, Search))
        with asked as given, pytest.raises(toolfan.IncompleteStream) as caught:
            seen.extend(one.id for one in given)
    assert (seen, len(server.requests)) == (["toolu_a"], 1)
    assert "another message (msg_2) before the end of the first (msg_1)" in caught.value.message
    assert list(caught.value.calls) == VALUES[:1]


def test_run_goes_on_with_one_of_the_two(faulty: Callable[..., Any]) -> None:
    def weather(location: str) -> str:
        return f"rain in {location}"

    calling = message(THOUGHT, tool_use("toolu_a", "weather", {"location": "Oslo"}))
    rain = message(text("Rain."), stop="end_turn")
    server = faulty(stream([*torn(THOUGHT), *events(OTHER)]), stream(calling), stream(rain))
    with anthropic.Anthropic(api_key=KEY, base_url=server.url.removesuffix("/v1")) as sdk:
        got = toolfan.wrap(sdk, model="m").run(messages=USER, tools=(weather,), early=True)
    assert (got.text, [result.value for result in got.results], got.requests) == ("Rain.", ["rain in Oslo"], 3)
    sent = json.loads(server.requests[-1][-1])["messages"]
    assert sent[1]["content"] == calling["content"]


@pytest.mark.parametrize("at", [1, 4])
def test_a_beginning_that_is_said_twice_is_one(faulty: Callable[..., Any], at: int) -> None:
    made = events(GOOD)
    calls = Asker(False, True)(faulty(stream([*made[:at], made[0], *made[at:]])).url)
    assert (list(calls), calls.warnings) == (VALUES, ())
    assert calls.turn.replay["content"] == GOOD["content"]


@pytest.mark.parametrize("before", [[], [text("I look.")], [THOUGHT]], ids=["nothing", "text", "thought"])
def test_an_answer_that_is_made_anew_under_one_id_is_asked_for_again(
    faulty: Callable[..., Any], before: list[Any]
) -> None:
    """Its pieces are not put behind those of the torn one."""
    anew = events({**OTHER, "id": "msg_1"})
    calls = Asker(False, True)(faulty(stream([*torn(*before), *anew]), stream(GOOD)).url)
    assert (list(calls), calls.requests, calls.warnings) == (VALUES, 2, ())


def test_what_the_second_beginning_says_more_is_read(faulty: Callable[..., Any]) -> None:
    """A gateway begins before the service has told the model and the tokens."""
    begun, *rest = events(GOOD)
    early = {**begun, "message": {**begun["message"], "model": "?", "usage": {"input_tokens": 0, "output_tokens": 0}}}
    for event in rest:
        event.pop("usage", None)
    calls = Asker(False, True)(faulty(stream([early, begun, *rest])).url)
    assert (calls.usage.input_tokens, calls.raw["model"], calls.warnings) == (100, "claude-x-2026", ())


def test_of_a_message_that_says_nothing_nothing_is_lost(faulty: Callable[..., Any]) -> None:
    made = events(message(stop=None))[:1]
    calls = Asker(False, True)(faulty(stream([*made, *events({**GOOD, "id": "msg_2"})])).url)
    assert list(calls) == VALUES
