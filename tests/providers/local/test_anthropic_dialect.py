"""Anthropic's Messages API of the embedded server, read by Anthropic's own SDK, whole and streamed."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import anthropic
import pytest
import toolfan
from local_questions import EXPECTED, QUESTION, SEARCH, WEATHER
from pydantic import BaseModel
from toolfan_local.server import Server

MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
TOOLS: list[Any] = [{"name": "Weather", "input_schema": WEATHER}, {"name": "GoogleSearch", "input_schema": SEARCH}]


def client(server: Server, **options: Any) -> anthropic.Anthropic:
    return anthropic.Anthropic(**{"base_url": server.anthropic_url, "api_key": "any", "max_retries": 0, **options})


def asked(**changes: Any) -> dict[str, Any]:
    given = {"model": "m", "max_tokens": 99, "messages": MESSAGES, "tools": TOOLS, **changes}
    return {key: value for key, value in given.items() if value is not None}


def called(message: Any) -> list[tuple[str, Any]]:
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def whole(server: Server, **changes: Any) -> Any:
    with client(server) as sdk:
        return sdk.messages.create(**asked(**changes))


def streamed(server: Server, **changes: Any) -> Any:
    with client(server) as sdk, sdk.messages.stream(**asked(**changes)) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("read", [whole, streamed])
def test_the_question_of_the_readme(server: Server, read: Any) -> None:
    message = read(server)
    assert called(message) == EXPECTED
    assert (message.stop_reason, message.type, message.role) == ("tool_use", "message", "assistant")
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert len({block.id for block in message.content}) == 3


@pytest.mark.parametrize("read", [whole, streamed])
@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, 1),
        ({"type": "any"}, 3),
        ({"type": "none"}, 0),
    ],
)
def test_tool_choice(server: Server, read: Any, choice: Any, count: int) -> None:
    message = read(server, tool_choice=choice)
    assert len(called(message)) == count
    assert message.stop_reason == ("tool_use" if count else "end_turn")


@pytest.mark.parametrize("read", [whole, streamed])
def test_one_tool_is_forced(server: Server, read: Any) -> None:
    message = read(server, tool_choice={"type": "tool", "name": "GoogleSearch"})
    assert {name for name, _ in called(message)} == {"GoogleSearch"}


def test_events_have_names_and_come_in_order(server: Server) -> None:
    with client(server) as sdk:
        kinds = [event.type for event in sdk.messages.create(**asked(stream=True))]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 3
    assert kinds.count("content_block_delta") > 9


def test_results_are_read(server: Server) -> None:
    turn = whole(server)
    said = [block.model_dump(exclude_none=True) for block in turn.content]
    results = [
        {"type": "tool_result", "tool_use_id": block.id, "content": f"about {block.name}"} for block in turn.content
    ]
    messages = [*MESSAGES, {"role": "assistant", "content": said}, {"role": "user", "content": results}]
    answer = whole(server, messages=messages)
    assert answer.stop_reason == "end_turn"
    assert "about Weather" in answer.content[0].text


USE = {"type": "tool_use", "id": "a", "name": "Weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "x"}


def test_neighbours_of_one_role_are_one_turn(server: Server) -> None:
    """As Anthropic's API reference says of `messages`; the results of both calls end the conversation."""
    other, told = {**USE, "id": "b"}, {**RESULT, "tool_use_id": "b"}
    turns = [{"role": "assistant", "content": [one]} for one in (USE, other)]
    turns += [{"role": "user", "content": [one]} for one in (RESULT, told)]
    answer = whole(server, messages=[*MESSAGES, *turns])
    assert (answer.stop_reason, called(answer)) == ("end_turn", [])
    with pytest.raises(anthropic.BadRequestError, match="without `tool_result` blocks immediately after: b"):
        whole(server, messages=[*MESSAGES, *turns[:-1]])


def test_a_required_call_that_failed_is_made_again(server: Server) -> None:
    turns = [{"role": "assistant", "content": [USE]}, {"role": "user", "content": [{**RESULT, "is_error": True}]}]
    answer = whole(server, messages=[*MESSAGES, *turns], tool_choice={"type": "any"})
    assert {name for name, _ in called(answer)} == {"Weather"}


def test_models_are_told(server: Server) -> None:
    with client(server) as sdk:
        one, [listed] = sdk.models.retrieve("claude-x"), list(sdk.models.list())
    assert (one.id, one.type, one.created_at.year, one.display_name) == ("claude-x", "model", 2023, "claude-x")
    assert listed.id == "toolfan-local"
    with Server(api_key="right") as own, client(own) as sdk, pytest.raises(anthropic.AuthenticationError) as caught:
        sdk.models.list()
    assert caught.value.body["error"]["type"] == "authentication_error"  # type: ignore[call-overload, index]


