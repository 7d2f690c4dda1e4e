"""Turns without a call and without a text whose items say something all the same: they are part of the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from loopback import USER
from pydantic import BaseModel
from responses_api import (
    REASONING,
    as_items,
    asked,
    asked_async,
    bodies,
    called,
    events_of,
    message,
    response,
    sse,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGE = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "iVBORw0=", "size": "auto"}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}}
APPROVAL = {"id": "mcpr_1", "type": "mcp_approval_request", "server_label": "s", "name": "A", "arguments": "{}"}
SHELL = {"id": "sh_1", "type": "shell_call", "status": "completed", "call_id": "c1", "action": {"commands": ["ls"]}}
PATCH = {"id": "apc_1", "type": "apply_patch_call", "status": "completed", "call_id": "c2", "operation": {"path": "f"}}
LOOKUP = {"id": "tsc_1", "type": "tool_search_call", "call_id": "c3", "execution": "client", "arguments": {"goal": "g"}}
COMPACTED = {"id": "cmp_1", "type": "compaction", "encrypted_content": "gAAAAAB=="}


class A(BaseModel):
    x: int


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    "items",
    [[REASONING, IMAGE], [IMAGE, message("")], [REASONING, SEARCH], [APPROVAL], [SHELL, PATCH], [COMPACTED], [LOOKUP]],
    ids=lambda items: items[-1]["type"],
)
def test_they_go_back_as_they_came(faulty: Callable[..., Any], items: list[Any], streams: bool) -> None:
    body = response(*items)
    server = faulty(sse(events_of(body)) if streams else whole(body))
    given: dict[str, Any] = {"messages": USER, "tools": (A,)}

    def work(client: Any) -> Any:
        return client.stream(**given).until_done() if streams else client.create(**given)

    calls = asked(server, work)
    assert (list(calls), calls.text, calls.stop.kind) == ([], "", "end")
    assert calls.reply({}) == items


@pytest.mark.parametrize(
    ("items", "state"),
    [
        ([], {}),
        ([REASONING], {}),
        ([message("")], {}),
        ([SEARCH, REASONING], {}),
        ([SEARCH], {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}),
    ],
)
def test_what_the_service_refuses_to_read_again_does_not(faulty: Callable[..., Any], items: Any, state: Any) -> None:
    server = faulty(whole(response(*items, **state)))
    calls = asked(server, lambda client: client.create(messages=USER, tools=(A,)))
    assert calls.reply({}) == []


def test_they_stand_before_the_word_that_asks_again(faulty: Callable[..., Any]) -> None:
    server = faulty(whole(response(REASONING, SEARCH)), whole(response(called("A", {"x": 1}))))
    calls = asked(server, lambda client: client.create(messages=USER, tools=(A,), tool_choice="required"))
    assert list(calls) == [A(x=1)]
    first, *said, nudge = bodies(server)[1]["input"]
    assert (first, said, nudge["role"]) == (as_items(USER)[0], [REASONING, SEARCH], "user")
    assert calls.reply({calls.good[0].id: "done"})[:2] == [REASONING, SEARCH]


@pytest.mark.parametrize(
    "items", [[SHELL], [REASONING, PATCH], [SEARCH, APPROVAL], [LOOKUP]], ids=lambda one: one[-1]["type"]
)
def test_what_waits_for_an_answer_does_not_stand_before_the_word_that_asks_again(
    faulty: Callable[..., Any], items: list[Any]
) -> None:
    server = faulty(whole(response(*items)), whole(response(called("A", {"x": 1}))))
    calls = asked(server, lambda client: client.create(messages=USER, tools=(A,), tool_choice="required"))
    first, nudge = bodies(server)[1]["input"]
    assert (first, nudge["role"]) == (as_items(USER)[0], "user")
    assert [one.get("type") for one in calls.reply({calls.good[0].id: "done"})[1:]] == [
        "function_call",
        "function_call_output",
    ]


@pytest.mark.parametrize("use_async", [False, True])
def test_a_run_ends_with_them(faulty: Callable[..., Any], use_async: bool) -> None:
    server = faulty(whole(response(called("draw", {"x": 1}, "c9"))), whole(response(REASONING, IMAGE)))

    def draw(x: int) -> str:
        return str(x)

    made = asked_async if use_async else asked
    run = made(server, lambda client: client.run(messages=USER, tools=(draw,)))
    assert run.stop == "text"
    assert [one["type"] for one in run.messages[1:]] == [
        "function_call",
        "function_call_output",
        "reasoning",
        "image_generation_call",
    ]
