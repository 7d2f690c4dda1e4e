"""Every recorded chat completion that is not a stream decodes to what was expected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shared_data import corpus
from toolfan import ProviderError, load_adapter

# Rows whose `expected` this decoder does not reproduce, and why.
EXCEPTIONS: dict[str, str] = {}

ROWS = [row for row in corpus("openai-chat") if not row["streaming"]]
NO_CALLS = [row for row in corpus("nocall") if row["api"] == "openai-chat" and not row["streaming"]]


def decoded(arguments: str) -> Any:
    try:
        return json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        return None


def test_the_recordings_are_there() -> None:
    assert len(ROWS) > 250


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_call_comes_out(row: dict[str, Any]) -> None:
    if row["id"] in EXCEPTIONS:
        pytest.skip(EXCEPTIONS[row["id"]])
    turn = load_adapter("openai").parse_response(row["response"])
    expected = row["expected"]
    assert [call.name for call in turn.calls] == [call["name"] for call in expected]
    assert [call.provider_id for call in turn.calls] == [call["id"] for call in expected]
    for call, wanted in zip(turn.calls, expected, strict=True):
        if wanted["kind"] == "custom":
            assert call.arguments == wanted["arguments_raw"]
        else:
            assert decoded(call.arguments) == wanted["arguments"]
            if isinstance(wanted["arguments_raw"], str):
                assert call.arguments == wanted["arguments_raw"]
    assert len({call.id for call in turn.calls}) == len(turn.calls)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_the_text_beside_the_calls_is_kept(row: dict[str, Any]) -> None:
    turn = load_adapter("openai").parse_response(row["response"])
    assert turn.text == (row["text"] or "")


@pytest.mark.parametrize("row", NO_CALLS, ids=lambda row: row["id"])
def test_an_answer_without_calls_has_none(row: dict[str, Any]) -> None:
    try:
        turn = load_adapter("openai").parse_response(row["response"])
    except ProviderError:
        assert row["http_status"] >= 400 or "error" in row["response"]
        return
    assert turn.calls == ()
