"""What the server writes where the request's limit of output tokens cuts an answer, read by the vendors' own types."""

from __future__ import annotations

from typing import Any

import anthropic
import cohere
import httpx2
import openai
import pytest
from cohere.v2 import types as cohere_types
from google import genai
from limit_cases import CALLS, CASES, FIRST, KEPT, TEXT, cases
from local_questions import QUESTION, WEATHER
from loopback import USER
from pydantic import TypeAdapter
from shared_data import judge
from toolfan_local import Server

KEYS = {"authorization": "Bearer k", "x-api-key": "k", "anthropic-version": "2023-06-01"}
VERTEX = "v1/projects/p/locations/us-central1/publishers/google/models/m:generateContent"
CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]
DECLARED = [{"functionDeclarations": [{"name": "Weather", "parametersJsonSchema": WEATHER}]}]


def post(server: Server, path: str, **body: Any) -> Any:
    answer = httpx2.post(f"{server.base_url}/{path}", json=body, headers=KEYS)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("case", CASES)
def test_a_chat_completion(scripted: Server, case: str) -> None:
    most, tokens, text, second = CASES[case]
    body = post(scripted, "v1/chat/completions", model="m", messages=USER, max_tokens=most)
    answer = openai.types.chat.ChatCompletion.model_validate(body)
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.content) == ("length", text)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == tokens
    calls: list[Any] = choice.message.tool_calls or []
    assert ("tool_calls" in body["choices"][0]["message"]) == (second is not None)
    assert [call.function.arguments for call in calls[1:]] == ([second.strip("0")] if second else [])


@pytest.mark.parametrize("case", cases("openai-responses"))
def test_items_of_a_response_are_incomplete_where_they_were_cut(scripted: Server, case: str) -> None:
    most, tokens, _, second = CASES[case]
    body = post(scripted, "v1/responses", model="m", input="hi", max_output_tokens=most)
    answer = openai.types.responses.Response.model_validate(body)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.usage is not None
    assert (answer.usage.output_tokens, answer.max_output_tokens) == (tokens, most)
    cut = case not in ("between text and calls", "between calls")
    expected = ["completed"] * (1 if second is None else 3 if second else 2)
    assert [item["status"] for item in body["output"]] == [*expected[:-1], "incomplete" if cut else "completed"]


@pytest.mark.parametrize("case", CASES)
def test_a_message_of_anthropic_has_the_fields_that_are_whole(scripted: Server, case: str) -> None:
    most, tokens, text, second = CASES[case]
    body = post(scripted, "v1/messages", model="m", messages=USER, max_tokens=most)
    answer = anthropic.types.Message.model_validate(body)
    assert (answer.stop_reason, answer.usage.output_tokens) == ("max_tokens", tokens)
    said, *calls = body["content"]
    assert said["text"] == text
    assert [call["input"] for call in calls[1:]] == ([KEPT.get(case, {})] if second else [])


@pytest.mark.parametrize("case", CASES)
def test_an_answer_of_converse_has_the_fields_that_are_whole(scripted: Server, case: str) -> None:
    most, tokens, text, second = CASES[case]
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    body = post(scripted, "model/m/converse", messages=messages, inferenceConfig={"maxTokens": most})
    assert (body["stopReason"], body["usage"]["outputTokens"]) == ("max_tokens", tokens)
    said, *calls = body["output"]["message"]["content"]
    assert said == {"text": text}
    assert [call["toolUse"]["input"] for call in calls[1:]] == ([KEPT.get(case, {})] if second else [])


@pytest.mark.parametrize("case", CASES)
def test_an_answer_of_cohere_keeps_the_plan_of_calls_that_are_cut_off(scripted: Server, case: str) -> None:
    most, tokens, text, second = CASES[case]
    body = post(scripted, "v2/chat", model="m", messages=USER, max_tokens=most)
    kind: Any = getattr(cohere_types, "V2ChatResponse", None) or cohere.ChatResponse  # of older SDKs
    answer = TypeAdapter(kind).validate_python(body)
    assert answer.finish_reason == "MAX_TOKENS"
    assert body["usage"]["tokens"]["output_tokens"] == tokens
    assert body["message"]["tool_plan"] == text
    calls = body["message"].get("tool_calls", [])
    assert [call["function"]["arguments"] for call in calls[1:]] == ([second.strip("0")] if second else [])


