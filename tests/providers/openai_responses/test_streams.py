"""Streams: each call as soon as it is said to be whole, the same turn as a whole answer, and what breaks off."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from loopback import USER
from pydantic import BaseModel
from responses_api import (
    REASONING,
    asked,
    asked_async,
    bodies,
    called,
    custom,
    events_of,
    message,
    response,
    sse,
    whole,
)
from toolfan import (
    Call,
    ConnectionFailed,
    ContentFiltered,
    IncompleteStream,
    RateLimited,
    Refused,
    TextDelta,
    TruncatedCall,
    Unavailable,
    load_adapter,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan.adapter import RawCall, Turn

CODEC = load_adapter("openai-responses")
JSON = dict[str, Any]


class A(BaseModel):
    x: int


def read(events: list[JSON]) -> tuple[list[RawCall], Turn]:
    """What is sealed on the way, and the turn, which says what the whole body says."""
    parser = CODEC.stream_parser()
    sealed = [call for event in events for call in parser.feed(event)]
    turn = parser.close()
    assert turn == CODEC.parse_response(parser.body)  # type: ignore[attr-defined]
    return sealed, turn


ANSWERS: dict[str, JSON] = {
    "two calls": response(REASONING, message("Two."), called("A", {"x": 1}, "c1"), called("A", {"x": 2}, "c2")),
    "a text after calls": response(called("A", {"x": 1}), message("So."), message("And so.", item_id="msg_2")),
    "a custom call": response(custom("code", 'print("}")'), called("A", {"x": 1})),
    "a refusal": response(message(refusal="I will not.")),
    "nothing": response(),
    "others' items": response({"id": "ws", "type": "web_search_call", "status": "completed"}, called("A", {})),
    "empty arguments": response(called("A", "", "c1"), called("A", "{}", "c2")),
    "one id twice": response(called("A", {"x": 1}, "c"), {**called("A", {"x": 2}, "c"), "id": "fc_other"}),
    "no ids": response(called("A", {"x": 1}, None), {**called("A", {"x": 2}, None), "id": "fc_other"}),
    "more after the end": response(called("A", '{"x": 1} {"x": 2}', "c1"), called("A", '{"x": 3', "c2")),
    "cut": response(
        called("A", {"x": 1}, "c1"),
        called("A", '{"x": ', "c2", status="incomplete"),
        status="incomplete",
        incomplete_details={"reason": "max_output_tokens"},
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("interleaved", [False, True])
def test_a_stream_says_what_a_whole_answer_says(name: str, interleaved: bool) -> None:
    body = ANSWERS[name]
    sealed, turn = read(events_of(body, interleaved=interleaved))
    assert turn == CODEC.parse_response(body)
    assert sorted(sealed, key=lambda call: call.index) == list(turn.calls)


@pytest.mark.parametrize("name", ANSWERS)
def test_events_that_are_missing_cost_nothing(name: str) -> None:
    """Items that came whole, or only in the last event; a last event without the output; no `added`."""
    body = ANSWERS[name]
    events, wanted = events_of(body), CODEC.parse_response(body)
    last = {**events[-1], "response": {**body, "output": []}}
    bare = {**events[-1], "response": {key: value for key, value in body.items() if key != "output"}}
    done = [event for event in events if event["type"] == "response.output_item.done"]
    for some in ([events[-1]], [*done, events[-1]], [*events[:-1], last], [*done, bare], [*done[:1], events[-1]]):
        sealed, turn = read(some)
        assert turn == wanted
        if name == "empty arguments":  # the one without waits for the end, which may say them
            sealed.sort(key=lambda call: call.index)
        assert sealed == list(turn.calls)


def without(events: list[JSON], *keys: str) -> list[JSON]:
    return [{key: value for key, value in event.items() if key not in keys} for event in events]


@pytest.mark.parametrize("name", ["two calls", "a custom call", "cut", "empty arguments"])
@pytest.mark.parametrize("key", ["output_index", "item_id", "sequence_number"])
def test_pieces_are_told_by_either_mark(name: str, key: str) -> None:
    body = ANSWERS[name]
    for interleaved in (False, True):
        assert read(without(events_of(body, interleaved=interleaved), key))[1] == CODEC.parse_response(body)


@pytest.mark.parametrize("name", ["two calls", "a custom call"])
@pytest.mark.parametrize("key", ["output_index", "item_id"])
def test_pieces_of_items_whose_beginning_was_left_out_are_told_by_either_mark(name: str, key: str) -> None:
    """They were a call of their own, without a name, beside the one that ended."""
    body = ANSWERS[name]
    for interleaved in (False, True):
        events = [
            one for one in events_of(body, interleaved=interleaved) if one["type"] != "response.output_item.added"
        ]
        assert read(without(events, key))[1].calls == CODEC.parse_response(body).calls


@pytest.mark.parametrize("name", ["two calls", "a custom call"])
def test_pieces_of_items_whose_beginning_was_left_out_may_all_have_one_id(name: str) -> None:
    """Then their indices tell."""
    body = {**ANSWERS[name], "output": [{**one, "id": "same"} for one in ANSWERS[name]["output"]]}
    events = [one for one in events_of(body, interleaved=True) if one["type"] != "response.output_item.added"]
    assert read(events)[1].calls == CODEC.parse_response(body).calls


@pytest.mark.parametrize("key", ["output_index", None])
def test_pieces_of_items_whose_beginning_was_left_out_may_bear_their_calls_ids(key: str | None) -> None:
    body = ANSWERS["two calls"]
    calls = {one["id"]: one["call_id"] for one in body["output"] if "call_id" in one}
    events = [one for one in events_of(body) if one["type"] != "response.output_item.added"]
    events = [
        {**one, "item_id": calls.get(one["item_id"], one["item_id"])} if "item_id" in one else one for one in events
    ]
    assert read(without(events, key) if key else events)[1].calls == CODEC.parse_response(body).calls


def test_ids_of_items_that_change_on_the_way_are_no_new_items() -> None:
    """As one proxy sends them: only the index tells what belongs together."""
    body, number = ANSWERS["two calls"], itertools.count()
    events = json.loads(json.dumps(events_of(body)))
    for event in events:
        for holder, key in ((event, "item_id"), (event.get("item") or {}, "id")):
            if key in holder:
                holder[key] = f"changing-{next(number)}"
    turn = read(events)[1]
    assert turn.calls == CODEC.parse_response(body).calls
    assert turn.text == "Two."


def test_every_item_at_one_index_is_told_by_its_id() -> None:
    events = json.loads(json.dumps(events_of(ANSWERS["two calls"], interleaved=True)))
    for event in events:
        if "output_index" in event:
            event["output_index"] = 0
    turn = read(events)[1]
    assert [call.arguments for call in turn.calls] == ['{"x": 1}', '{"x": 2}']


def test_items_in_another_order_are_put_in_order() -> None:
    body = response(called("A", {"x": 1}, "c1"), called("A", {"x": 2}, "c2"))
    first, *rest = events_of(body)
    rest.sort(key=lambda event: -event.get("output_index", -1 if event["type"] == "response.completed" else 9))
    sealed, turn = read([first, *rest])
    assert turn == CODEC.parse_response(body)
    assert [(call.index, call.id) for call in sealed] == [(1, "c2"), (0, "c1")]


def test_items_that_a_proxy_left_out_leave_no_gap() -> None:
    """Their indices are still counted; the items that stay are each there once."""
    whole_body = ANSWERS["two calls"]
    body = {**whole_body, "output": whole_body["output"][1:]}
    events = [event for event in events_of(whole_body)[:-1] if event.get("output_index") != 0]
    sealed, turn = read([*events, {"type": "response.completed", "response": body}])
    assert turn == CODEC.parse_response(body)
    assert sealed == list(turn.calls)


def test_a_call_is_out_when_its_arguments_are_done() -> None:
    events = events_of(response(called("A", {"x": 1}, "c1"), called("A", {"x": 2}, "c2")), interleaved=True)
    parser = CODEC.stream_parser()
    out = [(event["type"], event["item_id"]) for event in events for _ in parser.feed(event)]
    assert out == [("response.function_call_arguments.done", f"fc_{call_id}") for call_id in ("c1", "c2")]


def test_a_sealed_call_never_changes() -> None:
    body = response(called("A", {"x": 1}, "c1"))
    events = events_of(body)
    other = {**events[-2], "item": called("A", {"x": 9}, "c9")}
    parser = CODEC.stream_parser()
    sealed = [call for event in [*events[:-2], other, events[-1]] for call in parser.feed(event)]
    assert list(parser.close().calls) == sealed == list(CODEC.parse_response(body).calls)


def test_what_follows_the_end_is_another_response() -> None:
    first, second = ANSWERS["two calls"], response(called("A", {"x": 7}, "c7"), id="resp_2")
    assert read([*events_of(first), *events_of(second)])[1] == CODEC.parse_response(first)


@pytest.mark.parametrize("name", ["two calls", "a custom call", "a refusal"])
def test_every_cut_is_an_incomplete_stream_with_what_came(name: str) -> None:
    body = ANSWERS[name]
    events, calls = events_of(body), CODEC.parse_response(body).calls
    for end in range(len(events) - 1):
        parser = CODEC.stream_parser()
        sealed = [call for event in events[:end] for call in parser.feed(event)]
        with pytest.raises(IncompleteStream) as caught:
            parser.close()
        turn = caught.value.turn
        assert turn is not None
        assert list(turn.calls[: len(sealed)]) == sealed == list(calls[: len(sealed)])
        assert len(turn.calls) <= len(sealed) + 1
        for call, wanted in zip(turn.calls, calls, strict=False):
            assert wanted.arguments.startswith(call.arguments)
        assert turn.text == parser.text
        assert turn.stop.kind == "none"
        assert CODEC.parse_response(parser.body).calls == turn.calls  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down.", "param": None},
        {"error": {"type": "error", "code": "rate_limit_exceeded", "message": "Slow down."}},
        {"type": "error", "error": {"type": "requests", "code": "rate_limit_exceeded", "message": "Slow down."}},
        {"type": "response.failed", "response": response(status="failed", error={
            "code": "rate_limit_exceeded", "message": "Slow down."})},
        {"object": "error", "message": "Slow down.", "code": 429},
    ],
)  # fmt: skip
def test_an_error_in_the_stream_is_the_providers(event: JSON) -> None:
    parser = CODEC.stream_parser()
    for one in events_of(ANSWERS["two calls"])[:-3]:
        parser.feed(one)
    with pytest.raises(RateLimited, match="Slow down"):
        parser.feed(event)
    with pytest.raises(IncompleteStream) as caught:
        parser.close()
    assert caught.value.turn
    assert [call.id for call in caught.value.turn.calls] == ["c1", "c2"]


def test_odd_events_are_passed_over() -> None:
    odd: list[JSON] = [
        {"[DONE]": True},
        {"type": "keepalive"},
        {"type": "response.output_item.added", "output_index": 0, "item": None},
        {"type": "response.output_text.delta", "delta": None},
        {"type": "response.function_call_arguments.done", "output_index": 9, "arguments": None},
        {"type": "response.reasoning_summary_text.delta", "delta": "hm", "output_index": 0},
        {"type": None},
    ]
    body = response(called("A", {"x": 1}))
    events = events_of(body)
    assert read([*odd, *events[:3], *odd, *events[3:]])[1] == CODEC.parse_response(body)


def test_a_whole_body_in_place_of_events(faulty: Callable[..., Any]) -> None:
    body = ANSWERS["two calls"]
    server = faulty(whole(body))
    calls = asked(server, lambda client: client.create(messages=USER, tools=(A,), stream=True).until_done())
    assert list(calls) == [A(x=1), A(x=2)]
    assert calls.raw == body


# Through the real SDK.


def test_calls_and_text_come_one_by_one(faulty: Callable[..., Any]) -> None:
    server = faulty(sse(events_of(ANSWERS["two calls"])))

    def work(client: Any) -> Any:
        with client.stream(messages=USER, tools=(A,)) as stream:
            return list(stream.events()), stream.calls

    items, calls = asked(server, work)
    assert "".join(item.text for item in items if isinstance(item, TextDelta)) == "Two." == calls.text
    assert [item.value for item in items if isinstance(item, Call)] == [A(x=1), A(x=2)] == list(calls)
    assert (calls.usage.reasoning_tokens, calls.stop.kind, calls.model) == (12, "calls", "m-2026")
    assert calls.raw == ANSWERS["two calls"]
    (sent,) = bodies(server)
    assert sent["stream"] is True


def test_the_same_awaited(faulty: Callable[..., Any]) -> None:
    server = faulty(sse(events_of(ANSWERS["two calls"])))

    async def work(client: Any) -> Any:
        async with client.stream(messages=USER, tools=(A,)) as stream:
            return [outcome.value async for outcome in stream]

    assert asked_async(server, work) == [A(x=1), A(x=2)]


@pytest.mark.parametrize("ask", [asked, asked_async])
def test_a_stream_that_is_cut_has_what_came(faulty: Callable[..., Any], ask: Any) -> None:
    """The second call broke off in its arguments."""
    server = faulty(sse(events_of(ANSWERS["two calls"])[:-4]))

    def work(client: Any) -> Any:
        return client.stream(messages=USER, tools=(A,)).until_done()

    with pytest.raises((IncompleteStream, ConnectionFailed)) as caught:
        ask(server, work)
    assert list(caught.value.calls) == [A(x=1)]
    (bad,) = caught.value.calls.failed
    assert isinstance(bad.error, TruncatedCall)


def test_a_failure_in_the_stream_has_what_came(faulty: Callable[..., Any]) -> None:
    body = ANSWERS["two calls"]
    error = {"code": "server_error", "message": "It broke."}
    failed = {"type": "response.failed", "response": {**body, "status": "failed", "error": error}}
    server = faulty(sse([*events_of(body)[:-1], failed]))

    def work(client: Any) -> Any:
        return client.stream(messages=USER, tools=(A,)).until_done()

    with pytest.raises(Unavailable, match="It broke") as caught:
        asked(server, work)
    assert list(caught.value.calls) == [A(x=1), A(x=2)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (response(message(refusal="I will not.")), Refused),
        (
            response(message("Hm"), status="incomplete", incomplete_details={"reason": "content_filter"}),
            ContentFiltered,
        ),
    ],
)
def test_what_was_declined_is_an_error(faulty: Callable[..., Any], body: Any, kind: Any) -> None:
    def work(client: Any) -> Any:
        return client.stream(messages=USER, tools=(A,)).until_done()

    with pytest.raises(kind):
        asked(faulty(sse(events_of(body))), work)


def test_many_calls_come_out_each_once() -> None:
    body = response(*(called("A", {"x": n}, f"c{n}") for n in range(400)))
    for interleaved in (False, True):
        sealed, turn = read(events_of(body, interleaved=interleaved))
        assert [call.id for call in turn.calls] == [f"c{n}" for n in range(400)]
        assert sorted(sealed, key=lambda call: call.index) == list(turn.calls)
