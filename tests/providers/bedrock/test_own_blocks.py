"""Blocks in Converse's own form between parts in chat style, through boto3's real client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_asking import asked
from bedrock_wire import answer, events, frames, use
from loopback import USER, http

if TYPE_CHECKING:
    from collections.abc import Callable

POINT = {"cachePoint": {"type": "default"}}
TEXT = {"type": "text", "text": "Rules."}
CACHED = {**TEXT, "cache_control": {"type": "ephemeral"}}
FUNCTION = {"name": "A", "arguments": "{}"}
CALLED = [
    *USER,
    {
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "A", "arguments": "{}"}}],
    },
]
RESULT = {"toolUseId": "c1", "content": [{"text": "Rules."}, {"json": {"a": 1}}]}


@pytest.mark.parametrize(
    ("messages", "key", "wanted"),
    [
        ([{"role": "system", "content": [TEXT, POINT]}, *USER], "system", [{"text": "Rules."}, POINT]),
        ([{"role": "system", "content": [{"text": "Rules."}, POINT]}, *USER], "system", [{"text": "Rules."}, POINT]),
        ([{"role": "system", "content": [CACHED]}, *USER], "system", [{"text": "Rules."}, POINT]),
        ([{"role": "user", "content": [CACHED, TEXT]}], "messages", [{"text": "Rules."}, POINT, {"text": "Rules."}]),
        ([{"role": "user", "content": [TEXT, POINT]}], "messages", [{"text": "Rules."}, POINT]),
        (
            [*CALLED, {"role": "tool", "tool_call_id": "c1", "content": [TEXT, {"json": {"a": 1}}]}],
            "messages",
            [{"toolResult": RESULT}],
        ),
    ],
)
def test_they_pass_untouched(bedrock: Callable[..., Any], messages: Any, key: str, wanted: Any) -> None:
    client, server = bedrock(http(json.dumps(answer(use("t1", "Weather", {"location": "Oslo"})))))
    before = json.dumps(messages)
    asked("whole", client, messages=messages)
    body = json.loads(server.requests[0][3])
    assert (body["system"] if key == "system" else body["messages"][-1]["content"]) == wanted
    assert json.dumps(messages) == before


def test_what_names_nothing_is_still_refused(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(http())
    with pytest.raises(toolfan.UsageError, match=r"messages\[0\]\.content\[1\] names no type"):
        asked("whole", client, messages=[{"role": "user", "content": [TEXT, {}]}])
    assert not server.requests


@pytest.mark.parametrize("beside", [[], [TEXT]], ids=["native", "beside chat style"])
def test_bytes_are_taken_as_boto3_takes_them(bedrock: Callable[..., Any], beside: list[Any]) -> None:
    client, server = bedrock(http(json.dumps(answer(use("t1", "Weather", {"location": "Oslo"})))))
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}}
    asked("whole", client, messages=[{"role": "user", "content": [*beside, image]}])
    sent = json.loads(server.requests[0][3])["messages"][0]["content"]
    assert sent[-1]["image"]["source"] == {"bytes": "iVBORw=="}


def test_a_text_that_is_not_base64_is_refused(bedrock: Callable[..., Any]) -> None:
    client, server = bedrock(http())
    image = {"image": {"format": "png", "source": {"bytes": "?"}}}
    with pytest.raises(toolfan.UsageError, match=r"source\.bytes is not base64"):
        asked("whole", client, messages=[{"role": "user", "content": [image]}])
    assert not server.requests


def test_a_call_of_the_services_own_tool_that_was_cut_stays_behind(bedrock: Callable[..., Any]) -> None:
    own = {"toolUse": {"toolUseId": "t0", "name": "nova_grounding", "input": {"q": "x"}, "type": "server_tool_use"}}
    good = use("t1", "Weather", {"location": "Oslo"})
    made = events(answer(good, own, stop="max_tokens"))
    del made[max(at for at, event in enumerate(made) if "contentBlockDelta" in event)]
    client, _ = bedrock(http(frames(made), content_type="application/vnd.amazon.eventstream"))
    said, _ = asked("streamed", client).reply({"t1": "rain"})
    assert said["content"] == [good]
