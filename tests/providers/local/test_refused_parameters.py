"""Parameters that the vendors refuse are refused, in their words, to their own SDKs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anthropic
import cohere
import httpx
import httpx2
import openai
import pytest
from google.genai import errors
from test_google_dialect import CONTENTS, VERTEX, gemini, post, vertex
from test_openai_dialect import MESSAGES, TOOLS, ask

if TYPE_CHECKING:
    from toolfan_local.server import Server

SAYS: list[Any] = [{"role": "user", "content": "hello"}]
CALL = {"id": "a", "type": "function", "function": {"name": "Weather", "arguments": {"location": "Lima"}}}
MADE = {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "Weather", "arguments": "{}"}}]}
CALLED: list[Any] = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "a", "content": "x"}]


def shown(part: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, part]}]}


def described(**fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "Weather", **fields}}


@pytest.mark.parametrize(
    ("changes", "param", "code", "words"),
    [
        ({"temperature": 9}, "temperature", "decimal_above_max_value",
         "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 9 instead."),
        ({"temperature": "hot"}, "temperature", "invalid_type",
         "Invalid type for 'temperature': expected a decimal, but got a string instead."),
        ({"max_tokens": -1}, "max_tokens", "integer_below_min_value",
         "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got -1 instead."),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens", "invalid_type",
         "expected an integer, but got a decimal"),
        ({"top_p": -0.1}, "top_p", "decimal_below_min_value", "Expected a value >= 0"),
        ({"n": True}, "n", "invalid_type", "expected an integer, but got a boolean"),
        ({"extra_body": {"functions": []}}, "functions", "unsupported_parameter", "use 'tools'"),
        (shown({"type": "image_url"}), "messages[0].content[1].image_url", "missing_required_parameter", "Missing"),
        (shown({"type": "image_url", "image_url": {}}), "messages[0].content[1].image_url.url",
         "missing_required_parameter", "Missing"),
        (shown({"type": "image_url", "image_url": {"url": ""}}), "messages[0].content[1].image_url.url",
         "missing_required_parameter", "Missing"),
        (shown({"type": "text"}), "messages[0].content[1].text", "missing_required_parameter", "Missing"),
        ({"messages": [*MESSAGES, *CALLED]}, "messages[2].tool_calls[0].function.arguments", "invalid_type",
         "expected a string, but got an object"),
        ({"messages": [*MESSAGES, MADE, {"role": "tool", "tool_call_id": "a"}]}, "messages[3].content",
         "missing_required_parameter", "Missing required parameter: 'messages[3].content'."),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type", "expected one of"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter", "Missing"),
        ({"messages": [{**SAYS[0], "name": 5}]}, "messages[0].name", "invalid_type", "expected a string"),
        (shown({"text": "x"}), "messages[0].content[1].type", "missing_required_parameter", "Missing"),
        (shown({"type": 5}), "messages[0].content[1].type", "invalid_type", "expected a string, but got an integer"),
        (shown("x"), "messages[0].content[1]", "invalid_type", "expected an object, but got a string instead."),
        (shown({"type": "text", "text": 5}), "messages[0].content[1].text", "invalid_type", "but got an integer"),
        (shown({"type": "image_url", "image_url": "http://x"}), "messages[0].content[1].image_url", "invalid_type",
         "expected an object"),
        ({"stop": ["a"] * 5}, "stop", "array_above_max_length",
         "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5"),
        ({"stop": ["a", 5]}, "stop[1]", "invalid_type", "expected a string, but got an integer instead."),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls", "invalid_type",
         "Invalid type for 'parallel_tool_calls': expected a boolean, but got a string instead."),
        ({"tools": [described(strict="yes")]}, "tools[0].function.strict", "invalid_type", "expected a boolean"),
        ({"tools": [described(description=5)]}, "tools[0].function.description", "invalid_type", "expected a string"),
        ({"service_tier": "zz"}, "service_tier", "invalid_value", "Invalid value: 'zz'. Supported values are: 'auto'"),
        ({"reasoning_effort": "zz"}, "reasoning_effort", "invalid_value", "'none', 'minimal', 'low', 'medium'"),
        ({"verbosity": "zz"}, "verbosity", "invalid_value", "are: 'low', 'medium', and 'high'."),
        ({"verbosity": 1}, "verbosity", "invalid_type", "expected a string, but got an integer"),
        ({"modalities": ["text", "smell"]}, "modalities[1]", "invalid_value", "are: 'text' and 'audio'."),
        ({"store": "x"}, "store", "invalid_type", "expected a boolean"),
        ({"user": 1}, "user", "invalid_type", "expected a string"),
        ({"safety_identifier": 5}, "safety_identifier", "invalid_type", "expected a string"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type", "expected a string, but got an integer"),
        ({"logit_bias": {"50": "b"}}, "logit_bias.50", "invalid_type", "expected an integer, but got a string"),
        ({"extra_body": {"prediction": 5}}, "prediction", "invalid_type", "expected an object"),
    ],
)  # fmt: skip
def test_openai(server: Server, changes: dict[str, Any], param: str | None, code: str | None, words: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(server, **changes)
    assert (caught.value.param, caught.value.code) == (param, code)
    assert words in str(caught.value)


def test_openai_takes_the_bounds_and_images(server: Server) -> None:
    image = shown({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}})
    of_others = {"extra_body": {"top_k": 3}}  # other servers speak chat completions, too
    for changes in (
        of_others,
        shown({"type": "video_url", "video_url": {"url": "http://x"}}),
        shown({"type": "document_url", "document_url": "http://x"}),
        {"temperature": 2, "top_p": 0, "n": 128, "max_tokens": None},
        {"tools": TOOLS * 2},
        {"tools": [described(strict=None, description=None)], "stop": "a", "logit_bias": {"50": 1}, "user": None},
        {"service_tier": "flex", "reasoning_effort": "xhigh", "verbosity": "low", "metadata": {"a": "b"}},
        image,
    ):
        assert ask(server, **changes).choices


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"extra_body": {"foo": 1}}, "foo: Extra inputs are not permitted"),
        ({"extra_body": {"temperature": 1.5}}, "temperature: range: 0..1"),
        ({"extra_body": {"top_k": "x"}}, "top_k: Input should be a valid integer"),
        ({"extra_headers": {"anthropic-version": anthropic.Omit()}}, "anthropic-version: header is required"),
    ],
)
def test_anthropic(server: Server, changes: dict[str, Any], words: str) -> None:
    sdk = anthropic.Anthropic(base_url=server.anthropic_url, api_key="any", max_retries=0)
    with sdk, pytest.raises(anthropic.BadRequestError, match=words):
        sdk.messages.create(model="m", max_tokens=9, messages=SAYS, **changes)


@pytest.mark.parametrize("make", [vertex, gemini])
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"temperature": 9}, "temperature value of 9 but the supported range is from 0"),
        ({"top_p": 1.5}, "topP value of 1.5"),
        ({"candidate_count": 9}, "candidateCount value of 9"),
        ({"max_output_tokens": -1}, "maxOutputTokens value of -1"),
    ],
)
def test_google(server: Server, make: Any, config: Any, words: str) -> None:
    sdk = make(server)
    with pytest.raises(errors.ClientError, match=words) as caught:
        sdk.models.generate_content(model="m", contents=CONTENTS, config=config)
    assert caught.value.status == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"foo": 1}, "Unknown name \"foo\" at 'generation_config': Cannot find field."),
        ({"temperature": "hot"}, "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\""),
        ({"candidateCount": 1.5}, "Invalid value at 'generation_config.candidate_count' (TYPE_INT32), 1.5"),
        ([1], 'Unknown name "generation_config": Proto field is not repeating, cannot start list.'),
        ("x", "Invalid value at 'generation_config' (type.googleapis.com/google.cloud.aiplatform.v1.GenerationConfig)"),
        ({"responseSchema": {"type": "STRING", "const": "x"}}, "\"const\" at 'generation_config.response_schema'"),
        ({"stopSequences": ["a", 5]}, "Invalid value at 'generation_config.stop_sequences[1]' (TYPE_STRING), 5"),
    ],
)
def test_google_as_no_sdk_writes_it(server: Server, config: Any, words: str) -> None:
    for key in ("generationConfig", "generation_config"):
        answer = post(server, "v1/" + VERTEX, {"contents": CONTENTS, key: config})
        assert answer.status_code == 400
        assert words in answer.json()["error"]["message"]
    assert post(server, "v1/" + VERTEX, {"contents": CONTENTS, "generationConfig": {"topK": "40"}}).status_code == 200


@pytest.mark.parametrize("make", [vertex, gemini])
def test_google_gives_as_many_candidates_as_are_asked_for(server: Server, make: Any) -> None:
    asked: Any = {"model": "m", "contents": "hello", "config": {"candidate_count": 3}}
    sdk = make(server)
    whole = sdk.models.generate_content(**asked)
    assert [one.index or 0 for one in whole.candidates] == [0, 1, 2]
    assert len({one.content.parts[0].text for one in whole.candidates}) == 1
    texts = {0: "", 1: "", 2: ""}
    chunks = list(sdk.models.generate_content_stream(**asked))
    for chunk in chunks:
        for one in chunk.candidates:
            texts[one.index or 0] += one.content.parts[0].text
    assert set(texts.values()) == {whole.candidates[0].content.parts[0].text}
    counted = [chunk.usage_metadata.candidates_token_count for chunk in chunks]
    assert counted[:-1] == [None] * (len(chunks) - 1)
    assert counted[-1] == whole.usage_metadata.candidates_token_count


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"temperature": -1}, "temperature must be at least 0"), ({"p": 2}, "p must be at most 1"),
     ({"k": 501}, "k must be at most 500")],
)  # fmt: skip
def test_cohere(server: Server, changes: dict[str, Any], words: str) -> None:
    with httpx.Client() as http:
        sdk = cohere.ClientV2(base_url=server.base_url, api_key="any", httpx_client=http)
        with pytest.raises(cohere.BadRequestError, match=words):
            sdk.chat(model="m", messages=SAYS, **changes)


@pytest.mark.parametrize("name", ["parallel_tool_calls", "store", "user", "service_tier", "metadata"])
def test_responses(server: Server, name: str) -> None:
    with openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0) as sdk:
        with pytest.raises(openai.BadRequestError) as caught:
            sdk.responses.create(model="m", input="hello", extra_body={name: 5})
        assert (caught.value.param, caught.value.code) == (name, "invalid_type")


def test_responses_have_a_tier_more_than_chat_completions(server: Server) -> None:
    fast: Any = {"service_tier": "ultrafast"}  # not in the types of older SDKs
    with openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0) as sdk:
        assert sdk.responses.create(model="m", input="hello", **fast).status == "completed"
        with pytest.raises(openai.BadRequestError, match=r"'scale', 'priority', and 'fast'\."):
            sdk.chat.completions.create(model="m", messages=SAYS, **fast)


def test_a_responses_request_may_have_its_input_elsewhere(server: Server) -> None:
    with openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0) as sdk:
        first = sdk.responses.create(model="m", input="hello")
        assert sdk.responses.create(model="m", previous_response_id=first.id).status == "completed"
    body = {"model": "m", "previous_response_id": "resp_unknown"}
    headers = {"authorization": "Bearer any"}
    answer = httpx2.post(f"{server.openai_url}/responses", json=body, headers=headers)
    assert answer.json()["error"]["code"] == "previous_response_not_found"
