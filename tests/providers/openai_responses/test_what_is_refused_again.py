"""What services say and refuse to read again: it is not sent back, and what stands beside it is."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from loopback import USER
from pydantic import BaseModel
from responses_api import REASONING, asked, called, events_of, message, response, sse, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class A(BaseModel):
    x: int


def sealed(number: int) -> str:
    """An id as GitHub Copilot and Codex give them, another one in every event: longer than the 64 that they read."""
    return f"{number:03}".ljust(408, "=")


def rotating(value: Any, numbers: Iterator[int]) -> Any:
    """The events with a new id wherever they name an item or the response; `call_id` stays."""
    if isinstance(value, list):
        return [rotating(one, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    said = {key: rotating(one, numbers) for key, one in value.items()}
    return said | {key: sealed(next(numbers)) for key in ("id", "item_id") if isinstance(said.get(key), str)}


def calls_of(faulty: Callable[..., Any], *events: Any, body: Any = None) -> Any:
    """What `create` makes of a whole body, or of a stream."""
    server = faulty(whole(body) if body is not None else sse(list(events)))
    given: dict[str, Any] = {"messages": USER, "tools": (A,)}
    return asked(
        server,
        lambda client: client.create(**given) if body is not None else client.stream(**given).until_done(),
    )


TWO = [called("A", {"x": 1}, "c1"), called("A", {"x": 2}, "c2")]
PLAIN: list[dict[str, Any]] = [REASONING, message("Let me see."), *TWO]


@pytest.mark.parametrize("streams", [False, True])
def test_an_id_that_is_too_long(faulty: Callable[..., Any], streams: bool) -> None:
    numbers, body = itertools.count(), response(*PLAIN)
    if streams:
        calls = calls_of(faulty, *rotating(events_of(body), numbers))
    else:
        calls = calls_of(faulty, body=rotating(body, numbers))
    assert (list(calls), calls.text) == ([A(x=1), A(x=2)], "Let me see.")
    *said, first, second = calls.reply({call.id: "done" for call in calls.good})
    assert said == [{key: value for key, value in item.items() if key != "id"} for item in PLAIN]
    assert (first["call_id"], second["call_id"]) == ("c1", "c2")


def test_the_longest_that_is_read_stays(faulty: Callable[..., Any]) -> None:
    items = [{**REASONING, "id": "rs_".ljust(64, "0")}, *TWO]
    calls = calls_of(faulty, body=response(*items))
    assert calls.reply({call.id: "done" for call in calls.good})[:3] == items


def test_reasoning_that_nothing_else_names_than_such_an_id(faulty: Callable[..., Any]) -> None:
    thought = {"type": "reasoning", "id": sealed(1), "summary": [], "encrypted_content": None}
    calls = calls_of(faulty, body=response(thought, *TWO))
    assert calls.reply({call.id: "done" for call in calls.good})[:2] == TWO


def test_what_is_answered_by_its_id_keeps_it(faulty: Callable[..., Any]) -> None:
    request = {"id": sealed(1), "type": "mcp_approval_request", "server_label": "s", "name": "A", "arguments": "{}"}
    assert calls_of(faulty, body=response(request)).reply({}) == [request]


@pytest.mark.parametrize("reason", ["max_output_tokens", "server_timeout"])
def test_reasoning_in_which_the_answer_broke_off(faulty: Callable[..., Any], reason: str) -> None:
    """The service wants to see what followed it."""
    state = {"status": "incomplete", "incomplete_details": {"reason": reason}}
    calls = calls_of(faulty, body=response(REASONING, TWO[0], {**REASONING, "id": "rs_2"}, **state))
    assert list(calls) == [A(x=1)]
    assert [item["type"] for item in calls.reply({"c1": "done"})] == [
        "reasoning",
        "function_call",
        "function_call_output",
    ]
    assert json.loads(json.dumps(calls.raw))["output"][-1]["id"] == "rs_2"
