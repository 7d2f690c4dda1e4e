"""What reaches the server: tools, choices, options and messages, judged by OpenAI's own document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER
from pydantic import BaseModel
from responses_api import REASONING, as_items, asked, bodies, called, fault, message, response, whole
from toolfan import ConfigError, Tool, ToolChoice, ToolDefinitionError, UsageError, load_adapter
from toolfan_openai_responses.options import OPTION_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable


class A(BaseModel):
    """Takes a number."""

    x: int = 1


class Free(BaseModel):
    free: dict[str, Any]


RENAMED = Tool(Free, name="b.renamed")
TOOLS = (A, RENAMED)
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer", "default": 1}}}


@pytest.fixture
def body(faulty: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The body of the one request that `create` with these options sends; OpenAI's document accepts it."""

    def sent(tools: Any = TOOLS, messages: Any = USER, *, judged: bool = True, **options: Any) -> dict[str, Any]:
        server = faulty(whole(response(message("nothing to do"))))
        asked(server, lambda client: client.create(messages=messages, tools=tools, on_invalid="keep", **options))
        (request,) = bodies(server)
        assert not judged or fault(request) is None
        return request

    return sent


def refused(messages: Any = USER, **options: Any) -> pytest.ExceptionInfo[UsageError]:
    """The UsageError of a request that is never sent: nobody listens."""
    with openai.OpenAI(api_key=KEY, base_url="http://127.0.0.1:9/v1") as sdk:
        client = toolfan.wrap(sdk, adapter="openai-responses", model="m")
        with pytest.raises(UsageError) as caught:
            client.create(messages=messages, **{"tools": (A,), **options})
    return caught


def test_a_plain_request_has_nothing_but_what_is_needed(body: Any) -> None:
    tool = {"type": "function", "name": "A", "description": "Takes a number.", "parameters": SCHEMA, "strict": None}
    assert body((A,)) == {"model": "m", "input": as_items(USER), "tools": [tool]}


@pytest.mark.parametrize("strict", [None, False, True])
def test_strict_is_always_said(body: Any, strict: bool | None) -> None:
    (tool,) = body((A,), strict=strict)["tools"]
    assert tool["strict"] is strict
    if strict:
        closed = {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False}
        assert tool["parameters"] == {**closed, "required": ["x"]}
    else:
        assert tool["parameters"] == SCHEMA


def test_a_schema_that_strict_cannot_say_is_refused_with_its_place() -> None:
    error = refused(tools=(Free,), strict=True).value
    assert isinstance(error, ToolDefinitionError)
    assert (error.adapter, error.tool) == ("openai-responses", "Free")


def some(*names: str, mode: str = "required") -> dict[str, Any]:
    return {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": name} for name in names]}


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        (A, {"type": "function", "name": "A"}),
        ([RENAMED], {"type": "function", "name": "b_renamed"}),
        ((RENAMED, A), some("A", "b_renamed")),
        (ToolChoice("auto", ("A",)), some("A", mode="auto")),
    ],
)
def test_tool_choice(body: Any, choice: Any, sent: Any) -> None:
    assert body(tool_choice=choice).get("tool_choice") == (None if sent == "auto" else sent)


@pytest.mark.parametrize(("parallel", "sent"), [(True, None), (False, False), (1, False), (2, None)])
def test_parallel(body: Any, parallel: Any, sent: Any) -> None:
    assert body(parallel=parallel).get("parallel_tool_calls") is sent


@pytest.mark.parametrize("name", sorted(OPTION_NAMES))
def test_every_provider_option_goes_out_under_its_own_name(body: Any, name: str) -> None:
    assert body((A,), judged=False, **{name: {"any": ["value", 1]}})[name] == {"any": ["value", 1]}


