"""What goes out to the Messages API."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
import toolfan
from pydantic import BaseModel, Field
from toolfan import Unsupported, UsageError
from toolfan.adapter import Answer, ToolChoice, ToolRequest
from toolfan.tools.toolset import ToolSet
from toolfan_anthropic import MessagesAdapter

ADAPTER = MessagesAdapter()


class Weather(BaseModel):
    """What the weather is."""

    location: str
    units: Literal["imperial", "metric"] = "metric"


class Search(BaseModel):
    query: Annotated[str, Field(min_length=2, description="What to look for")]
    limit: Annotated[int, Field(ge=1, le=9)] = 3


def user(text: str = "Hello?") -> dict[str, Any]:
    return {"role": "user", "content": text}


def body(*messages: Any, tools: Any = (Weather, Search), **fields: Any) -> dict[str, Any]:
    given = {"model": "claude-x", "messages": messages or (user(),), **fields}
    return ADAPTER.build_request(ToolRequest(tools=ToolSet(tools), **given)).body


def test_the_smallest_request():
    assert body(tools=[Weather]) == {
        "model": "claude-x",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello?"}]}],
        "tools": [
            {
                "name": "Weather",
                "description": "What the weather is.",
                "input_schema": {
                    "type": "object",
                    "properties": {
                        "location": {"type": "string"},
                        "units": {"type": "string", "enum": ["imperial", "metric"], "default": "metric"},
                    },
                    "required": ["location"],
                },
            }
        ],
        "tool_choice": {"type": "auto"},
    }


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (ToolChoice(), True, {"type": "auto"}),
        (ToolChoice(), 3, {"type": "auto"}),
        (ToolChoice(), 1, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("required", ("Search",)), True, {"type": "tool", "name": "Search"}),
        (ToolChoice("none"), False, {"type": "none"}),
    ],
)
def test_tool_choice_and_parallel(choice: ToolChoice, parallel: Any, sent: Any):
    assert body(tool_choice=choice, parallel=parallel)["tool_choice"] == sent


@pytest.mark.parametrize("choice", [ToolChoice("required", ("Weather", "Search")), ToolChoice("auto", ("Search",))])
def test_one_of_some_tools_cannot_be_demanded(choice: ToolChoice):
    with pytest.raises(Unsupported, match="one tool, or any, but not one of some"):
        body(tool_choice=choice)


def test_strict_tools_say_in_words_what_the_dialect_lacks():
    [tool] = body(tools=[Search], strict=True)["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"] == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for\n\n{minLength: 2}"},
            "limit": {"type": "integer", "description": "{default: 3, maximum: 9, minimum: 1}"},
        },
        "required": ["query"],
        "additionalProperties": False,
    }
    assert "strict" not in body(strict=False)["tools"][0]


OFFERED = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "Search"}}
TAKEN = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "Weather"}}
BRIEF = {"type": "text", "text": "Be brief."}


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({"content": [OFFERED]}, {"content": [OFFERED]}),
        ({"content": [BRIEF, TAKEN]}, {"content": [BRIEF, TAKEN]}),
        ({"content": "Be brief.", "clear_at": "never"}, {"content": [BRIEF], "clear_at": "never"}),
        ({"content": [BRIEF], "output_config": {"effort": "low"}, "clear_at": None}, {"content": [BRIEF]}),
    ],
)
def test_a_system_message_that_holds_from_its_place_on_stays_there(role: str, said: Any, sent: Any) -> None:
    sent = {"role": "system", **sent} | ({"output_config": {"effort": "low"}} if "output_config" in said else {})
    use = {"type": "tool_use", "id": "toolu_a", "name": "Weather", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_a", "content": "rain"}
    turn = ({"role": "assistant", "content": [use]}, {"role": "user", "content": [result]})
    made = body({"role": "system", "content": "a"}, user(), *turn, {"role": role, **said})
    assert made["system"] == [{"type": "text", "text": "a"}]
    assert [one["role"] for one in made["messages"]] == ["user", "assistant", "user", "system"]
    assert made["messages"][-1] == sent
    with pytest.raises(UsageError, match="no message but system ones"):
        body({"role": role, **said})


def test_a_system_message_with_an_image_is_refused() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    with pytest.raises(Unsupported, match=r"messages\[0\] is a system message with more than text"):
        body({"role": "system", "content": [image]}, user())


def test_system_messages_and_the_option_become_the_system_prompt():
    cached = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}}
    messages = ({"role": "system", "content": "a"}, user(), {"role": "developer", "content": [cached]})
    made = body(*messages)
    assert made["system"] == [{"type": "text", "text": "a"}, cached]
    assert [message["role"] for message in made["messages"]] == ["user"]
    assert body(options={"system": "o"})["system"] == "o"
    assert body(*messages, options={"system": "o"})["system"][0] == {"type": "text", "text": "o"}
    with pytest.raises(UsageError, match="no message but system ones"):
        body(messages[0])


def test_chat_style_messages_are_translated():
    call = {"type": "function", "function": {"name": "Weather", "arguments": '{"location": "Oslo"}'}}
    made = body(
        user(),
        {"role": "assistant", "content": "Let me look.", "tool_calls": [{**call, "id": "functions.Weather:0"}, call]},
        {"role": "tool", "tool_call_id": "functions.Weather:0", "content": "rain"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "snow"}]},
        user("And Rome?"),
        {"role": "assistant", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": "https://example.org/a.png"},
            ],
        },
    )["messages"]
    used = {"type": "tool_use", "name": "Weather", "input": {"location": "Oslo"}}
    assert made == [
        {"role": "user", "content": [{"type": "text", "text": "Hello?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me look."},
                {**used, "id": "functions_Weather_0_2b05d55ae44c7b2c"},
                {**used, "id": "call_1"},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "functions_Weather_0_2b05d55ae44c7b2c", "content": "rain"},
                {"type": "tool_result", "tool_use_id": "call_1", "content": "snow"},
                {"type": "text", "text": "And Rome?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
            ],
        },
    ]


def test_blocks_in_the_apis_own_form_pass_untouched():
    messages = [
        {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "x"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "Weather", "input": {"location": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "rain", "is_error": True}],
        },
    ]
    assert body(*messages)["messages"] == messages


@pytest.mark.parametrize("kind", ["input_audio", "file"])
def test_parts_that_only_chat_completions_know_are_refused(kind: str):
    with pytest.raises(Unsupported, match=rf"messages\[1\] has a part of type '{kind}'"):
        body(user(), {"role": "user", "content": [{"type": kind, kind: {}}]})


def test_options_go_out_under_their_own_names():
    options = {"max_tokens": 99, "thinking": {"type": "adaptive"}, "stop_sequences": ["x"], "top_k": 3}
    made = body(options=options, stream=True)
    assert {name: made[name] for name in options} == options
    assert made["stream"] is True


def test_a_tool_of_the_server_is_added_by_extra_body():
    search = {"type": "web_search_20250305", "name": "web_search"}
    request = ToolRequest("m", (user(),), ToolSet([Weather]), extra_body={"tools": [search]})
    made = ADAPTER.build_request(request)
    assert made.body["tools"][1] == search
    assert made.tools_json is None


def answered(content: list[Any], *contents: Any) -> list[Any]:
    turn = ADAPTER.parse_response({"content": content, "stop_reason": "tool_use"})
    answers = [
        Answer(call, said, is_error=isinstance(said, str)) for call, said in zip(turn.calls, contents, strict=True)
    ]
    return ADAPTER.build_answer(turn, answers)


def test_results_are_one_user_turn_in_call_order():
    content = [
        {"type": "redacted_thinking", "data": "c2VjcmV0"},
        {"type": "tool_use", "id": "toolu_b", "name": "Weather", "input": {}},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "tool_use", "id": "toolu_a", "name": "Search", "input": {"query": "x"}},
    ]
    assistant, results = answered(content, {"temp": 3}, "no such place")
    assert assistant == {"role": "assistant", "content": content}
    assert assistant["content"] is content
    assert results == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_b", "content": '{"temp":3}'},
            {"type": "tool_result", "tool_use_id": "toolu_a", "content": "no such place", "is_error": True},
        ],
    }


def test_what_the_api_would_refuse_is_mended_in_the_turn_that_goes_back():
    content = [
        {"type": "text", "text": ""},
        None,
        {"type": "tool_use", "id": "a", "name": "functions.Weather", "input": {"location": "Oslo"}},
        {"type": "tool_use", "id": "a", "name": "Weather", "input": '{"location": "Os'},
        {"type": "tool_use", "name": "Weather"},
    ]
    assistant, results = answered(content, "", "", "")
    assert assistant["content"] == [
        {"type": "tool_use", "id": "a", "name": "functions_Weather", "input": {"location": "Oslo"}},
        {"type": "tool_use", "id": "call_1", "name": "Weather", "input": {"INVALID_JSON": '{"location": "Os'}},
        {"type": "tool_use", "id": "call_2", "name": "Weather", "input": {}},
    ]
    assert [block["tool_use_id"] for block in results["content"]] == ["a", "call_1", "call_2"]
    assert json.dumps(results).count('"content": "error"') == 3  # an error without a content is refused


def test_an_empty_turn_is_left_out():
    assert ADAPTER.build_answer(ADAPTER.parse_response({"content": [], "stop_reason": "end_turn"}), []) == []


def test_a_turn_that_was_made_by_hand_can_be_answered():
    turn = toolfan.Turn(calls=(toolfan.RawCall(0, "x", "Weather", '{"location": "Oslo"}'),), text="Hm.")
    assistant, _ = ADAPTER.build_answer(turn, [Answer(turn.calls[0], 1)])
    assert assistant["content"] == [
        {"type": "text", "text": "Hm."},
        {"type": "tool_use", "id": "x", "name": "Weather", "input": {"location": "Oslo"}},
    ]
