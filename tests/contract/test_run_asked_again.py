"""`client.run` where an answer was asked for again: what ran is told, whatever the model said meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from google_asking import WARNINGS
from loopback import USER, raw
from sdk_clients import connected

if TYPE_CHECKING:
    from loopback import Bench

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

PAID: list[int] = []
TWO = {"calls": [{"name": "pay", "arguments": {"amount": amount}} for amount in (5, "x")]}
REFUSED = raw({"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "refusal": "No."}}]})


def pay(amount: int) -> str:
    PAID.append(amount)
    return f"paid {amount} crowns"


def ran(bench: Bench, kind: str, *answers: Any, **options: Any) -> toolfan.Run:
    PAID.clear()
    bench.serve(*answers)
    options = {"messages": USER, "tools": (pay,), "on_invalid": "reask", "max_attempts": 2, **options}
    with connected(bench, kind) as client:
        return client.run(**({} if kind == "rest" else {"model": "m"}), **options)  # type: ignore[no-any-return]


def told(messages: Any) -> int:
    return json.dumps(messages, default=str).count("paid 5 crowns")


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("words", ["I cannot.", ""])
@pytest.mark.parametrize("kind", ["openai", "openai-responses", "anthropic", "gemini", "rest"])
def test_what_ran_is_told_though_the_model_mended_nothing(bench: Bench, kind: str, words: str, early: bool) -> None:
    done = ran(bench, kind, TWO, {"text": words}, {"text": "Paid."}, early=early)
    assert (done.text, done.stop, PAID) == ("Paid.", "text", [5])
    assert told(bench.bodies[-1]) == told(done.messages) == 1
    assert [result.error is None for result in done.results] == [True, False]
    asked = bench.bodies[-1]
    last = (asked.get("messages") or asked.get("input") or asked.get("contents"))[-1]
    assert "assistant" not in json.dumps(last)  # the model is not asked to go on with words of its own
    assert last.get("role") != "model"


def test_what_ran_is_in_the_error_of_a_refusal(bench: Bench) -> None:
    with pytest.raises(toolfan.Refused) as caught:
        ran(bench, "openai", TWO, REFUSED, early=True)
    assert caught.value.run is not None
    assert PAID == [5]
    assert told(caught.value.run.messages) == 1
