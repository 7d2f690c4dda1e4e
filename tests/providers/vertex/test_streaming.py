"""Streamed answers as decoded chunks: cut, split, joined or odd."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolfan.errors import BadResponse, IncompleteStream, RateLimited
from toolfan_vertex.codec import VERTEX
from vertex_samples import call
from vertex_streams import END, chunk, decoded, read

TEXTS = st.text(min_size=1, max_size=5)
PARTS = st.one_of(
    st.builds(lambda text: {"text": text}, TEXTS),
    st.builds(lambda text: {"text": text, "thought": True}, TEXTS),
    st.builds(lambda text: {"text": text, "thoughtSignature": "c2ln"}, st.text(max_size=3)),
    st.builds(lambda n, args: call(f"f{n}", **args), st.integers(0, 9), st.sampled_from([{}, {"args": {"a": 1}}])),
    st.builds(lambda: {**call("signed", args={}), "thoughtSignature": "c2ln"}),
    st.sampled_from([{"functionCall": {}}, {"functionCall": {"name": "", "args": {}}}, {"functionCall": 7}, {}]),
    st.sampled_from([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, {"executableCode": {"code": "1"}}]),
)


def unjoined(parts: list[Any]) -> list[Any]:
    """The parts, texts that follow each other as one."""
    joined: list[Any] = []
    for part in parts:
        last = joined[-1] if joined else {}
        plain = part.keys() <= {"text", "thought"} and last.keys() == part.keys() and part
        if plain and last.get("thought") == part.get("thought"):
            joined[-1] = {**last, "text": last["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


@given(st.lists(PARTS, min_size=1, max_size=8), st.data())
def test_a_stream_and_a_whole_answer_say_the_same(parts, data):
    body = {**chunk(*parts, finishReason="STOP"), "usageMetadata": {"promptTokenCount": 3}, "responseId": "r"}
    groups, left = [], parts
    while left:
        size = data.draw(st.integers(1, 3))
        groups.append(left[:size])
        left = left[size:]
    events = [chunk(*group) for group in groups] + [{key: value for key, value in body.items() if key != "candidates"}]
    parser, sealed, turn = read([*events, END])
    whole = VERTEX.parse_response(body)
    assert replace(turn, replay=None) == replace(whole, replay=None)
    assert turn == VERTEX.parse_response(parser.body)
    assert unjoined((turn.replay or {}).get("parts", [])) == unjoined((whole.replay or {}).get("parts", []))
    assert tuple(sealed) == turn.calls[: len(sealed)]
    _, _, once = read([body])
    assert once == whole


def test_parts_of_all_chunks_make_one_content_and_texts_are_joined():
    events = [
        chunk({"text": "Let me "}),
        chunk({"text": "see."}),
        chunk({"text": "Hm", "thought": True}),
        chunk({"text": ".", "thought": True}),
        chunk({**call("A", args={"x": 1}), "thoughtSignature": "c2ln"}),
        chunk(call("B", args={})),
        chunk({"text": ""}),
        chunk({"text": "", "thoughtSignature": "c2lnMg=="}, finishReason="STOP"),
    ]
    parser, sealed, turn = read(events)
    assert turn.replay == {
        "role": "model",
        "parts": [
            {"text": "Let me see."},
            {"text": "Hm.", "thought": True},
            {"functionCall": {"name": "A", "args": {"x": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "B", "args": {}}},
            {"text": "", "thoughtSignature": "c2lnMg=="},
        ],
    }
    assert (turn.text, parser.texts) == ("Let me see.", ["Let me ", "see."])
    assert [one.id for one in sealed] == ["call_0", "call_1"]


def test_each_call_is_sealed_in_its_chunk():
    parser = VERTEX.stream_parser()
    assert [one.name for one in parser.feed(chunk(call("A"), call("B")))] == ["A", "B"]
    assert [one.name for one in parser.feed(chunk(call("C", id="x")))] == ["C"]
    assert parser.feed(chunk({"functionCall": {"name": "D", "willContinue": True}})) == []
    assert [one.name for one in parser.feed(chunk(call("E")))] == ["D", "E"]
    assert parser.feed(END) == []
    assert [(one.index, one.id) for one in parser.close().calls] == list(
        enumerate(["call_0", "call_1", "x", "call_3", "call_4"])
    )


def test_a_finish_reason_in_every_chunk_ends_nothing():
    _, _, turn = read([chunk(call("A"), finishReason="STOP"), chunk(call("B"), finishReason="STOP")])
    assert [one.name for one in turn.calls] == ["A", "B"]


@pytest.mark.parametrize("reason", ["FINISH_REASON_UNSPECIFIED", 0, None])
def test_no_reason_is_no_end(reason):
    with pytest.raises(IncompleteStream, match="before the answer was complete"):
        read([chunk(call("A"), finishReason=reason)])


def test_servers_known_to_send_no_end_are_believed():
    _, _, turn = read([chunk(call("A"))], replace(VERTEX, needs_end=False))
    assert [one.name for one in turn.calls] == ["A"]
    assert turn.warnings == ("the stream ended without a finish reason",)
    with pytest.raises(IncompleteStream, match="without an answer"):
        read([{}, {"usageMetadata": {"totalTokenCount": 1}}], replace(VERTEX, needs_end=False))


@pytest.mark.parametrize(("reason", "whole"), [("STOP", True), ("UNEXPECTED_TOOL_CALL", True), ("MAX_TOKENS", False)])
def test_a_call_that_is_open_at_the_end_is_whole_only_if_the_model_had_finished(reason, whole):
    opened = [
        chunk({"functionCall": {"name": "A", "willContinue": True}}),
        chunk({"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "To"}], "willContinue": True}}),
    ]
    parser, sealed, turn = read([*opened, chunk(finishReason=reason)])
    assert sealed == []
    (one,) = turn.calls
    assert one.arguments == ('{"a":"To"}' if whole else '{"a":"To"')
    assert turn == VERTEX.parse_response(parser.body)
    assert turn.replay["parts"] == [{"functionCall": {"name": "A", "args": {"a": "To"}}}]


def test_a_call_in_pieces_keeps_what_is_said_of_it_on_the_way():
    piece = {"jsonPath": "$.a", "numberValue": 12345678901234567890}
    events = [
        chunk({"functionCall": {"name": "A", "willContinue": True}}),
        chunk({"functionCall": {"id": "x", "partialArgs": [piece], "willContinue": True}, "thoughtSignature": "c2ln"}),
        chunk({"functionCall": {"id": "x", "name": "A", "willContinue": True}}),
        chunk({"functionCall": {"id": "y", "name": "A", "willContinue": True}}),
        chunk({"functionCall": {"id": "x"}}),
        chunk({"functionCall": {"args": {"b": 1}}}, finishReason="STOP"),
    ]
    _, sealed, turn = read(events)
    assert [(one.id, one.arguments) for one in sealed] == [("x", '{"a":12345678901234567890}'), ("y", '{"b":1}')]
    assert turn.replay["parts"] == [
        {"functionCall": {"name": "A", "id": "x", "args": {"a": 12345678901234567890}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "A", "id": "y", "args": {"b": 1}}},
    ]


def test_the_last_usage_wins_and_all_else_is_kept():
    events = [
        {**chunk({"text": "a"}, index=0), "usageMetadata": {"promptTokenCount": 1}, "modelVersion": "m", "newField": 1},
        {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}},
        {**chunk(finishReason="STOP", safetyRatings=[]), "responseId": "r"},
    ]
    parser, _, turn = read(events)
    assert (turn.usage.input_tokens, turn.usage.total_tokens) == (3, 7)
    assert (turn.model, turn.response_id) == ("m", "r")
    assert parser.body == {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"text": "a"}]},
                "index": 0,
                "finishReason": "STOP",
                "safetyRatings": [],
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
        "modelVersion": "m",
        "newField": 1,
        "responseId": "r",
    }


def test_of_several_candidates_the_first_is_read():
    events = [
        {
            "candidates": [
                {"index": at, "content": {"parts": [call(f"F{at}")]}, "finishReason": "STOP"} for at in (1, 0)
            ]
        },
        {"candidates": [{"index": at, "content": {"parts": [{"text": f"{at}"}]}} for at in (0, 1)]},
    ]
    _, _, turn = read(events)
    assert ([one.name for one in turn.calls], turn.text) == (["F1"], "1")
    assert turn.warnings == ("2 candidates came; only the first is read, number 1",)


@pytest.mark.parametrize("before", [[], [chunk(call("A"))]])
def test_a_blocked_prompt_ends_the_stream(before):
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "No."}}
    _, _, turn = read([*before, blocked])
    assert (turn.stop.kind, turn.stop.raw) == ("filtered", "PROHIBITED_CONTENT")
    assert turn.warnings == ("PROHIBITED_CONTENT: No.",)
    assert len(turn.calls) == len(before)


@pytest.mark.parametrize("data", [b'data: {"error": %b}\r\n\r\n', b'[{"error": %b}]', b'{"error": %b}'])
def test_an_error_in_the_stream_is_raised(data):
    error = {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED"}
    parser = VERTEX.stream_parser()
    parser.feed(chunk(call("A")))
    (event,) = decoded(data % json.dumps(error).encode())
    with pytest.raises(RateLimited, match="Slow down"):
        parser.feed(event)
    with pytest.raises(IncompleteStream) as caught:
        parser.close()
    assert [one.name for one in caught.value.turn.calls] == ["A"]


@pytest.mark.parametrize(
    "candidates",
    ["x", [7], [None], [{"content": "x"}], [{"content": {"parts": "x"}}]],
)
def test_what_is_no_chunk_is_refused(candidates):
    with pytest.raises(BadResponse, match="not what generateContent promises"):
        read([{"candidates": candidates}])


def test_events_that_say_nothing_are_skipped():
    quiet = [{}, {"[DONE]": True}, {"candidates": []}, {"candidates": None}, {"error": None}]
    _, _, turn = read([*quiet, chunk(call("A")), *quiet, END, *quiet])
    assert [one.name for one in turn.calls] == ["A"]
