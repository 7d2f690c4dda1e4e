"""`parallel=n` over several rounds with a required tool: the limit stands, and one required call comes beside it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
import toolfan
from loopback import USER, Bench
from pydantic import BaseModel


class A(BaseModel):
    x: int


class B(BaseModel):
    x: int


class C(BaseModel):
    x: int


def whole(bench: Bench, **options: Any) -> toolfan.Calls[Any]:
    return bench.client().create(**options)


def streamed(bench: Bench, **options: Any) -> toolfan.Calls[Any]:
    with bench.client().stream(**options) as stream:
        latest = {outcome.index: outcome for outcome in stream}
    assert tuple(latest[at] for at in sorted(latest)) == stream.calls.outcomes
    return stream.calls


@pytest.fixture(params=[whole, streamed], ids=lambda way: way.__name__)
def ask(request: pytest.FixtureRequest, bench: Bench) -> Any:
    """`ask("A1 B", "B2", option=...)`: the calls after these answers, where a call without a number is a bad one."""

    def ask(*answers: str, **options: Any) -> toolfan.Calls[Any]:
        bench.serve(*({"calls": _scripted(at, answer), "text": "Hm."} for at, answer in enumerate(answers)))
        given = {"tools": (A, B, C), "tool_choice": B, "max_attempts": len(answers), **options}
        return request.param(bench, model="m", messages=USER, **given)  # type: ignore[no-any-return]

    return ask


def _scripted(at: int, answer: str) -> list[dict[str, str]]:
    return [
        {"name": one[0], "id": f"call-{at}-{number}", "arguments": f'{{"x": {one[1:]}}}' if one[1:] else "{}"}
        for number, one in enumerate(answer.split())
    ]


def _told(outcomes: Any) -> str:
    return " ".join(f"{one.name}{one.value.x}" for one in outcomes)


@pytest.mark.parametrize(
    ("parallel", "answers", "good", "late"),
    [
        (1, ["A1", "C1 B1"], "A1 B1", "C"),
        (1, ["A1", "B1 C1"], "A1 B1", "C"),
        (1, ["A1", "C1", "C2", "B1"], "A1 B1", "CC"),
        (1, ["A1", "A2 B1"], "A1 B1", "A"),
        (1, ["A1", "B1 B2"], "A1 B1", "B"),
        (1, ["Z1", "B1 B2"], "B1", "B"),
        (1, ["B", "B1 B2 C1"], "B1", "BC"),
        (1, ["A1", "C1 B", "C2 B1"], "A1 B1", "CC"),
        (1, ["A", "B1 A2"], "A2 B1", ""),
        (1, ["A", "B1", "B2 A2"], "A2 B1", "B"),
        (2, ["A1", "C1 C2 B1 B2"], "A1 C1 B1", "CB"),
        (2, ["A1", "B1 C1 B2"], "A1 B1", "CB"),
        (2, ["A1 C1 B1", "C2 B2"], "A1 C1 B2", "BC"),
        (3, ["A1", "B1 B2 C1"], "A1 B1 B2", "C"),
    ],
)
def test_one_required_call_comes_beside_a_full_limit_and_nothing_else(
    ask: Any, parallel: int, answers: list[str], good: str, late: str
) -> None:
    calls = ask(*answers, parallel=parallel)
    assert (_told(calls.good), calls.requests) == (good, len(answers))
    assert "".join(bad.name for bad in calls.failed) == late
    assert {bad.error.message for bad in calls.failed} <= {f"the model made more calls than {parallel}"}


def test_what_came_beside_the_call_that_is_still_required_is_told_not_to_have_run(ask: Any, bench: Bench) -> None:
    ask("A1", "C1 B", "B1", parallel=1)
    told = [one["content"] for one in bench.bodies[2]["messages"][-2:]]
    assert told[0] == "Not run: the model made more calls than 1. Do not repeat this call."
    assert told[1].startswith("Invalid arguments:")


@dataclass
class Slot:
    """A call as the rules see it: good, bad, or late, which is beyond the limit."""

    said: str
    state: str

    @property
    def tool(self) -> str:
        return self.said[0]


def _by_the_rules(answers: list[str], limit: int) -> tuple[list[Slot], int, bool]:
    """The calls in the end, how often the model is asked, and whether that is an error; `B` is required."""
    slots: list[Slot] = []
    wanted = 0
    for asked, answer in enumerate(answers, 1):
        known = {slot.said for slot in slots if slot.state == "good"}
        new = [Slot(one, "good" if one[1:] else "bad") for one in answer.split() if one not in known]
        before = {id(slot) for slot in slots if slot.state == "good"}
        is_first, wanted = not slots, wanted or len(new)
        for tool in "ABC":
            places = [at for at, slot in enumerate(slots) if slot.state == "bad" and slot.tool == tool]
            found = [one for one in new if one.tool == tool]
            if len(found) > len(places):
                found.sort(key=lambda one: one.state == "bad")
            for at, one in zip(places, found, strict=False):
                slots[at] = one
                new = [other for other in new if other is not one]
        slots += new
        _hold(slots, limit, 0 if is_first else wanted, before)
        met = any(slot.tool == "B" and slot.state == "good" for slot in slots)
        owed = any(s.state == "bad" and (at < wanted or (s.tool == "B" and not met)) for at, s in enumerate(slots))
        if not owed and met:
            return slots, asked, False
    return slots, len(answers), True


def _hold(slots: list[Slot], limit: int, wanted: int, before: set[int]) -> None:
    counted = [slot for slot in slots[:wanted] if slot.state != "late"]
    counted += [slot for slot in slots[wanted:] if id(slot) in before]
    is_met = any(slot.tool == "B" and slot.state == "good" for slot in counted)
    for slot in slots[wanted:]:
        if id(slot) in before or slot.state == "late" or (wanted and slot.state == "bad"):
            continue
        if len(counted) >= limit and (is_met or not wanted or slot.tool != "B"):
            slot.state = "late"
            continue
        counted.append(slot)
        is_met = is_met or slot.tool == "B"


@pytest.mark.parametrize("seed", range(30))
def test_whatever_comes_in_whichever_round_the_limit_stands(ask: Any, seed: int) -> None:
    chance = random.Random(seed)
    answers = [
        " ".join(chance.choice("AABBC") + chance.choice(["", "1", "2", "3"]) for _ in range(chance.randint(0, 4)))
        for _ in range(chance.randint(2, 5))
    ]
    limit = chance.randint(1, 3)
    slots, asked, is_error = _by_the_rules(answers, limit)
    try:
        calls, failed = ask(*answers, parallel=limit), False
    except toolfan.InvalidCalls as exc:
        calls, failed = exc.calls, True
    assert _told(calls.good).split() == [slot.said for slot in slots if slot.state == "good"]
    late = [bad.name for bad in calls.failed if isinstance(bad.error, toolfan.TooManyCalls)]
    assert late == [slot.tool for slot in slots if slot.state == "late"]
    assert (calls.requests, failed) == (asked, is_error)
    others = [one for one in calls.good if one.name != "B"]
    assert len(calls.good) <= limit + bool(others)
