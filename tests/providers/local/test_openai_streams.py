"""OpenAI's streams, read by OpenAI's own SDK: events, their form, pace, scripts, and a server that ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_questions import EXPECTED, QUESTION, SEARCH, WEATHER
from toolfan_local import openai_stream
from toolfan_local.server import Server

MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "Weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "GoogleSearch", "parameters": SEARCH}},
]
CALLS = [{"name": "A", "arguments": {"n": 1}}, {"name": "B", "arguments": '{"cut": '}]
WITH_USAGE = {"include_usage": True}


def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.openai_url, api_key="any", max_retries=0)


def asked(**changes: Any) -> dict[str, Any]:
    return {"model": "m", "messages": MESSAGES, "tools": TOOLS, **changes}


def chunks(server: Server, **changes: Any) -> list[Any]:
    """What the SDK makes of the events, as plain data."""
    with client(server) as sdk:
        stream = sdk.chat.completions.create(**asked(stream=True, **changes))
        return [chunk.model_dump(exclude_unset=True) for chunk in stream]


def deltas(events: list[Any], index: int = 0) -> list[Any]:
    return [one["delta"] for event in events for one in event["choices"] if one["index"] == index]


def joined(events: list[Any], index: int = 0) -> list[tuple[str, str]]:
    """Name and arguments of each call, by the index."""
    calls: dict[int, tuple[str, str]] = {}
    for delta in deltas(events, index):
        for piece in delta.get("tool_calls", []):
            name, text = calls.get(piece["index"], ("", ""))
            function = piece["function"]
            calls[piece["index"]] = name + function.get("name", ""), text + function["arguments"]
    return list(calls.values())


def parsed(events: list[Any], index: int = 0) -> list[tuple[str, Any]]:
    return [(name, json.loads(text)) for name, text in joined(events, index)]


def test_the_question_of_the_readme(server: Server) -> None:
    events = chunks(server)
    assert parsed(events) == EXPECTED
    assert deltas(events)[0] == {"role": "assistant", "content": None}
    assert [one["finish_reason"] for event in events for one in event["choices"]][-2:] == [None, "tool_calls"]
    assert len({event["id"] for event in events}) == 1
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert not any("usage" in event for event in events)


def test_a_call_is_its_name_and_then_small_pieces_of_arguments(server: Server) -> None:
    pieces = [piece for delta in deltas(chunks(server)) for piece in delta.get("tool_calls", [])]
    openings = [piece for piece in pieces if "id" in piece]
    assert [(piece["index"], piece["type"], piece["function"]) for piece in openings] == [
        (place, "function", {"name": name, "arguments": ""}) for place, (name, _) in enumerate(EXPECTED)
    ]
    assert len({piece["id"] for piece in openings}) == 3
    later = [piece for piece in pieces if "id" not in piece]
    assert {tuple(piece) for piece in later} == {("index", "function")}
    assert 0 < max(len(piece["function"]["arguments"]) for piece in later) <= 5
    order = [piece["index"] for piece in pieces]
    assert order == sorted(order)


def test_one_call_alone_opens_in_the_first_chunk() -> None:
    with Server([{"calls": CALLS[:1]}]) as server:
        first = deltas(chunks(server))[0]
    assert (first["role"], first["content"], first["refusal"]) == ("assistant", None, None)
    assert first["tool_calls"][0]["function"] == {"name": "A", "arguments": ""}


def test_usage_comes_in_a_last_chunk_without_choices(server: Server) -> None:
    events = chunks(server, stream_options=WITH_USAGE)
    assert [event["usage"] for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1]["choices"] == []
    with client(server) as sdk:
        whole = sdk.chat.completions.create(**asked())
    assert events[-1]["usage"] == whole.usage.model_dump(exclude_unset=True)


def test_the_bytes_are_events_that_end_with_done(server: Server) -> None:
    answer = httpx2.post(
        server.openai_url + "/chat/completions", json=asked(stream=True), headers={"authorization": "Bearer k"}
    )
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-request-id"].startswith("req_")
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert all(event.startswith("data: {") and "\n" not in event for event in events)


def test_text_and_calls_of_every_choice() -> None:
    text = "Let me  look.\nOne moment "
    with Server([{"text": text, "calls": CALLS, "stop": "length", "usage": USED}]) as server:
        events = chunks(server, n=2)
    for index in (0, 1):
        assert deltas(events, index)[0] == {"role": "assistant", "content": "", "refusal": None}
        words = [delta["content"] for delta in deltas(events, index)[1:] if "content" in delta]
        assert ("".join(words), len(words)) == (text, 6)
        assert joined(events, index) == [("A", '{"n": 1}'), ("B", '{"cut": ')]
    finishes = [one["finish_reason"] for event in events for one in event["choices"] if one["finish_reason"]]
    assert finishes == ["length", "length"]


USED = {"prompt_tokens": 3, "completion_tokens": 4}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_helper_of_the_sdk_reads_it(server: Server) -> None:
    with client(server) as sdk, sdk.chat.completions.stream(**asked(stream_options=WITH_USAGE)) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    calls = final.choices[0].message.tool_calls or []
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == EXPECTED


def test_the_async_client_reads_it(server: Server) -> None:
    async def read() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key="any") as sdk:
            stream = await sdk.chat.completions.create(**asked(stream=True))
            return [chunk.model_dump(exclude_unset=True) async for chunk in stream]

    assert parsed(asyncio.run(read())) == EXPECTED


def test_azure(server: Server) -> None:
    with openai.AzureOpenAI(azure_endpoint=server.base_url, api_key="any", api_version="2024-10-21") as sdk:
        stream = sdk.chat.completions.create(**asked(stream=True))
        assert parsed([chunk.model_dump(exclude_unset=True) for chunk in stream]) == EXPECTED


@pytest.mark.parametrize(("everywhere", "here"), [(True, None), (False, True)])
def test_all_calls_in_one_chunk(everywhere: bool, here: bool | None) -> None:
    script: list[dict[str, Any]] = [{"calls": CALLS, "calls_together": here}, {"calls": CALLS, "calls_together": False}]
    with Server(script, calls_together=everywhere) as server:
        together, apart = chunks(server), chunks(server)
    assert [len(delta["tool_calls"]) for delta in deltas(together) if "tool_calls" in delta] == [2]
    assert joined(together) == joined(apart) == [("A", '{"n": 1}'), ("B", '{"cut": ')]
    assert len(apart) > len(together)


def test_errors_and_bodies_of_a_script_are_as_without_a_stream() -> None:
    script: list[dict[str, Any]] = [
        {"error": {"status": 429, "message": "slow down"}},
        {"body": {"content": {"choices": []}}},
        {"body": {"content": "data: [DONE]\n\n", "content_type": "text/event-stream"}},
    ]
    with Server(script) as server:
        with pytest.raises(openai.RateLimitError, match="slow down"):
            chunks(server)
        with client(server) as sdk:
            raw = sdk.chat.completions.with_raw_response.create(**asked(stream=True))
            assert (raw.headers["content-type"], raw.http_response.read()) == ("application/json", b'{"choices": []}')
        assert chunks(server) == []


def test_a_lone_surrogate_that_came_with_the_question_is_escaped(server: Server) -> None:
    name = "\\ud800"
    body = json.dumps(asked(stream=True, model="MODEL")).replace("MODEL", name)
    headers = {"authorization": "Bearer k", "content-type": "application/json"}
    answer = httpx2.post(server.openai_url + "/chat/completions", content=body.encode(), headers=headers)
    assert answer.status_code == 200
    assert answer.content.count(name.encode()) == answer.text.count("data: {") > 1
    assert answer.text.endswith("data: [DONE]\n\n")


TEXTS = st.text(max_size=40)
REPLIES = st.fixed_dictionaries(
    {
        "role": st.just("assistant"),
        "content": st.none() | TEXTS,
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {
                    "id": TEXTS,
                    "type": st.just("function"),
                    "function": st.fixed_dictionaries({"name": TEXTS, "arguments": TEXTS}),
                }
            ),
            max_size=4,
        ),
    }
)


@given(message=REPLIES, together=st.booleans())
@settings(deadline=None, max_examples=200)
def test_the_chunks_say_what_the_completion_says(message: Any, together: bool) -> None:
    names = ("id", "object", "created", "model", "service_tier", "system_fingerprint", "usage")
    completion = dict.fromkeys(names, "x") | {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    made = list(openai_stream.chunks(completion, usage=False, together=together))
    events = [chunk.event for chunk in made]
    texts = [delta["content"] for delta in deltas(events) if delta.get("content") is not None]
    assert ("".join(texts) if texts else None) == message["content"]
    openings = [piece for delta in deltas(events) for piece in delta.get("tool_calls", []) if "id" in piece]
    assert [piece["id"] for piece in openings] == [call["id"] for call in message["tool_calls"]]
    said = [(call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]]
    assert joined(events) == said
    assert sum(chunk.calls for chunk in made) == pytest.approx(len(said))
