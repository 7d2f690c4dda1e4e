"""What services say and refuse to read again: it is not sent back, and what stands beside it is."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import USER
from pydantic import BaseModel
from responses_api import (
    REASONING,
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
from toolfan.calls import Answer, RawCall, Turn

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


def test_calls_whose_ids_changed_on_the_way_go_back_in_their_order() -> None:
    came = ("a", "b", "a")
    calls = [RawCall(at, f"{call_id}{at}", "A", f'{{"x":{at}}}', call_id) for at, call_id in enumerate(came)]
    turn = Turn(calls=tuple(calls), replay=[called("A", one.arguments, f"other{one.index}") for one in calls])
    answers = [Answer(one, str(one.index)) for one in calls]
    said = toolfan.load_adapter("openai-responses").build_answer(turn, answers)
    assert [(one["call_id"], one["arguments"]) for one in said[:3]] == [(one.id, one.arguments) for one in calls]


def test_the_longest_that_is_read_stays(faulty: Callable[..., Any]) -> None:
    items = [{**REASONING, "id": "rs_".ljust(64, "0")}, *TWO]
    calls = calls_of(faulty, body=response(*items))
    assert calls.reply({call.id: "done" for call in calls.good})[:3] == items


def test_reasoning_that_nothing_else_names_than_such_an_id(faulty: Callable[..., Any]) -> None:
    thought = {"type": "reasoning", "id": sealed(1), "summary": [], "encrypted_content": None}
    calls = calls_of(faulty, body=response(thought, *TWO))
    assert calls.reply({call.id: "done" for call in calls.good})[:2] == TWO


def test_reasoning_that_can_be_read_goes_back_without_such_an_id(faulty: Callable[..., Any]) -> None:
    """Open models' servers say and read it in words."""
    thought = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    calls = calls_of(faulty, body=response({**thought, "id": sealed(1)}, *TWO))
    assert calls.reply({call.id: "done" for call in calls.good})[:3] == [thought, *TWO]


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


UNKNOWN = "Unknown parameter: 'input[{}].{}'."
LOST = "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false."
CLOSED = "The encrypted content gAAA...B== could not be verified."
ALONE = "Item 'fc_c1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'."
IMAGE = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "iVBORw0=", "action": "edit"}
SAID = [{**REASONING, "status": "completed"}, IMAGE, message("Hm."), called("A", {"x": "no"}, "c1")]


def refusal(words: str, status: int) -> bytes:
    return whole({"error": {"message": words, "type": "invalid_request_error", "param": "input", "code": None}}, status)


def without(field: str, *items: Any) -> list[Any]:
    return [{key: value for key, value in item.items() if key != field} for item in items]


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize(
    ("words", "status", "sent"),
    [
        (UNKNOWN.format(1, "status"), 400, [*without("status", SAID[0]), *SAID[1:]]),
        (UNKNOWN.format(2, "action"), 400, [SAID[0], *without("action", IMAGE), *SAID[2:]]),
        (UNKNOWN.format(4, "status"), 400, [*SAID[:3], *without("status", SAID[3])]),
        (LOST, 404, [IMAGE, *without("id", *SAID[2:])]),
        (LOST, 400, [IMAGE, *without("id", *SAID[2:])]),
        (CLOSED, 400, [IMAGE, *without("id", *SAID[2:])]),
        (ALONE, 400, [IMAGE, *without("id", *SAID[2:])]),
    ],
)
def test_what_the_service_says_that_it_does_not_read(
    faulty: Callable[..., Any], words: str, status: int, sent: list[Any], use_async: bool
) -> None:
    server = faulty(whole(response(*SAID)), refusal(words, status), whole(response(called("A", {"x": 2}, "c2"))))
    made = asked_async if use_async else asked
    calls = made(server, lambda client: client.create(messages=USER, tools=(A,), on_invalid="reask"))
    assert calls.requests == 3
    first, again = (body["input"][1 : 1 + len(SAID)] for body in bodies(server)[1:])
    assert first == SAID
    assert again[: len(sent)] == sent


