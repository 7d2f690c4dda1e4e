"""What GenerativeModel cannot do is refused by name; odd answers over it are read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
import toolfan
from fault_asking import TOKEN
from google_asking import generative_model
from loopback import ONCE
from toolfan.errors import BadResponse, ContentFiltered, RequestRejected, Unsupported, UsageError
from vertex_models import ASK, WARNINGS, make_model
from vertex_samples import GoogleSearch, Ping, Report

pytest.importorskip("vertexai")
pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

TOOLS = (Report, Ping, GoogleSearch)
THREE = {
    "calls": [{"name": "Report", "id": "own"}, {"name": "Ping"}, {"name": "GoogleSearch", "arguments": {"query": "q"}}]
}


@pytest.mark.parametrize("content", ["<html>", '{"candidates": ['])
def test_bodies_that_are_no_answer(serve, content):
    model = make_model(serve({"body": {"content": content}}).base_url)
    client = toolfan.from_vertexai(model, stop=ONCE)
    with pytest.raises(BadResponse):
        client.create(messages=ASK, tools=TOOLS)


def test_a_page_in_place_of_an_answer_is_shown_without_the_token(serve):
    page = f"<html>{' ' * 5000}Please sign in, {TOKEN}</html>" + "x" * 5000
    server = serve({"body": {"content": page, "content_type": "text/html"}})
    client = toolfan.from_vertexai(generative_model("m", server.base_url, "rest"), stop=ONCE)
    with pytest.raises(
        BadResponse, match="text/html; charset=utf-8: it starts with '<html> Please sign in, "
    ) as caught:
        client.create(messages=ASK, tools=TOOLS)
    assert TOKEN not in repr(caught.value) + str(caught.value) + str(vars(caught.value))
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize(
    ("reason", "kind_of_stop"),
    [
        ("MAX_TOKENS", "length"),
        ("MALFORMED_FUNCTION_CALL", "malformed"),
        (15, "malformed"),
        (99, "other"),
        ("TOMORROW", "none"),
    ],
)
def test_finish_reasons_known_or_not(serve, reason, kind_of_stop):
    body = {"candidates": [{"content": {"role": "model", "parts": [{"text": "x"}]}, "finishReason": reason}]}
    client = toolfan.from_vertexai(make_model(serve({"body": {"content": body}}).base_url))
    assert client.create(messages=ASK, tools=TOOLS, on_invalid="keep").stop.kind == kind_of_stop


def test_a_blocked_prompt(serve):
    body = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
    with pytest.raises(ContentFiltered, match="PROHIBITED_CONTENT"):
        toolfan.from_vertexai(make_model(serve({"body": {"content": body}}).base_url)).create(messages=ASK, tools=TOOLS)


def test_async_over_rest_is_refused_before_anything_is_sent(serve):
    server = serve(THREE)
    client = toolfan.from_vertexai(make_model(server.base_url), use_async=True)
    with pytest.raises(UsageError, match="fall back to gRPC"):
        asyncio.run(client.create(messages=ASK, tools=TOOLS))
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "kind_of_error", "words"),
    [
        ({"model": "gemini-y"}, UsageError, "model='gemini-y', but this GenerativeModel is"),
        ({"extra_query": {"a": "b"}}, Unsupported, "no extra query"),
        ({"extra_headers": {"a": "b"}}, Unsupported, "no extra headers"),
        ({"cached_content": "c"}, UsageError, "has no cachedContent"),
        ({"extra_body": {"new_thing": 1}}, UsageError, "has no new_thing"),
        ({"extra_body": {"tool_config": {"retrieval_config": {}}}}, UsageError, "toolConfig.retrieval_config"),
        ({"extra_body": {"generation_config": {"new_thing": 1}}}, UsageError, "new_thing"),
        ({"extra_body": {"tools": [{"new_tool": {}}]}}, UsageError, "new_tool"),
        ({"messages": [{"role": "user", "parts": [{"new_part": 1}]}]}, UsageError, "new_part"),
        ({"temperature": float("inf")}, RequestRejected, "temperature"),
    ],
)
def test_what_it_cannot_carry_is_refused_by_name(serve, arguments, kind_of_error, words):
    server = serve(THREE)
    with pytest.raises(kind_of_error, match=words) as caught:
        toolfan.from_vertexai(make_model(server.base_url)).create(**{"messages": ASK, "tools": TOOLS, **arguments})
    assert caught.value.adapter == "vertex"
    assert server.requests == []


def test_tools_of_the_models_own_are_not_replaced_in_silence(serve):
    from vertexai.generative_models import Tool

    own = Tool.from_dict({"function_declarations": [{"name": "Mine"}]})
    with pytest.raises(UsageError, match="has tools of its own"):
        toolfan.from_vertexai(make_model(serve(THREE).base_url, tools=[own])).create(messages=ASK, tools=TOOLS)


@pytest.mark.parametrize("chat", ["vertexai.generative_models", "vertexai.preview.generative_models"])
def test_a_chat_and_a_tool_are_no_clients(chat):
    sdk = pytest.importorskip(chat)
    make_model("http://127.0.0.1:9")
    for other in (sdk.GenerativeModel("gemini-x").start_chat(), sdk.Tool.from_dict({})):
        for make in (toolfan.wrap, toolfan.wrap_async, toolfan.from_vertexai):
            with pytest.raises(UsageError, match=rf"{type(other).__name__} is not a client.*Pass a vertexai Gen"):
                make(other)


@pytest.mark.parametrize("model", ["gemini-x", "publishers/google/models/gemini-x", None])
def test_the_same_model_may_be_named(serve, model):
    client = toolfan.wrap(make_model(serve(THREE).base_url))
    assert len(client.create(model=model, messages=ASK, response_model=Iterable[Report | Ping | GoogleSearch])) == 3


def test_the_preview_model_keeps_ids(serve):
    from vertexai.preview.generative_models import GenerativeModel

    server = serve(THREE, {"text": "done"})
    make_model(server.base_url)
    client = toolfan.from_vertexai(GenerativeModel("gemini-x"))
    calls = client.create(messages=ASK, tools=TOOLS)
    assert calls.outcomes[0].raw.provider_id == "own"
    client.create(messages=[*ASK, *calls.reply({call.id: "r" for call in calls.outcomes})], tools=TOOLS)
    assert server.requests[1].body["contents"][2]["parts"][0]["functionResponse"]["id"] == "own"


def test_an_answer_without_its_message_is_read_by_the_public_way():
    from toolfan_vertex.protobuf import read_answer

    class Later:
        def to_dict(self):
            return {"candidates": []}

    assert read_answer(Later()) == {"candidates": []}


def test_code_around_the_model_that_fails_at_the_answer_does_not_undo_the_request(serve, monkeypatch):
    server = serve(THREE)
    model = make_model(server.base_url)
    inner = type(model)._generate_content

    def counted(*args, **options):
        inner(*args, **options)
        raise LookupError("no usage")

    monkeypatch.setattr(type(model), "_generate_content", counted)
    with pytest.raises(RequestRejected, match="may have been sent, or not: LookupError: no usage") as caught:
        toolfan.from_vertexai(model, stop=ONCE).create(messages=ASK, tools=TOOLS)
    assert (caught.value.requests, len(server.requests)) == (1, 1)
