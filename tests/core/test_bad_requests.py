"""Messages and extra fields that no provider takes: refused with their position before anything is sent."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest
from every_provider import PROVIDERS, client_of
from loopback import USER, Bench, call, completion, raw
from pydantic import BaseModel
from toolfan import RequestRejected, UsageError, wrap


class A(BaseModel):
    x: int = 0


TEXT = {"type": "text", "text": "x"}
NOBODY = "http://127.0.0.1:9"
PARTS = "a text or a list of parts"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], r"messages\[1\] has a content without any part"),
        ((), r"messages\[1\] has a content without any part"),
        (["x"], r"messages\[1\].content\[0\] is a str, not a part"),
        ([TEXT, None], r"messages\[1\].content\[1\] is a NoneType, not a part"),
        ([TEXT, {}], r"messages\[1\].content\[1\] names no type"),
        ([TEXT, {"text": "x"}], r"messages\[1\].content\[1\] names no type"),
        ([{"type": 5}], r"messages\[1\].content\[0\] names no type"),
        ([{"type": "text"}], r"messages\[1\].content\[0\] is a part of type 'text' without a text"),
        ([{"type": "text", "text": None}], r"messages\[1\].content\[0\] is a part of type 'text' without a text"),
        (5, r"messages\[1\] has a content of type int"),
    ],
)
@pytest.mark.parametrize("role", ["user", "system", "assistant", "tool"])
def test_content_that_is_none(bench: Bench, role: str, content: Any, said: str) -> None:
    bench.serve({"text": "x"})
    message = {"role": role, "content": content, "tool_call_id": "c"}
    with pytest.raises(UsageError, match=rf"{said}.*{PARTS}"):
        bench.client().create(model="m", messages=[*USER, message], response_model=A)
    assert bench.bodies == []


THOUGHT = {"type": "thinking", "thinking": [TEXT]}


def answered(bench: Bench, content: Any) -> list[Any]:
    """The messages after an answer that says this beside a call."""
    bench.serve(raw(completion(call("A", {"x": 1}, "c1"), content=content)), raw(completion()))
    calls = bench.client().create(model="m", messages=USER, response_model=A)
    return [*USER, *calls.reply({"c1": "done"})]


@pytest.mark.parametrize("content", [[], [THOUGHT, TEXT]], ids=["none", "thinking"])
def test_what_a_server_said_beside_calls_goes_back_as_it_came(bench: Bench, content: Any) -> None:
    messages = answered(bench, content)
    bench.client().create(model="m", messages=messages, response_model=A)
    assert bench.bodies[1]["messages"][1]["content"] == content


def test_a_part_without_a_type_that_a_server_said_goes_back_too(bench: Bench) -> None:
    messages = answered(bench, [{"text": "x"}])
    with pytest.raises(RequestRejected, match=r"messages\[1\].content\[0\].type"):  # by the server, not before it
        bench.client().create(model="m", messages=messages, response_model=A)
    assert bench.bodies[1]["messages"][1]["content"] == [{"text": "x"}]


def test_parts_of_any_type_pass(bench: Bench) -> None:
    bench.serve({"text": "x"})
    parts = [TEXT, {"type": "file", "file": {"file_id": "f"}}, {"type": "of_tomorrow", "n": 1}]
    bench.client().create(model="m", messages=[{"role": "user", "content": parts}], response_model=A)
    assert bench.bodies[0]["messages"][0]["content"] == parts


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"stream": True}, "extra_body sets stream.*Leave it out"),
        ({"tools": [5]}, r"extra_body.tools\[0\] is of the type int.*own form"),
        ({"tools": [{"type": "x"}, A]}, r"extra_body.tools\[1\] is of the type ModelMetaclass.*tools="),
        ({"tools": {"type": "x"}}, "extra_body sets tools, which toolfan sets"),
    ],
)
def test_extra_fields_that_cannot_work(bench: Bench, extra: dict[str, Any], said: str) -> None:
    bench.serve({"text": "x"})
    with pytest.raises(UsageError, match=said):
        bench.client().create(model="m", messages=USER, response_model=A, extra_body=extra)
    assert bench.bodies == []


SECOND: list[tuple[str, dict[str, Any]]] = [
    ("openai", {"tools": [{"type": "function", "function": {"name": "A"}}]}),
    ("openai-responses", {"tools": [{"type": "function", "name": "A"}]}),
    ("anthropic", {"tools": [{"name": "A", "input_schema": {}}]}),
    ("cohere", {"tools": [{"type": "function", "function": {"name": "A"}}]}),
    ("bedrock", {"toolConfig": {"tools": [{"toolSpec": {"name": "A"}}]}}),
    ("gemini", {"tools": [{"functionDeclarations": [{"name": "other"}, {"name": "A"}]}]}),
    ("gemini", {"tools": [{"googleSearch": {}}, {"function_declarations": [{"name": "A"}]}]}),
    ("gemini", {"tools": [{"functionDeclarations": [{"name": "o"}]}, {"functionDeclarations": [{"name": "o"}]}]}),
]


@pytest.mark.parametrize(("provider", "extra"), SECOND, ids=str)
def test_a_second_tool_of_one_name(provider: str, extra: dict[str, Any]) -> None:
    with client_of(provider, NOBODY) as client, pytest.raises(UsageError, match=r"is a second tool '[Ao]'") as caught:
        client.create(messages=USER, response_model=A, extra_body=extra)
    assert caught.value.requests == 0


def test_tools_of_the_providers_own_pass(bench: Bench) -> None:
    bench.serve({"text": "x"})
    own = {"type": "function", "function": {"name": "own", "parameters": {"type": "object", "properties": {}}}}
    bench.client().create(model="m", messages=USER, response_model=A, extra_body={"tools": [own], "stream": False})
    assert bench.bodies[0]["tools"][1] == own


def image(address: Any) -> dict[str, Any]:
    return {"role": "user", "content": [TEXT, {"type": "image_url", "image_url": address}]}


def calling(*entries: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(entries)}


NO_ADDRESS, NO_BASE64 = r"messages\[1\] has an image part without an address", r"messages\[1\] .* is not base64"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (image({}), NO_ADDRESS),
        (image({"url": None}), NO_ADDRESS),
        (image(""), NO_ADDRESS),
        (image({"url": "data:image/png;base64,!!"}), NO_BASE64),
        (image("data:image/png;base64,"), NO_BASE64),
        (image("data:image/png,AAAA"), NO_BASE64),
        (calling({"id": "a"}), r"messages\[1\] has a tool call without a function name"),
        (calling({"id": "a", "type": "function", "function": {"arguments": "{}"}}), "without a function name"),
    ],
    ids=lambda it: str(it)[:100],
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_shape_that_no_service_reads(provider: str, message: Any, said: str) -> None:
    with client_of(provider, NOBODY) as client, pytest.raises(UsageError, match=said) as caught:
        client.create(messages=[*USER, message], response_model=A)
    assert caught.value.requests == 0
    assert caught.value.adapter == provider


OLDER = r"messages\[1\] is of the older form, without ids.*Write tool_calls"
UNTOLD = [
    ({"role": "assistant", "function_call": {"name": "A", "arguments": "{}"}}, OLDER),
    ({"role": "assistant", "content": "x", "function_call": {"name": "A", "arguments": "{}"}}, OLDER),
    ({"role": "function", "name": "A", "content": "x"}, OLDER),
    ({"role": "assistant", "content": None, "audio": {"id": "a"}}, r"messages\[1\] has audio, which"),
    ({"role": "assistant", "reasoning_content": "Hm."}, r"messages\[1\] has no content, and reasoning_content cannot"),
]
TRANSLATING = [provider for provider in PROVIDERS if provider != "openai"]


@pytest.mark.parametrize("provider", TRANSLATING)
def test_results_that_nothing_ties_to_a_call(provider: str) -> None:
    """Two calls with an empty id, as some compatible servers send them, and two results that name it."""
    call = {"id": "", "type": "function", "function": {"name": "A", "arguments": "{}"}}
    results = [{"role": "tool", "tool_call_id": "", "content": text} for text in "xy"]
    said = r"messages\[[12]\].* (tool call without an id|an empty tool_call_id)"
    with client_of(provider, NOBODY) as client, pytest.raises(UsageError, match=said) as caught:
        client.create(messages=[*USER, {**calling(call), "content": "x"}, *results], response_model=A)
    assert caught.value.requests == 0


@pytest.mark.parametrize(("message", "said"), UNTOLD, ids=lambda it: str(it)[:60])
@pytest.mark.parametrize("provider", TRANSLATING)
def test_what_one_form_alone_can_say_is_not_dropped(provider: str, message: Any, said: str) -> None:
    with client_of(provider, NOBODY) as client, pytest.raises(UsageError, match=said) as caught:
        client.create(messages=[*USER, message, *USER], response_model=A)
    assert (caught.value.requests, caught.value.adapter) == (0, provider)


@pytest.mark.parametrize(
    "said",
    [
        {"content": None, "refusal": "Not this."},
        {"content": "", "refusal": "Not this."},
        {"content": "Hm.", "refusal": "Not this."},
        {"content": [{"type": "text", "text": "Hm."}], "refusal": "Not this."},
        {"content": [{"type": "text", "text": "Hm."}, {"type": "refusal", "refusal": "Not this."}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("provider", TRANSLATING)
def test_a_refusal_goes_on_as_a_text(bench: Bench, provider: str, said: Any) -> None:
    bench.serve({"text": "x"})
    with client_of(provider, bench.server.openai_url) as client:
        client.create(messages=[*USER, {"role": "assistant", **said}, *USER], response_model=A)
    sent = json.dumps(bench.bodies[0])
    assert '"refusal"' not in sent
    assert [word in sent for word in ("Not this.", "Hm.")] == [True, bool(said["content"])]


ADDRESSES = ["http://x.test/y.png", "data:image/png;base64,QUI+/w==", "data:image/png;base64,QUI-_w\r\n"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_may_be_a_text(bench: Bench, address: str) -> None:
    bench.serve({"text": "x"})
    asked = image(address)
    bench.client().create(model="m", messages=[asked], response_model=A)
    assert bench.bodies[0]["messages"] == [image({"url": address})]
    assert asked == image(address)


def test_arguments_may_be_an_object(bench: Bench) -> None:
    bench.serve({"text": "x"})
    asked = calling({"id": "a", "type": "function", "function": {"name": "A", "arguments": {"z": 1, "x": "\u00e9"}}})
    result = {"role": "tool", "tool_call_id": "a", "content": "done"}
    bench.client().create(model="m", messages=[*USER, asked, result], response_model=A)
    text = '{"z":1,"x":"\u00e9"}'
    assert bench.bodies[0]["messages"][1] == calling(call("A", text, "a"))


def test_a_call_of_another_kind_passes(bench: Bench) -> None:
    bench.serve({"text": "x"})
    asked = calling({"id": "a", "type": "custom", "custom": {"name": "A", "input": "x"}}, {"id": "b", "type": "later"})
    results = [{"role": "tool", "tool_call_id": made, "content": "done"} for made in "ab"]
    with pytest.raises(RequestRejected):  # by the service, which knows no such kind yet
        bench.client().create(model="m", messages=[*USER, asked, *results], response_model=A)
    assert bench.bodies[0]["messages"] == [*USER, asked, *results]


@pytest.mark.parametrize("provider", ["openai", "cohere", "gemini"])
@pytest.mark.parametrize("before", [[], [calling(call("A", {}, "other"))]], ids=["none", "other"])
def test_a_result_of_a_call_that_nobody_made(provider: str, before: list[Any]) -> None:
    results = [{"role": "tool", "tool_call_id": made, "content": "x"} for made in ("other", "lost")[1 - len(before) :]]
    with (
        client_of(provider, NOBODY) as client,
        pytest.raises(UsageError, match=r"answers (the call )?'lost'") as got,
    ):
        client.create(messages=[*USER, *before, *results], response_model=A)
    assert got.value.requests == 0


def test_where_calls_have_no_ids_results_pass(bench: Bench) -> None:
    bench.serve({"text": "x"})
    messages = [*USER, calling(call("A", {}, None)), {"role": "tool", "tool_call_id": "A", "content": "x"}]
    with pytest.raises(RequestRejected):  # by the service, not before
        bench.client().create(model="m", messages=messages, response_model=A)
    assert bench.bodies[0]["messages"] == messages


@pytest.mark.parametrize("word", [openai.NOT_GIVEN, openai.omit, anthropic.NOT_GIVEN, anthropic.omit])
@pytest.mark.parametrize("streamed", [False, True])
def test_what_an_sdk_calls_not_given_is_not_given(bench: Bench, word: Any, streamed: bool) -> None:
    """Code that comes from an SDK passes it on; a client's own setting then holds."""
    bench.serve({"text": "x"})
    client = wrap(bench.sdk(), model="m")
    some = (
        "model",
        "temperature",
        "max_tokens",
        "user",
        "tool_choice",
        "deadline",
        "extra_body",
        "extra_headers",
        "timeout",
    )
    options = dict.fromkeys(some, word)
    if streamed:
        with client.stream(messages=USER, response_model=A, **options) as stream:
            stream.until_done()
    else:
        client.create(messages=USER, response_model=A, **options)
    (body,) = bench.bodies
    assert body.keys() - {"stream", "stream_options"} == {"model", "messages", "tools"}
    assert body["model"] == "m"
