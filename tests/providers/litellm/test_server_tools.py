"""Calls of Anthropic's own tools, which LiteLLM hands on as calls: none for the client, and sent back with the turn."""

from __future__ import annotations

import asyncio
import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from anthropic_samples import events as message_events
from anthropic_samples import message, on_the_wire, text, tool_use
from loopback import KEY, ONCE, USER, http
from toolfan.framing.decoder import DONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

WHY = "toolfan-litellm has an environment of its own"
if find_spec("litellm") is None:
    pytest.skip(f"litellm is not installed: {WHY}", allow_module_level=True)
LiteLLMClient = pytest.importorskip("toolfan_litellm", reason=WHY).LiteLLMClient

pytestmark = pytest.mark.filterwarnings("ignore")
MODEL = "anthropic/claude-sonnet-4-5"
SEARCHES = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Oslo"}}
PAGE = {"type": "web_search_result", "url": "https://x", "title": "t", "encrypted_content": "E", "page_age": None}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [PAGE]}
AGAIN = {**SEARCHES, "id": "srvtoolu_2", "input": {"query": "Bergen"}}
FOUND_TOO = {**FOUND, "tool_use_id": "srvtoolu_2"}
OURS = tool_use("toolu_1", "weather", {"location": "Oslo"})
SEARCHED = message(text("I search."), SEARCHES, FOUND, AGAIN, FOUND_TOO, OURS)
DONE_WITH = message(SEARCHES, FOUND, text("It rains."), stop="end_turn")


def weather(location: str) -> str:
    return f"rain in {location}"


def sent(body: dict[str, Any], streamed: bool) -> bytes:
    if streamed:
        return http(on_the_wire(message_events(body)), content_type="text/event-stream")
    return http(json.dumps(body))


def run(url: str, *, use_async: bool, **options: Any) -> toolfan.Run:
    sdk = LiteLLMClient(api_key=KEY, base_url=url.removesuffix("/v1"))
    options = {"messages": USER, "tools": (weather,), **options}
    if use_async:
        return asyncio.run(toolfan.wrap_async(sdk, model=MODEL, stop=ONCE).run(**options))
    return toolfan.wrap(sdk, model=MODEL, stop=ONCE).run(**options)


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("streamed", [False, True])
def test_they_are_no_calls_and_go_back_with_their_results(
    faulty: Callable[..., FaultServer], streamed: bool, use_async: bool
) -> None:
    server = faulty(sent(SEARCHED, streamed), sent(DONE_WITH, streamed))
    got = run(server.url, use_async=use_async, early=streamed)
    assert [(result.call.name, result.value) for result in got.results] == [("weather", "rain in Oslo")]
    assert (got.stop, got.text, got.requests) == ("text", "It rains.", 2)
    _, assistant, answer = json.loads(server.requests[1][3])["messages"]
    by_type = {block["type"]: block for block in assistant["content"]}
    assert by_type["tool_use"] == OURS
    searched = [block for block in assistant["content"] if block["type"] not in ("text", "tool_use")]
    assert searched == [SEARCHES, FOUND, AGAIN, FOUND_TOO]
    assert [block["tool_use_id"] for block in answer["content"]] == ["toolu_1"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_turn_without_calls_of_the_client_is_replayed_with_them(
    faulty: Callable[..., FaultServer], streamed: bool
) -> None:
    server = faulty(sent(DONE_WITH, streamed))
    got = run(server.url, use_async=False, early=streamed)
    assert (got.stop, got.calls, len(server.requests)) == ("text", (), 1)
    (replayed,) = got.messages[len(USER) :]
    assert [entry["id"] for entry in replayed["tool_calls"]] == ["srvtoolu_1"]


def test_a_stream_that_breaks_off_has_them_in_its_turn_alone() -> None:
    """And what is whole says the same as its stream, whatever the order."""
    pieces: list[Any] = [
        {"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "weather", "arguments": '{"a":1}'}},
        {"index": 1, "id": "srvtoolu_1", "type": "function", "function": {"name": "web_search", "arguments": ""}},
        {"index": 1, "type": "function", "function": {"arguments": '{"query":'}},
        {"index": 1, "type": "function", "function": {"arguments": '"Oslo"}'}},
    ]
    adapter = toolfan.load_adapter("litellm")
    events: list[Any] = [{"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]} for piece in pieces]
    cut = adapter.stream_parser()
    for event in events:
        cut.feed(event)
    with pytest.raises(toolfan.IncompleteStream) as caught:
        cut.close()
    parser: Any = adapter.stream_parser()
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}, DONE]
    sealed = [call for event in events for call in parser.feed(event)]
    turn = parser.close()
    assert [call.name for call in turn.calls] == [call.name for call in sealed] == ["weather"]
    assert adapter.parse_response(parser.body) == turn
    assert caught.value.turn is not None
    for replay in (caught.value.turn.replay, turn.replay):
        search, ours = replay["tool_calls"]
        assert (search["id"], search["function"]["arguments"]) == ("srvtoolu_1", '{"query":"Oslo"}')
        assert ours["id"] == "toolu_1"
