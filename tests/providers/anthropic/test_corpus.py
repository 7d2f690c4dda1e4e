"""Every recorded message, whole or streamed, decodes to what was expected; some also through the real SDK."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from loopback import KEY, http
from pydantic import BaseModel, ConfigDict
from shared_data import corpus
from toolfan import load_adapter
from toolfan.framing.decoder import EventDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolfan.calls import RawCall

ROWS = corpus("anthropic-messages")
NO_CALLS = [row for row in corpus("nocall") if row["api"] == "anthropic-messages"]
WHOLE = [row for row in ROWS if row["transport"] == "json"]
STREAMED = [row for row in ROWS if row["transport"] != "json"]
SERVED = [*WHOLE[::20], *(row for row in STREAMED[::6] if row["transport"] == "sse")]


def events(row: dict[str, Any]) -> list[Any]:
    if row["transport"] != "sse":
        return list(row["response"])
    decoder = EventDecoder(adapter="anthropic")
    found = [*decoder.feed(row["response"].encode()), *decoder.close()]
    assert decoder.error is None
    return found


def by_id(rows: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("row", rows, ids=lambda row: row["id"])


def check_calls(calls: Sequence[RawCall], row: dict[str, Any]) -> None:
    expected = row["expected"]
    assert [call.name for call in calls] == [call["name"] for call in expected]
    assert [call.provider_id for call in calls] == [call["id"] for call in expected]
    for call, wanted in zip(calls, expected, strict=True):
        assert json.loads(call.arguments) == wanted["arguments"]
        if wanted["arguments_raw"]:
            assert call.arguments == wanted["arguments_raw"]
    assert len({call.id for call in calls}) == len(calls)


def test_the_recordings_are_there() -> None:
    assert len(WHOLE) > 150
    assert len(STREAMED) > 50


@by_id(WHOLE)
def test_every_call_comes_out(row: dict[str, Any]) -> None:
    turn = load_adapter("anthropic").parse_response(row["response"])
    check_calls(turn.calls, row)
    assert turn.text == (row["text"] or "")
    assert turn.stop.kind == "calls"


@by_id(STREAMED)
def test_every_streamed_call_comes_out(row: dict[str, Any]) -> None:
    parser: Any = load_adapter("anthropic").stream_parser()
    sealed = [call for event in events(row) for call in parser.feed(event)]
    turn = parser.close()
    check_calls(turn.calls, row)
    assert tuple(sealed) == turn.calls
    assert turn.text == (row["text"] or "")
    assert turn.usage.output_tokens > 0


@by_id(STREAMED)
def test_a_stream_put_together_is_a_whole_message_that_says_the_same(row: dict[str, Any]) -> None:
    adapter = load_adapter("anthropic")
    parser: Any = adapter.stream_parser()
    for event in events(row):
        parser.feed(event)
    streamed, whole = parser.close(), adapter.parse_response(parser.body)
    assert [(call.id, call.name, json.loads(call.arguments)) for call in streamed.calls] == [
        (call.id, call.name, json.loads(call.arguments)) for call in whole.calls
    ]
    about = ("text", "stop", "usage", "refusal", "replay", "model", "response_id")
    assert {name: getattr(streamed, name) for name in about} == {name: getattr(whole, name) for name in about}


@by_id(NO_CALLS)
def test_an_answer_without_calls_has_none(row: dict[str, Any]) -> None:
    adapter = load_adapter("anthropic")
    try:
        if row["transport"] == "json":
            turn = adapter.parse_response(row["response"])
        else:
            parser = adapter.stream_parser()
            sealed = [call for event in events(row) for call in parser.feed(event)]
            turn = parser.close()
            assert sealed == []
    except toolfan.ProviderError:
        assert row["http_status"] >= 400 or "error" in str(row["response"])
        return
    assert turn.calls == ()
    assert turn.text == (row["text"] or "")


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


def tools_of(row: dict[str, Any]) -> list[Any]:
    return [toolfan.Tool(Anything, name=name) for name in dict.fromkeys(call["name"] for call in row["expected"])]


@by_id(SERVED)
@pytest.mark.parametrize("use_async", [False, True], ids=["sync", "async"])
def test_the_real_sdk_brings_it(row: dict[str, Any], use_async: bool, faulty: Callable[..., Any]) -> None:
    streams = row["transport"] == "sse"
    body = row["response"] if streams else json.dumps(row["response"])
    server = faulty(http(body, content_type="text/event-stream" if streams else "application/json"))
    options: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "?"}], "tools": tools_of(row)}
    options |= {"on_invalid": "keep", "stream": streams}
    base_url = server.url.removesuffix("/v1")

    async def asked() -> Any:
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=base_url) as sdk:
            made = await toolfan.wrap_async(sdk).create(**options)
            if streams:
                async with made:
                    assert [one async for one in made]
            return made.calls if streams else made

    if use_async:
        calls = asyncio.run(asked())
    else:
        with anthropic.Anthropic(api_key=KEY, base_url=base_url) as sdk:
            made: Any = toolfan.wrap(sdk).create(**options)
            if streams:
                with made:
                    assert list(made)
            calls = made.calls if streams else made
    check_calls([outcome.raw for outcome in calls.outcomes], row)
    [(method, path, headers, sent)] = server.requests
    assert (method, path) == ("POST", "/v1/messages")
    assert headers["anthropic-version"]
    assert json.loads(sent)["max_tokens"] == 4096
    assert json.loads(sent).get("stream", False) is streams
