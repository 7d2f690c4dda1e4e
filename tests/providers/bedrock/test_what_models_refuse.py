"""What models on Bedrock refuse to read, though the service or they themselves said it: it is not sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import MODEL, asked
from bedrock_wire import answer, events, frames, use
from loopback import USER, http
from wrapped_ways import WAYS, Weather

if TYPE_CHECKING:
    from collections.abc import Callable

CALL = use("t1", "weather", {"location": "Oslo"})
SIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
HIDDEN = {"reasoningContent": {"redactedContent": "aGlkZGVu"}}
UNSIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}


def weather(location: str) -> str:
    return f"rain in {location}"


def sent(way: str, body: dict[str, Any]) -> bytes:
    if way.endswith("whole"):
        return http(json.dumps(body))
    return http(frames(events(body)), content_type="application/vnd.amazon.eventstream")


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize(
    "thought", [UNSIGNED, {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": ""}}}]
)
def test_a_thought_without_a_signature_stays_behind(
    bedrock: Callable[..., Any], thought: dict[str, Any], *, early: bool
) -> None:
    """ "User messages cannot contain reasoning content", say Nova and DeepSeek of their own."""
    way = "streamed" if early else "whole"
    first, last = answer(thought, CALL), answer({"text": "Rain."}, stop="end_turn")
    client, server = bedrock(sent(way, first), sent(way, last))
    got = toolfan.wrap(client, model=MODEL).run(messages=USER, tools=(weather,), early=early)
    assert (got.text, [result.value for result in got.results]) == ("Rain.", ["rain in Oslo"])
    messages = json.loads(server.requests[1][3])["messages"]
    assert messages[1] == {"role": "assistant", "content": [CALL]}
    assert messages[2]["content"] == [{"toolResult": {"toolUseId": "t1", "content": [{"text": "rain in Oslo"}]}}]


@pytest.mark.parametrize("way", WAYS)
def test_signed_and_hidden_thoughts_go_back(bedrock: Callable[..., Any], way: str) -> None:
    body = answer(SIGNED, UNSIGNED, HIDDEN, use("t1", "Weather", {"location": "Oslo"}))
    calls = asked(way, bedrock(sent(way, body))[0])
    said, _ = calls.reply({"t1": "rain"})
    assert said["content"] == [SIGNED, HIDDEN, body["output"]["message"]["content"][-1]]
    assert calls.turn.replay == body["output"]["message"]


@pytest.mark.parametrize("thought", [UNSIGNED, SIGNED, HIDDEN])
def test_a_turn_of_a_thought_alone_is_none(bedrock: Callable[..., Any], thought: dict[str, Any]) -> None:
    """ "This model does not support assistant message prefill", says Claude Sonnet 5 of one, whatever follows it."""
    calls = asked("whole", bedrock(sent("whole", answer(thought, stop="end_turn")))[0])
    assert calls.reply({}) == []


def test_no_thought_goes_back_at_the_end(bedrock: Callable[..., Any]) -> None:
    """Claude refuses it there, whatever follows."""
    body = answer(SIGNED, use("t1", "Weather", {"location": "Oslo"}), SIGNED, HIDDEN)
    said, _ = asked("whole", bedrock(sent("whole", body))[0]).reply({"t1": "rain"})
    assert said["content"] == body["output"]["message"]["content"][:2]


@pytest.mark.parametrize("words", ["\n", [{"type": "text", "text": " "}]])
def test_a_blank_text_of_a_history_is_left_out(bedrock: Callable[..., Any], words: Any) -> None:
    """The service refuses it: "The text field in the ContentBlock object at messages.1.content.0 is blank"."""
    made = {"id": "c1", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}
    history = [
        *USER,
        {"role": "assistant", "content": words, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "c1", "content": "cold"},
        {"role": "assistant", "content": words},
    ]
    client, server = bedrock(sent("whole", answer(use("t1", "Weather", {"location": "Oslo"}))))
    asked("whole", client, messages=history)
    messages = json.loads(server.requests[0][3])["messages"]
    assert [[next(iter(block)) for block in message["content"]] for message in messages] == [
        ["text"],
        ["toolUse"],
        ["toolResult"],
    ]


def test_what_claude_knows_of_parallel_calls_is_not_in_conflict(bedrock: Callable[..., Any]) -> None:
    """The service refuses `tool_choice` beside a `toolChoice` of its own, of which "auto" is the default."""
    own = {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
    client, server = bedrock(sent("whole", answer(use("t1", "Weather", {"location": "Oslo"}))))
    assert list(asked("whole", client, additionalModelRequestFields=own)) == [Weather(location="Oslo")]
    body = json.loads(server.requests[0][3])
    assert (body["toolConfig"].keys(), body["additionalModelRequestFields"]) == ({"tools"}, own)


LONG, SHORT = "tooluse_hr5juciYZJwUHpRczsw13R", "aBc123xyZ"


@pytest.mark.parametrize(
    ("model", "ids", "words"),
    [
        ("us.mistral.pixtral-large-2502-v1:0", True, True),
        ("mistral.mistral-large-2402-v1:0", True, False),
        ("arn:aws:bedrock:us-east-1::foundation-model/mistral.ministral-3-14b-instruct", True, True),
        ("us.meta.llama3-3-70b-instruct-v1:0", False, False),
        ("us.meta.llama4-maverick-17b-instruct-v1:0", False, True),
        (MODEL, False, True),
    ],
)
def test_a_turn_as_the_model_takes_it(bedrock: Callable[..., Any], model: str, *, ids: bool, words: bool) -> None:
    """Mistral's models take ids of nine letters; older ones of its and Meta's no words beside calls."""
    uses = [use(one, "weather", {"location": "Oslo"}) for one in (LONG, LONG + "s", SHORT)]
    first, last = answer({"text": "I look."}, *uses), answer({"text": "Rain."}, stop="end_turn")
    client, server = bedrock(sent("whole", first), sent("whole", last))
    got = toolfan.wrap(client, model=model).run(messages=USER, tools=(weather,))
    assert [one.call.id for one in got.results] == [LONG, LONG + "s", SHORT]
    assert got.messages[1] == first["output"]["message"]
    said, results = json.loads(server.requests[1][3])["messages"][1:]
    assert ({"text": "I look."} in said["content"]) is words
    called = [block["toolUse"]["toolUseId"] for block in said["content"] if "toolUse" in block]
    assert called == [block["toolResult"]["toolUseId"] for block in results["content"]]
    assert len(set(called)) == 3
    assert (called[:2] != [LONG, LONG + "s"], called[2]) == (ids, SHORT)
    assert not ids or all(re.fullmatch("[a-zA-Z0-9]{9}", one) for one in called)