def test_options_as_they_are_meant(body: Any) -> None:
    options: dict[str, Any] = {
        "instructions": "Be brief.",
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "previous_response_id": "resp_0",
        "max_output_tokens": 99,
        "reasoning": {"effort": "low"},
        "temperature": 0,
    }
    sent = body(**options)
    assert {name: sent[name] for name in options} == options


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("max_tokens", "Did you mean 'max_tool_calls'|extra_body"),
        ("instruction", "Did you mean 'instructions'"),
        ("background", "extra_body"),
        ("conversation", "extra_body"),
        ("parallel_tool_calls", "toolfan calls it parallel="),
        ("input", "extra_body"),
    ],
)
def test_an_unknown_option_is_refused_with_the_right_name(option: str, message: str) -> None:
    refused(**{option: 1}).match(message)


def test_extra_fields_arrive_and_never_replace_ours(body: Any) -> None:
    search = {"type": "web_search"}
    sent = body((A,), extra_body={"tools": [search], "background": False})
    assert sent["tools"][1:] == [search]
    assert sent["background"] is False
    refused(extra_body={"input": "x"}).match("extra_body sets input,")


def test_the_tools_as_bytes_are_the_tools(body: Any) -> None:
    """What is sent was serialised once for the tool set, and says the same."""
    assert body()["tools"] == json.loads(json.dumps(load_adapter("openai-responses").render_tools(_set(), strict=None)))


def _set() -> Any:
    from toolfan.tools.toolset import tool_set

    return tool_set(None, TOOLS)


PICTURE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}
CHAT: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"role": "system", "content": "Be brief."}, [{"role": "system", "content": "Be brief."}]),
    ({"role": "developer", "content": "x"}, [{"role": "developer", "content": "x"}]),
    (
        {"role": "user", "content": [{"type": "text", "text": "What is it?"}, PICTURE]},
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is it?"},
                    {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"},
                ],
            }
        ],
    ),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AA=="}]},
        [
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}],
            }
        ],
    ),
    (
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]},
        [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}],
    ),
    (
        {"role": "user", "content": [{"type": "input_text", "text": "its own form"}]},
        [{"role": "user", "content": [{"type": "input_text", "text": "its own form"}]}],
    ),
    ({"role": "assistant", "content": "Hello."}, [{"role": "assistant", "content": "Hello."}]),
    (
        {"role": "assistant", "content": [{"type": "text", "text": "I "}, {"type": "refusal", "refusal": "can't."}]},
        [{"role": "assistant", "content": "I can't."}],
    ),
    ({"role": "assistant", "content": None, "refusal": "No."}, [{"role": "assistant", "content": "No."}]),
]  # fmt: skip


@pytest.mark.parametrize(("given", "sent"), CHAT, ids=[str(at) for at in range(len(CHAT))])
def test_chat_style_messages_become_items(body: Any, given: Any, sent: Any) -> None:
    assert body(messages=[given, *USER])["input"] == as_items([*sent, *USER])


