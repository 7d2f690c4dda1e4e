"""Every class of error that toolfan can raise: one base, by whose fault; pickles, copies, compares by content."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
import toolfan
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from toolfan import errors
from toolfan.calls import BadCall, Call, RawCall, StopReason, Turn, Usage

CLASSES = sorted(
    (one for one in vars(errors).values() if inspect.isclass(one) and issubclass(one, errors.ToolfanError)),
    key=lambda one: one.__name__,
)
TEXT = st.text(max_size=20)


class A(BaseModel):
    x: int


def calls_of(number: int, bad: errors.CallError) -> toolfan.Calls[Any]:
    raw = RawCall(0, "a", "A", '{"x": 1}')
    turn = Turn((raw,), "text", StopReason("calls", "stop"), Usage(1, 2, 3))
    return toolfan.Calls(
        outcomes=(Call(0, "a", "A", A(x=number), raw), BadCall(1, "b", "B", raw, bad)), turn=turn, usage=Usage(1, 2, 3)
    )


CALLS = st.builds(calls_of, st.integers(), st.builds(errors.MalformedArguments, TEXT, call_id=TEXT))
DETAILS = st.fixed_dictionaries(
    {},
    optional={
        "hint": TEXT,
        "adapter": TEXT,
        "tool": TEXT,
        "call_id": TEXT,
        "retryable": st.booleans(),
        "attempts": st.integers(0, 9),
        "requests": st.integers(0, 99),
        "request_id": TEXT,
        "status": st.integers(100, 599),
        "code": TEXT,
        "retry_after": st.floats(0, 1e6),
        "calls": CALLS,
        "turn": st.builds(Turn, text=TEXT),
    },
)
FAULTS = st.lists(st.fixed_dictionaries({"loc": st.lists(TEXT, max_size=2), "msg": TEXT, "input": TEXT}), max_size=2)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=50)
@given(message=TEXT, details=DETAILS, faults=FAULTS)
def test_an_error_is_its_content(
    kind: type[toolfan.ToolfanError], message: str, details: dict[str, Any], faults: list[Any]
) -> None:
    more = {"errors": faults} if kind is errors.InvalidArguments else {}
    error = kind(message, **details, **more)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert again == error
        assert (type(again), again.args, str(again), vars(again)) == (kind, error.args, str(error), vars(error))
        assert hash(again) == hash(error)
    assert copy.deepcopy(error) == copy.copy(error) == error == kind(message, **details, **more)
    assert error != error.with_details(hint="another one, longer than any of the hints above")
    assert error.with_details(hint="another one, longer than any of the hints above").args == error.args


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_has_one_base_one_branch_and_is_public(kind: type[toolfan.ToolfanError]) -> None:
    branches = (toolfan.UsageError, toolfan.ProviderError, toolfan.CallError)
    assert kind is toolfan.ToolfanError or sum(issubclass(kind, branch) for branch in branches) == 1
    assert getattr(toolfan, kind.__name__) is kind
    error = kind("x")
    assert isinstance(error.retryable, bool)
    assert (error.attempts, error.requests, error.calls, error.turn) == (0, 0, None, None)
    with pytest.raises(TypeError, match="unknown detail paid"):
        kind("x", paid=True)  # type: ignore[call-arg]
