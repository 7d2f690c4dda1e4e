"""An error status counts although its body cannot be read: with each kind of client that speaks HTTP."""

from __future__ import annotations

import asyncio
import functools
import gzip
import json
import time
from typing import Any

import openai
import pytest
import tenacity
import toolfan
from google_asking import GENAI, WARNINGS, genai_client, generative_model, need
from loopback import KEY, USER, http
from pydantic import BaseModel
from toolfan import AuthenticationError, BadResponse, PermissionDenied, RateLimited, RequestRejected, Unavailable

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
BROKEN = gzip.compress(b'{"error": {"message": "no"}}' * 99)[:40] + b"\xff" * 40
BODIES: dict[str, Any] = {
    "no text": (b"\xff\xfe\xff", {}),
    "broken gzip": (BROKEN, {"content_encoding": "gzip"}),
    "a page": ("<html>Sign in</html>", {}),
    "cut": ('{"error": {', {"length": 999}),
}
# What the SDKs take for granted about an error body, and stumble over where it is otherwise.
ODD: dict[str, bytes | str] = {
    "a word": '"planted words"',
    "a list": '["planted words"]',
    "an empty list": "[]",
    "null": "null",
    "a number": "5",
    "error is a word": '{"error": "planted words"}',
    "error is null": '{"error": null, "message": "planted words"}',
    "message is an object": '{"error": {"message": {"a": "planted words"}, "code": {}, "status": [], "details": 5}}',
    "a detail is null": '{"error": {"code": 7, "message": "planted words", "details": [null]}}',
    "a code that is no word": '{"__type": 5, "message": "planted words"}',
    "no text": b'{"message": "planted words \xff"}',
    "deep": "[" * 100_000,
}
STUMBLES = {403: PermissionDenied, 429: RateLimited, 500: Unavailable}
STATUSES = {401: AuthenticationError, 403: PermissionDenied, 404: RequestRejected, 429: RateLimited}


class Ping(BaseModel):
    x: int


@functools.cache
def boto_session() -> Any:
    """One session for many tests: reading the service model takes longer than a call."""
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    return boto3.Session(aws_access_key_id="id", aws_secret_access_key=KEY, region_name="us-east-1")


def made(kind: str, url: str) -> tuple[Any, Any]:
    """A client of this kind's SDK, and what closes it."""
    if kind == "rest":
        return generative_model("m", url, "rest"), lambda: None
    if kind.startswith("bedrock"):
        sdk = boto_session().client("bedrock-runtime", endpoint_url=url)
        return sdk, (lambda: asyncio.sleep(0, sdk.close())) if "async" in kind else sdk.close
    if kind in GENAI:
        sdk = genai_client(kind, url)
        return sdk, sdk.aio.aclose if "async" in kind else sdk.close
    sdk = (openai.AsyncOpenAI if "async" in kind else openai.OpenAI)(api_key=KEY, base_url=url)
    return sdk, sdk.close


def failure(kind: str, url: str, *, stream: bool) -> Any:
    """What a client of this kind raises."""
    options: dict[str, Any] = {"model": "m", "wait": tenacity.wait_none(), "stop": tenacity.stop_after_attempt(2)}
    asked: dict[str, Any] = {"messages": USER, "tools": (Ping,)}

    async def ask_async() -> None:
        sdk, close = made(kind, url)
        client = toolfan.wrap_async(sdk, adapter=kind.split(maxsplit=1)[0], **options)
        try:
            if stream:
                assert [one async for one in client.stream(**asked)] == "never"
            await client.create(**asked)
        finally:
            await close()

    def ask() -> None:
        sdk, close = made(kind, url)
        client = toolfan.wrap(sdk, adapter="vertex" if kind == "rest" else kind, **options)
        try:
            if stream:
                assert [*client.stream(**asked)] == "never"
            client.create(**asked)
        finally:
            close()

    with pytest.raises(toolfan.ToolfanError) as caught:
        asyncio.run(ask_async()) if "async" in kind else ask()
    return caught.value


