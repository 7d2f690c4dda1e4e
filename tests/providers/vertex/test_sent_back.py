"""The model's turn as it goes back: without what the service refuses to read again, with all that it signed."""

from __future__ import annotations

from typing import Any

import pytest
from toolfan.calls import Answer
from toolfan_vertex.codec import GEMINI, VERTEX
from vertex_samples import answer, call, parse
from vertex_streams import END, chunk, read

GOOD = {**call("Weather", args={"x": 1}), "thoughtSignature": "Zmlyc3Q="}
SIGNED = {"text": "", "thoughtSignature": "c2lnbmVk"}
EMPTY = [{"text": ""}, {"text": "", "thought": True}, {"text": None}, {"text": "", "thoughtSignature": ""}]


@pytest.mark.parametrize("adapter", [VERTEX, GEMINI], ids=["vertex", "gemini"])
@pytest.mark.parametrize("empty", EMPTY, ids=repr)
def test_an_empty_text_does_not_go_back_unless_it_is_signed(adapter: Any, empty: Any) -> None:
    parts = [{"text": "hm", "thought": True}, GOOD, SIGNED]
    whole = adapter.parse_response(answer(empty, *parts, empty))
    _, _, streamed = read([chunk(empty), *(chunk(part, empty) for part in parts), END], adapter)
    for turn in (whole, streamed):
        made, _ = adapter.build_answer(turn, [Answer(one, "ok") for one in turn.calls])
        assert made == {"role": "model", "parts": parts}


@pytest.mark.parametrize("empty", EMPTY, ids=repr)
def test_a_turn_of_an_empty_text_alone_does_not_go_back(empty: Any) -> None:
    assert parse(empty).replay is None
    assert VERTEX.build_answer(parse(empty), []) == []
    assert parse(SIGNED).replay == {"role": "model", "parts": [SIGNED]}
