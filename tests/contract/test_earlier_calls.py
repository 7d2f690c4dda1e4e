"""Servers that refuse a turn of their own, replayed as it came: for broken arguments (vLLM), for fields (Groq)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import responses_api as api
import toolfan
from four_ways import MODES, ask
from loopback import ONCE, USER, call, completion, raw
from pydantic import BaseModel

if TYPE_CHECKING:
    from loopback import Bench


class A(BaseModel):
    x: int


class Nothing(BaseModel):
    pass


REFUSAL = {"error": {"status": 400, "message": "Expecting value: line 1 column 7 (char 6)"}}
FAILURE = {"error": {"status": 500, "message": "Failed to parse tool call arguments as JSON"}}
TURN = [call("A", {"x": 1}, "a"), call("A", '{"x": ', "b"), call("Nothing", "", "c"), call("A", '"{\\"x\\": 3}"', "d")]
SENT = ['{"x": 1}', '{"INVALID_JSON": "{\\"x\\": "}', "{}", '{"x": 3}']
MENDED = raw(completion(call("A", {"x": 2}, "e")))


def arguments(body: Any) -> list[str]:
    """Of the calls of the last assistant turn."""
    said = next(message for message in reversed(body["messages"]) if message["role"] == "assistant")
    return [one["function"]["arguments"] for one in said["tool_calls"]]


@pytest.mark.parametrize(("mode", "refusals"), [(mode, [REFUSAL]) for mode in MODES] + [("create", [FAILURE] * 3)])
def test_a_turn_that_is_refused_is_sent_with_objects_for_arguments(
    bench: Bench, mode: str, refusals: list[Any]
) -> None:
    calls = ask(bench, mode, raw(completion(*TURN)), *refusals, MENDED, tools=(A, Nothing))
    assert list(calls) == [A(x=1), A(x=2), Nothing(), A(x=3)]
    assert (calls.attempts, calls.requests) == (2, 2 + len(refusals))
    assert arguments(bench.bodies[1]) == [one["function"]["arguments"] for one in TURN]  # first of all, as it came
    assert arguments(bench.bodies[-1]) == SENT
    assert [message["role"] for message in bench.bodies[-1]["messages"][2:]] == ["tool"] * 4


WORDS = (
    "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property 'reasoning' is {})]"
)


@pytest.mark.parametrize("mode", MODES)
def test_a_turn_that_is_refused_for_a_field_is_sent_without_it(bench: Bench, mode: str) -> None:
    said = completion(call("A", {"x": "no"}, "a"), reasoning="Hm.", executed_tools=[])
    refusal = {"error": {"status": 400, "message": WORDS}}
    calls = ask(bench, mode, raw(said), refusal, MENDED, tools=(A,))
    assert (list(calls), calls.attempts, calls.requests) == ([A(x=2)], 2, 3)
    first, second = (body["messages"][1] for body in bench.bodies[1:])
    assert first["reasoning"] == "Hm."
    assert second.keys() == {"role", "content", "tool_calls"}
    assert {**first, **second} == first


def test_items_of_the_responses_api_too(bench: Bench) -> None:
    said, mended = (api.response(api.called("A", text, "a", vendor=None)) for text in ('{"x": ', '{"x": 2}'))
    bench.serve(raw(said), REFUSAL, raw(mended))
    client = toolfan.wrap(bench.sdk(), adapter="openai-responses", stop=ONCE)
    assert list(client.create(model="m", messages=USER, tools=(A,))) == [A(x=2)]
    replayed = next(item for item in bench.bodies[-1]["input"] if item.get("type") == "function_call")
    assert json.loads(replayed["arguments"]) == {"INVALID_JSON": '{"x": '}


@pytest.mark.parametrize(("refusal", "requests"), [(REFUSAL, 3), ({"error": {"status": 401}}, 2)])
def test_what_is_refused_all_the_same_is_told_with_what_was_good(bench: Bench, refusal: Any, requests: int) -> None:
    with pytest.raises(toolfan.ProviderError) as caught:
        ask(bench, "create", raw(completion(*TURN)), refusal, refusal, tools=(A, Nothing))
    assert list(caught.value.calls or ()) == [A(x=1), Nothing(), A(x=3)]
    assert caught.value.requests == requests


def test_a_refusal_of_calls_that_can_be_read_is_not_asked_again(bench: Bench) -> None:
    with pytest.raises(toolfan.RequestRejected) as caught:
        ask(bench, "create", raw(completion(call("A", {"x": "no"}))), REFUSAL, MENDED, tools=(A,))
    assert caught.value.requests == 2


@pytest.mark.parametrize(
    "refusal",
    [
        {"error": {"status": 400, "message": "too long", "code": "context_length_exceeded"}},
        {"error": {"status": 500, "message": "The server had an error"}},
        {"error": {"status": 400, "message": "Expecting value", "headers": {"retry-after": "9"}}},
    ],
)
def test_what_has_nothing_to_do_with_the_calls_costs_no_request_more(bench: Bench, refusal: Any) -> None:
    with pytest.raises(toolfan.ProviderError) as caught:
        ask(bench, "create", raw(completion(*TURN)), *[refusal] * 4, tools=(A, Nothing))
    assert caught.value.requests == (4 if refusal["error"]["status"] == 500 else 2)


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ("property 'annotations' is unsupported", {"annotations", "reasoning"}),
        ("extra field thinking_blocks", {"annotations", "reasoning", "thinking_blocks"}),
        ("too many images", set()),
        ("`reasoning` must be passed back", set()),
        ("refusal is no field", set()),
        ("messages.1.images: Extra inputs are not permitted", {"images"}),
        ("Unrecognized key(s) in object: 'audio'", {"audio"}),
        ("unsupported parameter: content", set()),
        ("the signature in extra_content is corrupt", set()),
    ],
)
def test_only_fields_that_servers_add_go_and_signed_ones_if_they_are_named(
    bench: Bench, words: str, gone: set[str]
) -> None:
    fields = {
        "annotations": [1],
        "reasoning": "Hm.",
        "thinking_blocks": [{"signature": "s"}],
        "images": [2],
        "extra_content": {"google": "s"},
        "refusal": "",
        "audio": None,
    }
    said = raw(completion(call("A", {"x": "no"}, "a"), **fields))
    refusal = {"error": {"status": 400, "message": words}}
    bench.serve(said, refusal, MENDED)
    client = toolfan.from_openai(bench.sdk(), stop=ONCE)
    if gone:
        assert list(client.create(model="m", messages=USER, tools=(A,))) == [A(x=2)]
    else:
        with pytest.raises(toolfan.RequestRejected):
            client.create(model="m", messages=USER, tools=(A,))
    first, *more = (body["messages"][1] for body in bench.bodies[1:])
    assert [first.keys() - one.keys() for one in more] == ([gone] if gone else [])


WHERE = ["body", "messages", 1, "assistant", "tool_calls", 0, "index"]


@pytest.mark.parametrize("mode", MODES)
def test_a_field_of_a_call_goes_if_it_is_named(bench: Bench, mode: str) -> None:
    """`index` of servers that send whole calls as they stream them; a signature stays unless it is named, too."""
    said = completion({**call("A", {"x": "no"}, "a"), "index": 0, "extra_content": {"google": "s"}})
    told = {"detail": [{"loc": WHERE, "msg": "Extra inputs are not permitted"}]}
    refusal = {"body": {"status": 422, "content": told}}
    calls = ask(bench, mode, raw(said), refusal, MENDED, tools=(A,))
    assert (list(calls), calls.attempts, calls.requests) == ([A(x=2)], 2, 3)
    first, second = (body["messages"][1]["tool_calls"][0] for body in bench.bodies[1:])
    assert first.keys() - second.keys() == {"index"}
    assert {**first, **second} == first


@pytest.mark.parametrize("after", [[], USER], ids=["begun", "earlier"])
def test_what_the_user_wrote_for_the_assistant_is_refused_with_what_was_given(bench: Bench, after: list[Any]) -> None:
    said = [*USER, {"role": "assistant", "content": "It is", "prefix": True}, *after]
    bench.serve({"error": {"status": 400, "message": "unknown field `prefix`"}}, MENDED)
    with pytest.raises(toolfan.RequestRejected, match="unknown field `prefix`"):
        toolfan.from_openai(bench.sdk(), stop=ONCE).create(model="m", messages=said, tools=(A,))
    assert len(bench.bodies) == 1
