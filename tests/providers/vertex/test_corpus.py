"""Every recorded unary answer of Vertex AI and the Gemini API reads as what its row says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shared_data import corpus
from toolfan.errors import ProviderError
from toolfan_vertex.codec import GEMINI, VERTEX

NOT_EQUAL: dict[str, str] = {}  # row id to the reason; there is none


def unary(name: str) -> list[dict[str, Any]]:
    return [row for row in corpus(name) if not row["streaming"]]


@pytest.mark.parametrize(("name", "adapter", "least"), [("gemini-rest", GEMINI, 150), ("vertex-rest", VERTEX, 57)])
def test_every_recorded_answer_is_read_exactly(name, adapter, least):
    rows = unary(name)
    assert len(rows) >= least
    for row in rows:
        turn = adapter.parse_response(row["response"])
        got = [(call.name, json.loads(call.arguments), call.provider_id) for call in turn.calls]
        wanted = [(call["name"], call["arguments"], call["id"]) for call in row["expected"]]
        equal = repr(got) == repr(wanted)  # repr tells 3.0 from 3, and sees the order of keys
        assert equal is (row["id"] not in NOT_EQUAL), (row["id"], got, wanted)
        assert turn.text == (row["text"] or ""), row["id"]
        assert turn.stop.kind == "calls", row["id"]
        assert len({call.id for call in turn.calls}) == len(turn.calls)
        assert turn.replay["parts"] == row["response"]["candidates"][0]["content"]["parts"]


def test_answers_without_calls_are_read_or_refused_as_the_providers_error():
    rows = [row for row in corpus("nocall") if row["api"] in ("gemini-rest", "vertex-rest") and not row["streaming"]]
    assert rows
    for row in rows:
        try:
            turn = GEMINI.parse_response(row["response"])
        except ProviderError:
            assert row["http_status"] >= 400, row["id"]
        else:
            assert turn.calls == ()
            assert turn.text == (row["text"] or "")
