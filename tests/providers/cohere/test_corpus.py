"""Every recorded answer of Cohere, whole and streamed, decodes to what was expected."""

from __future__ import annotations

import json
from typing import Any

import cohere_wire as wire
import pytest
import whole_and_streamed as both
from hypothesis import given
from hypothesis import strategies as st
from shared_data import corpus
from toolfan import IncompleteStream, ProviderError, load_adapter
from toolfan.framing.decoder import EventDecoder

ROWS = corpus("cohere")
STREAMS = [row for row in ROWS if row["streaming"]]
NO_CALLS = [row for row in corpus("nocall") if row["api"] == "cohere"]


def recorded(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a recorded stream."""
    decoder = EventDecoder(adapter="cohere")
    return [*decoder.feed(row["response"].encode()), *decoder.close()]


def read(events: list[dict[str, Any]]) -> tuple[Any, list[Any], Any]:
    parser = load_adapter("cohere").stream_parser()
    sealed = [call for event in events for call in parser.feed(event)]
    return parser, sealed, parser.close()


def turn_of(row: dict[str, Any]) -> Any:
    if row["streaming"]:
        return read(recorded(row))[2]
    return load_adapter("cohere").parse_response(row["response"])


def decoded(arguments: str) -> Any:
    return json.loads(arguments) if arguments.strip() else {}


def test_the_recordings_are_there() -> None:
    assert len(ROWS) > 12
    assert len(STREAMS) > 3


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_call_comes_out(row: dict[str, Any]) -> None:
    turn, expected = turn_of(row), row["expected"]
    assert [call.name for call in turn.calls] == [call["name"] for call in expected]
    assert [call.provider_id for call in turn.calls] == [call["id"] for call in expected]
    found = [decoded(call.arguments) for call in turn.calls]
    assert repr(found) == repr([call["arguments"] for call in expected])  # of equal numbers one may be a float
    for call, one in zip(turn.calls, expected, strict=True):
        assert call.arguments == one["arguments_raw"]
    assert turn.text == (row["text"] or "")
    assert turn.stop.raw in row["finish_reasons"]


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row["id"])
def test_a_stream_says_what_the_whole_answer_says(row: dict[str, Any]) -> None:
    parser, sealed, turn = read(recorded(row))
    assert tuple(sealed) == turn.calls
    whole = load_adapter("cohere").parse_response(parser.body)
    for name in ("text", "stop", "usage", "replay"):
        assert getattr(whole, name) == getattr(turn, name)
    assert [(call.id, call.name, decoded(call.arguments)) for call in whole.calls] == [
        (call.id, call.name, decoded(call.arguments)) for call in turn.calls
    ]


@pytest.mark.parametrize("row", STREAMS, ids=lambda row: row["id"])
def test_a_stream_that_is_cut_keeps_the_calls_before(row: dict[str, Any]) -> None:
    given = recorded(row)
    end = next(at for at, event in enumerate(given) if event.get("type") == "message-end")
    for count in range(end):
        parser = load_adapter("cohere").stream_parser()
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
@given(made=st.lists(both.calls(both.ARGUMENTS), max_size=4), words=both.TEXTS, plan=both.TEXTS, cut=both.CUTS)
def test_odd_calls_are_the_same_streamed(made: list[Any], words: str, plan: str, cut: int) -> None:
    body = wire.answer(*(wire.call(*one) for one in made), content=wire.text(words), tool_plan=plan)
    both.check("cohere", body, wire.events(body), cut)
