"""Answers of an odd shape, and what the stop reason says: section 4.3 of the catalogue.

Each line with its title there, the fault that plays it, and what toolfan must make of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import toolfan
from fault_asking import GOOD, WEATHER, Asker, Case, Fails, Good, by_fault, titles
from toolfan import (
    BadResponse,
    ContentFiltered,
    InvalidCalls,
    Refused,
    StopReason,
    TruncatedCall,
    Unavailable,
)

TEXT = "I would rather say this in words."
NO_CALLS = "text, no calls; `tool_calls: null`; `[]`"
ODD_STOP = "`stop` with calls; unknown finish reason; null finish reason"
NOTHING = "`choices: null`; `{}`"
FOREIGN = "body is a list; a string"
CUT, WHOLE = "`length`, second call cut", "`length`, all calls valid"
FILTERED, FILTERED_CALL = "`content_filter`, no call", "`content_filter`, one call"
TWO = "two choices, calls in the second"


CALLED = StopReason("calls", "tool_calls")


@dataclass(frozen=True)
class Read:
    """What an answer says besides its calls."""

    row: str
    fault: str
    values: tuple[Any, ...] = GOOD
    text: str = ""
    stop: StopReason = CALLED


READ = [
    *(
        Read(NO_CALLS, fault, (), TEXT, StopReason("end", "stop"))
        for fault in ("text-only", "null-tool-calls", "empty-tool-calls")
    ),
    Read("calls and text", "text-and-calls", text=TEXT),
    Read(ODD_STOP, "stop-with-calls", stop=StopReason("calls", "stop")),
    Read(ODD_STOP, "unknown-finish", stop=StopReason("other", "astonished")),
    Read(ODD_STOP, "null-finish", stop=StopReason("none", None)),
    Read(WHOLE, "length-whole", stop=StopReason("length", "length")),
    Read("usage missing", "usage-missing"),
    Read(TWO, "second-choice", (), TEXT, StopReason("end", "stop")),
]
UNREADABLE = [
    Case("`choices: []`", "empty-choices", Fails(BadResponse, 3, says="no choices")),
    Case(NOTHING, "null-choices", Fails(BadResponse, 3, says="no choices")),
    Case(NOTHING, "empty-object", Fails(BadResponse, 3, says="no choices")),
    Case("message null", "null-message", Fails(BadResponse, 3, says="no message")),
    Case(FOREIGN, "body-list", Fails(BadResponse, 3, says="is list, not an object")),
    Case(FOREIGN, "body-string", Fails(BadResponse, 3, says="is str, not an object")),
    Case("error object in a 200", "error-in-200", Fails(Unavailable, 3, more={"status": 503, "code": "server_error"})),
]
DECLINED = [
    Case(FILTERED, "content-filter", Fails(ContentFiltered, 1, False, "(content_filter)")),
    Case(FILTERED_CALL, "content-filter-one-call", Fails(ContentFiltered, 1, False, "(content_filter)")),
    Case("refusal", "refusal", Fails(Refused, 1, False, "the model refused: I cannot help with that.")),
]
ROWS = [*titles(READ), *titles(UNREADABLE), *titles(DECLINED), CUT]


@by_fault(READ)
def test_an_answer_that_is_odd_but_whole_is_read(ask: Asker, case: Read) -> None:
    asked = ask(case.fault)
    Good(1, case.values).check(asked)
    assert (asked.result.text, asked.result.stop) == (case.text, case.stop)


@by_fault(READ[:3])
def test_no_call_is_an_error_only_where_one_was_required(ask: Asker, case: Read) -> None:
    asked = ask(case.fault, tool_choice="required")
    error = asked.raised
    assert (type(error), error.attempts, error.requests) == (InvalidCalls, 3, 3)
    assert error.calls is not None
    assert error.calls.text == "\n".join([TEXT] * 3)
    last = ask.server.bodies(asked.model)[2]["messages"]
    assert [message["role"] for message in last] == ["user", "assistant", "user", "assistant", "user"]
    assert "A tool call is required" in last[-1]["content"]
    Good(2).check(ask(f"{case.fault}-once", tool_choice="required"))


@by_fault(UNREADABLE)
def test_an_answer_of_another_shape_is_asked_for_again(ask: Asker, case: Case) -> None:
    case.expected.check(ask(case.fault))
    Good(2).check(ask(f"{case.fault}-once"))


@by_fault(DECLINED)
def test_what_was_declined_is_never_asked_for_again(ask: Asker, case: Case) -> None:
    for fault in (case.fault, f"{case.fault}-once"):
        asked = ask(fault)
        case.expected.check(asked)
        kept = [WEATHER] if case.row == FILTERED_CALL else []
        assert asked.raised.calls is not None
        assert list(asked.raised.calls) == kept
        assert asked.raised.turn is not None


def test_a_cut_answer_loses_only_the_call_that_was_cut(ask: Asker) -> None:
    calls = ask("length-cut", on_invalid="keep").result
    (bad,) = calls.failed
    assert list(calls) == [WEATHER]
    assert (bad.index, type(bad.error)) == (1, TruncatedCall)
    assert "Allow more output tokens" in str(bad.error)
    assert calls.stop == StopReason("length", "length")
    Good(2).check(ask("length-cut-once"))
    error = ask("length-cut").raised
    assert (type(error), error.requests) == (InvalidCalls, 3)
    assert error.calls is not None
    assert list(error.calls) == [WEATHER]


def test_calls_in_a_second_choice_are_told_by_a_warning(ask: Asker) -> None:
    """Only one choice is ever asked for, so that the second one is the server's own idea."""
    asked = ask("second-choice")
    assert asked.result.warnings == ("the answer has 2 choices; only the first was read",)
    assert ask.server.bodies(asked.model)[0].get("n") in (None, 1)
    assert [choice["message"].get("tool_calls") is not None for choice in asked.result.raw["choices"]] == [False, True]


def test_usage_that_is_missing_counts_nothing(ask: Asker) -> None:
    assert ask("usage-missing").result.usage == toolfan.Usage()
    assert ask("good").result.usage == toolfan.Usage(11, 7, 18)
