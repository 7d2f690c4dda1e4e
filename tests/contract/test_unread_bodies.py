"""An error status counts although its body cannot be read: with each kind of client that speaks HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import openai
import pytest
import tenacity
import toolfan
from google_asking import GENAI, WARNINGS, genai_client, need
from loopback import KEY, USER, http
from pydantic import BaseModel
from toolfan import AuthenticationError, BadResponse, PermissionDenied, RateLimited, RequestRejected

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
BROKEN = gzip.compress(b'{"error": {"message": "no"}}' * 99)[:40] + b"\xff" * 40
BODIES: dict[str, Any] = {
    "no text": (b"\xff\xfe\xff", {}),
    "broken gzip": (BROKEN, {"content_encoding": "gzip"}),
    "a page": ("<html>Sign in</html>", {}),
    "cut": ('{"error": {', {"length": 999}),
}
STATUSES = {401: AuthenticationError, 403: PermissionDenied, 404: RequestRejected, 429: RateLimited}


class Ping(BaseModel):
    x: int


def failure(kind: str, url: str, *, stream: bool) -> Any:
    """What a client of this kind raises."""
    options: dict[str, Any] = {"model": "m", "wait": tenacity.wait_none(), "stop": tenacity.stop_after_attempt(2)}
    asked: dict[str, Any] = {"messages": USER, "tools": (Ping,)}

    async def ask_async() -> None:
        if kind in GENAI:
            sdk: Any = genai_client(kind, url)
            close = sdk.aio.aclose
        else:
            sdk = openai.AsyncOpenAI(api_key=KEY, base_url=url)
            close = sdk.close
        client = toolfan.wrap_async(sdk, adapter=kind.split(maxsplit=1)[0], **options)
        try:
            if stream:
                assert [one async for one in client.stream(**asked)] == "never"
            await client.create(**asked)
        finally:
            await close()

    def ask() -> None:
        sdk: Any = genai_client(kind, url) if kind in GENAI else openai.OpenAI(api_key=KEY, base_url=url)
        client = toolfan.wrap(sdk, adapter=kind, **options)
        try:
            if stream:
                assert [*client.stream(**asked)] == "never"
            client.create(**asked)
        finally:
            sdk.close()

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
