"""Blocks of one answer that are counted as choices are read; what is of another choice is not."""

from __future__ import annotations

from typing import Any

import pytest
from odd_streams import DONE, A, Hear, Pay, Weather, event, heard, piece

__all__ = ["heard"]

PAY = '{"k": 1}'


def block(index: int, finish: Any = None, **said: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": said, "finish_reason": finish}]}


TOLD = [block(2, tool_calls=[piece(0, "a", "Weather", "")]), block(2, tool_calls=[piece(0, arguments=A)])]
OTHER = block(3, tool_calls=[piece(1, "b", "Pay", PAY)])
BLOCKS = {
    "thoughts, a text, calls": [block(0, reasoning_content="Hm"), block(1, content="Let me."), *TOLD, OTHER],
    "a text, one more word, a call each": [block(0, content="Let"), block(0, content=" me."), *TOLD, OTHER],
    "with their ends": [block(0, content="Let me."), *TOLD, block(2, content=""), OTHER, block(3)],
}


@pytest.mark.parametrize("form", BLOCKS)
@pytest.mark.parametrize("last", [DONE, event({"choices": [], "usage": {"total_tokens": 7}}) + DONE], ids=["", "usage"])
def test_blocks_that_are_counted_as_choices_are_one_answer(heard: Hear, form: str, last: bytes) -> None:
    """As LiteLLM has read Bedrock's streams: the end is of the first alone."""
    found = heard(event(*BLOCKS[form], block(0, "tool_calls", content="")) + last)
    assert (found.error, found.said) == (None, [("a", Weather(location="A")), ("b", Pay(k=1))])
    calls = found.stream.calls
    assert (calls.text, calls.stop.kind, calls.warnings) == ("Let me.", "calls", ())
    assert [one["id"] for one in calls.raw["choices"][0]["message"]["tool_calls"]] == ["a", "b"]


def test_the_calls_among_them_may_be_the_first_block(heard: Hear) -> None:
    first = block(0, tool_calls=[piece(0, "a", "Weather", A)])
    found = heard(event(first, OTHER, block(0, "tool_calls")) + DONE)
    assert (found.said, found.stream.calls.warnings) == ([("a", Weather(location="A")), ("b", Pay(k=1))], ())


ELSE = block(1, content="Other.", tool_calls=[piece(0, "x", "Pay", PAY)])
SEVERAL = {
    "each has an end": [block(0, content="A"), ELSE, block(0, "stop"), block(1, "tool_calls")],
    "the end beside the last piece": [block(0, content="A"), block(1, "stop", content="Other."), block(0, "stop")],
    "they come in turn": [block(0, content=""), ELSE, block(0, content="A"), block(0, "stop")],
    "one after the end of the other": [block(0, "stop", content="A"), ELSE],
    "no end at all": [block(0, content="A"), ELSE],
}


@pytest.mark.parametrize("form", SEVERAL)
def test_other_choices_are_not_read_as_blocks(heard: Hear, form: str) -> None:
    found = heard(event(*SEVERAL[form]) + DONE)
    assert (found.error, found.said, found.stream.text) == (None, [], "A")
    assert "the answer has 2 choices; only the first was read" in found.stream.calls.warnings


def test_a_stream_that_breaks_off_behind_the_first_choice_has_no_blocks(heard: Hear) -> None:
    found = heard(event(block(0, content="A"), ELSE, block(0, "stop")))
    assert (found.error, found.said, found.stream.text) == (None, [], "A")


def test_a_thought_and_a_text_are_blocks_though_there_is_no_call(heard: Hear) -> None:
    found = heard(event(block(0, reasoning_content="Hm"), block(1, content="Yes"), block(0, "stop")) + DONE)
    assert (found.error, found.stream.calls.text, found.stream.calls.warnings) == (None, "Yes", ())


def of(*choices: dict[str, Any]) -> dict[str, Any]:
    return {"choices": [choice for one in choices for choice in one["choices"]]}


FIRST, TEXT = block(0, tool_calls=[piece(0, "a", "Weather", A)]), block(0, content="A")
LATER = block(1, tool_calls=[piece(1, "x", "Pay", PAY)])
ENDLESS = {
    "a call in the place of another": ([FIRST, block(1, tool_calls=[piece(0, "x", "Pay", PAY)])], "tool_calls"),
    "a text beside a call": ([TEXT, block(1, content="B"), LATER], "tool_calls"),
    "a text beside the call of the first": ([TEXT, FIRST, LATER], "tool_calls"),
    "two calls": ([TEXT, LATER, block(1, tool_calls=[piece(2, "y", "Pay", PAY)])], "tool_calls"),
    "two calls of the first": (
        [FIRST, block(0, tool_calls=[piece(1, "b", "Weather", A)]), block(1, tool_calls=[piece(2, "x", "Pay", PAY)])],
        "tool_calls",
    ),
    "calls, though the end says of none": ([TEXT, LATER], "stop"),
    "a text each": ([TEXT, block(1, content="B")], "stop"),
    "in turn": ([TEXT, LATER, block(2, tool_calls=[piece(2, "y", "Pay", PAY)]), LATER], "tool_calls"),
    "in one chunk": ([of(TEXT, LATER)], "tool_calls"),
    "no list of calls": ([TEXT, block(1, tool_calls=3)], "tool_calls"),
}


@pytest.mark.parametrize("form", ENDLESS)
def test_choices_without_an_end_are_not_blocks_if_they_do_not_look_so(heard: Hear, form: str) -> None:
    """Nothing of another choice is said to be the first's: it is left out, with a warning."""
    said, finish = ENDLESS[form]
    found = heard(event(*said, block(0, finish, content="")) + DONE)
    assert (found.error, [one for one, _ in found.said if one in ("x", "y")]) == (None, [])
    assert "B" not in found.stream.calls.text
    assert any("only the first was read" in warning for warning in found.stream.calls.warnings)
