"""Answers that are not plain: statuses, refusals, errors, odd items, custom calls, and what goes back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from loopback import KEY, USER, http
from pydantic import BaseModel
from responses_api import REASONING, asked, asked_async, bodies, called, custom, message, response, sse, whole
from toolfan import (
    BadResponse,
    ContentFiltered,
    InvalidCalls,
    MalformedArguments,
    QuotaExhausted,
    RateLimited,
    Refused,
    RequestRejected,
    TruncatedCall,
    Unavailable,
    UnknownTool,
    Usage,
    UsageError,
    load_adapter,
)
from toolfan.adapter import Answer, RawCall, Turn

if TYPE_CHECKING:
    from collections.abc import Callable

CODEC = load_adapter("openai-responses")


class A(BaseModel):
    x: int


@pytest.fixture
def create(faulty: Callable[..., Any]) -> Callable[..., Any]:
    """What `create` makes of this answer."""

    def made(body: Any, **options: Any) -> Any:
        server = faulty(body if isinstance(body, bytes) else whole(body))
        given = {"messages": USER, "tools": (A,), "on_invalid": "keep", **options}
        return asked(server, lambda client: client.create(**given))

    return made


def test_all_that_an_answer_says(create: Any) -> None:
    body = response(REASONING, message("Two."), called("A", {"x": 1}, "c1"), called("A", {"x": 2}, "c2"))
    calls = create(body)
    assert list(calls) == [A(x=1), A(x=2)]
    assert [outcome.id for outcome in calls.outcomes] == ["c1", "c2"]
    assert (calls.text, calls.model, calls.request_id) == ("Two.", "m-2026", "req_7")
    assert (calls.stop.kind, calls.stop.raw) == ("calls", "completed")
    assert calls.usage == Usage(90, 30, 120, cache_read_tokens=64, cache_write_tokens=3, reasoning_tokens=12)
    assert calls.raw == body
    assert calls.turn.response_id == "resp_1"
    from openai.types.responses import Response

    assert len(calls.raw_as(Response).output) == 4


def test_the_same_of_an_async_client(faulty: Callable[..., Any]) -> None:
    server = faulty(whole(response(called("A", {"x": 1}))))
    calls = asked_async(server, lambda client: client.create(messages=USER, tools=(A,)))
    assert list(calls) == [A(x=1)]


CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def test_a_cut_answer_keeps_the_calls_before_the_cut(create: Any) -> None:
    cut = called("A", '{"x": ', "c2", status="incomplete")
    calls = create(response(called("A", {"x": 1}, "c1"), cut, **CUT))
    assert list(calls) == [A(x=1)]
    assert [type(bad.error) for bad in calls.failed] == [TruncatedCall]
    assert (calls.stop.kind, calls.stop.raw) == ("length", "max_output_tokens")


def test_a_filtered_answer_is_an_error_that_has_what_came(create: Any) -> None:
    with pytest.raises(ContentFiltered) as caught:
        create(response(called("A", {"x": 1}), status="incomplete", incomplete_details={"reason": "content_filter"}))
    assert list(caught.value.calls) == [A(x=1)]


@pytest.mark.parametrize(
    ("state", "stop"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, ("other", "steered")),
        ({"status": "incomplete", "incomplete_details": None}, ("length", "incomplete")),
        ({"status": "incomplete", "incomplete_details": {}}, ("length", "incomplete")),
        ({"status": "cancelled"}, ("other", "cancelled")),
        ({"status": None}, ("none", None)),
        ({"status": "completed"}, ("end", "completed")),
    ],
)
def test_stop_reasons(state: Any, stop: Any) -> None:
    turn = CODEC.parse_response(response(message("x"), **state))
    assert (turn.stop.kind, turn.stop.raw) == stop


def test_a_refusal_is_told_with_its_words(create: Any) -> None:
    with pytest.raises(Refused, match="I will not help"):
        create(response(message(refusal="I will not help.")))
    assert list(create(response(message(refusal="No."), called("A", {"x": 1})))) == [A(x=1)]


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        ({"code": "server_error", "message": "It broke."}, Unavailable, True),
        ({"code": "rate_limit_exceeded", "message": "Slow down."}, RateLimited, True),
        ({"code": "insufficient_quota", "message": "Pay."}, QuotaExhausted, False),
        ({"code": "invalid_prompt", "message": "Not this."}, RequestRejected, False),
        ({"code": "context_length_exceeded", "message": "Too long."}, RequestRejected, False),
        ({"code": "image_content_policy_violation", "message": "Not so."}, ContentFiltered, False),
        ({"code": "never_heard_of", "message": "Hm."}, Unavailable, True),
    ],
)
def test_a_failed_response_is_the_error_of_its_code(create: Any, error: Any, kind: Any, retryable: bool) -> None:
    with pytest.raises(kind, match=error["message"]) as caught:
        create(response(status="failed", error=error))
    assert (caught.value.code, caught.value.retryable) == (error["code"], retryable)
    assert caught.value.request_id == "req_7"


def test_a_failed_response_without_a_reason(create: Any) -> None:
    with pytest.raises(Unavailable, match="without a reason"):
        create(response(status="failed"))


@pytest.mark.parametrize("key", [KEY, "hunter2"])
def test_an_echoed_key_is_never_shown(faulty: Callable[..., Any], key: str) -> None:
    """Also one that looks like none."""
    failed = response(status="failed", error={"code": "invalid_prompt", "message": f"{key} may not"})
    events = [{"type": "response.failed", "response": failed}]
    said = {"type": "error", "code": "invalid_prompt", "message": f"{key} may not", "param": None}
    bare = http(f"data: {json.dumps(said)}\n\n", content_type="text/event-stream")
    for answer, stream in ((whole(failed), False), (sse(events), True), (sse([said]), True), (bare, True)):

        def work(client: Any, stream: bool = stream) -> Any:
            given: Any = {"messages": USER, "tools": (A,)}
            return client.stream(**given).until_done() if stream else client.create(**given)

        with pytest.raises(RequestRejected, match="may not") as caught:
            asked(faulty(answer), work, key)
        assert key not in repr(caught.value) + str(caught.value) + str(vars(caught.value))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"id": "x", "choices": []}, "no output.*adapter openai"),
        ({**response(), "output": None}, "no output"),
        ([], "not an object"),
        (b"<html>", "not JSON"),
        ({}, "no output"),
    ],
)
def test_what_is_no_response(create: Any, body: Any, words: str) -> None:
    with pytest.raises(BadResponse, match=f"(?s){words}"):
        create(http(body) if isinstance(body, bytes) else body)


def test_http_errors_are_those_of_the_transport(create: Any) -> None:
    with pytest.raises(RequestRejected, match="Missing required parameter") as caught:
        create(whole({"error": {"message": "Missing required parameter", "type": "invalid_request_error"}}, 400))
    assert caught.value.adapter == "openai-responses"


def test_one_bad_call_costs_no_other(create: Any) -> None:
    bad = [called("A", '{"x": 1', "c2"), called("B", {}, "c3"), called("A", {"x": "no"}, "c4")]
    calls = create(response(called("A", {"x": 1}, "c1"), *bad, called("A", {"x": 5}, "c5")))
    assert list(calls) == [A(x=1), A(x=5)]
    assert [type(one.error) for one in calls.failed][:2] == [MalformedArguments, UnknownTool]


def test_odd_items() -> None:
    items: list[Any] = [
        called("A", {"x": 1}, None),
        called("A", {"x": 2}, ""),
        called("A", {"x": 3}, "same"),
        called("A", {"x": 4}, "same"),
        {"type": "function_call", "call_id": "n", "name": "A", "arguments": {"x": 5}},
        {"type": "function_call", "call_id": "none"},
        "no item",
        {"type": "web_search_call", "id": "ws", "status": "completed"},
        {"type": "mcp_call", "id": "m", "name": "A", "arguments": "{}"},
        {"type": "message", "content": "as a text"},
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hidden"}]},
    ]
    turn = CODEC.parse_response(response(*items))
    assert [call.arguments for call in turn.calls] == ['{"x": 1}', '{"x": 2}', '{"x": 3}', '{"x": 4}', '{"x":5}']
    assert [call.id for call in turn.calls] == ["call_0", "call_1", "same", "call_3", "n"]
    assert turn.text == "as a text"
    assert turn.warnings == ("1 entries of the answer's output are no items and were left out",)


def test_a_wrapper_is_unwrapped_and_answered_once(faulty: Callable[..., Any]) -> None:
    uses = [{"recipient_name": "functions.A", "parameters": {"x": x}} for x in (1, 2)]
    wrapper = called("multi_tool_use.parallel", {"tool_uses": uses}, "w")
    server = faulty(whole(response(wrapper)), whole(response(message("done"))))

    def work(client: Any) -> Any:
        calls = client.create(messages=USER, tools=(A,))
        results = {outcome.id: "ok" for outcome in calls.outcomes}
        client.create(messages=[*USER, *calls.reply(results)], tools=(A,))
        return calls

    assert list(asked(server, work)) == [A(x=1), A(x=2)]
    _, said, answer = bodies(server)[1]["input"]
    assert said == {**wrapper, "name": "multi_tool_use_parallel"}
    assert (answer["type"], answer["call_id"]) == ("function_call_output", "w")
    assert json.loads(answer["output"]) == {"w:0": "ok", "w:1": "ok"}


def test_items_go_back_verbatim_and_only_what_cannot_be_read_again_is_mended() -> None:
    items = [
        REASONING,
        message("Hm."),
        called("A", '{ "x":1 }', "c1", namespace="n"),
        {"id": "rs_2", "type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}], "vendor": None},
        {**called("A", "", "c1"), "id": "fc_2"},
        called("functions.A", "{}", None),
        {"id": "fc_3", "type": "function_call", "call_id": "o", "name": "A", "arguments": {"x": 1}},
        {"id": "ws", "type": "web_search_call", "status": "completed"},
        custom("code", "print('ü')"),
    ]
    turn = CODEC.parse_response(response(*items))
    said = CODEC.build_answer(turn, [Answer(call, {"n": call.index}) for call in turn.calls])
    wanted = json.loads(json.dumps(items))
    wanted[4]["call_id"] = "call_1"
    wanted[5] |= {"call_id": "call_2", "name": "functions_A"}
    wanted[6]["arguments"] = '{"x":1}'
    assert said[: len(items)] == wanted
    assert json.dumps(said[2]) == json.dumps(items[2])
    ids = ["c1", "call_1", "call_2", "o", "call_c"]
    outputs = [{"type": "function_call_output", "call_id": i, "output": f'{{"n":{n}}}'} for n, i in enumerate(ids)]
    outputs[-1]["type"] = "custom_tool_call_output"
    assert said[len(items) :] == outputs


def test_the_answer_to_a_program_names_it() -> None:
    caller = {"type": "program", "caller_id": "prog_1"}
    turn = CODEC.parse_response(response(called("A", {}, "c1", caller=caller)))
    assert CODEC.build_answer(turn, [Answer(turn.calls[0], "r")])[-1]["caller"] == caller


def test_answers_that_do_not_fit_are_refused() -> None:
    turn = CODEC.parse_response(response(called("A", {}, "c1"), called("A", {}, "c2")))
    with pytest.raises(UsageError, match="do not fit"):
        CODEC.build_answer(turn, [Answer(turn.calls[1], "x"), Answer(turn.calls[0], "y")])
    with pytest.raises(UsageError, match="cannot be written as JSON") as caught:
        CODEC.build_answer(turn, [Answer(turn.calls[0], ["\ud800"]), Answer(turn.calls[1], "y")])
    assert caught.value.adapter == "openai-responses"


def test_a_turn_that_was_made_by_hand_can_be_answered() -> None:
    call = RawCall(0, "call_0", "A", "{}")
    said = CODEC.build_answer(Turn(calls=(call,), text="Hm."), [Answer(call, "r")])
    assert said == [
        {"type": "message", "role": "assistant", "content": "Hm."},
        {"type": "function_call", "call_id": "call_0", "name": "A", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_0", "output": "r"},
    ]


def test_a_custom_call_is_one_like_any_other(create: Any) -> None:
    """Its text is no JSON: a tool of ours does not fit it, and it is lost all the same to nobody."""
    with pytest.raises(InvalidCalls) as caught:
        create(response(custom("A", "print(3)")), on_invalid="raise")
    (bad,) = caught.value.calls.failed
    assert (bad.raw.name, bad.raw.arguments, bad.raw.id) == ("A", "print(3)", "call_c")


def test_calls_survive_storage(create: Any) -> None:
    calls = create(response(REASONING, called("A", {"x": 1}, "c1")))
    again = type(calls).from_json(calls.to_json(), tools=(A,))
    assert again == calls
    assert again.reply({"c1": "r"}) == calls.reply({"c1": "r"})


WAITING = ["apply_patch_call", "computer_call", "local_shell_call", "mcp_approval_request", "shell_call"]


@pytest.mark.parametrize("kind", WAITING)
def test_an_item_that_waits_for_an_answer_is_told_of(kind: str) -> None:
    """It is no call of a tool; without the warning the answer looked like one that calls nothing."""
    item = {"type": kind, "id": "i1", "call_id": "c1"}
    turn = CODEC.parse_response(response(item, called("A", {"x": 1})))
    assert turn.warnings == (
        f"the service waits for your answer to its {kind}: it is no call of a tool, and stands in calls.raw",
    )
    assert [call.name for call in turn.calls] == ["A"]
    assert turn.replay[0] == item
    odd = CODEC.parse_response(response({**item, "call_id": ["c1"]}, {"type": ["x_output"], "call_id": {}}))
    assert len(odd.warnings) == 1


def test_a_search_for_tools_waits_where_it_is_the_users() -> None:
    said = {"type": "tool_search_call", "id": "i1", "status": "completed", "arguments": {}}
    assert len(CODEC.parse_response(response({**said, "call_id": "c1", "execution": "client"})).warnings) == 1
    assert CODEC.parse_response(response({**said, "call_id": None, "execution": "server"})).warnings == ()


@pytest.mark.parametrize("kind", ["shell_call", "apply_patch_call", "web_search_call", "mcp_call", "unheard_of"])
def test_one_that_the_service_has_run_is_not(kind: str) -> None:
    """Its output stands beside it, or none is awaited."""
    items = [{"type": kind, "call_id": "c1"}, {"type": f"{kind}_output", "call_id": "c1", "output": []}]
    assert CODEC.parse_response(response(*items)).warnings == ()
