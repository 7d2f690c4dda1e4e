"""Calls inside a wrapper that is cut or broken: those that came whole count, the rest says what it is."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
import toolfan
from pydantic import BaseModel
from toolfan_local import Server


class Weather(BaseModel):
    location: str


class Search(BaseModel):
    query: str


WRAPPED = json.dumps(
    {
        "tool_uses": [
            {"recipient_name": "functions.Weather", "parameters": {"location": "Oslo"}},
            {"recipient_name": "functions.Search", "parameters": {"query": "q"}},
        ]
    }
)


def asked(text: str, finish: str, *, stream: bool) -> toolfan.Calls[Any]:
    call = {"id": "w", "type": "function", "function": {"name": "multi_tool_use.parallel", "arguments": text}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    answer = {**body, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    with (
        Server([{"body": {"content": answer}}]) as server,
        openai.OpenAI(base_url=server.openai_url, api_key="k") as sdk,
    ):
        client = toolfan.from_openai(sdk, model="m")
        options: dict[str, Any] = {
            "messages": [{"role": "user", "content": "?"}],
            "tools": (Weather, Search),
            "on_invalid": "keep",
        }
        return client.stream(**options).until_done() if stream else client.create(**options)


@pytest.mark.parametrize(
    ("finish", "error", "stream"),
    [
        ("length", "TruncatedCall", False),
        ("tool_calls", "MalformedArguments", False),
        ("tool_calls", "MalformedArguments", True),
    ],
)
def test_the_calls_that_came_whole_are_kept(finish: str, error: str, stream: bool) -> None:
    calls = asked(WRAPPED[:-12], finish, stream=stream)
    assert list(calls) == [Weather(location="Oslo")]
    assert [type(bad.error).__name__ for bad in calls.failed] == [error]


@pytest.mark.parametrize("missing", [1, 2])
def test_nothing_is_missing_where_only_brackets_are(missing: int) -> None:
    calls = asked(WRAPPED[:-missing], "length", stream=False)
    assert list(calls) == [Weather(location="Oslo"), Search(query="q")]
    assert not calls.failed


def test_one_that_holds_no_whole_call_is_named_for_what_it_is() -> None:
    (bad,) = asked(WRAPPED[:30], "length", stream=False).failed
    assert isinstance(bad.error, toolfan.TruncatedCall)
