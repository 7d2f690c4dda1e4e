"""An answer that was cut by the limit of tokens, of providers that tell arguments as values.

Where it was cut before the arguments of its last call, they tell `{}`, as if there were to be none: that call is told
as cut, whole and streamed alike, and never run.  What was not cut is never told so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import client_of
from loopback import USER, http
from pydantic import BaseModel
from toolfan_local.bedrock_stream import CONTENT_TYPE, frame

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
Event = dict[str, Any]
OSLO = {"name": "Oslo"}


class City(BaseModel):
    name: str = "everywhere"


class Place(BaseModel):
    """Arguments that the model had to give."""

    name: str


class Street(BaseModel):
    """Arguments that come one after the other."""

    city: str
    name: str


class Now(BaseModel):
    """Nothing that could be cut."""


class Anything(BaseModel, extra="allow"):
    """Whatever is given."""


def sse(events: list[Event], *, named: bool = False) -> bytes:
    heads = [f"event: {event['type']}\n" if named else "" for event in events]
    lines = "".join(f"{head}data: {json.dumps(event)}\n\n" for head, event in zip(heads, events, strict=True))
    return http(lines, content_type="text/event-stream")


class Anthropic:
    name, end = "anthropic", "tool_use"
    cuts = ("max_tokens", "model_context_window_exceeded")

    def _block(self, at: int, said: Any) -> Event:
        if isinstance(said, str):
            return {"type": "text", "text": said}
        return {"type": "tool_use", "id": f"id_{at}", "name": "City", "input": said}

    def whole(self, said: list[Any], reason: str) -> bytes:
        content = [self._block(at, one) for at, one in enumerate(said)]
        about = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": reason}
        return http(json.dumps({**about, "content": content, "usage": {"input_tokens": 1, "output_tokens": 2}}))

    def streamed(self, said: list[Any], reason: str) -> bytes:
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": []}
        events: list[Event] = [{"type": "message_start", "message": message}]
        for at, one in enumerate(said):
            start = self._block(at, one if isinstance(one, str) else {})
            events.append({"type": "content_block_start", "index": at, "content_block": start})
            if isinstance(one, dict):
                delta = {"type": "input_json_delta", "partial_json": json.dumps(one) if one else ""}
                events.append({"type": "content_block_delta", "index": at, "delta": delta})
            events.append({"type": "content_block_stop", "index": at})
        events.append({"type": "message_delta", "delta": {"stop_reason": reason}})
        return sse([*events, {"type": "message_stop"}], named=True)


class Bedrock:
    name, end = "bedrock", "tool_use"
    cuts = ("max_tokens",)

    def _block(self, at: int, said: Any, **more: Any) -> Event:
        use = {"toolUse": {"toolUseId": f"id_{at}", "name": "City", **more}}
        return {"text": said} if isinstance(said, str) else use

    def whole(self, said: list[Any], reason: str) -> bytes:
        content = [self._block(at, one, input=one) for at, one in enumerate(said)]
        return http(
            json.dumps({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": reason})
        )

    def streamed(self, said: list[Any], reason: str) -> bytes:
        events: list[tuple[str, Event]] = [("messageStart", {"role": "assistant"})]
        for at, one in enumerate(said):
            where = {"contentBlockIndex": at}
            if isinstance(one, dict):
                events.append(("contentBlockStart", {**where, "start": self._block(at, one)}))
            delta = {"text": one} if isinstance(one, str) else {"toolUse": {"input": json.dumps(one)}}
            events += [("contentBlockDelta", {**where, "delta": delta})] if one else []
            events.append(("contentBlockStop", where))
        events += [("messageStop", {"stopReason": reason}), ("metadata", {"usage": {}})]
        frames = b"".join(frame(kind, json.dumps(said).encode()) for kind, said in events)
        return http(frames, content_type=CONTENT_TYPE)


class Gemini:
    name, end = "gemini", "STOP"
    cuts = ("MAX_TOKENS",)

    def _part(self, at: int, said: Any) -> Event:
        args = {"args": said} if said else {}
        call = {"functionCall": {"id": f"id_{at}", "name": "City", **args}}
        return {"text": said} if isinstance(said, str) else call

    def _answer(self, parts: list[Event], **more: Any) -> Event:
        return {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0, **more}]}

    def whole(self, said: list[Any], reason: str) -> bytes:
        parts = [self._part(at, one) for at, one in enumerate(said)]
        return http(json.dumps(self._answer(parts, finishReason=reason)))

    def streamed(self, said: list[Any], reason: str) -> bytes:
        chunks = [self._answer([self._part(at, one)]) for at, one in enumerate(said)]
        return sse([*chunks, self._answer([{"text": ""}], finishReason=reason)])


each = pytest.mark.parametrize("provider", [Anthropic(), Bedrock(), Gemini()], ids=lambda provider: provider.name)


def told(faulty: Callable[..., Any], provider: Any, said: list[Any], reason: str, tool: Any = City) -> list[Any]:
    """What became of each call, its value or the type of its error, which must be the same whole and streamed."""
    asked = {"messages": USER, "tools": (toolfan.Tool(tool, name="City"),), "on_invalid": "keep"}
    with client_of(provider.name, faulty(provider.whole(said, reason)).url) as client:
        whole = client.create(**asked)
    with client_of(provider.name, faulty(provider.streamed(said, reason)).url) as client:
        stream = client.stream(**asked)
        given = list(stream)
    assert sorted(given, key=lambda one: one.index) == list(stream.calls.outcomes)
    found = [
        [one.value if isinstance(one, toolfan.Call) else type(one.error) for one in calls.outcomes]
        for calls in (whole, stream.calls)
    ]
    assert found[0] == found[1]
    return found[0]


@each
def test_the_last_call_is_told_as_cut(faulty: Callable[..., Any], provider: Any) -> None:
    for reason in provider.cuts:
        assert told(faulty, provider, [OSLO, {}], reason) == [City(name="Oslo"), toolfan.TruncatedCall]
    assert told(faulty, provider, ["So:", {}], provider.cuts[0], Place) == [toolfan.TruncatedCall]
    assert told(faulty, provider, [{}], provider.cuts[0], Anything) == [toolfan.TruncatedCall]


@each
def test_a_call_that_lacks_what_it_needs_is_told_as_cut(faulty: Callable[..., Any], provider: Any) -> None:
    """The services tell the fields that were whole."""
    for said, stop, error in (
        ([{"city": 7}, {"city": "Oslo"}], provider.cuts[0], toolfan.TruncatedCall),
        ([{"city": 7}, {"city": "Oslo"}], provider.end, toolfan.InvalidArguments),
        ([{"city": 7}, {"city": 7}], provider.cuts[0], toolfan.InvalidArguments),
        ([{"city": 7}, {"city": "Oslo"}, "So:"], provider.cuts[0], toolfan.InvalidArguments),
    ):
        assert told(faulty, provider, said, stop, Street) == [toolfan.InvalidArguments, error]


@each
def test_what_was_not_cut_is_whole(faulty: Callable[..., Any], provider: Any) -> None:
    assert told(faulty, provider, [OSLO, {}], provider.end) == [City(name="Oslo"), City()]
    assert told(faulty, provider, [{}, OSLO], provider.cuts[0]) == [City(), City(name="Oslo")]
    assert told(faulty, provider, [{}], provider.cuts[0], Now) == [Now()]


@each
def test_a_call_that_words_follow_is_whole(faulty: Callable[..., Any], provider: Any) -> None:
    assert told(faulty, provider, [{}, "And so"], provider.cuts[0]) == [City()]


@pytest.mark.parametrize("early", [True, False])
@each
def test_a_call_that_was_cut_is_never_run(faulty: Callable[..., Any], provider: Any, *, early: bool) -> None:
    ran = []

    def wipe(name: str = "everything") -> str:
        """Wipe it."""
        ran.append(name)
        return "done"

    answer = (provider.streamed if early else provider.whole)([OSLO, {}], provider.cuts[0])
    with client_of(provider.name, faulty(answer).url) as client:
        tools = (toolfan.Tool(wipe, name="City"),)
        client.run(messages=USER, tools=tools, early=early, max_rounds=1, on_invalid="keep")
    assert ran == ["Oslo"]


def test_what_a_wrapper_holds_is_not_cut(faulty: Callable[..., Any]) -> None:
    """It came whole, so that its last call did."""
    uses = {"tool_uses": [{"recipient_name": "functions.City", "parameters": {}}]}
    body = json.loads(Anthropic().whole([uses], "max_tokens").partition(b"\r\n\r\n")[2])
    body["content"][0]["name"] = "multi_tool_use.parallel"
    with client_of("anthropic", faulty(http(json.dumps(body))).url) as client:
        assert list(client.create(messages=USER, tools=(City,))) == [City()]
