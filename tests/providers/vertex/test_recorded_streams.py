"""Every recorded stream of Vertex AI and the Gemini API: as it came, in other pieces, and cut."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from toolfan.errors import IncompleteStream
from toolfan_vertex.codec import GEMINI, VERTEX
from vertex_streams import END, as_bytes, chunk, decoded, read, said, streamed, wanted


def test_every_recorded_stream_is_read_exactly_and_as_a_whole_answer_would_be():
    rows = streamed()
    assert len(rows) >= 30
    for row in rows:
        parser, sealed, turn = read(decoded(as_bytes(row)), GEMINI)
        assert repr(said(turn)) == repr(wanted(row)), row["id"]
        assert (turn.text, turn.stop.kind) == (row["text"] or "", "calls"), row["id"]
        assert parser.text == turn.text
        assert turn == GEMINI.parse_response(parser.body), row["id"]
        assert tuple(sealed) == turn.calls[: len(sealed)]
        assert turn.usage.total_tokens > 0 or row["provenance"] == "fixture"
        assert turn.replay["role"] == "model"
        calls = [part for part in turn.replay["parts"] if "functionCall" in part]
        assert [part["functionCall"]["args"] for part in calls if "args" in part["functionCall"]] == [
            one[1] for one, part in zip(wanted(row), calls, strict=True) if "args" in part["functionCall"]
        ]


def signatures(parts: list[dict[str, str]]) -> list[str]:
    return [part["thoughtSignature"] for part in parts if "thoughtSignature" in part]


def test_no_signature_of_a_recorded_stream_is_lost_or_moved():
    for row in streamed():
        events = decoded(as_bytes(row))
        _, _, turn = read(events)
        parts = [part for event in events for part in event["candidates"][0].get("content", {}).get("parts", ())]
        assert signatures(turn.replay["parts"]) == signatures(parts), row["id"]
        signed = [part["functionCall"]["name"] for part in parts if "functionCall" in part and signatures([part])]
        assert signed == [
            part["functionCall"]["name"]
            for part in turn.replay["parts"]
            if "functionCall" in part and signatures([part])
        ]


def test_recorded_streams_are_the_same_byte_by_byte():
    for row in streamed():
        data = as_bytes(row)
        assert decoded(data, 1) == decoded(data) == decoded(data, 7)


def closed(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_a_recorded_stream_that_is_cut_keeps_the_calls_before():
    for row in streamed():
        events = decoded(as_bytes(row))
        for count in range(len(events)):
            parser = VERTEX.stream_parser()
            sealed = [one for event in events[:count] for one in parser.feed(event)]
            if any(event["candidates"][0].get("finishReason") for event in events[:count] if event.get("candidates")):
                continue
            with pytest.raises(IncompleteStream) as caught:
                parser.close()
            turn = caught.value.turn
            assert turn.calls[: len(sealed)] == tuple(sealed)
            whole = said(replace(turn, calls=tuple(sealed)))
            assert whole == wanted(row)[: len(whole)], row["id"]
            for late in turn.calls[len(sealed) :]:
                assert not closed(late.arguments)


def test_recorded_parts_in_one_chunk_or_in_as_many_as_there_are():
    for row in streamed():
        if "partial-args" in row["tags"]:
            continue
        parser, _, turn = read(decoded(as_bytes(row)))
        parts = parser.body["candidates"][0]["content"]["parts"]
        _, _, joined = read([chunk(*parts), END])
        _, _, split = read([*(chunk(part) for part in parts), END])
        assert said(joined) == said(split) == said(turn)
        assert joined.text == split.text == turn.text