def test_tokens_are_counted(server: Server) -> None:
    """As in the usage of an answer."""
    with anthropic.Anthropic(base_url=server.anthropic_url, api_key="any", max_retries=0) as sdk:
        counted = sdk.messages.count_tokens(model="m", messages=MESSAGES, tools=TOOLS)
        assert counted.input_tokens == whole(server).usage.input_tokens
        with pytest.raises(anthropic.BadRequestError, match="at least one message"):
            sdk.messages.count_tokens(model="m", messages=[])
        with pytest.raises(anthropic.NotFoundError) as caught:
            sdk.messages.batches.list()
    assert caught.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "system", "content": "x"}]}, "'user' or 'assistant'"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "must be non-empty"),
        ({"tools": [{"name": "a b", "input_schema": WEATHER}]}, "tools.0.name"),
        ({"tools": [TOOLS[0], TOOLS[0]]}, "must be unique"),
        ({"tools": [{"name": "a", "input_schema": {"type": "array"}}]}, "input_schema.type"),
        *(
            (
                {"tools": [TOOLS[0], {"name": "a", "input_schema": {"type": "object", "properties": {name: {}}}}]},
                r"tools.1.custom.input_schema.properties: Property keys should match pattern '\^\[a-zA-Z0-9_.-\]",
            )
            for name in ("größe", "e-mail (work)", "x" * 65, "", "$ref")
        ),
        ({"tool_choice": {"type": "tool", "name": "nope"}}, "'nope' not found"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"tools": None, "tool_choice": {"type": "any"}}, "while providing tools"),
        (
            {
                "messages": [
                    *MESSAGES,
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "W", "input": {}}]},
                ]
            },
            "without `tool_result` blocks",
        ),
        (
            {
                "messages": [
                    *MESSAGES,
                    {"role": "assistant", "content": [USE]},
                    {"role": "user", "content": [{"type": "text", "text": "hi"}, RESULT]},
                ]
            },
            "without `tool_result` blocks immediately after: a",
        ),
        ({"messages": [{"role": "assistant", "content": [{**USE, "name": "a.b"}]}]}, "tool_use.name: String should"),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "x"}]}]},
            "unexpected `tool_use_id`",
        ),
    ],
)
def test_what_the_service_refuses(server: Server, changes: Any, says: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=says) as caught:
        whole(server, **changes)
    assert caught.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]
    assert caught.value.response.headers["request-id"].startswith("req_")


def test_keys() -> None:
    with Server(api_key="right") as server:
        assert len(called(whole_with(server, "right"))) == 3
        with pytest.raises(anthropic.AuthenticationError):
            whole_with(server, "wrong")


def whole_with(server: Server, key: str) -> Any:
    with client(server, api_key=key) as sdk:
        return sdk.messages.create(**asked())


SCRIPT: list[dict[str, Any]] = [
    {"text": "Hm.", "calls": [{"name": "A", "arguments": {"n": 1}, "id": "toolu_1"}, {"name": "B"}]},
    {"calls": [{"name": "A", "arguments": '{"cut": '}], "stop": "length"},
    {"error": {"status": 529, "message": "Overloaded", "headers": {"retry-after": "7"}}},
]


def test_a_script() -> None:
    with Server([entry for entry in SCRIPT for _ in (0, 1)]) as server:
        for read in (whole, streamed):
            message = read(server)
            assert called(message) == [("A", {"n": 1}), ("B", {})]
            assert (message.content[0].text, message.content[1].id) == ("Hm.", "toolu_1")
        with pytest.raises(anthropic.APIStatusError, match="Overloaded") as caught:
            read_past_the_cut(server)
        assert (caught.value.status_code, caught.value.response.headers["retry-after"]) == (529, "7")


def read_past_the_cut(server: Server) -> None:
    for _ in range(2):
        assert whole(server).stop_reason == "max_tokens"
    whole(server)


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


@pytest.mark.parametrize("use_async", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_through_toolfan(server: Server, use_async: bool, stream: bool) -> None:
    question = {"model": "m", "messages": MESSAGES, "tools": (Weather,), "stream": stream}
    wanted = [Weather(location="Toronto", units="metric"), Weather(location="Dallas", units="imperial")]

    async def awaited() -> Any:
        async with anthropic.AsyncAnthropic(base_url=server.anthropic_url, api_key="any") as sdk:
            made = await toolfan.wrap_async(sdk).create(**question)
            return [one async for one in made] if stream else made

    if use_async:
        got: Any = asyncio.run(awaited())
    else:
        with client(server) as sdk:
            got = list(toolfan.wrap(sdk).create(**question))
    assert [getattr(one, "value", one) for one in got] == wanted


def test_faults_of_a_script_through_toolfan() -> None:
    with Server(SCRIPT[1:]) as server, client(server) as sdk:
        cut = toolfan.wrap(sdk).create(model="m", messages=MESSAGES, tools=(Weather,), on_invalid="keep")
        assert [type(bad.error) for bad in cut.failed] == [toolfan.UnknownTool]
        with pytest.raises(toolfan.Unavailable, match="Overloaded") as caught:
            toolfan.wrap(sdk).create(model="m", messages=MESSAGES, tools=(Weather,), deadline=1)
        assert (caught.value.status, caught.value.retry_after) == (529, 7.0)
