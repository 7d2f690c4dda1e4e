"""What a strict decoder refuses is decoded as far as it goes, in linear time, and written again as it came."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolfan.errors import BadResponse
from toolfan.secrets.masking import masked
from toolfan.wire import UNDECODED, decode_json, encode_json, json_text, sendable, well_formed

TEXTS = st.text(st.characters(), max_size=4)  # lone surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_any_json_is_decoded_and_written_again(value: Any) -> None:
    text = json.dumps(value)
    got = decode_json(text.encode(), adapter="a")
    assert got == json.loads(text)
    assert json.loads(json_text(got)) == got
    json_text(got).encode()
    encode_json(sendable(got))


@given(st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", ",", ":", "1", "a", "\ufeff", "\\ud800"]), max_size=40))
def test_anything_else_is_a_bad_response(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        got = decode_json(text, adapter="a")
    except BadResponse:
        with pytest.raises(ValueError):
            json.loads(text.lstrip("\ufeff"))
    else:
        assert got == json.loads(text.lstrip("\ufeff"))


@pytest.mark.parametrize("depth", [99, 100, 101, 150, 199, 201, 1_000, 100_000])
def test_nesting_of_any_depth_is_written_as_it_came(depth: int) -> None:
    odd = "{" + '"a":{' * 150 + "}" * 150 + ',"t":"]}"}'
    text = f'{{"x":{"[" * depth}"]\\"[\\\\"{"]" * depth},"y":{odd},"z":1}}'
    got = decode_json(text, adapter="a")
    assert got["z"] == 1
    assert json_text(got) == text
    if depth > 200:
        assert UNDECODED in str(got["x"])


@pytest.mark.parametrize(
    "text",
    ["[" * 300_000, '"' * 300_001, '"\\"' * 100_001, "\ufeff" * 100_000, '{"a' * 100_000, "[" * 300_000 + "]" * 9],
    ids=["open", "quotes", "escapes", "marks", "keys", "half"],
)  # fmt: skip
def test_long_texts_that_are_no_json_are_given_up(text: str) -> None:
    with pytest.raises(BadResponse):
        decode_json(text, adapter="a")


def test_what_was_not_json_is_shown_without_secrets() -> None:
    with pytest.raises(BadResponse, match=r"\(text/html\) is not JSON.*<p>\*\*\* \*\*\*") as caught:
        decode_json("<p>sk-abc123def456 own", adapter="a", content_type="text/html", secrets=("own",))
    assert "sk-abc" not in str(caught.value)


def test_deep_values_that_nobody_decoded_have_a_text() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert json_text(value).startswith(UNDECODED)


def test_lone_surrogates_are_replaced_in_texts_only() -> None:
    assert well_formed("caf\u00e9 \ud800 \U0001f600") == "caf\u00e9 \ufffd \U0001f600"
    kept = {"a": ["\u00e9", 1.5]}
    assert sendable(kept) is kept
    assert sendable({"\ud800": ["\udfff", float("nan"), -float("inf")]}) == {"\ufffd": ["\ufffd", "NaN", "-Infinity"]}


@pytest.mark.parametrize(
    "text",
    ["risk-averse task-123456 ask-something-long", "the keys: location, units are required", "prompt_tokens=1234567",
     "Unexpected token: something", "basic authentication required", "bearer of bad news", "missing key: location",
     "https://platform.openai.com/account/api-keys", "model gpt-4o-mini-2024-07-18 of 2 keys"],
)  # fmt: skip
def test_words_are_not_taken_for_secrets(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize("text", [" " * 1000, '{"a": [', '"'])
def test_what_ends_too_early_is_read_once(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second reading of an answer of many megabytes takes seconds, which no deadline ends."""
    monkeypatch.setattr("toolfan.wire._without_depths", lambda _: pytest.fail("it was read again"))
    with pytest.raises(BadResponse, match=r"EOF while|it is empty"):
        decode_json(text, adapter="a")
