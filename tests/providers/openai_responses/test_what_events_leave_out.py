"""Events that say less than they should: nothing takes back what came, and nothing is called that nobody called."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import USER, http
from pydantic import BaseModel
from responses_api import asked, called, custom, events_of, response, sse

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = dict[str, Any]
LEFT_OUT = object()


class A(BaseModel):
    x: int = 0


TWO = response(called("A", {"x": 1}, "c1"), called("A", {"x": 2}, "c2"))
BAD = "characters of arguments that nothing says the call of were left out"


def streamed(faulty: Callable[..., Any], answer: bytes) -> toolfan.Calls[Any]:
    def work(client: Any) -> Any:
        return client.stream(messages=USER, tools=(A,), on_invalid="keep").until_done()

    calls: toolfan.Calls[Any] = asked(faulty(answer), work)
    return calls


def read(events: list[JSON]) -> tuple[toolfan.Turn, JSON]:
    parser: Any = toolfan.load_adapter("openai-responses").stream_parser()
    for event in events:
        parser.feed(event)
    return parser.close(), parser.body


def saying(holder: JSON, key: str, value: Any) -> JSON:
    """It with this value there, if it has one at all."""
    if key not in holder:
        return holder
    rest = {name: one for name, one in holder.items() if name != key}
    return rest if value is LEFT_OUT else {**rest, key: value}


def emptied(body: JSON, value: Any, *ends: str) -> list[JSON]:
    """The events of this answer; those whose types end so say this of the arguments."""
    events: list[JSON] = json.loads(json.dumps(events_of(body)))
    for at, event in enumerate(events):
        if not event["type"].endswith(ends):
            continue
        for key in ("arguments", "input"):
            events[at] = saying(events[at], key, value)
            if "item" in event:
                events[at]["item"] = saying(events[at]["item"], key, value)
            if "response" in event:
                said = events[at]["response"]
                events[at]["response"] = {**said, "output": [saying(one, key, value) for one in said["output"]]}
    return events


@pytest.mark.parametrize("value", ["", None, LEFT_OUT], ids=["empty", "null", "missing"])
@pytest.mark.parametrize(
    "ends",
    [
        ("arguments.done", "input.done"),
        ("item.done",),
        ("item.done", "completed"),
        ("arguments.done", "input.done", "item.done", "completed"),
    ],
    ids=" ".join,
)
def test_an_end_without_arguments_takes_nothing_back(
    faulty: Callable[..., Any], value: Any, ends: tuple[str, ...]
) -> None:
    calls = streamed(faulty, sse(emptied(TWO, value, *ends)))
    assert (list(calls), calls.warnings) == ([A(x=1), A(x=2)], ())
    for body in (TWO, response(custom("code", "print()"), called("A", "{}", "c1"))):
        turn, answer = read(emptied(body, value, *ends))
        assert turn.calls == read(events_of(body))[0].calls
        assert answer["output"] == body["output"]  # what goes back to the model has them too


def test_what_no_event_says_is_empty() -> None:
    body = response(called("A", "", "c1"), called("A", {"x": 2}, "c2"))
    events = emptied(body, "", "arguments.done")
    parser = toolfan.load_adapter("openai-responses").stream_parser()
    sealed = [(event["type"], call.arguments) for event in events for call in parser.feed(event)]
    assert sealed == [("response.output_item.done", '{"x": 2}'), ("response.completed", "")]


@pytest.mark.parametrize("cut", [False, True])
def test_what_only_the_end_says(faulty: Callable[..., Any], cut: bool) -> None:
    """So OpenRouter told a call's arguments; where the stream breaks off before that, it had none."""
    *events, end = emptied(TWO, "", "arguments.done", "item.done")
    events = [event for event in events if not event["type"].endswith(".delta")]
    if not cut:
        calls = streamed(faulty, sse([*events, end]))
        assert [(call.id, call.value) for call in calls.good] == [("c1", A(x=1)), ("c2", A(x=2))]
        assert read([*events, end])[0].calls == read(events_of(TWO))[0].calls
    else:
        with pytest.raises(toolfan.IncompleteStream) as caught:
            read(events)
        assert [(call.name, call.arguments) for call in caught.value.turn.calls] == [("A", ""), ("A", "")]


