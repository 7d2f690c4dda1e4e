"""Calls in a chat-style history have the names on the wire that their tools have in the request, or legal ones."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import client_of
from loopback import USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer


class Place(BaseModel):
    name: str


TOOL = toolfan.tool(name="get.weather")(Place)


def call(call_id: str, name: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": '{"name": "Oslo"}'}}


def turn(*calls: dict[str, Any]) -> list[dict[str, Any]]:
    results = [{"role": "tool", "tool_call_id": one["id"], "content": "rain"} for one in calls]
    return [{"role": "assistant", "content": None, "tool_calls": list(calls)}, *results]


LONG = "news of " * 9
# By a name of ours, by the wire's own as `reply()` has it, and tools that this request does not have: their names may
# be another provider's.
HISTORY = [
    *USER,
    *turn(call("a", "get.weather"), call("b", "other")),
    *turn(call("c", "get_weather")),
    *turn(call("d", "get news.now"), call("e", LONG), call("f", "")),
    *USER,
]
LONG_NAMED = "news_of_news_of_news_of_news_of_news_of_news_of_news_of_169c90d2"
NAMED = ["get_weather", "other", "get_weather", "get_news_now", LONG_NAMED, "unnamed"]


def chat_names(body: Any) -> list[str]:
    return [one["function"]["name"] for message in body["messages"] for one in message.get("tool_calls") or ()]


def item_names(body: Any) -> list[str]:
    return [item["name"] for item in body["input"] if item.get("type") == "function_call"]


def block_names(body: Any) -> list[str]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    return [block["name"] for block in blocks if block["type"] == "tool_use"]


def bedrock_names(body: Any) -> list[str]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    return [block["toolUse"]["name"] for block in blocks if "toolUse" in block]


def part_names(body: Any) -> list[str]:
    """Of calls, and of results, which bear the name of their call."""
    parts = [part for content in body["contents"] for part in content["parts"]]
    called, answered = (
        [part[kind]["name"] for part in parts if kind in part] for kind in ("functionCall", "functionResponse")
    )
    assert answered == called
    return called


NAMES: dict[str, Callable[[Any], list[str]]] = {
    "openai": chat_names,
    "openai-responses": item_names,
    "cohere": chat_names,
    "anthropic": block_names,
    "bedrock": bedrock_names,
    "gemini": part_names,
}


@pytest.mark.parametrize("adapter", NAMES)
def test_calls_have_the_names_of_the_requests_tools(faulty: Callable[..., FaultServer], adapter: str) -> None:
    server, given = faulty(http(json.dumps({"error": {"message": "no"}}), 400)), copy.deepcopy(HISTORY)
    with client_of(adapter, server.url) as client:
        for _ in range(2):
            with pytest.raises(toolfan.RequestRejected):
                client.create(messages=given, tools=[TOOL])
    assert given == HISTORY  # it is theirs
    assert "get.weather" in str(HISTORY)
    bodies = [body for _, _, _, body in server.requests]
    assert bodies[0] == bodies[1]
    assert NAMES[adapter](json.loads(bodies[0])) == NAMED


def test_what_needs_no_other_name_is_sent_as_it_is() -> None:
    from toolfan.messages.parts import with_wire_names

    changed = {"get.weather": "get_weather"}
    for message in (*HISTORY[2:], {"role": "assistant", "tool_calls": [{"function": 3}, {"custom": {}}]}):
        assert with_wire_names(message, changed) is message
    assert with_wire_names(HISTORY[1], {}) is HISTORY[1]


def test_older_calls_and_results_that_name_the_tool_have_legal_names_too(faulty: Callable[..., FaultServer]) -> None:
    server = faulty(http(json.dumps({"error": {"message": "no"}}), 400))
    older = {"role": "assistant", "content": None, "function_call": {"name": "get.weather", "arguments": "{}"}}
    result = {"role": "function", "name": "get news.now", "content": "none"}
    named = [{**one, "name": "get.weather"} if one["role"] == "tool" else one for one in turn(call("a", "get.weather"))]
    with client_of("openai", server.url) as client, pytest.raises(toolfan.RequestRejected):
        client.create(messages=[*USER, older, result, *named], tools=[TOOL])
    sent = json.loads(server.requests[0][3])["messages"]
    assert (sent[1]["function_call"]["name"], sent[2]["name"], sent[4]["name"]) == (
        "get_weather",
        "get_news_now",
        "get_weather",
    )


@pytest.mark.parametrize("adapter", ["openai-responses", "bedrock"])
def test_ids_that_are_too_long_are_shortened_on_a_call_and_its_result(
    faulty: Callable[..., FaultServer], adapter: str
) -> None:
    """Each to one of its own, though they begin alike."""
    server = faulty(http(json.dumps({"error": {"message": "no"}}), 400))
    calls = [call("x" * 64, "other"), *(call(f"{'x' * 80}{end}", "other") for end in "ab")]
    with client_of(adapter, server.url) as client, pytest.raises(toolfan.RequestRejected):
        client.create(messages=[*USER, *turn(*calls)], tools=[TOOL])
    sent = json.loads(server.requests[0][3])
    key = "toolUseId" if adapter == "bedrock" else "call_id"
    ids = re.findall(rf'"{key}": "(.*?)"', json.dumps(sent))
    assert ids[:3] == ids[3:]
    assert ids[0] == "x" * 64
    assert len(set(ids)) == 3
    assert max(map(len, ids)) == 64


@pytest.mark.parametrize("adapter", ["anthropic", "bedrock"])
def test_ids_of_letters_that_a_service_refuses_become_others_and_stay_apart(
    faulty: Callable[..., FaultServer], adapter: str
) -> None:
    server = faulty(http(json.dumps({"error": {"message": "no"}}), 400))
    given = ["W_0", "W 0", "W/0", "日", "本", "W+0", "W=0"]
    with client_of(adapter, server.url) as client, pytest.raises(toolfan.RequestRejected):
        client.create(messages=[*USER, *turn(*(call(one, "other") for one in given))], tools=[TOOL])
    ids = re.findall(r'"(?:id|tool_use_id|toolUseId)": "(.*?)"', json.dumps(json.loads(server.requests[0][3])))
    assert ids[: len(given)] == ids[len(given) :]
    assert ids[0] == "W_0"
    assert len(set(ids)) == len(given)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
