"""Histories with objects of a vendor's SDK inside dicts, as the SDKs themselves take them, through the real SDKs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import GOOD, PROVIDERS, client_of
from loopback import USER, FaultServer, http
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Callable

Weather = type("Weather", (BaseModel,), {"__annotations__": {"location": str}})
HELD = {"openai-responses": "input", "gemini": "contents"}


@dataclass
class Slip:
    """What is neither plain data nor of an SDK."""

    text: str = "x"


def sent(faulty: Callable[..., FaultServer], provider: str, *messages: Any, **options: Any) -> list[Any]:
    """The messages as they reached the provider's server."""
    server = faulty(http(json.dumps(GOOD[provider])))
    with client_of(provider, server.url) as client:
        client.create(messages=messages, tools=(Weather,), **options)
    (request,) = server.requests
    body = json.loads(request[3])
    return body[HELD.get(provider, "messages")]  # type: ignore[no-any-return]


def test_blocks_of_anthropic(faulty: Callable[..., FaultServer]) -> None:
    from anthropic.types import Message, ToolUseBlock

    blocks: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "text", "text": "a"},
        {"type": "tool_use", "id": "t1", "name": "Weather", "input": {"location": "Oslo", "days": None}},
    ]
    about = {"id": "m", "type": "message", "role": "assistant", "model": "m"}
    usage = {"input_tokens": 1, "output_tokens": 1}
    response = Message.model_validate({**about, "content": blocks, "usage": usage})
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [response.content[1]]}
    history = [
        {"role": "assistant", "content": response.content},
        {"role": "user", "content": [result]},
        {"role": "assistant", "content": (blocks[1], ToolUseBlock(**{**blocks[2], "id": "t2"}))},
        {"role": "user", "content": [{**result, "tool_use_id": "t2", "content": "b"}]},
    ]
    came = sent(faulty, "anthropic", *USER, *history)
    assert came[1] == {"role": "assistant", "content": blocks}
    assert came[2]["content"][0]["content"] == [blocks[1]]
    assert came[3]["content"] == [blocks[1], {**blocks[2], "id": "t2"}]
    assert history[0]["content"] is response.content


def test_calls_of_openai(faulty: Callable[..., FaultServer]) -> None:
    from openai.types.chat import ChatCompletionMessage

    entry = {"id": "t1", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}
    said = ChatCompletionMessage.model_validate({"role": "assistant", "content": None, "tool_calls": [entry]})
    assert said.tool_calls
    function = {**entry, "function": said.tool_calls[0].function}  # type: ignore[union-attr]
    for calls in (said.tool_calls, [function]):
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        result = {"role": "tool", "tool_call_id": "t1", "content": "sun"}
        came = sent(faulty, "openai", *USER, message, result)
        assert came[1] == {"role": "assistant", "content": None, "tool_calls": [entry]}


def test_items_of_the_responses_api(faulty: Callable[..., FaultServer]) -> None:
    from openai.types.responses import ResponseOutputMessage
    from openai.types.responses.parsed_response import ParsedResponseFunctionToolCall

    part = {"type": "output_text", "text": "a", "annotations": []}
    item = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [part]}
    said = ResponseOutputMessage.model_validate(item)
    call = {"type": "function_call", "call_id": "c", "name": "Weather", "arguments": "{}"}
    asked = ParsedResponseFunctionToolCall.model_validate({**call, "parsed_arguments": {"location": "A"}})
    result = {"type": "function_call_output", "call_id": "c", "output": "sun"}
    came = sent(faulty, "openai-responses", *USER, {**item, "content": said.content}, asked, result)
    assert came[1:] == [item, call, result]


def test_calls_of_cohere(faulty: Callable[..., FaultServer]) -> None:
    from cohere import Document, DocumentToolContent, ToolCallV2

    entry = {"id": "t1", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}
    document = DocumentToolContent(document=Document(data={"snippet": "sun"}))
    came = sent(
        faulty,
        "cohere",
        *USER,
        {"role": "assistant", "tool_plan": "p", "tool_calls": [ToolCallV2.model_validate(entry)]},
        {"role": "tool", "tool_call_id": "t1", "content": [{"type": "document", "document": document.document}]},
    )
    assert came[1] == {"role": "assistant", "tool_plan": "p", "tool_calls": [entry]}
    assert came[2]["content"] == [{"type": "document", "document": {"data": {"snippet": "sun"}}}]


def test_parts_of_google(faulty: Callable[..., FaultServer]) -> None:
    from google.genai import types

    call = types.Part(
        function_call=types.FunctionCall(name="Weather", args={"location": "Oslo"}), thought_signature=b"\0\0\0"
    )
    response = types.FunctionResponse(name="Weather", response={"result": "sun"})
    came = sent(
        faulty,
        "gemini",
        {"role": "user", "parts": [types.Part(text="hi"), {"inlineData": types.Blob(data=b"\0", mime_type="a/b")}]},
        {"role": "model", "parts": (call,)},
        {"role": "user", "parts": [{"functionResponse": response}]},
    )
    assert [entry["parts"] for entry in came] == [
        [{"text": "hi"}, {"inlineData": {"data": "AA==", "mimeType": "a/b"}}],
        [{"functionCall": {"name": "Weather", "args": {"location": "Oslo"}}, "thoughtSignature": "AAAA"}],
        [{"functionResponse": {"name": "Weather", "response": {"result": "sun"}}}],
    ]


class Part(BaseModel):
    """A part of the user's own, in a form that every provider takes."""

    type: str = "text"
    text: str | None = "hello"
    note: Any = Field(None, alias="house_note")
    model_config = ConfigDict(populate_by_name=True)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_takes_models_as_parts(faulty: Callable[..., FaultServer], provider: str) -> None:
    came = sent(faulty, provider, {"role": "user", "content": [Part()]})
    assert came == sent(faulty, provider, {"role": "user", "content": [{"type": "text", "text": "hello"}]})


def test_what_gives_no_plain_data_is_told(faulty: Callable[..., FaultServer]) -> None:
    circle: dict[str, Any] = {"type": "tool_result", "content": Part()}
    circle["circle"] = circle
    server = faulty()
    for provider, messages, said in (
        ("openai", [{"role": "user", "content": [Slip()]}], r"content\[0\] is a Slip, not a part.*model_dump\(\)"),
        ("openai", [{"role": "user", "content": Part()}], r"\[0\] has a content of type Part.*model_dump\(\)"),
        ("openai", [{"role": "assistant", "tool_calls": [Slip()]}], r"tool_calls\[0\] is Slip, .*model_dump\(\)"),
        ("openai", [Slip()], r"messages\[0\] is Slip, not a message.*model_dump\(\)"),
        ("openai", [Part], r"messages\[0\] is ModelMetaclass, not a message"),
        ("openai", [{"role": "user", "content": [Part]}], r"content\[0\] is a ModelMetaclass, not a part"),
        ("openai", [{"role": "user", "content": [Part(note=Slip)]}], r"content\[0\] is a Part that cannot be written"),
        ("gemini", [{"role": "user", "parts": [Slip()]}], r"messages\[0\].parts is not .*types\.Part"),
        ("anthropic", [{"role": "user", "content": [{"type": "x", "y": Slip()}]}], "Slip is not a JSON type"),
        ("anthropic", [{"role": "user", "content": [circle]}], "cannot be written as JSON"),
    ):
        with client_of(provider, server.url) as client, pytest.raises(toolfan.ToolfanError, match=said) as caught:
            client.create(messages=messages, tools=(Weather,))
        assert isinstance(caught.value, toolfan.UsageError | toolfan.RequestRejected)
    assert not server.requests
