"""OpenAI's dialect, asked through OpenAI's own SDK: answers, choices, errors, scripts."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_questions import EXPECTED, QUESTION, SEARCH, WEATHER
from toolfan_local import openai_wire
from toolfan_local.exchange import Question, Refused
from toolfan_local.server import Server

MESSAGES: list[Any] = [
    {"role": "system", "content": "You must always use tools"},
    {"role": "user", "content": QUESTION},
]
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "Weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "GoogleSearch", "parameters": SEARCH}},
]


def client(server: Server, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=server.openai_url, api_key=key, max_retries=0)


def ask(server: Server, **changes: Any) -> Any:
    asked = {"model": "gpt-4o-mini", "messages": MESSAGES, "tools": TOOLS, **changes}
    with client(server) as sdk:
        return sdk.chat.completions.create(**asked)


def pairs(completion: Any, index: int = 0) -> list[tuple[str, Any]]:
    calls = completion.choices[index].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]


def test_the_example_of_the_readme(server: Server) -> None:
    completion = ask(server)
    assert pairs(completion) == EXPECTED
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.choices[0].message.content is None
    ids = [call.id for call in completion.choices[0].message.tool_calls]
    assert len(set(ids)) == 3
    assert all(len(one) == 29 and one.startswith("call_") and one[5:].isalnum() for one in ids)


def test_the_answer_has_every_field_and_header_of_the_real_one(server: Server) -> None:
    with client(server) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES, tools=TOOLS)
    body = json.loads(raw.content)
    assert list(body) == [
        "id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint",
    ]  # fmt: skip
    assert body["object"] == "chat.completion"
    assert body["id"].startswith("chatcmpl-")
    assert list(body["choices"][0]) == ["index", "message", "logprobs", "finish_reason"]
    assert list(body["choices"][0]["message"]) == ["role", "content", "tool_calls", "refusal", "annotations"]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0, "audio_tokens": 0}
    assert raw.headers["x-request-id"].startswith("req_")
    names = ("openai-processing-ms", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests")
    assert all(raw.headers[name].isdigit() for name in names)
    assert raw.headers["x-ratelimit-reset-requests"]


def test_azure(server: Server) -> None:
    with openai.AzureOpenAI(azure_endpoint=server.base_url, api_key="any", api_version="2024-10-21") as sdk:
        completion = sdk.chat.completions.create(model="my-deployment", messages=MESSAGES, tools=TOOLS)
    assert pairs(completion) == EXPECTED
    assert completion.model == "my-deployment"
    last = server.requests[-1]
    assert (last.path, dict(last.query)) == (
        "/openai/deployments/my-deployment/chat/completions",
        {"api-version": "2024-10-21"},
    )


def test_azure_by_a_deployment_alone(server: Server) -> None:
    """The body's model is null then, as LangChain's client for Azure has it."""
    place = {"azure_endpoint": server.base_url, "azure_deployment": "my-deployment"}
    with openai.AzureOpenAI(**place, api_key="any", api_version="2024-10-21") as sdk:
        completion = sdk.chat.completions.create(model=None, messages=MESSAGES, tools=TOOLS)  # type: ignore[call-overload]
    assert (pairs(completion), completion.model) == (EXPECTED, "my-deployment")


@pytest.mark.parametrize("name", ["gpt-4o-mini", "qwen3:8b", "meta-llama/Llama-3.1-8B"])
def test_a_model_of_any_name_is_there(server: Server, name: str) -> None:
    with client(server) as sdk:
        model = sdk.models.retrieve(name)
    assert (model.id, model.object) == (name, "model")


def test_any_prefix_works(server: Server) -> None:
    with openai.OpenAI(base_url=server.base_url + "/openai/v1", api_key="any") as sdk:
        assert [model.id for model in sdk.models.list()] == ["toolfan-local"]
        completion = sdk.chat.completions.create(model="m", messages=MESSAGES, tools=TOOLS)
    assert pairs(completion) == EXPECTED


def _allowed(mode: str) -> dict[str, Any]:
    listed = [{"type": "function", "function": {"name": "GoogleSearch"}}]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": listed}}


@pytest.mark.parametrize(
    ("changes", "names", "finish"),
    [
        ({"tool_choice": "none"}, [], "stop"),
        ({"tool_choice": "required"}, ["Weather", "Weather", "GoogleSearch"], "tool_calls"),
        ({"tool_choice": {"type": "function", "function": {"name": "Weather"}}}, ["Weather", "Weather"], "stop"),
        ({"tool_choice": _allowed("auto")}, ["GoogleSearch", "GoogleSearch"], "tool_calls"),
        ({"tool_choice": _allowed("required")}, ["GoogleSearch", "GoogleSearch"], "tool_calls"),
        ({"parallel_tool_calls": False}, ["Weather"], "tool_calls"),
        ({"messages": [{"role": "user", "content": "hello"}]}, [], "stop"),
        ({"messages": [{"role": "user", "content": "hi"}], "tool_choice": "required"}, ["GoogleSearch"], "tool_calls"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]},
         ["Weather", "Weather", "GoogleSearch"], "tool_calls"),
    ],
)  # fmt: skip
def test_choices(server: Server, changes: dict[str, Any], names: list[str], finish: str) -> None:
    completion = ask(server, **changes)
    assert [name for name, _ in pairs(completion)] == names
    assert completion.choices[0].finish_reason == finish
    assert (completion.choices[0].message.content is None) == bool(names)


def test_n_gives_as_many_choices(server: Server) -> None:
    completion = ask(server, n=2)
    assert [pairs(completion, index) for index in (0, 1)] == [EXPECTED, EXPECTED]
    assert [choice.index for choice in completion.choices] == [0, 1]


def test_tool_results_are_answered_with_a_text(server: Server) -> None:
    first = ask(server)
    calls = first.choices[0].message.tool_calls
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"result {n}"} for n, call in enumerate(calls)]
    completion = ask(server, messages=[*MESSAGES, first.choices[0].message.model_dump(exclude_none=True), *results])
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.content == (
        "The tools returned:\n- Weather: result 0\n- Weather: result 1\n- GoogleSearch: result 2"
    )


def test_a_call_that_is_required_after_results_is_another_tools(server: Server) -> None:
    """Agents that take their answer from a tool require calls until it is made; a tool alone is called again."""
    names = ("Weather", "finish")
    tools = [{"type": "function", "function": {"name": name, "parameters": WEATHER}} for name in names]
    call = {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}
    turns = [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "rain"}]
    delete = {"type": "function", "function": {"name": "DeleteUser", "parameters": WEATHER}}
    for offered, called in ((tools, "finish"), (tools[:1], "Weather"), ([tools[0], delete], "Weather")):
        completion = ask(server, messages=[*MESSAGES, *turns], tools=offered, tool_choice="required")
        assert {one.function.name for one in completion.choices[0].message.tool_calls} == {called}
    turns[1]["content"] = "Invalid arguments:\n- location: unknown"  # a refused call is made again
    completion = ask(server, messages=[*MESSAGES, *turns], tools=tools, tool_choice="required")
    assert {one.function.name for one in completion.choices[0].message.tool_calls} == {"Weather"}


def _named(name: str) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": name}}]}


CALL = {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("changes", "param", "code", "message"),
    [
        ({"messages": None}, "messages", "missing_required_parameter", "Missing required parameter: 'messages'."),
        ({"messages": []}, "messages", "empty_array", "Invalid 'messages': empty array"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "invalid_value", "Invalid value: 'wi"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result", "content": "x"}]}]},
         "messages[0].content[0].type", "invalid_value", "Invalid value: 'tool_result'. Supported values are: 'text'"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "Weather"}]}]},
         "messages[0].content[0].type", "invalid_value", "Invalid value: 'tool_use'."),
        ({"model": ""}, None, None, "you must provide a model parameter"),
        ({"tools": openai.NOT_GIVEN, "tool_choice": "auto"}, "tool_choice", None, "is only allowed when 'tools' are"),
        ({"tools": openai.NOT_GIVEN, "parallel_tool_calls": True}, "parallel_tool_calls", None, "is only allowed when"),
        (_named("a.b"), "tools[0].function.name", "invalid_value", "string does not match pattern"),
        (_named("a" * 65), "tools[0].function.name", "invalid_value", "string too long"),
        ({"tools": TOOLS[:1] * 129}, "tools", "array_above_max_length", "maximum length 128"),
        ({"tool_choice": {"type": "function", "function": {"name": "Nobody"}}}, "tool_choice", "invalid_value", "Nobo"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": ""}]}, "messages.[0].role", None, "preceeding"),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL]}, {"role": "user", "content": "x"}]},
         "messages.[0].role", None, "did not have response messages: a"),
        ({"messages": [{"role": "assistant", "tool_calls": [CALL | {"function": {"name": "a.b", "arguments": "{}"}}]}]},
         "messages[0].tool_calls[0].function.name", "invalid_value", "string does not match pattern"),
        ({"tools": [{"type": "function", "function": {"name": "a", "strict": True, "parameters": WEATHER}}]},
         "tools[0].function.parameters", "invalid_function_parameters", "'additionalProperties' is required"),
        ({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}]},
         "tools[0].function.parameters", "invalid_function_parameters", "type: \"object\""),
        ({"n": 0}, "n", "integer_below_min_value", "Invalid 'n': integer below minimum value"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None, "only allowed when 'stream' is enabled"),
        ({"extra_body": {"stream": "yes"}}, "stream", "invalid_type", "expected a boolean"),
        ({"stream": True, "extra_body": {"stream_options": 1}}, "stream_options", "invalid_type", "expected an object"),
    ],
)  # fmt: skip
def test_bad_requests(server: Server, changes: Any, param: str | None, code: str | None, message: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(server, **changes)
    assert (caught.value.param, caught.value.code, caught.value.type) == (param, code, "invalid_request_error")
    assert message in caught.value.message
    assert caught.value.request_id


def test_a_body_that_is_not_json(server: Server) -> None:
    answer = httpx2.post(server.openai_url + "/chat/completions", content=b"{", headers={"authorization": "Bearer k"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("We could not parse the JSON body of your request.")


def test_keys() -> None:
    url = "/v1/chat/completions"
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with Server(api_key="right") as server:
        assert httpx2.post(server.base_url + url, json=body).json()["error"]["message"].startswith("You didn't provide")
        with client(server, "wrong") as sdk, pytest.raises(openai.AuthenticationError) as caught:
            sdk.models.list()
        assert caught.value.code == "invalid_api_key"
        with client(server, "right") as sdk:
            assert sdk.models.list().data
        with (
            openai.AzureOpenAI(
                azure_endpoint=server.base_url, api_key="wrong", api_version="v", max_retries=0
            ) as azure,
            pytest.raises(openai.AuthenticationError, match="invalid subscription key"),
        ):
            azure.chat.completions.create(model="m", messages=MESSAGES)


def test_a_script_is_followed_through_the_sdk() -> None:
    script = [
        {"calls": [{"name": "Weather", "arguments": "{broken", "id": "call_x"}], "stop": "length",
         "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
        {"error": {"status": 429, "message": "slow down", "type": "tokens", "code": "rate_limit_exceeded",
                   "headers": {"retry-after": "7"}}},
        {"error": {"status": 500, "message": "oops"}},
        {"body": {"content": {"odd": True}}},
    ]  # fmt: skip
    with Server(script) as server:
        completion = ask(server)
        call = completion.choices[0].message.tool_calls[0]
        assert (call.id, call.function.arguments) == ("call_x", "{broken")
        assert completion.choices[0].finish_reason == "length"
        assert completion.usage.total_tokens == 7
        with pytest.raises(openai.RateLimitError) as limited:
            ask(server)
        assert (limited.value.code, limited.value.type) == ("rate_limit_exceeded", "tokens")
        assert limited.value.response.headers["retry-after"] == "7"
        with pytest.raises(openai.InternalServerError) as failed:
            ask(server)
        assert failed.value.type == "server_error"
        assert ask(server).model_extra == {"odd": True}
        with pytest.raises(openai.BadRequestError) as exhausted:
            ask(server)
        assert exhausted.value.code == "script_exhausted"


_keys = st.sampled_from(
    ["role", "content", "type", "function", "name", "tool_calls", "id", "tool_call_id", "parameters", "mode"]
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_keys, below, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["model", "messages", "tools", "tool_choice", "parallel_tool_calls", "n", "stream"]),
        st.sampled_from(["m", "auto", [{"role": "user", "content": "x"}], TOOLS, MESSAGES]) | _json,
    )
)
def test_a_strange_body_is_read_or_refused(body: Any) -> None:
    try:
        question = openai_wire.read(json.dumps(body).encode())
    except Refused as refusal:
        status = refusal.failure.status
    else:
        status = 400 if isinstance(question, Question) else 500
    assert status == 400
