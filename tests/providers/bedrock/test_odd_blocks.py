"""Blocks of Converse in which there is nothing to read are told of, and harm no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from bedrock_asking import asked
from bedrock_wire import answer, events, frames, use
from loopback import http
from wrapped_ways import WAYS, Weather

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = use("t1", "Weather", {"location": "Oslo"})


@pytest.mark.parametrize("odd", [None, "x", 7, [], {}, {"toolUse": None}], ids=str)
@pytest.mark.parametrize("way", ["whole", "async whole"])
def test_of_a_whole_answer(bedrock: Callable[..., Any], way: str, odd: Any) -> None:
    client, _ = bedrock(http(json.dumps(answer(odd, GOOD, odd))))
    calls = asked(way, client)
    assert list(calls) == [Weather(location="Oslo")]
    assert calls.warnings == ("2 entries of the content are no blocks, and were left out",)


@pytest.mark.parametrize("way", ["streamed", "async streamed"])
def test_of_a_stream(bedrock: Callable[..., Any], way: str) -> None:
    """Of others botocore itself makes a BadResponse."""
    said, at = events(answer(GOOD)), {"contentBlockIndex": 7}
    block = [{"contentBlockStart": {**at, "start": None}}, {"contentBlockStop": at}]
    client, _ = bedrock(http(frames([*said[:1], *block, *said[1:]]), content_type="application/vnd.amazon.eventstream"))
    calls = asked(way, client)
    assert list(calls) == [Weather(location="Oslo")]
    assert calls.warnings == ("1 entries of the content are no blocks, and were left out",)


@pytest.mark.parametrize("way", WAYS)
def test_an_end_in_calls_without_a_call(bedrock: Callable[..., Any], way: str) -> None:
    body = answer({"text": "Hm."})
    streamed = http(frames(events(body)), content_type="application/vnd.amazon.eventstream")
    client, _ = bedrock(http(json.dumps(body)) if way.endswith("whole") else streamed)
    calls = asked(way, client)
    assert (list(calls), calls.text) == ([], "Hm.")
    assert calls.warnings == ("the answer ends with 'tool_use', but there is no call in it",)