def test_arguments_that_stand_where_the_item_begins_stay() -> None:
    events = [one for one in events_of(TWO) if ".delta" not in one["type"] and "arguments" not in one["type"]]
    for event in events:
        if event["type"].endswith(("item.added", "item.done")):
            at = event["output_index"]
            event["item"] = {
                **TWO["output"][at],
                "arguments": TWO["output"][at]["arguments"] if "added" in event["type"] else "",
            }
        elif event["type"].endswith("completed"):
            event["response"] = {**TWO, "output": []}
    turn, answer = read(events)
    assert [call.arguments for call in turn.calls] == ['{"x": 1}', '{"x": 2}']
    assert answer["output"] == TWO["output"]


def unmarked(*, by: str | None = None, ends: tuple[str, ...] = (".delta", "arguments.done")) -> list[JSON]:
    """Two calls, open at the same time, whose pieces lack marks, or have `by` this field of the item an id."""
    events: list[JSON] = json.loads(json.dumps(events_of(TWO, interleaved=True)))
    for event in events:
        if event["type"].endswith(ends):
            at = event.pop("output_index")
            del event["item_id"]
            if by is not None:
                event["item_id"] = TWO["output"][at][by]
    return events


def test_pieces_are_found_by_the_call_id(faulty: Callable[..., Any]) -> None:
    for kept in ((), ("item.added",), ("item.added", "arguments.done")):
        events = unmarked(by="call_id")
        if kept:
            events = [one for one in events if one["type"].endswith((*kept, ".delta"))]
            events.append({"type": "response.completed", "response": {**TWO, "output": []}})
        calls = streamed(faulty, sse(events))
        assert (list(calls), len(calls.outcomes), calls.warnings) == ([A(x=1), A(x=2)], 2, ())


def test_a_call_id_that_several_have_counts_less_than_the_index() -> None:
    body = response(called("A", {"x": 1}, "c"), {**called("A", {"x": 2}, "c"), "id": "fc_other"})
    events = [{**one, "item_id": "c"} if "item_id" in one else one for one in events_of(body, interleaved=True)]
    events = [one for one in events if one["type"].endswith(("item.added", ".delta"))]
    turn, _ = read([*events, {"type": "response.completed", "response": {**body, "output": []}}])
    assert [call.arguments for call in turn.calls] == ['{"x": 1}', '{"x": 2}']


def test_pieces_of_nobody_are_no_call_where_all_came_whole(faulty: Callable[..., Any]) -> None:
    whole = [one for one in unmarked() if "item.done" not in one["type"]]
    for events in (unmarked(), whole):
        calls = streamed(faulty, sse(events))
        assert (list(calls), len(calls.outcomes)) == ([A(x=1), A(x=2)], 2)
        assert calls.warnings == (f"16 {BAD}",)
        assert calls.raw == TWO


def test_pieces_of_nobody_are_shown_where_a_call_lacks_them() -> None:
    """The items say no arguments: what came is a call without a name, which fails."""
    events = [one for one in unmarked() if not one["type"].endswith("arguments.done")]
    events = [{**one, "item": saying(one["item"], "arguments", None)} if "item" in one else one for one in events]
    events[-1]["response"]["output"] = []
    turn, answer = read(events)
    assert [(call.name, call.arguments) for call in turn.calls] == [("A", ""), ("A", ""), ("", '{"x":{"x": 1} 2}')]
    assert turn.warnings == ()
    assert [item["name"] for item in answer["output"]] == ["A", "A", ""]


@pytest.mark.parametrize("other", ["A", "B"])
def test_no_call_is_told_the_arguments_of_another_by_the_last_event(other: str) -> None:
    """All have one id, and none that it is answered by."""
    body = response(*(called(name, text, None) for name, text in (("A", {"x": 1}), (other, ""))))
    turn, _ = read(events_of(body))
    assert [(call.name, call.arguments) for call in turn.calls][:2] == [("A", '{"x": 1}'), (other, "")]


# The end.

DONE = b"data: [DONE]\n\n"


def cut(*events: JSON, done: bytes = DONE) -> bytes:
    text = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events) + done
    return http(text.decode(), content_type="text/event-stream")


def test_a_response_that_is_done_has_ended(faulty: Callable[..., Any]) -> None:
    *events, last = events_of(TWO)
    calls = streamed(faulty, cut(*events, {**last, "type": "response.done"}, done=b""))
    assert (list(calls), calls.warnings, calls.stop.kind) == ([A(x=1), A(x=2)], (), "calls")
    assert calls.raw == TWO
    with pytest.raises(toolfan.IncompleteStream):  # one that says no last state is not the end
        streamed(faulty, cut(*events, {"type": "response.done", "response": {"status": "in_progress"}}, done=b""))


