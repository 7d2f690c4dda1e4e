"""Pieces of text whose message is never said: they are the text of the answer, as they were heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import USER
from pydantic import BaseModel
from responses_api import asked, called, events_of, message, response, sse

if TYPE_CHECKING:
    from collections.abc import Callable


class A(BaseModel):
    x: int


BODY = response(message("Hello there."), called("A", {"x": 1}))
ITEMS = ("response.output_item.added", "response.output_item.done")


def told(faulty: Callable[..., Any], events: list[dict[str, Any]]) -> tuple[str, Any]:
    def work(client: Any) -> tuple[str, Any]:
        stream = client.stream(messages=USER, tools=(A,))
        heard = "".join(one.text for one in stream.events() if isinstance(one, toolfan.TextDelta))
        return heard, stream.calls

    return asked(faulty(sse(events)), work)  # type: ignore[no-any-return]


@pytest.mark.parametrize("missing", [ITEMS, ITEMS[1:]])
@pytest.mark.parametrize("output", [None, [], BODY["output"][1:]])
def test_they_are_the_text(faulty: Callable[..., Any], missing: tuple[str, ...], output: Any) -> None:
    events = [one for one in events_of(BODY) if one["type"] not in missing or one["output_index"] == 1]
    events[-1] = {**events[-1], "response": {**BODY, "output": output}}
    heard, calls = told(faulty, events)
    assert (heard, calls.text) == ("Hello there.", "Hello there.")
    assert list(calls) == [A(x=1)]
    assert [part["text"] for part in calls.turn.replay[0]["content"]] == ["Hello there."]


def test_they_are_said_once_where_the_message_comes_at_the_end(faulty: Callable[..., Any]) -> None:
    events = [one for one in events_of(BODY) if one["type"] not in ITEMS or one["output_index"] == 1]
    heard, calls = told(faulty, events)
    assert (heard, calls.text) == ("Hello there.", "Hello there.")
    assert calls.turn.replay == BODY["output"]


def test_a_refusal_is_kept_too(faulty: Callable[..., Any]) -> None:
    body = response(message(refusal="I will not."))
    events = [one for one in events_of(body) if one["type"] not in ITEMS]
    events[-1] = {**events[-1], "response": {**body, "output": []}}
    with pytest.raises(toolfan.Refused, match="I will not"):
        told(faulty, events)