@pytest.mark.parametrize("case", CASES)
def test_vertex_tells_nothing_of_a_call_that_was_cut(scripted: Server, case: str) -> None:
    most, tokens, text, second = CASES[case]
    body = post(scripted, VERTEX, contents=CONTENTS, tools=DECLARED, generationConfig={"maxOutputTokens": most})
    answer = genai.types.GenerateContentResponse.model_validate(body)
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == "MAX_TOKENS"
    assert body["usageMetadata"]["candidatesTokenCount"] == tokens
    said, *calls = body["candidates"][0]["content"]["parts"]
    assert said == {"text": text}
    assert [call["functionCall"]["args"] for call in calls] == ([] if second is None else [FIRST])
    assert judge("discovery_judge").why("response", body) == []


@pytest.mark.parametrize("given", [{"maxOutputTokens": "2"}, {"max_output_tokens": 2.0}])
def test_the_limit_in_google_s_other_spellings(scripted: Server, given: Any) -> None:
    body = post(scripted, VERTEX, contents=CONTENTS, generation_config=given)
    assert body["candidates"][0]["content"]["parts"] == [{"text": TEXT[:8]}]


def test_the_smaller_one_of_two_limits(scripted: Server) -> None:
    for limits in ({"max_tokens": 1, "max_completion_tokens": 9}, {"max_tokens": 9, "max_completion_tokens": 1}):
        body = post(scripted, "v1/chat/completions", model="m", messages=USER, **limits)
        assert body["choices"][0]["message"]["content"] == TEXT[:4]


def test_the_limit_holds_for_each_choice(scripted: Server) -> None:
    body = post(scripted, "v1/chat/completions", model="m", messages=USER, max_tokens=3, n=2)
    assert [one["message"]["content"] for one in body["choices"]] == [TEXT[:12]] * 2
    assert body["usage"]["completion_tokens"] == 6


def test_a_call_that_was_demanded_ends_with_length_too(server: Server) -> None:
    """One that is whole ends with "stop" at OpenAI."""
    tool = {"type": "function", "function": {"name": "Weather", "parameters": WEATHER}}
    asked = {"model": "m", "messages": [{"role": "user", "content": QUESTION}], "tools": [tool]}
    choice = {"type": "function", "function": {"name": "Weather"}}
    body = post(server, "v1/chat/completions", **asked, tool_choice=choice, max_tokens=4)
    assert body["choices"][0]["finish_reason"] == "length"
    (call,) = body["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"locati'


def test_where_nothing_fits_nothing_is_said() -> None:
    with Server([{"times": "always", "calls": CALLS}]) as server:
        chat = post(server, "v1/chat/completions", model="m", messages=USER, max_tokens=1)
        assert chat["choices"][0]["message"] == {
            "role": "assistant",
            "content": None,
            "refusal": None,
            "annotations": [],
        }
        assert post(server, "v1/messages", model="m", messages=USER, max_tokens=1)["content"] == []
        gone = post(server, VERTEX, contents=CONTENTS, generationConfig={"maxOutputTokens": 1})["candidates"][0]
        assert (gone["content"], gone["finishReason"]) == ({"role": "model"}, "MAX_TOKENS")


def test_converse_refuses_what_is_no_limit(server: Server) -> None:
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    for config, words in (
        ({"maxTokens": 0}, "Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint"),
        ({"maxTokens": "9"}, "inferenceConfig.maxTokens can not be converted to an Integer"),
        ([1], "Start of structure or map found where not expected."),
    ):
        sent = {"messages": messages, "inferenceConfig": config}
        answer = httpx2.post(f"{server.base_url}/model/m/converse", json=sent, headers=KEYS)
        assert (answer.status_code, words in answer.json()["message"]) == (400, True)