def test_done_is_the_end_where_no_call_is_open(faulty: Callable[..., Any]) -> None:
    *events, _ = events_of(TWO)
    calls = streamed(faulty, cut(*events))
    assert (list(calls), calls.stop.kind) == ([A(x=1), A(x=2)], "none")
    assert calls.warnings == ("the stream ended without response.completed",)
    for end in (3, len(events) - 2):  # in the middle of a call
        with pytest.raises(toolfan.IncompleteStream) as caught:
            streamed(faulty, cut(*events[:end]))
        assert "needs_end" not in str(caught.value)
    with pytest.raises(toolfan.IncompleteStream, match="Set needs_end=False on the adapter"):
        streamed(faulty, cut(*events, done=b""))


@pytest.mark.parametrize("named", [True, False])
def test_a_response_may_stand_in_place_of_its_event(faulty: Callable[..., Any], named: bool) -> None:
    """As some proxies write the first and the last events: with a type, or only the name of the event."""
    whole = {**TWO, "object": "response"}
    body = json.dumps(whole if named else {"type": "response.completed", **whole})
    name = b"event: response.completed\n" if named else b""
    answer = name + b"data: " + body.encode() + b"\n\n"
    calls = streamed(faulty, http(answer, content_type="text/event-stream"))
    assert (list(calls), calls.usage, calls.raw) == (
        [A(x=1), A(x=2)],
        streamed(faulty, sse(events_of(TWO))).usage,
        whole,
    )


def test_the_beginning_says_what_the_end_does_not() -> None:
    *events, end = events_of(TWO)
    end["response"] = {"usage": TWO["usage"], "incomplete_details": None}
    turn, body = read([*events, end])
    assert (turn.model, turn.response_id, turn.stop.kind, turn.usage.total_tokens) == ("m-2026", "resp_1", "calls", 120)
    assert (body["id"], body["output"]) == ("resp_1", TWO["output"])


UNTYPED = {"call_id": "c1", "name": "A", "arguments": '{"x": 1}'}
TYPED = {"type": "function_call", "id": "fc_c1", **UNTYPED}


@pytest.mark.parametrize("begun", [UNTYPED, TYPED], ids=["untyped", "typed"])
@pytest.mark.parametrize(
    "end", [{}, {"id": "fc_c1"}, {"id": "fc_c1", "type": "message", "content": []}], ids=json.dumps
)
@pytest.mark.parametrize("kind", ["response.output_item.done", "response.completed", "response.failed"])
def test_a_call_that_began_stays_one(begun: JSON, end: JSON, kind: str) -> None:
    """Whatever its end leaves out, or calls it."""
    events: list[JSON] = [{"type": "response.output_item.added", "output_index": 0, "item": begun}]
    if kind == "response.output_item.done":
        events.append({"type": kind, "output_index": 0, "item": end})
    else:
        done = {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"x": 1}'}
        error = {"code": "server_error", "message": "No."} if kind == "response.failed" else None
        events += [done, {"type": kind, "response": {"output": [end], "error": error}}]
    parser: Any = toolfan.load_adapter("openai-responses").stream_parser()
    turn: Any
    try:
        for event in events:
            parser.feed(event)
        turn = parser.close()
    except toolfan.ProviderError as exc:
        turn = exc.turn
    assert [(one.id, one.name, one.arguments) for one in turn.calls] == [("c1", "A", '{"x": 1}')]
    assert parser.body["output"][0]["call_id"] == "c1"


@pytest.mark.parametrize("end", [{}, {"type": "tool_call"}], ids=["untyped", "of another type"])
@pytest.mark.parametrize("is_last", [False, True])
def test_an_end_without_the_type_of_a_call_tells_its_arguments(end: JSON, *, is_last: bool) -> None:
    """The beginning has none yet; it takes nothing back."""
    told = {"id": "fc_c1", "status": "completed", "arguments": '{"x": 1}', **end}
    begun = {"output_index": 0, "item": TYPED | {"status": "in_progress", "arguments": ""}}
    ended = {"type": "response.output_item.done", "output_index": 0, "item": told}
    last = {"type": "response.completed", "response": {"output": [told]}}
    turn, body = read([{"type": "response.output_item.added", **begun}, last if is_last else ended, last])
    assert [(one.id, one.name, one.arguments) for one in turn.calls] == [("c1", "A", '{"x": 1}')]
    assert body["output"] == [TYPED | {"status": "completed"}]
