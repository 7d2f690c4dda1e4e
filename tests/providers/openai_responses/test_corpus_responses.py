"""Every recorded answer of the Responses API, whole or streamed, decodes to what was expected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import whole_and_streamed as both
from hypothesis import given
from hypothesis import strategies as st
from loopback import USER, http
from pydantic import BaseModel, ConfigDict
from responses_api import asked, asked_async, called, events_of, message, response
from shared_data import corpus
from toolfan import Tool, load_adapter
from toolfan.adapter import Answer
from toolfan.framing.decoder import EventDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan.adapter import Turn

CODEC = load_adapter("openai-responses")
ROWS = corpus("openai-responses")
NO_CALLS = [row for row in corpus("nocall") if row["api"] == "openai-responses"]
# The fixture holds four responses one after another, and names the text of the last; a stream is one response.
SPLICED = {"7eadb06b575544f0"}


def decoded(row: dict[str, Any]) -> Turn:
    if row["transport"] == "json":
        return CODEC.parse_response(row["response"])
    return streamed(row["response"].encode(), len(row["response"]))


def streamed(content: bytes, size: int) -> Turn:
    """The turn in a stream that comes in pieces of this size; what was sealed on the way is what it holds."""
    decoder, parser = EventDecoder(adapter="x"), CODEC.stream_parser()
    sealed = []
    for start in range(0, len(content), size):
        for event in decoder.feed(content[start : start + size]):
            sealed += parser.feed(event)
    for event in decoder.close():
        sealed += parser.feed(event)
    turn = parser.close()
    assert sealed == list(turn.calls)
    assert parser.text == turn.text
    assert CODEC.parse_response(parser.body) == turn  # type: ignore[attr-defined]
    return turn


def check(row: dict[str, Any], calls: Any) -> None:
    """Names, ids and arguments, to the byte."""
    wanted = [(call["name"], call["id"], call["arguments_raw"]) for call in row["expected"]]
    assert [(call.name, call.provider_id, call.arguments) for call in calls] == wanted
    for call, expected in zip(calls, row["expected"], strict=True):
        if expected["kind"] == "function":
            assert (json.loads(call.arguments) if call.arguments else {}) == expected["arguments"]


def test_the_recordings_are_there() -> None:
    assert len(ROWS) == 179
    assert sum(row["transport"] == "sse" for row in ROWS) == 67
    assert len([call for row in ROWS for call in row["expected"]]) == 196


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_call_comes_out(row: dict[str, Any]) -> None:
    turn = decoded(row)
    check(row, turn.calls)
    assert turn.stop.kind == "calls"
    if row["transport"] == "json" and (usage := row["response"].get("usage")):
        assert (turn.usage.input_tokens, turn.usage.output_tokens) == (usage["input_tokens"], usage["output_tokens"])
        assert turn.usage.cache_read_tokens == usage["input_tokens_details"]["cached_tokens"]
        assert turn.usage.reasoning_tokens == usage["output_tokens_details"]["reasoning_tokens"]
    if row["id"] not in SPLICED:
        assert turn.text == (row["text"] or "")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_any_cut_of_the_bytes_gives_the_same(size: int) -> None:
    rows = [row for row in ROWS if row["transport"] == "sse"]
    for row in rows[:: 6 if size == 1 else 2]:
        assert streamed(row["response"].encode(), size) == decoded(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_the_items_go_back_as_they_came(row: dict[str, Any]) -> None:
    """All of them, whatever they are; the calls are answered in order."""
    turn = decoded(row)
    if row["transport"] == "json":
        assert turn.replay == row["response"]["output"]
    said = CODEC.build_answer(turn, [Answer(call, "done") for call in turn.calls])
    assert said[: len(turn.replay)] == turn.replay
    answers = said[len(turn.replay) :]
    assert [answer["call_id"] for answer in answers] == [call["id"] for call in row["expected"]]
    kinds = {"function": "function_call_output", "custom": "custom_tool_call_output"}
    assert [answer["type"] for answer in answers] == [kinds[call["kind"]] for call in row["expected"]]


@pytest.mark.parametrize("row", NO_CALLS, ids=lambda row: row["id"])
def test_an_answer_without_calls_has_none(row: dict[str, Any]) -> None:
    if row["http_status"] >= 400:
        pytest.skip("not a response: the SDK raises its error before")
    turn = decoded(row)
    assert turn.calls == ()
    assert turn.text == (row["text"] or "")


class Anything(BaseModel):
    """Takes what was recorded."""

    model_config = ConfigDict(extra="allow")


SAMPLE = [row for row in ROWS if len(row["expected"]) > 1 and all(c["kind"] == "function" for c in row["expected"])]


@pytest.mark.parametrize("ask", [asked, asked_async], ids=["sync", "async"])
@pytest.mark.parametrize("row", SAMPLE, ids=lambda row: row["id"])
def test_through_the_real_sdk(row: dict[str, Any], ask: Any, faulty: Callable[..., Any]) -> None:
    kind = {"json": "application/json", "sse": "text/event-stream"}[row["transport"]]
    text = row["response"] if isinstance(row["response"], str) else json.dumps(row["response"])
    server = faulty(http(text, content_type=kind))
    tools = tuple(Tool(Anything, name=name) for name in dict.fromkeys(call["name"] for call in row["expected"]))
    stream = row["transport"] == "sse"

    def work(client: Any) -> Any:
        return client.create(messages=USER, tools=tools)

    async def read(client: Any) -> Any:
        return await client.stream(messages=USER, tools=tools).until_done()

    if stream:
        work = read if ask is asked_async else lambda client: client.stream(messages=USER, tools=tools).until_done()
    calls = ask(server, work)
    check(row, [outcome.raw for outcome in calls.outcomes])
    assert len(calls.good) == len(row["expected"])
    assert calls.raw["output"]


@both.BOUNDED
@given(made=st.lists(both.calls(both.ARGUMENTS) | both.TEXTS, max_size=4), interleaved=st.booleans(), cut=both.CUTS)
def test_odd_calls_are_the_same_streamed(made: list[Any], interleaved: bool, cut: int) -> None:
    items = [
        message(one, item_id=f"msg_{at}") if isinstance(one, str) else called(one[1], one[2], one[0], id=f"fc_{at}")
        for at, one in enumerate(made)
    ]
    body = response(*items)
    both.check("openai-responses", body, events_of(body, interleaved=interleaved), cut)
