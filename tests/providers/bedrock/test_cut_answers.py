"""A stream that was cut by the limit of tokens: Bedrock ends the block that was cut before it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import asked
from bedrock_wire import answer, events, frames, use
from loopback import http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable


class City(BaseModel):
    name: str = "everywhere"


class Weather(BaseModel):
    name: str


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
@pytest.mark.parametrize("cut", ["", '{"name":', '{"name": "Os'])
@pytest.mark.parametrize("stop", ["max_tokens", "model_context_window_exceeded"])
def test_the_last_call_is_told_as_cut(bedrock: Callable[..., Any], way: str, cut: str, stop: str) -> None:
    body = answer(use("a", "City", ""), use("b", "City", {"name": "Oslo"}), use("c", "City", cut), stop=stop)
    client, _ = bedrock(http(frames(events(body)), content_type="application/vnd.amazon.eventstream"))
    calls = asked(way, client, tools=[City], on_invalid="keep")
    assert list(calls) == [City(), City(name="Oslo")]
    assert [type(one.error) for one in calls.failed] == [toolfan.TruncatedCall]


def test_a_call_without_arguments_is_whole_where_nothing_was_cut(bedrock: Callable[..., Any]) -> None:
    body = answer(use("a", "City", ""))
    client, _ = bedrock(http(frames(events(body)), content_type="application/vnd.amazon.eventstream"))
    assert list(asked("streamed", client, tools=[City])) == [City()]


@pytest.mark.parametrize(
    ("written", "sent"), [('{"name": "Os', {"INVALID_JSON": '{"name": "Os'}), ("", {}), ("null", {})]
)
def test_what_was_cut_goes_back_in_an_object(bedrock: Callable[..., Any], written: str, sent: Any) -> None:
    """Converse takes objects alone, and the model is to see what it wrote."""
    body = answer(use("a", "City", {"name": "Oslo"}), use("b", "Weather", written), stop="max_tokens")
    client, _ = bedrock(http(frames(events(body)), content_type="application/vnd.amazon.eventstream"))
    calls = asked("streamed", client, tools=[City, Weather], on_invalid="keep")
    said = calls.reply({"a": "ok"})[0]["content"]
    assert [block["toolUse"]["input"] for block in said] == [{"name": "Oslo"}, sent]
