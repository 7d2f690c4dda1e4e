"""A conversation that the service makes shorter on its way: what that costs is told, and the turn goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from anthropic_asking import Asker, stream, whole
from anthropic_samples import events, message, text
from loopback import KEY, USER

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

SUMMARY = {"type": "compaction", "content": "The user asks for the weather."}
SAID = {"input_tokens": 20, "output_tokens": 5, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
SHORTENED = {"input_tokens": 100, "output_tokens": 80, "cache_read_input_tokens": 5000, "type": "compaction"}
ADVISED = {"input_tokens": 700, "output_tokens": 9, "type": "advisor_message", "model": "claude-other"}
ROUNDS = [SHORTENED, ADVISED, {**SAID, "type": "message"}, "odd", {"type": "compaction", "input_tokens": None}]


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("rounds", "usage"),
    [
        (ROUNDS, toolfan.Usage(5120, 85, 5205, cache_read_tokens=5000)),
        ([SHORTENED, SHORTENED], toolfan.Usage(10220, 165, 10385, cache_read_tokens=10000)),
        ([ADVISED], toolfan.Usage(20, 5, 25)),
        (None, toolfan.Usage(20, 5, 25)),
    ],
)
def test_what_it_cost_is_counted(faulty: Any, rounds: Any, usage: Any, *, use_async: bool, streams: bool) -> None:
    ask = Asker(use_async, streams)
    body = message(SUMMARY, text("Rain."), stop="end_turn", usage={**SAID, "iterations": rounds})
    calls = ask(faulty(ask.good(body)).url)
    assert (calls.usage, calls.text) == (usage, "Rain.")
    assert calls.reply({}) == [{"role": "assistant", "content": body["content"]}]


def weather(location: str) -> str:
    return f"rain in {location}"


def test_a_turn_that_pauses_behind_it_goes_on(faulty: Callable[..., FaultServer]) -> None:
    paused = whole(message(SUMMARY, stop="compaction"))
    server = faulty(paused, whole(message(text("Rain."), stop="end_turn")), paused)
    with anthropic.Anthropic(api_key=KEY, base_url=server.url.removesuffix("/v1")) as sdk:
        client = toolfan.wrap(sdk, model="m")
        run = client.run(messages=USER, tools=(weather,))
        calls = client.create(messages=USER, tools=(weather,))
    assert (run.stop, run.text, [one.calls.stop.kind for one in run.rounds]) == ("text", "Rain.", ["paused", "end"])
    assert json.loads(server.requests[1][3])["messages"][1:] == [{"role": "assistant", "content": [SUMMARY]}]
    assert calls.stop == toolfan.StopReason("paused", "compaction")
    assert "paused its turn" in calls.warnings[0]


EDITS = {"applied_edits": [{"type": "clear_tool_uses_20250919", "cleared_tool_uses": 3, "cleared_input_tokens": 900}]}
DROPPED = [{"type": "thinking_dropped", "path": "messages.1.content.0", "reason": "model_binding_mismatch"}]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("key", "told"), [("context_management", EDITS), ("input_transformations", DROPPED)])
def test_what_the_service_left_out_of_the_conversation_is_told(
    faulty: Callable[..., Any], key: str, told: Any, *, streams: bool
) -> None:
    """A stream tells it beside the stop reason, in an event of its own; what it told at the start is replaced."""
    body = message(text("Rain."), stop="end_turn")
    made = [{**event, key: told} if event["type"] == "message_delta" else event for event in events({**body, key: []})]
    answer = stream(made) if streams else whole({**body, key: told})
    assert Asker(False, streams)(faulty(answer).url).raw[key] == told