def test_a_chat_style_round_of_calls_becomes_items(body: Any) -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "A", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "A", "arguments": None}},
        {"id": "c", "type": "custom", "custom": {"name": "code", "input": "print()"}},
    ]
    told = [{"type": "text", "text": "one"}]
    sent = body(
        messages=[
            *USER,
            {"role": "assistant", "content": "Let me see.", "tool_calls": calls, "audio": None, "refusal": None},
            {"role": "tool", "tool_call_id": "a", "content": told, "name": "A"},
            {"role": "tool", "tool_call_id": "b", "content": "two"},
            {"role": "tool", "tool_call_id": "c", "content": "three"},
        ]
    )
    assert sent["input"] == [
        *as_items([*USER, {"role": "assistant", "content": "Let me see."}]),
        {"type": "function_call", "call_id": "a", "name": "A", "arguments": '{"x": 1}'},
        {"type": "function_call", "call_id": "b", "name": "A", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c", "name": "code", "input": "print()"},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "one"}]},
        {"type": "function_call_output", "call_id": "b", "output": "two"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "three"},
    ]


def test_items_pass_as_they_are_also_as_objects_of_the_sdk(body: Any) -> None:
    from openai.types.responses import Response

    items = [
        REASONING,
        called("A", {"x": 1}),
        {"type": "function_call_output", "call_id": "call_A", "output": "1"},
        message("So."),
        {"type": "item_reference", "id": "msg_0"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "?"}], "vendor": [1]},
    ]
    assert body(messages=items)["input"] == items
    output = Response.model_validate(response(*items[:2])).output
    sent = body(messages=[*output, items[2]], judged=False)["input"]
    assert sent == [REASONING, items[1], items[2]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"role": "robot", "content": "x"}, r"messages\[1\] has the role 'robot'"),
        ({"content": "x"}, r"messages\[1\] has the role None"),
        ({"role": "user", "content": [{"type": "image_url"}]}, r"messages\[1\] has an image part without an address"),
        ({"role": "tool", "content": "x"}, r"messages\[1\] \(role tool\) has no tool_call_id"),
        ({"role": "function", "name": "A", "content": "x"}, r"messages\[1\] is of the older form"),
        ({"role": "assistant", "function_call": {"name": "A"}}, r"messages\[1\] is of the older form"),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "A"}}]}, "a tool call without an id"),
        ({"role": "assistant", "tool_calls": [{"id": "a"}]}, "a tool call without a function name"),
        ({"role": "assistant", "content": [{"type": "audio", "id": "x"}]}, "a part of type 'audio'"),
    ],
)
def test_what_no_item_can_say_is_refused_with_its_place(given: Any, words: str) -> None:
    refused(messages=[*USER, given]).match(words)


def test_a_model_is_needed_unless_a_stored_prompt_names_it(body: Any, faulty: Callable[..., Any]) -> None:
    assert "no model is named" in refused(model=None).value.message
    server = faulty(whole(response(message("hi"))))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        client = toolfan.wrap(sdk, adapter="openai-responses")
        client.create(messages=USER, tools=(A,), prompt={"id": "pmpt_1"})
    assert "model" not in bodies(server)[0]


# Connecting.


def test_connect_by_name(faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    server = faulty(whole(response(called("A", {"x": 4}))))
    monkeypatch.setenv("HOUSE_KEY", KEY)
    settings = {"base_url": server.url, "api_key_env": "HOUSE_KEY"}
    with toolfan.connect("openai-responses:gpt-4o-mini", **settings) as client:
        assert list(client.create(messages=USER, response_model=A)) == [A(x=4)]
    assert bodies(server)[0]["model"] == "gpt-4o-mini"
    assert server.requests[0][2]["authorization"] == f"Bearer {KEY}"


def test_without_a_key_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="Set OPENAI_API_KEY") as caught:
        toolfan.connect("openai-responses:m")
    assert caught.value.adapter == "openai-responses"


@pytest.mark.parametrize("setting", ["needs_end", "azure_deployment"])
def test_settings_of_chat_completions_alone_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=setting):
        toolfan.connect("openai-responses:m", **{setting: "x"})


def test_azure(faulty: Callable[..., Any]) -> None:
    server = faulty(whole(response(called("A", {"x": 4}))))
    endpoint = server.url.removesuffix("/v1")
    with openai.AzureOpenAI(azure_endpoint=endpoint, api_version="2025-03-01-preview", api_key=KEY) as sdk:
        client = toolfan.wrap(sdk, adapter="openai-responses")
        assert list(client.create(model="dep", messages=USER, response_model=A)) == [A(x=4)]
    ((_, path, _, sent),) = server.requests
    assert path == "/openai/responses?api-version=2025-03-01-preview"
    assert json.loads(sent)["model"] == "dep"


def test_another_client_is_refused() -> None:
    with pytest.raises(UsageError, match="no client of the openai SDK"):
        toolfan.wrap(object(), adapter="openai-responses").create(model="m", messages=USER, tools=(A,))


def test_an_openai_client_is_served_by_chat_completions_unless_named() -> None:
    from toolfan.registry.listing import adapter_for_client

    with openai.OpenAI(api_key=KEY) as sdk:
        assert adapter_for_client(sdk) == "openai"