OWN = {"type": "message", "role": "user", "content": "Hello?", "mood": "good"}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (UNKNOWN.format(0, "mood"), 400),  # the user's own
        (UNKNOWN.format(1, "arguments"), 400),
        (UNKNOWN.format(9, "status"), 400),
        (UNKNOWN.format(1, "status[0].mood"), 400),  # of a part: without the whole field it would be another refusal
        (UNKNOWN.format(1, "status.mood"), 400),
        (LOST, 404),  # no item of that id is there
        ("Input should be a valid boolean: store", 400),  # of what the user set
        ("The model `m` does not exist", 404),
    ],
)
def test_all_else_is_told(faulty: Callable[..., Any], words: str, status: int) -> None:
    server = faulty(whole(response(called("A", {"x": "no"}, "c1"))), *[refusal(words, status)] * 2)
    with pytest.raises(toolfan.RequestRejected, match=r"does not exist|Unknown parameter|not found|boolean") as caught:
        asked(server, lambda client: client.create(messages=[OWN], tools=(A,)))
    assert caught.value.requests == 2


MINE = [
    {"type": "item_reference", "id": "rs_1"},
    {"type": "mcp_approval_response", "approval_request_id": "r", "approve": False, "reason": "no"},
    {**REASONING, "reason": "why", "id": "rs_0"},
]


@pytest.mark.parametrize(("words", "status"), [(LOST, 404), (UNKNOWN.format(1, "reason"), 400)])
def test_what_the_user_says_of_the_services_items_stays(faulty: Callable[..., Any], words: str, status: int) -> None:
    server = faulty(*[refusal(words, status)] * 2)
    with pytest.raises(toolfan.RequestRejected, match=r"not found|Unknown parameter") as caught:
        asked(server, lambda client: client.create(messages=[*MINE, *USER], tools=(A,)))
    assert (caught.value.requests, bodies(server)[0]["input"][:3]) == (1, MINE)


def test_positions_before_a_message_that_may_be_several_items_are(faulty: Callable[..., Any]) -> None:
    thoughts = [{**REASONING, "status": "completed"}, {**IMAGE, "status": "completed"}]
    history = [*thoughts, {"role": "assistant", "content": "Hm."}, *USER]
    server = faulty(refusal(UNKNOWN.format(0, "status"), 400), whole(response(called("A", {"x": 2}, "c2"))))
    calls = asked(server, lambda client: client.create(messages=history, tools=(A,)))
    assert (list(calls), bodies(server)[1]["input"][:2]) == ([A(x=2)], [REASONING, thoughts[1]])


def test_positions_are_not_trusted_behind_a_message_that_may_be_several_items(faulty: Callable[..., Any]) -> None:
    spoken = {"id": "c0", "type": "function", "function": {"name": "A", "arguments": "{}"}}
    history = [
        *USER,
        {"role": "assistant", "content": "Hm.", "tool_calls": [spoken]},
        {"role": "tool", "tool_call_id": "c0", "content": "done"},
    ]
    thought = {**REASONING, "status": "completed"}
    server = faulty(
        whole(response(thought, called("A", {"x": "no"}, "c1"))),
        refusal(UNKNOWN.format(4, "status"), 400),
        whole(response(called("A", {"x": 2}, "c2"))),
    )
    calls = asked(server, lambda client: client.create(messages=history, tools=(A,)))
    assert list(calls) == [A(x=2)]
    assert bodies(server)[2]["input"][4] == REASONING


NO_NULL = [
    "Expected boolean, received null",  # LM Studio
    "1 validation error: {'loc': ('body', 'tools', 0, 'strict'), 'msg': 'Input should be a valid boolean'}",  # SGLang
]


@pytest.mark.parametrize("words", NO_NULL)
def test_a_server_that_knows_no_null_for_strict(faulty: Callable[..., Any], words: str) -> None:
    wrong, right = (whole(response(called("A", {"x": x}, f"c{x}"))) for x in ("no", 2))
    server = faulty(refusal(words, 400), wrong, right)
    calls = asked(server, lambda client: client.create(messages=USER, tools=(A,)))
    assert (list(calls), calls.requests, calls.attempts) == ([A(x=2)], 3, 2)
    assert [body["tools"][0]["strict"] for body in bodies(server)] == [None, False, False]


@pytest.mark.parametrize("strict", [True, False])
def test_what_was_said_of_strict_stands(faulty: Callable[..., Any], strict: bool) -> None:
    server = faulty(*[refusal(NO_NULL[0], 400)] * 2)
    with pytest.raises(toolfan.RequestRejected, match="boolean") as caught:
        asked(server, lambda client: client.create(messages=USER, tools=(A,), strict=strict))
    assert caught.value.requests == 1
