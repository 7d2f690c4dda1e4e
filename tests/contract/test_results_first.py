"""What a user says between calls and their results goes out behind the results, as Claude wants it, everywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from every_provider import GOOD, client_of
from loopback import USER, http
from odd_streams import Weather

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = [
    {"id": name, "type": "function", "function": {"name": "Weather", "arguments": '{"location": "A"}'}}
    for name in ("a", "b")
]
MESSAGES: list[dict[str, Any]] = [
    *USER,
    {"role": "assistant", "content": None, "tool_calls": CALLS},
    {"role": "user", "content": "By the way."},
    {"role": "tool", "tool_call_id": "a", "content": "cold"},
    {"role": "user", "content": "And?"},
    {"role": "tool", "tool_call_id": "b", "content": "warm"},
]


@pytest.mark.parametrize(("provider", "result"), [("anthropic", "tool_use_id"), ("bedrock", "toolUseId")])
def test_results_stand_before_what_else_the_turn_says(faulty: Callable[..., Any], provider: str, result: str) -> None:
    server = faulty(http(json.dumps(GOOD[provider])))
    with client_of(provider, server.url) as client:
        client.create(messages=MESSAGES, tools=(Weather,))
    turns = json.loads(server.requests[0][3])["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    content = turns[2]["content"]
    assert [block.get("toolResult", block).get(result) for block in content] == ["a", "b", None, None]
    assert [block["text"] for block in content[2:]] == ["By the way.", "And?"]
