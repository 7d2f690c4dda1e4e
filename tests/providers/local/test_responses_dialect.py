"""The Responses API of the embedded server, read by OpenAI's own SDK: whole answers, streams, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from local_questions import EXPECTED, QUESTION, SEARCH, WEATHER
from toolfan_local.server import Server

TOOLS: list[Any] = [
    {"type": "function", "name": "Weather", "parameters": WEATHER, "strict": None},
    {"type": "function", "name": "GoogleSearch", "parameters": SEARCH, "strict": False},
]
CALLS = [{"name": "A", "arguments": {"n": 1}, "id": "call_1"}, {"name": "B", "arguments": '{"cut": '}]


def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0)


def asked(**changes: Any) -> dict[str, Any]:
    return {"model": "m", "input": QUESTION, "tools": TOOLS, **changes}


def create(server: Server, **changes: Any) -> Any:
    with client(server) as sdk:
        return sdk.responses.create(**asked(**changes))


def events_of(server: Server) -> list[Any]:
    with client(server) as sdk:
        return list(sdk.responses.create(**asked(stream=True)))


def called(response: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"]


def test_the_question_of_the_readme(server: Server) -> None:
    response = create(server, instructions="Be brief.", temperature=0, metadata={"a": "b"})
    assert called(response) == EXPECTED
    assert (response.object, response.status, response.model, response.error) == ("response", "completed", "m", None)
    assert (response.instructions, response.temperature, response.metadata) == ("Be brief.", 0, {"a": "b"})
    assert [tool.name for tool in response.tools] == ["Weather", "GoogleSearch"]
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert all(item.call_id.startswith("call_") and item.id.startswith("fc_") for item in response.output)


def test_the_input_in_every_form(server: Server) -> None:
    parts = [{"type": "input_text", "text": QUESTION}]
    for given in (
        [{"role": "user", "content": QUESTION}],
        [{"role": "user", "content": parts}],
        [{"type": "message", "role": "developer", "content": "x"}, {"role": "user", "content": parts}],
    ):
        assert called(create(server, input=given)) == EXPECTED


def test_choices_and_the_switch(server: Server) -> None:
    assert len(create(server, parallel_tool_calls=False).output) == 1
    assert create(server, tool_choice="none").output_text.startswith("No tool was called")
    named = {"type": "function", "name": "GoogleSearch"}
    some = {"type": "allowed_tools", "mode": "required", "tools": [named]}
    for choice in (named, some):
        assert {name for name, _ in called(create(server, tool_choice=choice))} == {"GoogleSearch"}
    assert called(create(server, tool_choice={"type": "web_search"})) == []


def test_results_of_calls_are_summed_up(server: Server) -> None:
    first = create(server)
    outputs = [{"type": "function_call_output", "call_id": one.call_id, "output": one.name} for one in first.output]
    said = [item.model_dump(exclude_none=True, by_alias=True) for item in first.output]
    text = create(server, input=[{"role": "user", "content": QUESTION}, *said, *outputs]).output_text
    assert text.startswith("The tools returned:")
    assert text.count("- Weather: Weather") == 2
    alone = create(server, input=outputs[:1], previous_response_id=first.id)
    assert alone.output_text == "The tools returned:\n- a tool: Weather"


def test_a_previous_response_is_one_that_was_given(server: Server) -> None:
    first = create(server)
    assert create(server, previous_response_id=first.id, store=False).id != first.id
    unstored = create(server, store=False)
    for unknown in (unstored.id, "resp_zzz"):
        with pytest.raises(openai.BadRequestError, match=f"Previous response with id '{unknown}' not found") as caught:
            create(server, previous_response_id=unknown)
        assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
    with Server(
        [{"body": {"content": first.model_dump(mode="json") | {"id": "resp_own"}}}, {"text": "on"}]
    ) as scripted:
        assert create(scripted).id == "resp_own"
        assert create(scripted, previous_response_id="resp_own").output_text == "on"


def test_scripted_answers() -> None:
    script = [
        {"calls": CALLS, "text": "Both.", "usage": {"prompt_tokens": 7, "completion_tokens": 5}},
        {"calls": CALLS, "stop": "length"},
        {"text": "Hm", "stop": "filtered"},
        {"error": {"status": 429, "message": "slow down", "code": "rate_limit_exceeded"}},
        {"body": {"content": {"id": "resp_x", "object": "response", "output": []}}},
    ]
    with Server(script) as server:
        both = create(server)
        assert [item.type for item in both.output] == ["message", "function_call", "function_call"]
        assert both.output_text == "Both."
        assert both.output[1].call_id == "call_1"
        assert both.output[2].arguments == '{"cut": '
        assert (both.usage.input_tokens, both.usage.output_tokens) == (7, 5)
        cut = create(server)
        assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
        assert [item.status for item in cut.output] == ["completed", "incomplete"]
        assert create(server).incomplete_details.reason == "content_filter"
        with pytest.raises(openai.RateLimitError, match="slow down"):
            create(server)
        assert create(server).id == "resp_x"


# Streams.


def test_the_sdks_stream_makes_the_same_of_the_events(server: Server) -> None:
    with client(server) as sdk, sdk.responses.stream(**asked()) as stream:
        types = [event.type for event in stream]
        assert called(stream.get_final_response()) == EXPECTED
    assert types[:3] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert types[-1] == "response.completed"


def test_a_text_beside_calls_in_the_services_order() -> None:
    with Server([{"calls": CALLS, "text": "Both of them."}]) as server:
        events = events_of(server)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    message = [event for event in events if getattr(event, "output_index", None) == 0]
    assert [event.type.removeprefix("response.") for event in message] == [
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 3,
        "output_text.done",
        "content_part.done",
        "output_item.done",
    ]
    assert "".join(event.delta for event in message if event.type.endswith("text.delta")) == "Both of them."
    for index, text in ((1, '{"n": 1}'), (2, '{"cut": ')):
        of_call = [event for event in events if getattr(event, "output_index", None) == index]
        deltas = [event.delta for event in of_call if event.type.endswith("delta")]
        assert len(deltas) > 1
        assert "".join(deltas) == of_call[-2].arguments == of_call[-1].item.arguments == text
        assert [event.type.removeprefix("response.") for event in (of_call[0], *of_call[-2:])] == [
            "output_item.added",
            "function_call_arguments.done",
            "output_item.done",
        ]
    assert events[-1].response.output == [event.item for event in events if event.type.endswith("item.done")]


def test_calls_together_come_in_one_piece_each() -> None:
    with Server([{"calls": CALLS, "calls_together": True}]) as server:
        events = events_of(server)
    assert [event.delta for event in events if event.type.endswith("delta")] == ['{"n": 1}', '{"cut": ']


def test_each_event_bears_its_name_and_the_last_is_no_done(server: Server) -> None:
    answer = httpx2.post(
        f"{server.openai_url}/responses", json=asked(stream=True), headers={"authorization": "Bearer x"}
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    for name, data in blocks:
        assert json.loads(data.removeprefix("data: "))["type"] == name.removeprefix("event: ")
    assert blocks[-1][0] == "event: response.completed"


# What is refused.

CALL = {"type": "function_call", "call_id": "c", "name": "Weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "x"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"messages": []}, "this parameter has moved to 'input'"),
        ({"model": None}, "Missing required parameter: 'model'"),
        ({"input": None}, 'One of "input" or "previous_response_id"'),
        ({"input": []}, 'One of "input" or "previous_response_id"'),
        ({"input": ""}, 'One of "input" or "previous_response_id"'),
        ({"top_k": 1}, "Unknown parameter: 'top_k'"),
        ({"temperature": 2.5}, "Invalid 'temperature': decimal above maximum value. Expected a value <= 2"),
        ({"max_output_tokens": 1}, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16"),
        ({"input": 3}, "Invalid type for 'input'"),
        ({"input": ["x"]}, r"Invalid type for 'input\[0\]'"),
        ({"input": [{"role": "tool", "content": "x"}]}, "Invalid value: 'tool'"),
        ({"input": [{"role": "user"}]}, r"Missing required parameter: 'input\[0\].content'"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "Invalid value: 'text'"),
        ({"input": [CALL]}, "No tool output found for function call c"),
        ({"input": [OUTPUT]}, "No tool call found for function call output with call_id c"),
        ({"input": [CALL, {**OUTPUT, "type": "custom_tool_call_output"}]}, "custom tool call output with call_id c"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, r"Missing required parameter: 'input\[0\].name'"),
        ({"input": [{**CALL, "arguments": {}}, OUTPUT]}, r"Invalid type for 'input\[0\].arguments'"),
        ({"input": [{**CALL, "name": "a.b"}, OUTPUT]}, r"Invalid 'input\[0\].name': string does not match"),
        ({"tools": [{"type": "function", "function": {"name": "A"}}]}, r"'tools\[0\].name'"),
        ({"tools": [{"name": "A"}]}, r"'tools\[0\].type'"),
        ({"tools": [{"type": "function", "name": "a b"}]}, r"Invalid 'tools\[0\].name'"),
        ({"tools": [{**TOOLS[0], "strict": True}]}, "additionalProperties"),
        ({"tools": [TOOLS[0]] * 129}, "at most 128"),
        ({"tool_choice": {"type": "function", "name": "Nope"}}, "Tool choice 'Nope' not found"),
        ({"tool_choice": "any"}, "Invalid value for 'tool_choice'"),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.mode"),
        ({"tool_choice": "required", "tools": []}, "must be specified with 'tools'"),
        ({"stream": "yes"}, "Invalid type for 'stream'"),
    ],
)
def test_what_the_service_refuses(server: Server, changes: Any, words: str) -> None:
    with client(server) as sdk, pytest.raises(openai.BadRequestError, match=words):
        sdk.post("/responses", cast_to=object, body=asked(**changes))


def test_a_key_is_needed(server: Server) -> None:
    answer = httpx2.post(f"{server.openai_url}/responses", json=asked())
    assert answer.status_code == 401
    assert "You didn't provide an API key" in answer.text


def test_azure_is_served_too(server: Server) -> None:
    with openai.AzureOpenAI(azure_endpoint=server.base_url, api_version="2025-03-01-preview", api_key="x") as sdk:
        assert called(sdk.responses.create(**asked())) == EXPECTED
