"""Which item an event is about, where servers leave out indices and ids, repeat them or change them on the way."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import USER
from pydantic import BaseModel
from responses_api import REASONING, asked, called, events_of, message, response, sse

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = dict[str, Any]


class A(BaseModel):
    x: int = 0


TOOLS = (A, toolfan.Tool(A, name="B"))
TWO = response(message("Two."), called("A", {"x": 1}, "c1"), called("B", {"x": 2}, "c2"))
SAME = response(called("A", {"x": 1}, "c1"), called("A", {"x": 1}, "c2"))
INDICES: dict[str, Callable[[int], int]] = {"own": lambda at: at, "gaps": lambda at: 2 * at + 1, "zero": lambda _: 0}
KINDS: dict[str, tuple[str, ...]] = {  # the events that come, by the ends of their types
    "all": ("",),
    "pieces": ("output_item.added", ".delta"),
    "pieces and their end": ("output_item.added", ".delta", "arguments.done"),
    "items": ("output_item.done",),
}


def marked(body: JSON, index: str, ids: str, kinds: str, *, output: bool = True) -> list[JSON]:
    """The events of this answer, with such indices and ids of items; without the `output` the end says no items."""
    numbers = itertools.count()
    events = [
        event
        for event in copy.deepcopy(events_of(body))
        if "output_index" not in event or event["type"].endswith(KINDS[kinds])
    ]
    for event in events:
        if "output_index" in event:
            event["output_index"] = INDICES[index](event["output_index"])
        output_items = event.get("response", {}).get("output", ())
        for holder, key in ((event, "item_id"), *((one, "id") for one in (event.get("item") or {}, *output_items))):
            if key in holder and ids == "missing":
                del holder[key]
            elif key in holder:
                holder[key] = {"own": holder[key], "same": "x", "empty": "", "changing": f"i{next(numbers)}"}[ids]
    if not output:
        events[-1]["response"]["output"] = []
    return events


def told(calls: toolfan.Calls[Any]) -> list[tuple[Any, ...]]:
    return [(one.id, one.name, getattr(one, "value", None)) for one in calls.outcomes]


def streamed(faulty: Callable[..., Any], events: list[JSON]) -> toolfan.Calls[Any]:
    def work(client: Any) -> Any:
        return client.stream(messages=USER, tools=TOOLS, on_invalid="keep").until_done()

    calls: toolfan.Calls[Any] = asked(faulty(sse(events)), work)
    return calls


@pytest.mark.parametrize("ids", ["own", "missing", "empty", "same", "changing"])
@pytest.mark.parametrize("index", INDICES)
def test_each_call_is_told_once(faulty: Callable[..., Any], index: str, ids: str) -> None:
    for body, kinds in itertools.product((TWO, SAME), KINDS):
        for output in (True, False):
            if index == "zero" and ids == "changing" and kinds != "items":
                continue  # what is left says nothing
            calls = streamed(faulty, marked(body, index, ids, kinds, output=output))
            names = ["A", "A" if body is SAME else "B"]
            values = [A(x=1), A(x=1 if body is SAME else 2)]
            assert told(calls) == list(zip(["c1", "c2"], names, values, strict=True)), (kinds, output)
            assert calls.warnings == ()
            assert calls.text == ("" if body is SAME else "Two.")


@pytest.mark.parametrize("ids", ["own", "missing", "changing"])
def test_items_that_only_events_or_only_the_output_has_shift_no_other(faulty: Callable[..., Any], ids: str) -> None:
    more = {**TWO, "output": [REASONING, *TWO["output"], called("A", {"x": 3}, "c3")]}
    for first, last in ((TWO, more), (more, TWO)):
        events = [*marked(first, "own", ids, "all")[:-1], marked(last, "own", ids, "all")[-1]]
        calls = streamed(faulty, events)
        expected = [("c1", "A", A(x=1)), ("c2", "B", A(x=2)), ("c3", "A", A(x=3))]
        assert told(calls) == expected
        assert calls.text == "Two."


def test_a_call_that_only_the_output_has_is_not_taken_for_another_at_its_place(faulty: Callable[..., Any]) -> None:
    one, other = response(called("A", {"x": 1}, "c1")), response(called("B", {"x": 2}, "c2"))
    assert told(streamed(faulty, [*events_of(one)[:-1], events_of(other)[-1]])) == [
        ("c1", "A", A(x=1)),
        ("c2", "B", A(x=2)),
    ]


def test_a_call_is_run_once(faulty: Callable[..., Any]) -> None:
    ran = []

    def pay(x: int) -> str:
        """Pay."""
        ran.append(x)
        return "done"

    events = marked(response(called("A", {"x": 1}, "c1")), "gaps", "changing", "all")
    tool = toolfan.Tool(pay, name="A", early=True)
    asked(faulty(sse(events)), lambda client: client.run(messages=USER, tools=(tool,), early=True, max_rounds=1))
    assert ran == [1]


def test_an_item_that_begins_twice_or_ends_twice_is_one(faulty: Callable[..., Any]) -> None:
    events = [event for one in events_of(TWO) for event in [one] * (2 if "output_item" in one["type"] else 1)]
    assert told(streamed(faulty, events)) == [("c1", "A", A(x=1)), ("c2", "B", A(x=2))]


def test_arguments_that_stand_whole_where_the_item_begins(faulty: Callable[..., Any]) -> None:
    """No piece of them follows, and no end."""
    events = events_of(TWO)
    begun = [
        {"type": "response.output_item.added", "output_index": at, "item": item}
        for at, item in enumerate(TWO["output"])
    ]
    for output in (TWO["output"], []):
        last = {**events[-1], "response": {**TWO, "output": output}}
        assert told(streamed(faulty, [events[0], *begun, last])) == [("c1", "A", A(x=1)), ("c2", "B", A(x=2))]


@pytest.mark.parametrize("output", [True, False])
def test_a_call_that_begins_under_another_call_id_is_answered_under_one(
    faulty: Callable[..., Any], output: bool
) -> None:
    """So the service began searches for tools; what is sealed has its id by then."""
    events = copy.deepcopy(events_of(TWO))
    for event in events:
        if event["type"].endswith("item.added") and "call_id" in event["item"]:
            event["item"]["call_id"] += "_first"
    if not output:
        events[-1]["response"]["output"] = []
    calls = streamed(faulty, events)
    assert told(calls) == [("c1_first", "A", A(x=1)), ("c2_first", "B", A(x=2))]
    _, *sent = calls.reply({"c1_first": "one", "c2_first": "two"})
    assert [(one["type"], one["call_id"]) for one in sent] == [
        (kind, call_id) for kind in ("function_call", "function_call_output") for call_id in ("c1_first", "c2_first")
    ]
    assert [one["arguments"] for one in sent[:2]] == ['{"x": 1}', '{"x": 2}']
