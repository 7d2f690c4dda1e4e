"""Calls in a chat-style history have the names on the wire that their tools have in the same request."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import KEY, ONCE, USER, http
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


# By a name of ours, by the wire's own as `reply()` has it, and a tool that this request does not have.
HISTORY = [*USER, *turn(call("a", "get.weather"), call("b", "other")), *turn(call("c", "get_weather")), *USER]
NAMED = ["get_weather", "other", "get_weather"]


def openai_client(url: str, adapter: str) -> Any:
    import openai

    return toolfan.wrap(openai.OpenAI(api_key=KEY, base_url=url), adapter=adapter, stop=ONCE)


def cohere_client(url: str, adapter: str) -> Any:
    cohere = pytest.importorskip("cohere", reason="the cohere SDK is not installed")
    return toolfan.wrap(cohere.ClientV2(api_key=KEY, base_url=url), adapter=adapter, stop=ONCE)


def anthropic_client(url: str, adapter: str) -> Any:
    anthropic = pytest.importorskip("anthropic", reason="the anthropic SDK is not installed")
    return toolfan.wrap(anthropic.Anthropic(api_key=KEY, base_url=url), adapter=adapter, stop=ONCE)


def chat_names(body: Any) -> list[str]:
    return [one["function"]["name"] for message in body["messages"] for one in message.get("tool_calls") or ()]


def item_names(body: Any) -> list[str]:
    return [item["name"] for item in body["input"] if item.get("type") == "function_call"]


def block_names(body: Any) -> list[str]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    return [block["name"] for block in blocks if block["type"] == "tool_use"]


CLIENTS: dict[str, tuple[Callable[[str, str], Any], Callable[[Any], list[str]]]] = {
    "openai": (openai_client, chat_names),
    "openai-responses": (openai_client, item_names),
    "cohere": (cohere_client, chat_names),
    "anthropic": (anthropic_client, block_names),
}


@pytest.mark.parametrize("adapter", CLIENTS)
def test_calls_have_the_names_of_the_requests_tools(faulty: Callable[..., FaultServer], adapter: str) -> None:
    server, given = faulty(http(json.dumps({"error": {"message": "no"}}), 400)), copy.deepcopy(HISTORY)
    connect, names = CLIENTS[adapter]
    client = connect(server.url, adapter)
    for _ in range(2):
        with pytest.raises(toolfan.RequestRejected):
            client.create(model="m", messages=given, tools=[TOOL])
    assert given == HISTORY  # it is theirs
    assert "get.weather" in str(HISTORY)
    bodies = [body for _, _, _, body in server.requests]
    assert bodies[0] == bodies[1]
    assert names(json.loads(bodies[0])) == NAMED


def test_what_needs_no_other_name_is_sent_as_it_is() -> None:
    from toolfan.messages import with_wire_names

    changed = {"get.weather": "get_weather"}
    for message in (*HISTORY[2:], {"role": "assistant", "tool_calls": [{"function": 3}, {"custom": {}}]}):
        assert with_wire_names(message, changed) is message
    assert with_wire_names(HISTORY[1], {}) is HISTORY[1]
