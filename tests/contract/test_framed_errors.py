"""An error status whose body is framed as events, as gateways answer who asked for a stream, is that error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import toolfan
from every_provider import PROVIDERS, client_of
from loopback import KEY, USER, FaultServer, http
from odd_streams import Weather
from toolfan import ContentFiltered, ProviderError, QuotaExhausted, RateLimited, RequestRejected

Start = Callable[..., FaultServer]
QUOTA = {"message": "no credit", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "700s"}
ERRORS: dict[str, tuple[int, dict[str, Any], type[ProviderError]]] = {
    "openai": (400, {"error": {"message": "no", "code": "content_filter"}}, ContentFiltered),
    "openai-responses": (429, {"type": "error", "error": QUOTA}, QuotaExhausted),
    "anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, RequestRejected),
    "bedrock": (400, {"__type": "ValidationException", "message": "too long"}, RequestRejected),
    "cohere": (400, {"message": "no", "code": "content_filter"}, ContentFiltered),
    "gemini": (
        429,
        {"error": {"code": 429, "message": "q", "status": "RESOURCE_EXHAUSTED", "details": [RETRY]}},
        RateLimited,
    ),
}
FRAMES = ("data: {}\n\n", "event: error\r\ndata: {}\r\n\r\ndata: [DONE]\r\n\r\n", ": open\n\ndata:{}\n", "data: {}")


def framed(body: Any, frame: str, status: int) -> bytes:
    kind = "text/event-stream" if frame != "{}" else "application/json"
    return http(frame.replace("{}", json.dumps(body)), status, content_type=kind)


def told(error: ProviderError) -> tuple[Any, ...]:
    return type(error), str(error), error.code, error.status, error.retry_after, error.retryable, error.requests


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_is_the_error_of_the_bare_body(faulty: Start, provider: str, streams: bool) -> None:
    status, body, kind = ERRORS[provider]
    errors = []
    for frame in ("{}", *FRAMES):
        with client_of(provider, faulty(framed(body, frame, status)).url) as client:
            ask = client.stream if streams else client.create
            with pytest.raises(ProviderError) as caught:
                list(ask(messages=USER, tools=(Weather,)))
        errors.append(told(caught.value))
    assert errors[0][0] is kind
    assert errors == [errors[0]] * len(errors)


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("provider", ["openai", "openai-responses", "anthropic", "cohere", "gemini"])
def test_it_is_when_awaited(faulty: Start, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", KEY)
    status, body, kind = ERRORS[provider]

    async def ask(url: str) -> tuple[Any, ...]:
        async with toolfan.connect_async(f"{provider}:m", base_url=url, api_key_env="PLANTED") as client:
            with pytest.raises(ProviderError) as caught:
                await client.stream(messages=USER, tools=(Weather,), deadline=10).until_done()
        return told(caught.value)

    urls = [faulty(framed(body, frame, status)).url for frame in ("{}", FRAMES[1])]
    bare, other = [asyncio.run(ask(url if "openai" in provider else url.removesuffix("/v1"))) for url in urls]
    assert bare[0] is kind
    assert bare == other


@pytest.mark.parametrize(
    "text",
    [
        *("data: the service is down", "event: x", "id: 4", "Too many: {requests}", ": no"),
        *('This schema is not allowed:\n{"code": "content_filter"}\nremove it', '<html>\n[{"error": "x"}]\n</html>'),
    ],
)
def test_a_text_that_is_no_event_is_told_as_it_is(faulty: Start, text: str) -> None:
    with client_of("openai", faulty(http(text, 400)).url) as client, pytest.raises(RequestRejected) as caught:
        client.create(messages=USER, tools=(Weather,))
    assert f"answered 400: {' '.join(text.split())} [" in str(caught.value)
