"""Bedrock's Converse and Cohere's v2 chat of the embedded server, read by the real SDKs through toolfan."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Literal

import boto3
import cohere
import pytest
import tenacity
import toolfan
from botocore.config import Config
from botocore.exceptions import ClientError
from local_questions import QUESTION, WEATHER
from pydantic import BaseModel
from toolfan_local.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
ONCE = tenacity.stop_after_attempt(1)


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


WANTED: list[Any] = [
    Weather(location="Toronto", units="metric"),
    Weather(location="Dallas", units="imperial"),
    GoogleSearch(query="who won the super bowl"),
]


def bedrock(server: Server, key: str = "any") -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=server.base_url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def chat(server: Server, key: str = "any") -> Any:
    return cohere.ClientV2(base_url=server.base_url, api_key=key)


SDKS: dict[str, Callable[..., Any]] = {"bedrock": bedrock, "cohere": chat}


@contextmanager
def client(server: Server, dialect: str, key: str = "any") -> Iterator[toolfan.Client]:
    sdk = SDKS[dialect](server, key)
    try:
        yield toolfan.wrap(sdk, adapter=dialect, model="m.n-1:0", stop=ONCE)
    finally:
        closed(sdk)


def closed(sdk: Any) -> None:
    """Cohere's client has no close of its own."""
    sdk.close() if dialect_of(sdk) == "bedrock" else sdk._client_wrapper.httpx_client.httpx_client.close()


def dialect_of(sdk: Any) -> str:
    return "cohere" if isinstance(sdk, cohere.ClientV2 | cohere.AsyncClientV2) else "bedrock"


@pytest.mark.parametrize("dialect", SDKS)
def test_the_question_of_the_readme(server: Server, dialect: str) -> None:
    """Whole, streamed and through the async client: the same calls, ids and tokens."""
    asked: dict[str, Any] = {"messages": MESSAGES, "tools": (Weather, GoogleSearch)}
    with client(server, dialect) as made:
        whole = made.create(**asked)
        assert list(whole) == WANTED
        with made.stream(**asked) as stream:
            assert [getattr(call, "value", call) for call in stream] == WANTED
    assert (stream.usage, stream.stop) == (whole.usage, whole.stop)
    assert (whole.usage.input_tokens > 0, whole.stop.kind) == (True, "calls")
    assert len({call.id for call in whole.outcomes}) == 3


@pytest.mark.parametrize("dialect", SDKS)
def test_an_async_client(server: Server, dialect: str) -> None:
    async def asked() -> list[Any]:
        sdk = bedrock(server) if dialect == "bedrock" else cohere.AsyncClientV2(base_url=server.base_url, api_key="any")
        made: Any = toolfan.wrap_async(sdk, adapter=dialect, model="m", stop=ONCE)
        calls = await made.create(messages=MESSAGES, tools=(Weather, GoogleSearch))
        if isinstance(sdk, cohere.AsyncClientV2):
            await sdk._client_wrapper.httpx_client.httpx_client.aclose()
        else:
            sdk.close()
        return list(calls)

    assert asyncio.run(asked()) == WANTED


@pytest.mark.parametrize("dialect", SDKS)
def test_choices_and_results(server: Server, dialect: str) -> None:
    """A choice is kept; the results of a turn are read, and text follows."""
    with client(server, dialect) as made:
        forced = made.create(messages=[{"role": "user", "content": "hi"}], tools=(Weather,), tool_choice="required")
        assert forced.stop.kind == "calls"
        if dialect == "bedrock":
            one = made.create(messages=MESSAGES, tools=(Weather, GoogleSearch), tool_choice=GoogleSearch)
            assert {type(call) for call in one} == {GoogleSearch}
        calls = made.create(messages=MESSAGES, tools=(Weather, GoogleSearch))
        results = {outcome.id: f"about {outcome.name}" for outcome in calls.outcomes}
        answer = made.create(messages=[*MESSAGES, *calls.reply(results)], tools=(Weather, GoogleSearch))
    assert list(answer) == []
    assert "about Weather" in answer.text


@pytest.mark.parametrize("dialect", SDKS)
def test_a_script_with_pieces_and_faults(dialect: str) -> None:
    """Text beside calls, cut arguments, an error with its headers, a body as it is."""
    calls = [{"name": "Weather", "arguments": {"location": "Oslo", "units": "metric"}, "id": "one"}]
    script: list[dict[str, Any]] = [
        {"text": "Hm.", "calls": calls},
        {"calls": [*calls, {"name": "Weather", "arguments": '{"loc', "id": "two"}], "stop": "length"},
        {"error": {"status": 500, "message": "oops"}},
        {"error": {"status": 429, "message": "slow down", "headers": {"retry-after": "90"}}},
    ]
    with Server([entry for entry in script for _ in (0, 1)]) as server, client(server, dialect) as made:
        asked: dict[str, Any] = {"messages": MESSAGES, "tools": (Weather,), "on_invalid": "keep"}

        def streamed() -> Any:
            with made.stream(**asked) as stream:
                list(stream)
                return stream.calls

        for ask in (lambda: made.create(**asked), streamed):
            assert [outcome.id for outcome in ask().outcomes] == ["one"]
        for ask in (lambda: made.create(**asked), streamed):
            outcomes = ask().outcomes
            assert [type(getattr(outcome, "error", None)).__name__ for outcome in outcomes] == [
                "NoneType",
                "TruncatedCall",
            ]
        for ask in (lambda: made.create(**asked), streamed):
            with pytest.raises(toolfan.Unavailable, match="oops"):
                ask()
        with pytest.raises(toolfan.RateLimited, match="slow down") as limited:
            made.create(**asked)
        assert limited.value.retry_after == 90


