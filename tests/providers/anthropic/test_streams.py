"""Streams of the Messages API that are odd, cut or wrong."""

from __future__ import annotations

from typing import Any

import pytest
import whole_and_streamed as both
from anthropic_samples import events, message, text, tool_use
from hypothesis import given
from hypothesis import strategies as st
from toolfan import IncompleteStream, QuotaExhausted, StopReason, Unavailable
from toolfan.adapter import Answer
from toolfan.calls import RawCall
from toolfan_anthropic import MessagesAdapter

ADAPTER = MessagesAdapter()


def start(index: Any, block: dict[str, Any]) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: Any, said: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta", "partial_json": said}}


def stop(index: Any) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


BEGIN = {"type": "message_start", "message": message(stop=None)}
USED = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}
CUT = {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 9}}
END = {"type": "message_stop"}


def read(*given: dict[str, Any]) -> tuple[Any, list[RawCall], Any]:
    parser: Any = ADAPTER.stream_parser()
    sealed = [call for event in given for call in parser.feed(event)]
    return parser, sealed, parser.close()


def test_a_call_is_sealed_when_its_json_closes():
    parser = ADAPTER.stream_parser()
    for event in (BEGIN, start(0, tool_use("a", "Weather", {})), piece(0, '{"location": "')):
        assert list(parser.feed(event)) == []
    assert parser.feed(piece(0, 'Oslo"}')) == [RawCall(0, "a", "Weather", '{"location": "Oslo"}', "a")]
    assert list(parser.feed(stop(0))) == []


@pytest.mark.parametrize("said", ["", "{}"])
def test_a_call_without_arguments_is_sealed_at_the_end_of_its_block(said: str):
    parser = ADAPTER.stream_parser()
    for event in (BEGIN, start(1, tool_use("a", "Empty", {}))):
        assert list(parser.feed(event)) == []
    assert [*parser.feed(piece(1, said)), *parser.feed(stop(1))] == [RawCall(0, "a", "Empty", "{}", "a")]


def test_blocks_that_come_at_the_same_time_are_told_apart_by_their_index():
    _, sealed, turn = read(
        BEGIN,
        start(0, text("")),
        start(1, tool_use("a", "Weather", {})),
        start(2, tool_use("b", "Weather", {})),
        piece(2, '{"location":'),
        piece(1, '{"location":"Rome"'),
        piece(2, '"Oslo"}'),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hm."}},
        piece(1, "}"),
        *(stop(index) for index in range(3)),
        USED,
        END,
    )
    assert [(call.id, call.arguments) for call in turn.calls] == [
        ("a", '{"location":"Rome"}'),
        ("b", '{"location":"Oslo"}'),
    ]
    assert [call.id for call in sealed] == ["b", "a"]
    assert turn.text == "Hm."
    assert [block.get("input") for block in turn.replay["content"]] == [
        None,
        {"location": "Rome"},
        {"location": "Oslo"},
    ]


def test_a_call_that_was_cut_is_kept_as_it_came_and_can_be_sent_back():
    parser, sealed, turn = read(
        BEGIN, start(0, tool_use("a", "Weather", {})), piece(0, '{"location":"Os'), stop(0), CUT, END
    )
    assert sealed == []
    assert turn.stop == StopReason("length", "max_tokens")
    assert [call.arguments for call in turn.calls] == ['{"location":"Os']
    assert ADAPTER.parse_response(parser.body).calls == turn.calls
    assistant, _ = ADAPTER.build_answer(turn, [Answer(call, "cut", is_error=True) for call in turn.calls])
    assert assistant["content"][0]["input"] == {"INVALID_JSON": '{"location":"Os'}


def test_an_error_behind_the_end_concerns_no_answer():
    late = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    _, sealed, turn = read(BEGIN, start(0, tool_use("a", "Weather", {})), piece(0, "{}"), stop(0), CUT, END, late)
    assert [call.id for call in sealed] == [call.id for call in turn.calls] == ["a"]