@pytest.mark.parametrize("kind", ["openai", "openai async", "gemini", "gemini async", "vertex async"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_status_is_told_whatever_its_body(faulty: Any, kind: str, body: str, stream: bool) -> None:
    if kind in GENAI:
        need(kind)
    content, headers = BODIES[body]
    for status, error in STATUSES.items():
        server = faulty(http(content, status, retry_after="0", x_request_id="req-7", **headers))
        raised = failure(kind, server.url, stream=stream)
        assert (type(raised), raised.status) == (error, status)
        assert raised.requests == len(server.requests) == (2 if status == 429 else 1)
        assert raised.retry_after == 0
        assert raised.request_id == "req-7"
        assert KEY not in repr(raised)


@pytest.mark.parametrize("kind", ["openai", "gemini"])
def test_a_body_that_cannot_be_read_under_a_200_stays_a_bad_answer(faulty: Any, kind: str) -> None:
    if kind in GENAI:
        need(kind)
    server = faulty(http(BROKEN, 200, content_encoding="gzip"))
    raised = failure(kind, server.url, stream=False)
    assert (type(raised), raised.retryable, raised.requests) == (BadResponse, True, 2)


@pytest.mark.parametrize("kind", ["openai", "openai async", "gemini", "gemini async"])
def test_a_body_that_can_be_read_is_told(faulty: Any, kind: str) -> None:
    if kind in GENAI:
        need(kind)
    error = {"code": 404, "message": "no such model", "status": "NOT_FOUND"}
    raised = failure(kind, faulty(http(json.dumps({"error": error}), 404)).url, stream=False)
    assert (type(raised), raised.code) == (RequestRejected, "NOT_FOUND")
    assert "no such model" in str(raised)


@pytest.mark.parametrize("kind", ["gemini", "gemini async", "rest", "bedrock", "bedrock async"])
@pytest.mark.parametrize("body", ODD)
def test_a_status_is_told_though_the_sdk_stumbles_over_its_body(faulty: Any, kind: str, body: str) -> None:
    need(kind) if kind in (*GENAI, "rest") else None
    for status, error in STUMBLES.items():
        server = faulty(http(ODD[body], status, retry_after="0", x_request_id="req-7"))
        raised = failure(kind, server.url, stream=False)
        assert (type(raised), raised.status) == (error, status), raised
        assert raised.requests == len(server.requests) == (2 if raised.retryable else 1)
        assert raised.retry_after == 0
        assert ("planted words" in str(ODD[body])) == ("planted words" in str(raised))


@pytest.mark.parametrize("status", [101, 0])
def test_a_status_that_is_neither_success_nor_error_is_told(faulty: Any, status: int) -> None:
    need("gemini async")
    pytest.importorskip("aiohttp")  # httpx takes it for a broken connection
    server = faulty(http("{}", status).replace(b" 0 X", b" 000 X"))
    raised = failure("gemini async", server.url, stream=False)
    assert (type(raised), raised.status, raised.requests) == (BadResponse, status, len(server.requests))


def test_an_odd_answer_is_asked_for_again(faulty: Any) -> None:
    """The shared wait, the attempts and their count work as for any other error."""
    need("rest")
    call = {"functionCall": {"name": "Ping", "args": {"x": 1}}}
    good = {"candidates": [{"content": {"role": "model", "parts": [call]}, "finishReason": "STOP"}]}
    server = faulty(http('{"error": "slow down"}', 429, retry_after="0.2"), http(json.dumps(good)))
    client = toolfan.wrap(generative_model("m", server.url, "rest"), adapter="vertex", wait=tenacity.wait_none())
    started = time.monotonic()
    calls = client.create(messages=USER, tools=(Ping,))
    assert (list(calls), calls.requests, len(server.requests)) == ([Ping(x=1)], 2, 2)
    assert time.monotonic() - started >= 0.2
