"""Pieces of arguments without an index, a start or a place: attributed where only one call can be meant, else told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import KEY, USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
ARGUMENTS = '{"name":"Oslo"}'
HEAD, TAIL = '{"name":', '"Oslo"}'
Event = dict[str, Any]


class City(BaseModel):
    name: str | None = None


class Anthropic:
    name, end = "anthropic", "message_stop"

    def begin(self) -> list[Event]:
        return [{"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}}]

    def start(self, at: int | None) -> Event:
        block = {"type": "tool_use", "id": f"id_{at}", "name": "City", "input": {}}
        return at_index({"type": "content_block_start", "content_block": block}, index=at)

    def piece(self, at: int | None, text: str) -> Event:
        delta = {"type": "input_json_delta", "partial_json": text}
        return at_index({"type": "content_block_delta", "delta": delta}, index=at)

    def stop(self, at: int | None) -> Event:
        return at_index({"type": "content_block_stop"}, index=at)

    def close(self) -> list[Event]:
        return [{"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, {"type": "message_stop"}]


class Cohere:
    name, end = "cohere", "message-end"

    def begin(self) -> list[Event]:
        return [{"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant"}}}]

    def _call(self, kind: str, at: int | None, **said: Any) -> Event:
        return at_index({"type": kind, "delta": {"message": {"tool_calls": said}}}, index=at)

    def start(self, at: int | None) -> Event:
        function = {"name": "City", "arguments": ""}
        return self._call("tool-call-start", at, id=f"id_{at}", type="function", function=function)

    def piece(self, at: int | None, text: str) -> Event:
        return self._call("tool-call-delta", at, function={"arguments": text})

    def stop(self, at: int | None) -> Event:
        return at_index({"type": "tool-call-end"}, index=at)

    def close(self) -> list[Event]:
        return [{"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}]


class Bedrock:
    name, end = "bedrock", "messageStop"

    def begin(self) -> list[Event]:
        return [{"messageStart": {"role": "assistant"}}]

    def start(self, at: int | None) -> Event:
        use = {"toolUse": {"toolUseId": f"id_{at}", "name": "City"}}
        return {"contentBlockStart": at_index({"start": use}, contentBlockIndex=at)}

    def piece(self, at: int | None, text: str) -> Event:
        return {"contentBlockDelta": at_index({"delta": {"toolUse": {"input": text}}}, contentBlockIndex=at)}

    def stop(self, at: int | None) -> Event:
        return {"contentBlockStop": at_index({}, contentBlockIndex=at)}

    def close(self) -> list[Event]:
        return [{"messageStop": {"stopReason": "tool_use"}}, {"metadata": {"usage": {"totalTokens": 3}}}]


class Responses:
    name, end = "openai-responses", "response.completed"

    def begin(self) -> list[Event]:
        return [{"type": "response.created", "response": {"id": "r", "status": "in_progress"}}]

    def start(self, at: int | None) -> Event:
        item = {"type": "function_call", "id": f"fc_{at}", "call_id": f"id_{at}", "name": "City", "arguments": ""}
        return at_index({"type": "response.output_item.added", "item": item}, output_index=at)

    def piece(self, at: int | None, text: str) -> Event:
        said = {"type": "response.function_call_arguments.delta", "delta": text}
        return at_index({**said, "item_id": None if at is None else f"fc_{at}"}, output_index=at)

    def stop(self, at: int | None) -> Event:
        return {"type": "response.content_part.done"}  # arguments end with the response, if nothing ends them before

    def close(self) -> list[Event]:
        return [{"type": "response.completed", "response": {"id": "r", "status": "completed"}}]


def at_index(event: Event, **index: int | None) -> Event:
    return event | {key: value for key, value in index.items() if value is not None}


PROVIDERS = [Anthropic(), Cohere(), Bedrock(), Responses()]
each = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


def read(provider: Any, *events: Event) -> toolfan.Turn:
    parser = toolfan.load_adapter(provider.name).stream_parser()
    for event in (*provider.begin(), *events, *provider.close()):
        parser.feed(event)
    return parser.close()


def arguments(turn: toolfan.Turn) -> list[tuple[str, str]]:
    return [(call.name, call.arguments) for call in turn.calls]


@each
def test_pieces_without_an_index_belong_to_the_only_open_call(provider: Any) -> None:
    pieces = [provider.piece(None, HEAD), provider.piece(None, TAIL)]
    turn = read(provider, provider.start(0), *pieces, provider.stop(None))
    assert (arguments(turn), turn.warnings) == ([("City", ARGUMENTS)], ())


@each
def test_a_start_without_an_index_is_found_by_its_pieces(provider: Any) -> None:
    turn = read(provider, provider.start(None), provider.piece(0, ARGUMENTS), provider.stop(0))
    assert (arguments(turn), turn.warnings) == ([("City", ARGUMENTS)], ())


@each
def test_pieces_of_nobody_are_a_call_without_a_name(provider: Any) -> None:
    turn = read(provider, provider.piece(0, HEAD), provider.piece(0, TAIL), provider.stop(0))
    assert arguments(turn) == [("", ARGUMENTS)]
    replied(provider, turn)


@each
def test_pieces_of_one_of_several_open_calls_are_a_call_without_a_name(provider: Any) -> None:
    starts = [provider.start(0), provider.start(1)]
    strays = [provider.piece(None, HEAD), provider.piece(None, TAIL)]
    mine = [provider.piece(0, ARGUMENTS), provider.piece(1, ARGUMENTS)]
    turn = read(provider, *starts, *strays, *mine, provider.stop(0), provider.stop(1))
    assert sorted(arguments(turn)) == [("", ARGUMENTS), ("City", ARGUMENTS), ("City", ARGUMENTS)]
    replied(provider, turn)


@each
@pytest.mark.parametrize("before", ["", ARGUMENTS])
def test_pieces_after_the_end_of_their_call_are_told(provider: Any, before: str) -> None:
    pieces = [provider.piece(0, before)] if before else []
    late = provider.piece(0, '{"name":"Rome"}')
    if provider.name == "openai-responses":
        ended: Event = {"type": "response.function_call_arguments.done", "item_id": "fc_0", "output_index": 0}
        end = [ended | {"arguments": before or "{}"}]
    else:
        end = [provider.stop(0)]
    turn = read(provider, provider.start(0), *pieces, *end, late)
    names = [call.name for call in turn.calls]
    assert any("after the end of its arguments" in one for one in turn.warnings) or "" in names
    replied(provider, turn)


def replied(provider: Any, turn: toolfan.Turn) -> None:
    """Every call is answered once, and what is said can be sent."""
    adapter = toolfan.load_adapter(provider.name)
    said = adapter.build_answer(turn, [toolfan.Answer(call, "x", is_error=True) for call in turn.calls])
    told = json.dumps(said)
    assert all(call.id in told for call in turn.calls)


@pytest.mark.parametrize("provider", [Anthropic(), Cohere(), Responses()], ids=lambda provider: provider.name)
def test_a_server_known_to_send_no_end_is_believed(faulty: Callable[..., FaultServer], provider: Any) -> None:
    if provider.name == "cohere":
        pytest.importorskip("cohere", reason="the cohere SDK is not installed")
    events = [*provider.begin(), provider.start(0), provider.piece(0, ARGUMENTS), provider.stop(0)]
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    server = faulty(http(data, content_type="text/event-stream"))
    for needs_end in (False, True):
        settings = {"base_url": server.url, "needs_end": needs_end, "api_key_env": "A_KEY"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("A_KEY", KEY)
            client = toolfan.connect(f"{provider.name}:m", **settings)
        with client:
            stream = client.stream(messages=USER, tools=(City,))
            if needs_end:
                with pytest.raises(toolfan.IncompleteStream):
                    stream.until_done()
            else:
                assert [*stream.until_done()] == [City(name="Oslo")]
                assert stream.calls.warnings == (f"the stream ended without {provider.end}",)


@each
def test_every_adapter_takes_needs_end(provider: Any) -> None:
    adapter: Any = toolfan.load_adapter(provider.name)
    assert not adapter.configured(adapter.settings_model(needs_end=False)).needs_end
    parser = adapter.configured(adapter.settings_model(needs_end=False)).stream_parser()
    for event in (*provider.begin(), provider.start(0), provider.piece(0, ARGUMENTS), provider.stop(0)):
        parser.feed(event)
    assert arguments(parser.close()) == [("City", ARGUMENTS)]
    with pytest.raises(toolfan.IncompleteStream, match="without an answer"):
        adapter.configured(adapter.settings_model(needs_end=False)).stream_parser().close()


def test_a_message_of_anthropics_without_its_start_is_read() -> None:
    provider = Anthropic()
    parser = toolfan.load_adapter("anthropic").stream_parser()
    events = [provider.start(0), provider.piece(0, ARGUMENTS), provider.stop(0), *provider.close()]
    for event in events:
        parser.feed(event)
    turn = parser.close()
    assert (arguments(turn), turn.warnings) == ([("City", ARGUMENTS)], ("the message came without its start",))
