"""Arguments that are no JSON object, or not what the tool takes: section 4.1 of the catalogue.

Each line with its title there, the fault that plays it (on the first call, but where `at` says another), and what
toolfan must make of it: an error on that call alone, or the value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from fault_asking import GOOD, SEARCH, TOOLS, Asker, Good, GoogleSearch, Weather, by_fault, titles
from pydantic import BaseModel, ConfigDict
from toolfan import InvalidArguments, InvalidCalls, MalformedArguments, TooManyCalls

if TYPE_CHECKING:
    from collections.abc import Sequence


class Booking(BaseModel):
    days: int
    price: float


class Exact(BaseModel):
    model_config = ConfigDict(strict=True)
    days: int


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str


class Ping(BaseModel):
    note: str = "none"


NOT_AN_OBJECT = (
    "malformed; truncated; trailing comma; single quotes; trailing text; two objects concatenated; raw newline in a "
    "string; array instead of object; wrong types"
)
STRIPPED = "code fence around JSON; BOM"
SECOND = "second of two bad"
NAN = "NaN / Infinity / 1e999 in an ignored extra field"
INTEGERS = '3.0 for an int; "3"'
NULL = "`null`; key absent"
DIGITS, SURROGATE = "5000-digit int", "lone surrogate"
NUMBERS = (Booking, GoogleSearch)
EMPTY = (Ping, GoogleSearch)


@dataclass(frozen=True)
class Bad:
    """This call fails with this error, and no other one does."""

    row: str
    fault: str
    error: type[toolfan.CallError]
    at: int = 0
    tools: tuple[Any, ...] = TOOLS
    good: Sequence[Any] = GOOD
    says: str = ""


@dataclass(frozen=True)
class Read:
    """These values come, the first with these repairs."""

    row: str
    fault: str
    values: Sequence[Any] = GOOD
    repairs: tuple[str, ...] = ()
    tools: tuple[Any, ...] = TOOLS


BOOKED = (Booking(days=1, price=1.0), SEARCH)
BAD = [
    *(
        Bad(NOT_AN_OBJECT, f"arguments-{kind}", MalformedArguments)
        for kind in (
            "malformed",
            "truncated",
            "trailing-comma",
            "single-quotes",
            "trailing-text",
            "two-objects",
            "raw-newline",
        )
    ),
    Bad(NOT_AN_OBJECT, "arguments-array", InvalidArguments),
    Bad(
        NOT_AN_OBJECT, "arguments-wrong-types", InvalidArguments, says="location: Input should be a valid string; units"
    ),
    Bad(SECOND, "arguments-second-bad", MalformedArguments, at=1),
    Bad('`""`', "arguments-empty", MalformedArguments),
    Bad(NULL, "arguments-null", MalformedArguments),
    Bad(NULL, "arguments-absent", MalformedArguments),
    Bad(NAN, "arguments-nan", InvalidArguments, tools=NUMBERS, good=BOOKED, says="price"),
    Bad(NAN, "arguments-infinity", InvalidArguments, tools=NUMBERS, good=BOOKED, says="price"),
    Bad(NAN, "arguments-1e999", InvalidArguments, tools=NUMBERS, good=BOOKED, says="price"),
    Bad("duplicate keys", "arguments-duplicate-keys", InvalidArguments, says="location: The key comes twice"),
    Bad(SURROGATE, "arguments-lone-surrogate", MalformedArguments),
    Bad("10 MB", "arguments-17-mb", InvalidArguments, says="longer than"),
    Bad("depth 10,000", "arguments-depth-10000", MalformedArguments, says="recursion limit"),
    Bad(DIGITS, "arguments-5000-digits", MalformedArguments, tools=NUMBERS, good=BOOKED),
    Bad(DIGITS, "arguments-5000-digits", MalformedArguments, says="number out of range"),
    Bad(
        INTEGERS, "arguments-text-for-int", InvalidArguments, tools=(Exact, GoogleSearch), good=(Exact(days=1), SEARCH)
    ),
    Bad("extra field", "arguments-extra-field", InvalidArguments, tools=(Closed,), good=()),
]
READ = [
    Read(STRIPPED, "arguments-code-fence", repairs=("code_fence",)),
    Read(STRIPPED, "arguments-bom", repairs=("byte_order_mark",)),
    Read('`""`', "arguments-empty", (Ping(), SEARCH), ("empty_arguments",), EMPTY),
    Read(NULL, "arguments-null", (Ping(), SEARCH), ("empty_arguments",), EMPTY),
    Read(NULL, "arguments-absent", (Ping(), SEARCH), ("empty_arguments",), EMPTY),
    Read("an object, not text", "arguments-object"),
    Read("double-encoded", "arguments-double-encoded", repairs=("double_encoded",)),
    Read("double-encoded", "arguments-reversed"),
    *(Read(NAN, f"arguments-{kind}") for kind in ("nan", "infinity", "1e999")),
    Read("NUL character", "arguments-nul", (Weather(location="Toronto\0", units="metric"), SEARCH)),
    Read("10 MB", "arguments-10-mb", (Weather(location="x" * 10 * 2**20, units="metric"), SEARCH)),
    Read(INTEGERS, "arguments-float-for-int", (Booking(days=3, price=1), SEARCH), ("integral_float",), NUMBERS),
    Read(INTEGERS, "arguments-float-for-int", (Exact(days=3), SEARCH), ("integral_float",), (Exact, GoogleSearch)),
    Read(INTEGERS, "arguments-text-for-int", (Booking(days=3, price=1), SEARCH), (), NUMBERS),
    Read("extra field", "arguments-extra-field"),
    Read("1000 calls", "1000-calls", GOOD * 500),
]
ROWS = [*titles(BAD), *titles(READ)]


@by_fault(BAD)
def test_the_error_is_on_that_call_and_the_others_are_kept(ask: Asker, case: Bad) -> None:
    asked = ask(case.fault, tools=case.tools, on_invalid="keep")
    calls = asked.result
    (bad,) = calls.failed
    assert (bad.index, type(bad.error)) == (case.at, case.error)
    assert case.says in str(bad.error)
    assert len(str(bad.error)) < 3000
    others = [value for at, value in enumerate(case.good) if at != case.at]
    assert list(calls) == others
    assert (calls.requests, calls.attempts) == (1, 1)


@by_fault([case for case in BAD if case.good])
def test_it_is_asked_for_again_and_goes_into_its_place(ask: Asker, case: Bad) -> None:
    asked = ask(f"{case.fault}-once", tools=case.tools)
    Good(2, case.good).check(asked)
    assert [outcome.attempt for outcome in asked.result.outcomes] == [1 + (at == case.at) for at in range(2)]
    told = [message for message in ask.server.bodies(asked.model)[1]["messages"] if message["role"] == "tool"]
    assert ["Accepted" in message["content"] for message in told] == [at != case.at for at in range(2)]


@by_fault([case for case in BAD if case.good])
def test_when_it_stays_bad_the_others_are_not_lost(ask: Asker, case: Bad) -> None:
    error = ask(case.fault, tools=case.tools).raised
    assert (type(error), error.attempts, error.requests) == (InvalidCalls, 3, 3)
    assert error.calls is not None
    assert list(error.calls) == [value for at, value in enumerate(case.good) if at != case.at]
    assert type(error.calls.outcomes[case.at]) is toolfan.BadCall


@by_fault(READ)
def test_what_can_be_read_is_read_and_the_repair_recorded(ask: Asker, case: Read) -> None:
    asked = ask(case.fault, tools=case.tools)
    Good(1, case.values).check(asked)
    assert [call.repairs for call in asked.result.good[:2]] == [case.repairs, ()]


@by_fault([case for case in READ if case.repairs])
def test_without_repairs_it_fails(ask: Asker, case: Read) -> None:
    calls = ask(case.fault, tools=case.tools, repairs=False, on_invalid="keep").result
    lax = Booking in case.tools
    assert [type(outcome).__name__ for outcome in calls.outcomes] == ["Call" if lax else "BadCall", "Call"]
    assert all(call.repairs == () for call in calls.good)


@pytest.mark.parametrize("limit", [1, 10])
def test_a_limit_of_calls_holds_for_a_thousand(ask: Asker, limit: int) -> None:
    """Those beyond it are failed, never dropped, and not asked for again."""
    calls = ask("1000-calls", parallel=limit).result
    assert len(calls.outcomes) == 1000
    assert list(calls) == list((GOOD * 500)[:limit])
    assert {type(bad.error) for bad in calls.failed} <= {TooManyCalls}
    assert calls.requests == 1
