"""Keys, settings and options that are wrong: section 9 of the catalogue.  Each is told before anything is sent."""

from __future__ import annotations

from typing import Any

import openai
import pytest
import toolfan
from fault_asking import TOOLS, Asker, GoogleSearch, Weather
from loopback import KEY, USER, Bench
from pydantic import BaseModel
from toolfan import AdapterNotFound, ConfigError, ToolDefinitionError, TooManyCalls, UsageError

MAKERS = {"sync": toolfan.connect, "async": toolfan.connect_async}


def refused(ask: Asker, kind: type[toolfan.ToolfanError], *says: str, **options: Any) -> str:
    """The text of the error of a `create()` that is refused; nothing was sent."""
    asked = ask("good", **options)
    error = asked.raised
    assert type(error) is kind
    assert ask.server.requests(asked.model) == 0
    for part in says:
        assert part in str(error)
    return str(error)


def not_made(make: Any, kind: type[toolfan.ToolfanError], *says: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    for part in says:
        assert part in str(caught.value)
    assert "sk-planted" not in str(caught.value)


def no_key(ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = MAKERS[ask.mode]
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    not_made(lambda: connect("openai:m"), ConfigError, "OPENAI_API_KEY is not set", "Set OPENAI_API_KEY")
    not_made(lambda: connect("openai:m", api_key_env="HOUSE"), ConfigError, "HOUSE is not set")
    not_made(connect, ConfigError)


def newline_in_the_key(ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    connect, sdk = MAKERS[ask.mode], openai.OpenAI if ask.mode == "sync" else openai.AsyncOpenAI
    for key in (f"{KEY}\n", f"{KEY}\r\nx-more: 1", f"\n{KEY}"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        not_made(lambda: connect("openai:m"), ConfigError, "OPENAI_API_KEY", "line break")
        not_made(lambda key=key: toolfan.from_openai(sdk(api_key=key)), ConfigError, "line break")  # type: ignore[misc]


def wrong_type(ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = MAKERS[ask.mode]
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    not_made(lambda: connect("openai:m", base_url=3), ConfigError, "base_url", "3")
    not_made(lambda: connect("openai:m", max_attempts="many"), ConfigError, "max_attempts", "many")
    not_made(lambda: connect("openai:m", base_ulr="http://x"), ConfigError, "base_ulr", "base_url")
    not_made(lambda: connect("opanai:m"), AdapterNotFound, "opanai", "Did you mean 'openai'?", "openai, vertex")


def clashes(ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's tools are joined, the caller's choice is refused: neither replaces what toolfan sends."""
    own = {"type": "function", "function": {"name": "Mine", "parameters": {"type": "object"}}}
    asked = ask("good", extra_body={"tools": [own]}, on_invalid="keep")
    (body,) = ask.server.bodies(asked.model)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Weather", "GoogleSearch", "Mine"]
    assert [outcome.name for outcome in asked.result.outcomes] == ["Weather", "GoogleSearch", "Mine"]
    refused(ask, UsageError, "extra_body sets tool_choice", extra_body={"tool_choice": "none"})
    refused(ask, UsageError, "extra_body sets messages", extra_body={"messages": []})
    refused(ask, UsageError, "either response_model= or tools=, not both", response_model=Weather)
    refused(ask, UsageError, "functions=", "tools=", functions=[own])


class Free(BaseModel):
    data: dict[str, Any]


def unsupported(ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the service has a field for is sent, what it has none for is emulated, what cannot be is refused."""

    def sent(**options: Any) -> Any:
        return ask.server.bodies(ask("good", on_invalid="keep", **options).model)[0]

    assert sent(parallel=False)["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in sent(parallel=1000)
    chosen = sent(tool_choice=[GoogleSearch])["tool_choice"]
    assert chosen == {"type": "function", "function": {"name": "GoogleSearch"}}
    assert sent(tool_choice=list(TOOLS))["tool_choice"]["allowed_tools"]["mode"] == "required"
    assert [tool["function"]["strict"] for tool in sent(strict=True)["tools"]] == [True, True]
    refused(ask, ToolDefinitionError, "data", strict=True, tools=(Free,))
    calls = ask("same-call-twice", parallel=2, on_invalid="keep").result  # no field for a number
    assert [type(bad.error) for bad in calls.failed] == [TooManyCalls]


def typo(ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(ask, UsageError, "temprature=", "Did you mean 'temperature'?", "extra_body=", temprature=0)
    refused(ask, UsageError, "max_retries=", "max_attempts=", max_retries=3)
    refused(ask, UsageError, "parallel_tool_calls=", "parallel=", parallel_tool_calls=False)
    refused(ask, UsageError, "timeout=", "deadline=", timeout=3)


CHECKS = {
    "no key": no_key,
    "newline in the key": newline_in_the_key,
    "wrong type, unknown provider": wrong_type,
    "caller's `tools`, `tool_choice`": clashes,
    "unsupported feature (parallel off, forced set, strict)": unsupported,
    "typo in an option": typo,
}
ROWS = list(CHECKS)


@pytest.mark.parametrize("row", ROWS)
def test_it_is_told_before_anything_is_sent(
    ask: Asker, bench: Bench, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    CHECKS[row](ask, bench, monkeypatch)


def test_a_provider_without_a_switch_for_parallel_calls_keeps_the_limit_all_the_same(bench: Bench) -> None:
    """Gemini has none: the call beyond it is failed, never dropped."""
    from google import genai

    parts = [{"functionCall": {"name": "GoogleSearch", "args": {"query": text}}} for text in "ab"]
    body = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    server = bench.serve({"body": {"content": body}})
    sdk = genai.Client(vertexai=False, api_key=KEY, http_options={"base_url": server.base_url})
    calls = toolfan.wrap(sdk, model="gemini-x").create(messages=USER, tools=TOOLS, parallel=False)
    assert list(calls) == [GoogleSearch(query="a")]
    assert [type(bad.error) for bad in calls.failed] == [TooManyCalls]