@pytest.mark.parametrize("dialect", SDKS)
def test_keys(dialect: str) -> None:
    with Server(api_key="right") as server:
        asked: dict[str, Any] = {"messages": MESSAGES, "tools": (Weather, GoogleSearch)}
        with client(server, dialect, "right") as made:
            assert list(made.create(**asked)) == WANTED
        with (
            client(server, dialect, "wrong") as made,
            pytest.raises((toolfan.AuthenticationError, toolfan.PermissionDenied)),
        ):
            made.create(**asked)
        path = "/v2/chat" if dialect == "cohere" else "/model/m/converse"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(server.base_url + path, b"{}"))
        with caught.value:
            assert caught.value.code in (401, 403)


TOOL: dict[str, Any] = {"toolSpec": {"name": "Weather", "inputSchema": {"json": WEATHER}}}
CONFIG = {"tools": [TOOL]}
SAYS = {"role": "user", "content": [{"text": "hi"}]}
USES = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "Weather", "input": {}}}]}
GIVES: dict[str, Any] = {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"messages": []}, "must start with a user message"),
        ({"messages": [USES]}, "must start with a user message"),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "is blank"),
        ({"messages": [{"role": "user", "content": []}]}, "is empty"),
        ({"messages": [SAYS, USES, GIVES], "toolConfig": None}, "toolConfig field must be defined"),
        ({"messages": [SAYS, USES]}, "for the following Ids: a"),
        ({"messages": [SAYS, USES, SAYS]}, "for the following Ids: a"),
        ({"messages": [SAYS, GIVES]}, "exceeds the number of toolUse"),
        ({"toolConfig": {"tools": [TOOL, TOOL]}}, "a name twice"),
        ({"toolConfig": {**CONFIG, "toolChoice": {"tool": {"name": "Nope"}}}}, "no tool of"),
    ],
)
def test_what_converse_refuses(server: Server, changes: dict[str, Any], says: str) -> None:
    given = {"modelId": "m", "messages": [SAYS], "toolConfig": CONFIG, **changes}
    with closing(bedrock(server)) as sdk, pytest.raises(ClientError, match=says) as caught:
        sdk.converse(**{key: value for key, value in given.items() if value is not None})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["RequestId"]


def test_a_required_call_that_failed_is_made_again(server: Server) -> None:
    """And no other tool is called for being left over."""
    [gives] = GIVES["content"]
    failed = {"toolResult": {**gives["toolResult"], "status": "error"}}
    finish = {"toolSpec": {**TOOL["toolSpec"], "name": "finish"}}
    config = {"tools": [TOOL, finish], "toolChoice": {"any": {}}}
    for given, name in ((failed, "Weather"), (gives, "finish")):
        with closing(bedrock(server)) as sdk:
            turns = [SAYS, USES, {"role": "user", "content": [given]}]
            answer = sdk.converse(modelId="m", messages=turns, toolConfig=config)
        assert {block["toolUse"]["name"] for block in answer["output"]["message"]["content"]} == {name}


FUNCTION = {"type": "function", "function": {"name": "Weather", "parameters": WEATHER}}
CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "a", "type": "function", "function": {"name": "Weather", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role must be one of"),
        ({"messages": [{"role": "user", "content": ""}]}, "must not be empty"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "[0].content[0].type must not be"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]}, "type must not be tool_use"),
        ({"messages": [*MESSAGES, CALLED]}, "the tool calls a have no"),
        ({"messages": [*MESSAGES, CALLED, *MESSAGES]}, "the tool calls a have no"),
        ({"messages": [{"role": "tool", "tool_call_id": "b", "content": "x"}]}, "no call before it"),
        ({"tools": [FUNCTION, FUNCTION]}, "two tools have the name"),
        ({"tool_choice": "auto"}, "REQUIRED, NONE"),
        ({"tools": [], "tool_choice": "NONE"}, "only be specified with tools"),
    ],
)
def test_what_cohere_refuses(server: Server, changes: dict[str, Any], says: str) -> None:
    body = json.dumps({"model": "m", "messages": MESSAGES, "tools": [FUNCTION], **changes}).encode()
    headers = {"authorization": "Bearer x", "content-type": "application/json"}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(f"{server.base_url}/v2/chat", body, headers))
    with caught.value:
        assert caught.value.code == 400
        assert says in json.loads(caught.value.read())["message"]