def test_thinking_citations_and_server_tools_are_put_together():
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
    said = {"type": "text", "text": "", "citations": None}
    _, sealed, turn = read(
        BEGIN,
        start(0, {"type": "thinking", "thinking": "", "signature": ""}),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "H"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m."}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "c2ln"}},
        stop(0),
        start(1, block),
        piece(1, '{"query": "os'),
        piece(1, 'lo"}'),
        stop(1),
        start(2, said),
        {"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": {"n": 1}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": {"n": 2}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "It rains."}},
        stop(2),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        END,
    )
    assert sealed == []
    assert turn.replay["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {**block, "input": {"query": "oslo"}},
        {"type": "text", "text": "It rains.", "citations": [{"n": 1}, {"n": 2}]},
    ]


def test_of_two_messages_in_one_stream_neither_is_lost():
    first, second = message(text("One."), tool_use("a", "W", {"x": 1})), message(tool_use("b", "W", {"x": 2}))
    _, sealed, turn = read(*events(first), *events(second))
    assert [call.id for call in sealed] == ["a", "b"]
    assert turn.calls == tuple(sealed)
    assert turn.warnings == ("the stream held 2 messages; they are read as one",)


def test_a_whole_message_in_place_of_a_stream_is_read():
    body = message(text("Hm."), tool_use("a", "W", {"x": 1}))
    _, sealed, turn = read(body)
    assert turn == ADAPTER.parse_response(body)
    assert tuple(sealed) == turn.calls


@pytest.mark.parametrize("given", [[], [{"type": "ping"}], [BEGIN], [BEGIN, start(0, text("Hm.")), stop(0), USED]])
def test_without_its_end_a_stream_is_incomplete(given: list[dict[str, Any]]):
    with pytest.raises(IncompleteStream) as caught:
        read(*given)
    assert caught.value.turn is not None
    assert caught.value.turn.text == ("Hm." if len(given) > 1 else "")


def test_a_stop_reason_and_done_are_an_end():
    """Of a compatible server that sends no `message_stop`; either of the two alone is none."""
    said = [BEGIN, start(0, tool_use("a", "W", {"x": 1})), stop(0)]
    done = {"[DONE]": True}
    _, _, turn = read(*said, USED, done)
    assert (turn.stop.kind, [call.id for call in turn.calls]) == ("calls", ["a"])
    assert turn.warnings == ()
    with pytest.raises(IncompleteStream):
        read(*said, done)


@pytest.mark.parametrize(
    ("kind", "error"),
    [("overloaded_error", Unavailable), ("billing_error", QuotaExhausted), ("new_error", Unavailable)],
)
def test_an_error_in_a_stream_is_raised(kind: str, error: type[Exception]):
    parser = ADAPTER.stream_parser()
    parser.feed(BEGIN)
    with pytest.raises(error, match="Too much") as caught:
        parser.feed({"type": "error", "error": {"type": kind, "message": "Too much"}})
    assert caught.value.code == kind


@both.BOUNDED
@given(made=st.lists(both.calls(both.VALUES) | both.TEXTS, max_size=4), cut=both.CUTS)
def test_odd_calls_are_the_same_streamed(made: list[Any], cut: int) -> None:
    body = message(*(text(one) if isinstance(one, str) else tool_use(*one) for one in made))
    both.check("anthropic", body, events(body), cut)


@pytest.mark.parametrize("begun", [None, "{"])
def test_a_call_without_a_name_keeps_its_own_arguments_where_another_began_before_them(begun: str | None) -> None:
    """It is told from one that says nothing when its arguments come."""
    nameless, good = tool_use("toolu_a", "", {}), tool_use("toolu_b", "Weather", {})
    rest = '{"x": 1}' if begun is None else '"x": 1}'
    pieces = [piece(1, '{"y": 2}'), piece(0, rest)]
    began = [start(0, nameless), *([] if begun is None else [piece(0, begun)]), start(1, good)]
    _, _, turn = read(BEGIN, *began, *pieces, stop(0), stop(1), USED, END)
    said, results = ADAPTER.build_answer(turn, [Answer(call, call.name) for call in turn.calls])
    given = {block["id"]: (block["name"], block["input"]) for block in said["content"]}
    assert given == {"toolu_a": ("unnamed", {"x": 1}), "toolu_b": ("Weather", {"y": 2})}
    assert [block["tool_use_id"] for block in results["content"]] == [block["id"] for block in said["content"]]
