"""What chat completions say of messages: each provider is told what it knows, or the message is refused."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from every_provider import PROVIDERS, client_of
from pydantic import BaseModel
from toolfan import ToolSet, Unsupported, UsageError, connect, load_adapter
from toolfan.adapter import ToolRequest
from toolfan.messages.parts import read_messages

OTHERS = [name for name in PROVIDERS if name != "openai"]
NOBODY = "http://127.0.0.1:9/v1"
BREAK = {"prompt_cache_breakpoint": {"mode": "explicit"}}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}


class Weather(BaseModel):
    location: str = ""


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, **BREAK}


def called(call_id: Any, **call: Any) -> dict[str, Any]:
    function = {"function": {"name": "Weather", "arguments": "{}"}}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", **function, **call}],
    }


def written(provider: str, *messages: dict[str, Any]) -> str:
    """The request as JSON, without its tools."""
    body = load_adapter(provider).build_request(ToolRequest("m", messages, ToolSet([Weather]))).body
    return json.dumps({key: value for key, value in body.items() if key not in ("tools", "toolConfig")})


@pytest.mark.parametrize("provider", OTHERS)
def test_who_speaks_and_where_the_cache_ends_is_not_told_to_those_who_have_no_word_for_it(provider: str) -> None:
    """OpenAI's Responses API refuses a name of a message; it knows the cache's ends, of every part."""
    said = written(
        provider,
        {"role": "developer", "content": [text("one")], "name": "ann-1"},
        {"role": "user", "content": [text("two"), PNG | BREAK], "name": "ann-2"},
        {"role": "assistant", "content": "three", "name": "ann-3", "annotations": [], "refusal": None},
        {"role": "user", "content": "four", "name": "ann-4"},
        called("c1") | {"name": "ann-5"},
        {"role": "tool", "content": [text("five")], "tool_call_id": "c1", "name": "Weather"},
    )
    assert [word for word in ("one", "two", "QUJD", "three", "four", "five") if word not in said] == []
    assert "ann-" not in said
    assert "annotations" not in said
    assert said.count("prompt_cache_breakpoint") == (4 if provider == "openai-responses" else 0)


def test_cohere_is_not_told_what_belongs_to_others() -> None:
    part = {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}
    thought = {"role": "assistant", "content": "two", "reasoning_content": "hm", "reasoning_details": [{"text": "hm"}]}
    said = json.loads(written("cohere", {"role": "user", "content": [part]}, thought))["messages"]
    assert said == [
        {"role": "user", "content": [{"type": "text", "text": "one"}]},
        {"role": "assistant", "content": "two"},
    ]


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_a_result_goes_under_the_name_of_its_call(provider: str) -> None:
    result = {"role": "tool", "tool_call_id": "c", "content": "y", "name": "Another"}
    assert "Another" not in written(provider, {"role": "user", "content": "x"}, called("c"), result)


def test_a_result_keeps_its_name_where_calls_of_several_tools_have_one_id() -> None:
    twice = called("c")
    twice["tool_calls"].append({"id": "c", "function": {"name": "Other", "arguments": "{}"}})
    results = [{"role": "tool", "tool_call_id": "c", "content": "y", "name": name} for name in ("Weather", "Other")]
    *_, first, second = read_messages([twice, *results])
    assert [part.name for parsed in (first, second) for part in parsed.parts] == ["Weather", "Other"]


def test_a_name_stays_where_it_is_known() -> None:
    assert '"name": "ann"' in written("openai", {"role": "user", "content": "x", "name": "ann"})


@pytest.mark.parametrize(
    "part", [{"type": "file", "file": {"file_id": "f"}}, {"type": "input_audio", "input_audio": {"data": "QQ=="}}]
)
def test_parts_that_cohere_does_not_take_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match=rf"messages\[0\] has a part of type '{part['type']}'"):
        written("cohere", {"role": "user", "content": [text("x"), part]})


def test_a_call_of_a_custom_tool_is_none_that_cohere_knows() -> None:
    call = called("c", type="custom", custom={"name": "free", "input": "x"})
    del call["tool_calls"][0]["function"]
    with pytest.raises(UsageError, match=r"messages\[1\] has a call of the type 'custom'"):
        written("cohere", {"role": "user", "content": "x"}, call)


NUMBERED = ({"role": "user", "content": "x"}, called(7), {"role": "tool", "tool_call_id": "7", "content": "y"})


def test_an_id_that_is_no_text_goes_back_to_a_server_that_gave_it() -> None:
    assert '"id": 7' in written("openai", *NUMBERED)


@pytest.mark.parametrize("provider", OTHERS)
def test_an_id_that_is_no_text_is_refused(provider: str) -> None:
    messages = list(NUMBERED)
    with (
        client_of(provider, NOBODY) as client,
        pytest.raises(UsageError, match=r"messages\[1\].tool_calls\[0\] has the id 7, which is no text"),
    ):
        client.create(messages=messages, response_model=Weather)


@pytest.mark.parametrize("parts", [[PNG], (PNG,)])
def test_a_refused_image_is_told_with_its_place(parts: Any) -> None:
    messages = [{"role": "user", "content": "x"}, {"role": "user", "content": parts}]
    with connect("local") as client, pytest.raises(Unsupported, match=r"images in messages, and messages\[1\] has one"):
        client.create(messages=messages, response_model=Weather)


def test_what_is_to_be_cached_is_told_of_images_too() -> None:
    kept = {"cache_control": {"type": "ephemeral"}}
    (message,) = json.loads(written("anthropic", {"role": "user", "content": [PNG | kept, PNG]}))["messages"]
    source = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
    assert message["content"] == [{"type": "image", "source": source} | kept, {"type": "image", "source": source}]


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_bytes_in_mappings_are_taken_as_googles_sdk_does(provider: str) -> None:
    image = {"inline_data": {"mime_type": "image/png", "data": b"ABC"}}
    shown = {"functionResponse": {"name": "Weather", "response": {}, "parts": [{"inlineData": {"data": b"ABC"}}]}}
    given = [
        {"role": "system", "parts": [image]},
        {"role": "user", "parts": [{"text": "x"}, image]},
        {"role": "model", "parts": [{"functionCall": {"name": "Weather", "args": {}}, "thoughtSignature": b"ABC"}]},
        {"role": "user", "parts": [shown]},
    ]
    assert written(provider, *given).count('"QUJD"') == 4
    assert image["inline_data"]["data"] == b"ABC"


@pytest.mark.parametrize("provider", [*OTHERS, "openai", "vertex", "local"])
def test_arguments_that_are_no_json_are_refused_by_name(provider: str) -> None:
    call = called("c", function={"name": "Weather", "arguments": {"at": {datetime.date(2026, 1, 1)}}})
    told = [{"role": "tool", "tool_call_id": "c", "content": "y"}]
    if provider == "openai-responses":  # it writes all that it can
        assert "2026-01-01" in written(provider, {"role": "user", "content": "x"}, call, *told)
        return
    with pytest.raises(UsageError, match=r"(messages\[1\].tool_calls\[0\]|call of Weather) has arguments.*at .*set is"):
        written(provider, {"role": "user", "content": "x"}, call, *told)


@pytest.mark.parametrize("provider", [*OTHERS, "local"])
def test_a_refusal_that_is_no_text_is_refused(provider: str) -> None:
    said = {"role": "assistant", "content": "x", "refusal": {"why": "no"}}
    with pytest.raises(UsageError, match=r"messages\[1\] has a refusal of type dict"):
        written(provider, {"role": "user", "content": "x"}, said)
    with pytest.raises(UsageError, match=r"messages\[1\] .*'refusal'|messages\[1\] has a part that is no text"):
        written(provider, {"role": "user", "content": "x"}, {"role": "assistant", "content": [{"type": "refusal"}]})


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("data:image/jpg;base64,QUJD", "image/jpeg"),
        ("data:IMAGE/PNG;charset=utf-8;base64,QUJD", "image/png"),
        ("data:image/webp;base64,QU\r\nJD\n", "image/webp"),
    ],
)
@pytest.mark.parametrize("provider", ["anthropic", "bedrock", "gemini"])
def test_images_are_told_as_every_service_reads_them(provider: str, url: str, kind: str) -> None:
    said = written(provider, {"role": "user", "content": [{"type": "image_url", "image_url": url}]})
    assert '"QUJD"' in said
    assert f'"{kind.removeprefix("image/") if provider == "bedrock" else kind}"' in said
    letters = written(provider, {"role": "user", "content": [{"type": "image_url", "image_url": "data:;base64,-_AA"}]})
    assert '"+/AA"' in letters


@pytest.mark.parametrize("provider", ["gemini", "vertex"])
def test_a_sound_at_the_address_of_an_image_keeps_its_rate(provider: str) -> None:
    part = {"type": "image_url", "image_url": "data:audio/L16;rate=16000;base64,QUJD"}
    assert '"audio/L16;rate=16000"' in written(provider, {"role": "user", "content": [part]})


def test_an_image_that_anthropic_does_not_take_is_refused() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/bmp;base64,QUJD"}}
    with pytest.raises(Unsupported, match=r"messages\[0\] has an image of the type 'image/bmp'.*image/webp"):
        written("anthropic", {"role": "user", "content": [part]})


@pytest.mark.parametrize("provider", ["anthropic", "bedrock", "gemini"])
@pytest.mark.parametrize("content", ["", [{"type": "text", "text": ""}]])
def test_a_system_message_that_says_nothing_is_left_out(provider: str, content: Any) -> None:
    said = written(provider, {"role": "system", "content": content}, {"role": "user", "content": "x"})
    assert "system" not in said
    both = written(
        provider,
        {"role": "system", "content": content},
        {"role": "system", "content": "y"},
        {"role": "user", "content": "x"},
    )
    assert both.count('"text"') == (4 if provider == "anthropic" else 2)


def test_the_end_of_a_cache_on_a_blank_text_goes_with_it_unless_something_is_before_it() -> None:
    blank = {"type": "text", "text": " ", "cache_control": {"type": "ephemeral"}}
    user = {"role": "user", "content": "x"}
    assert "cachePoint" not in written("bedrock", {"role": "system", "content": [blank]}, user)
    after = json.loads(written("bedrock", {"role": "system", "content": [text("y"), blank]}, user))
    assert after["system"] == [{"text": "y"}, {"cachePoint": {"type": "default"}}]
    own = [{"role": "system", "content": "y"}, {"role": "system", "content": [{"cachePoint": {"type": "default"}}]}]
    assert json.loads(written("bedrock", *own, user))["system"] == after["system"]
