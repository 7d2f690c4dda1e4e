"""Every recorded answer of Converse, whole and streamed, decodes to what was expected."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import whole_and_streamed as both
from bedrock_wire import answer, events, use
from hypothesis import given
from hypothesis import strategies as st
from shared_data import corpus
from toolfan import IncompleteStream, ProviderError, Usage, load_adapter
from toolfan.framing.decoder import EventDecoder

ROWS = corpus("bedrock-converse")
STREAMS = [row for row in ROWS if row["streaming"]]
NO_CALLS = [row for row in corpus("nocall") if row["api"] == "bedrock-converse"]


def recorded(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a recorded stream."""
    if row["transport"] == "aws-eventstream":
        return [{event["event"]: event["data"]} for event in row["response"]]
    decoder = EventDecoder(adapter="bedrock")
    return [*decoder.feed(row["response"].encode()), *decoder.close()]


def read(events: list[dict[str, Any]]) -> tuple[Any, list[Any], Any]:
    parser = load_adapter("bedrock").stream_parser()
    sealed = [call for event in events for call in parser.feed(event)]
    return parser, sealed, parser.close()


def wanted(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of a row without those of the server's own tools, which the recordings count among the calls."""
    said = json.dumps(row["response"])
    found = re.findall(r'\{[^{}]*(?:\{[^{}]*\})?[^{}]*"type": "server_tool_use"[^{}]*\}', said)
    return [call for call in row["expected"] if not any(call["id"] in use for use in found)]


def turn_of(row: dict[str, Any]) -> Any:
    if row["streaming"]:
        return read(recorded(row))[2]
    return load_adapter("bedrock").parse_response(row["response"])


def decoded(arguments: str) -> Any:
    return json.loads(arguments) if arguments.strip() else {}


def test_the_recordings_are_there() -> None:
    assert len(ROWS) > 80
    assert len(STREAMS) > 8
    assert sum(len(wanted(row)) < len(row["expected"]) for row in ROWS) == 4


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_call_comes_out(row: dict[str, Any]) -> None:
    turn, expected = turn_of(row), wanted(row)
    assert [call.name for call in turn.calls] == [call["name"] for call in expected]
    assert [call.provider_id for call in turn.calls] == [call["id"] for call in expected]
    found = [decoded(call.arguments) for call in turn.calls]
    assert repr(found) == repr([call["arguments"] for call in expected])  # of equal numbers one may be a float
    assert turn.text == (row["text"] or "")
    assert turn.stop.raw in row["finish_reasons"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_tokens_of_the_cache_are_part_of_the_input(row: dict[str, Any]) -> None:
    used = turn_of(row).usage
    assert used.input_tokens + used.output_tokens == used.total_tokens
    assert used.input_tokens >= used.cache_read_tokens + used.cache_write_tokens


def test_some_recordings_have_tokens_of_the_cache() -> None:
    assert {turn_of(row).usage for row in ROWS} >= {Usage(3185, 16, 3201, 2752), Usage(2514, 13, 2527, 0, 2492)}


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row["id"])
def test_a_stream_says_what_the_whole_answer_says(row: dict[str, Any]) -> None:
    parser, sealed, turn = read(recorded(row))
    assert tuple(sealed) == turn.calls
    whole = load_adapter("bedrock").parse_response(parser.body)
    for name in ("text", "stop", "usage", "replay"):
        assert getattr(whole, name) == getattr(turn, name)
    assert [(call.id, call.name, decoded(call.arguments)) for call in whole.calls] == [
        (call.id, call.name, decoded(call.arguments)) for call in turn.calls
    ]


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row["id"])
def test_a_stream_that_is_cut_keeps_the_calls_before(row: dict[str, Any]) -> None:
    given = recorded(row)
    end = next(at for at, event in enumerate(given) if "messageStop" in event)
    for count in range(end):
        parser = load_adapter("bedrock").stream_parser()
        sealed = [call for event in given[:count] for call in parser.feed(event)]
        with pytest.raises(IncompleteStream) as caught:
            parser.close()
        assert caught.value.turn is not None
        assert caught.value.turn.calls[: len(sealed)] == tuple(sealed)


@pytest.mark.parametrize("row", NO_CALLS, ids=lambda row: row["id"])
def test_an_answer_without_calls_has_none(row: dict[str, Any]) -> None:
    try:
        turn = turn_of(row)
    except ProviderError:
        assert row["http_status"] >= 400
        return
    assert turn.calls == ()


@both.BOUNDED
@given(made=st.lists(both.calls(both.VALUES) | both.TEXTS, max_size=4), cut=both.CUTS)
def test_odd_calls_are_the_same_streamed(made: list[Any], cut: int) -> None:
    body = answer(*({"text": one} if isinstance(one, str) else use(*one) for one in made))
    both.check("bedrock", body, events(body), cut)
