"""Which faults may be sent again: the table that the retries live by, through the real SDK, sync and async.

An error is sent again exactly if it is `retryable`, after `retry_after` seconds if it has them.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, FaultServer, Faulty, call, completion, http
from pydantic import BaseModel
from toolfan import (
    AuthenticationError,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ToolfanError,
    Unavailable,
    UsageError,
)

# httpx2 from openai 3 on
sdk_http: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")
Start = Callable[..., FaultServer]


class A(BaseModel):
    x: int = 0


GOOD = json.dumps(completion(call("A", {"x": 1})))


def reset(handler: Any) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


def after(part: bytes) -> Faulty:
    """Sends a part of an answer, then resets the connection."""

    def answer(handler: Any) -> None:
        handler.wfile.write(part)
        handler.wfile.flush()
        reset(handler)

    return answer


def raw(*lines: str, body: str = "") -> bytes:
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "connection: close", "", body)).encode()


def said(status: int, *, code: str | None = None, **headers: str) -> bytes:
    return http(json.dumps({"error": {"message": "the reason", "code": code}}), status, **headers)


def found(**about: Any) -> bytes:
    """An error object in a 200."""
    return http(json.dumps({"error": {"message": "the reason", **about}}))


def words(content: Any, status: int = 422, **headers: str) -> bytes:
    return http(content if isinstance(content, str) else json.dumps(content), status, **headers)


def google(message: str = "slow", **about: Any) -> bytes:
    return words({"error": {**GOOGLE, "message": message, **about}}, 429)


POLICY = "litellm.BadRequestError: litellm.ContentPolicyViolationError"
INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}
GOOGLE = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow", "details": [INFO]}
OBJECT = {**GOOGLE, "details": [{**INFO, "retryDelay": {"seconds": "2", "nanos": 500_000_000}}]}
DAY = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDay"}]}
DATES = {"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}
ASCTIME, RFC_850 = "Wed Oct 21 07:28:30 2026", "Wednesday, 21-Oct-26 07:28:30 GMT"
ZONELESS, ZONED = "Wed, 21 Oct 2026 07:28:30 -0000", "Wed, 21 Oct 2026 09:28:30 +0200"
CHUNK = raw("transfer-encoding: chunked", body=f"{len(GOOD):x}\r\n{GOOD}\r\n")
FIELD = [{"loc": ["body", "tools", 0], "msg": "field required", "type": "missing"}]
AGAIN, NOT_HTTP = "may succeed later", "no HTTP that can be read"

# What the server does, then: the error, whether it may be sent again, after how long, what it says.
TABLE: dict[str, tuple[bytes | Faulty, type[ProviderError], bool, float | None, str]] = {
    "reset": (reset, ConnectionFailed, True, None, "network"),
    "closed": (b"", ConnectionFailed, True, None, "disconnected"),
    "closed in the headers": (b"HTTP/1.1 200 OK\r\nconte", ConnectionFailed, True, None, "disconnected"),
    "reset in the headers": (after(b"HTTP/1.1 200 OK\r\nconte"), ConnectionFailed, True, None, "ReadError"),
    "reset in the body": (after(http(GOOD)[:150]), ConnectionFailed, True, None, "ReadError"),
    "closed in the body": (http(GOOD, length=len(GOOD) + 9), ConnectionFailed, True, None, "without sending complete"),
    "closed in a chunk": (CHUNK, ConnectionFailed, True, None, "incomplete chunked read"),
    "no HTTP": (b"SSH-2.0-x\r\n\r\n", BadResponse, False, None, NOT_HTTP),
    "bad status line": (b"HTTP/1.1 abc OK\r\n\r\n", BadResponse, False, None, NOT_HTTP),
    "a header of 200 kB": (raw("x: " + "a" * 200_000), BadResponse, False, None, NOT_HTTP),
    "bad length": (raw("content-length: abc"), BadResponse, False, None, NOT_HTTP),
    "cut without a length": (raw(body=GOOD[:60]), BadResponse, True, None, "not JSON.*chatcmpl-1"),
    "cut by the length": (http(GOOD, length=60), BadResponse, True, None, "application/json.*chatcmpl-1"),
    "bad gzip": (http(b"no gzip", content_encoding="gzip"), BadResponse, True, None, "decompressed"),
    "cut gzip": (http(gzip.compress(GOOD.encode())[:-20], content_encoding="gzip"), BadResponse, True, None, "JSON"),
    "empty": (http(""), BadResponse, True, None, "it is empty"),
    "204": (http("", 204), BadResponse, True, None, "it is empty"),
    "bad UTF-8": (http(b'{"choices": "\xff"}'), BadResponse, True, None, "choices"),
    "HTML": (http("<p>hi", content_type="text/html"), BadResponse, True, None, "text/html.*<p>hi"),
    "events": (http("data: {}\n\n", content_type="text/event-stream"), BadResponse, True, None, "streams though"),
    "302": (http("", 302, location="http://h.test/v2"), BadResponse, False, None, "h.test/v2.*not followed"),
    "307": (http("", 307, location="http://u:hidden@h.test/"), BadResponse, False, None, r"//\*\*\*@h.test"),
    "400": (said(400), RequestRejected, False, None, "the reason.*what to change"),
    "401": (said(401), AuthenticationError, False, None, "the reason.*key"),
    "a key, by its code": (said(400, code="invalid_api_key"), AuthenticationError, False, None, "Check the API key"),
    "a key, in words": (
        words({"code": "Client specified an invalid argument", "error": "Incorrect API key provided: x."}, 400),
        AuthenticationError,
        False,
        None,
        "400.*Incorrect API key",
    ),
    "a key, in Google's words": (
        words([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}], 400),
        AuthenticationError,
        False,
        None,
        "400.*not valid",
    ),
    "a key in what was sent": (
        words({"error": {"message": f"messages.0: {'so it goes ' * 20} invalid api key"}}, 400),
        RequestRejected,
        False,
        None,
        "what to change",
    ),
    "403": (said(403), PermissionDenied, False, None, "the reason"),
    "404": (said(404), RequestRejected, False, None, "the reason.*model, and the path"),
    "407": (said(407), RequestRejected, False, None, "login of the proxy"),
    "421": (said(421), RequestRejected, False, None, "host of the base URL"),
    "413": (said(413), RequestRejected, False, None, "too large"),
    "408": (said(408), Unavailable, True, None, AGAIN),
    "425": (said(425), Unavailable, True, None, AGAIN),
    "499": (said(499), Unavailable, True, None, AGAIN),
    "499 without words": (http("", 499), Unavailable, True, None, r"answered 499 \[.*" + AGAIN),
    "400 without words": (http("", 400), RequestRejected, False, None, "does not say why: check the request"),
    "404, another thing": (
        said(404, code="previous_response_not_found"),
        RequestRejected,
        False,
        None,
        r"the reason \[adapter openai\]. The provider's words say",
    ),
    "404, the model": (said(404, code="model_not_found"), RequestRejected, False, None, "name of the model"),
    "budget": (
        words({"error": {"message": "spent", "type": "budget_exceeded", "code": "400"}}, 400),
        QuotaExhausted,
        False,
        None,
        r"answered 400 \(budget_exceeded\): spent",
    ),
    "code is the status": (said(503, code="503"), Unavailable, True, None, "answered 503: the reason"),
    "a word beside it": (
        words({"error": {"message": "no", "type": "BadRequestError", "code": 400}}, 400),
        RequestRejected,
        False,
        None,
        r"answered 400 \(BadRequestError\): no",
    ),
    "409": (said(409), RequestRejected, True, None, AGAIN),
    "429": (said(429), RateLimited, True, None, "the reason"),
    "500": (said(500), Unavailable, True, None, AGAIN),
    "502 HTML": (words("<p>Bad Gateway", 502, content_type="text/html"), Unavailable, True, None, "Bad Gateway"),
    "503": (said(503, retry_after="4"), Unavailable, True, 4, AGAIN),
    "504": (said(504), Unavailable, True, None, AGAIN),
    "529": (said(529), Unavailable, True, None, AGAIN),
    "should not": (said(500, x_should_retry="false"), Unavailable, False, None, "does not help"),
    "should": (said(424, x_should_retry="true"), RequestRejected, True, None, "the reason"),
    "400, should": (said(400, x_should_retry="true"), RequestRejected, False, None, "the reason"),
    "401, should": (said(401, x_should_retry="true"), AuthenticationError, False, None, "key"),
    "403, should": (said(403, x_should_retry="true"), PermissionDenied, False, None, ""),
    "quota": (said(429, code="insufficient_quota"), QuotaExhausted, False, None, "waiting does not help"),
    "quota, should": (said(429, code="insufficient_quota", x_should_retry="true"), QuotaExhausted, False, None, ""),
    "seconds": (said(429, retry_after="7"), RateLimited, True, 7, ""),
    "float": (said(429, retry_after="0.25"), RateLimited, True, 0.25, ""),
    "date": (said(429, **DATES), RateLimited, True, 30, ""),
    "asctime": (said(429, **DATES | {"retry_after": ASCTIME}), RateLimited, True, 30, ""),
    "RFC 850": (said(429, **DATES | {"retry_after": RFC_850}), RateLimited, True, 30, ""),
    "no zone": (said(429, **DATES | {"retry_after": ZONELESS}), RateLimited, True, 30, ""),
    "another zone": (said(429, **DATES | {"retry_after": ZONED}), RateLimited, True, 30, ""),
    "no date": (said(429, retry_after="Fri, 00 Foo 2026 07:28:30 GMT"), RateLimited, True, None, ""),
    "a date past, beside junk": (
        said(429, retry_after=DATES["retry_after"].replace("2026", "2020"), date="zzz"),
        RateLimited,
        True,
        0,
        "",
    ),
    "twice": (said(429, retry_after="30, 7"), RateLimited, True, 30, ""),
    "a date and seconds": (
        said(429, **DATES | {"retry_after": f"{DATES['retry_after']}, 5"}),
        RateLimited,
        True,
        30,
        "",
    ),
    "a span": (said(429, retry_after="1m30s"), RateLimited, True, 90, ""),
    "an ISO span": (said(429, retry_after="PT1M2.5S"), RateLimited, True, 62.5, ""),
    "milliseconds, with their unit": (said(429, retry_after="3000ms"), RateLimited, True, 3, ""),
    "seconds with a unit": (said(429, retry_after="2.5s, 1"), RateLimited, True, 2.5, ""),
    "ISO": (said(429, **DATES | {"retry_after": "2026-10-21T09:28:30+02:00"}), RateLimited, True, 30, ""),
    "ISO without a zone": (said(429, **DATES | {"retry_after": "2026-10-21 07:28:30"}), RateLimited, True, 30, ""),
    "no ISO": (said(429, retry_after="2026-13-41T99:00:00Z"), RateLimited, True, None, ""),
    "Azure's milliseconds": (said(429, x_ms_retry_after_ms="500", retry_after="9"), RateLimited, True, 0.5, ""),
    "twice, once junk": (said(429, retry_after="30, soon"), RateLimited, True, None, ""),
    "milliseconds": (said(429, retry_after_ms="150", retry_after="9"), RateLimited, True, 0.15, ""),
    "long": (said(429, retry_after="300"), RateLimited, True, 300, ""),
    "junk": (said(429, retry_after="soon"), RateLimited, True, None, ""),
    "negative": (said(429, retry_after="-5"), RateLimited, True, None, ""),
    "infinite": (said(429, retry_after="inf"), RateLimited, True, 1e9, ""),
    "RetryInfo": (words([{"error": GOOGLE}], 429), RateLimited, True, 2.5, "RESOURCE_EXHAUSTED.*slow"),
    "RetryInfo, an object": (words({"error": OBJECT}, 429), RateLimited, True, 2.5, "slow"),
    "quota of a day": (words({"error": {**GOOGLE, "details": [DAY]}}, 429), QuotaExhausted, False, None, "slow"),
    "RetryInfo without a unit": (google(details=[{**INFO, "retryDelay": "2.5"}]), RateLimited, True, 2.5, "slow"),
    "the day's limit": (
        google(details=[{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": "RequestsPerDay"}}]),
        QuotaExhausted,
        False,
        None,
        "of this day",
    ),
    "a quota of nothing": (
        google(details=[{"violations": [{"quotaId": "TokensPerMinute", "quotaValue": "0"}]}]),
        QuotaExhausted,
        False,
        None,
        "does not help",
    ),
    "a quota of something": (
        google(details=[{"violations": [{"quotaId": "TokensPerMinute", "quotaValue": "10"}]}]),
        RateLimited,
        True,
        None,
        "slow",
    ),
    "nothing left, in words": (google("over x, limit: 0, model: y"), QuotaExhausted, False, 2.5, "does not help"),
    "something left, in words": (google("over x, limit: 0.5, model: y"), RateLimited, True, 2.5, "later"),
    "spending cap": (google("has exceeded its monthly spending cap."), QuotaExhausted, False, 2.5, "does not help"),
    "xAI's": (
        words(
            {"code": "Exhausted", "error": "Your team has either used all available credits or reached its cap."}, 429
        ),
        QuotaExhausted,
        False,
        None,
        "does not help",
    ),
    "xAI's, with a 403": (
        words({"code": "Denied", "error": "Your team has reached its monthly spending limit."}, 403),
        QuotaExhausted,
        False,
        None,
        "does not help",
    ),
    "credits": (google("Your prepayment credits are depleted."), QuotaExhausted, False, 2.5, "does not help"),
    "the day's limit, older": (
        words({"error": {"errors": [{"reason": "dailyLimitExceeded"}], "code": 403, "message": "the limit"}}, 403),
        QuotaExhausted,
        False,
        None,
        "of this day",
    ),
    "the minute's limit, with a 403": (
        words({"error": {"details": [{"reason": "RATE_LIMIT_EXCEEDED"}], "code": 403, "message": "slowly"}}, 403),
        RateLimited,
        True,
        None,
        "slowly",
    ),
    "alone in a list in a 200": (words([{"error": GOOGLE}], 200), RateLimited, True, 2.5, "RESOURCE_EXHAUSTED.*slow"),
    "Azure's filter": (
        words({"error": {"message": "no", "code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, 400),
        ContentFiltered,
        False,
        None,
        "Change the prompt",
    ),
    "OpenRouter's filter": (
        words({"error": {"code": 403, "message": "no", "metadata": {"reasons": ["violence"]}}}, 403),
        ContentFiltered,
        False,
        None,
        "403.*no.*Change the prompt",
    ),
    "OpenRouter's, in a 200": (
        found(code=403, metadata={"reasons": [], "flagged_input": "x"}),
        ContentFiltered,
        False,
        None,
        "the reason",
    ),
    "OpenRouter's other words": (
        words({"error": {"code": 403, "message": "no", "metadata": {"reasons": []}}}, 403),
        PermissionDenied,
        False,
        None,
        "",
    ),
    "LiteLLM's filter": (
        words({"error": {"message": f"{POLICY}: no", "type": None, "param": None, "code": "400"}}, 400),
        ContentFiltered,
        False,
        None,
        "Change the prompt",
    ),
    "RetryInfo in a 200": (words({"error": GOOGLE}, 200), RateLimited, True, 2.5, "slow"),
    "detail": (words({"detail": "no such tool"}), RequestRejected, False, None, "422: no such tool .*what to change"),
    "details": (words({"detail": FIELD}), RequestRejected, False, None, "422: body.tools.0: field required "),
    "error is null": (words({"error": None, "detail": "why"}), RequestRejected, False, None, "422: why "),
    "a list": (words(["one", {"msg": "two"}]), RequestRejected, False, None, "422: one; two "),
    "a text": (words("just words", content_type="text/plain"), RequestRejected, False, None, "422: just words "),
    "problem": (words({"title": "No", "detail": "so", "status": 422}), RequestRejected, False, None, "422: so "),
    "unknown form": (words({"fault": 3}), RequestRejected, False, None, '422: {"fault":3} '),
    "DashScope's filter": (said(400, code="data_inspection_failed"), ContentFiltered, False, None, "Change the prompt"),
    "GLM's filter": (said(400, code="1301"), ContentFiltered, False, None, "the reason"),
    "GLM's balance": (said(429, code="1113"), QuotaExhausted, False, None, "does not help"),
    "DashScope's balance": (said(400, code="Arrearage"), QuotaExhausted, False, None, "does not help"),
    "Moonshot's quota": (
        words({"error": {"message": "the reason", "type": "exceeded_current_quota_error"}}, 429),
        QuotaExhausted,
        False,
        None,
        "does not help",
    ),
    "GLM's filter in a 200": (found(code="1301"), ContentFiltered, False, None, "Change the prompt"),
    "GLM's balance in a 200": (found(code=1113), QuotaExhausted, False, None, "does not help"),
    "a parameter that is a key": (
        words({"error": {"message": "tools.0.parameters.api_key is invalid: no type", "code": None}}, 400),
        RequestRejected,
        False,
        None,
        "what to change",
    ),
    "filter in a 200": (found(code="content_filter"), ContentFiltered, False, None, "Change the prompt"),
    "moderation in a 200": (found(code="moderation_blocked"), ContentFiltered, False, None, "the reason"),
    "policy in a 200": (found(code="content_policy_violation", type="server_error"), ContentFiltered, False, None, ""),
    "policy as a type": (found(code=400, type="content_policy_violation"), ContentFiltered, False, None, ""),
    "billing in a 200": (found(code="billing_not_active"), QuotaExhausted, False, None, "does not help"),
    "hard limit in a 200": (found(code="billing_hard_limit_reached"), QuotaExhausted, False, None, "the reason"),
    "account in a 200": (found(code="account_deactivated", type="x"), QuotaExhausted, False, None, "the reason"),
    "list in a 200": (words({"error": [{"code": 401, "message": "m"}]}, 200), AuthenticationError, False, None, "m"),
    "nested in a 200": (words({"error": {"error": {"code": 401}}}, 200), AuthenticationError, False, None, "401"),
    "nested": (words({"error": {"error": {"code": "content_filter"}}}, 400), ContentFiltered, False, None, "400"),
    "true in a 200": (words({"error": True, "message": "m"}, 200), Unavailable, True, None, "an error: m "),
    "odd code in a 200": (words({"error": {"code": "\u00b2\u00b2\u00b2"}}, 200), Unavailable, True, None, "error"),
}


def askers(url: str, transport: Any = None, **options: Any) -> Iterator[Callable[[], Any]]:
    """`create` of a sync and of an async client, blocking both; `options` are those of the SDK's client."""
    given = {"model": "m", "messages": USER, "response_model": A, "on_invalid": "keep"}
    options = {"api_key": KEY, "base_url": url, **options}

    def ask() -> Any:
        http_client = sdk_http.Client(transport=transport) if transport else None
        with openai.OpenAI(http_client=http_client, **options) as sdk:
            return toolfan.from_openai(sdk, stop=ONCE).create(**given)

    async def ask_async() -> Any:
        http_client = sdk_http.AsyncClient(transport=transport) if transport else None
        async with openai.AsyncOpenAI(http_client=http_client, **options) as sdk:
            return await toolfan.from_openai(sdk, stop=ONCE).create(**given)

    yield ask
    yield lambda: asyncio.run(ask_async())


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_the_table(faulty: Start, row: tuple[bytes | Faulty, type[ProviderError], bool, float | None, str]) -> None:
    answer, kind, retryable, seconds, message = row
    server = faulty(answer)
    for ask in askers(server.url):
        with pytest.raises(ProviderError, match=rf"(?s){message}") as caught:
            ask()
        assert (type(caught.value), caught.value.retryable, caught.value.retry_after) == (kind, retryable, seconds)
        assert caught.value.hint
    assert [request[0] for request in server.requests] == ["POST", "POST"]


class Own(Exception):
    """Of the user's code."""


def raising(exc: Exception) -> Callable[..., Any]:
    def code(*_: Any) -> Any:
        raise exc

    return code


MISLEADING: dict[str, tuple[Exception, type[ToolfanError], bool, str]] = {
    "of the user": (Own("my bug"), RequestRejected, False, "may have been sent, or not: Own: my bug.*a transport"),
    "KeyError": (KeyError("x"), RequestRejected, False, "the request may have been sent, or not: KeyError"),
    "closed loop": (RuntimeError("Event loop is closed"), UsageError, False, "the client cannot be used.*each loop"),
    "other loop": (RuntimeError("<Lock> is bound to a different event loop"), UsageError, False, "each loop"),
    "other RuntimeError": (RuntimeError("the door is closed"), RequestRejected, False, "may have been"),
    "refused": (sdk_http.ConnectError("refused"), ConnectionFailed, True, "refused"),
    "OSError": (ConnectionResetError("reset"), ConnectionFailed, True, "reset"),
    "proxy": (sdk_http.ProxyError("no proxy"), ConnectionFailed, True, "no proxy"),
    "malformed": (sdk_http.RemoteProtocolError("illegal header line"), BadResponse, False, NOT_HTTP),
    "header": (sdk_http.LocalProtocolError("Illegal header value b'x'"), AuthenticationError, False, "line break"),
}


@pytest.mark.parametrize("row", MISLEADING.values(), ids=MISLEADING)
def test_an_exception_is_told_as_what_it_was(row: tuple[Exception, type[ToolfanError], bool, str]) -> None:
    exc, kind, retryable, message = row
    for ask in askers("http://127.0.0.1:9/v1", sdk_http.MockTransport(raising(exc))):
        with pytest.raises(ToolfanError, match=rf"(?s){message}") as caught:
            ask()
        assert (type(caught.value), caught.value.retryable, caught.value.adapter) == (kind, retryable, "openai")


def test_a_token_provider_that_fails_is_named() -> None:
    sync, _ = askers("http://127.0.0.1:9/v1", api_key=raising(Own("no token")))

    async def provider() -> str:
        raise Own("no token")

    _, run_async = askers("http://127.0.0.1:9/v1", api_key=provider)
    for ask in (sync, run_async):
        with pytest.raises(RequestRejected, match=r"did not send the request: Own: no token.*token provider") as caught:
            ask()
        assert isinstance(caught.value.__cause__, Own)


def test_a_hook_that_raises_for_the_status_is_that_status(faulty: Start) -> None:
    server = faulty(said(429, retry_after="3"))
    http_client = sdk_http.Client(event_hooks={"response": [lambda response: response.raise_for_status()]})
    with openai.OpenAI(api_key=KEY, base_url=server.url, http_client=http_client) as sdk:
        with pytest.raises(RateLimited) as caught:
            toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
        assert caught.value.retry_after == 3


@pytest.mark.parametrize("encoded", [False, True])
def test_an_answer_that_a_hook_has_read_or_that_is_compressed_is_read(faulty: Start, encoded: bool) -> None:
    body = gzip.compress(GOOD.encode()) if encoded else GOOD.encode()
    head = b"content-encoding: gzip\r\n" if encoded else b""
    fields = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
    answer = b"HTTP/1.1 200 OK\r\n" + head + fields + b"\r\n" + body
    seen: list[str] = []

    def read(response: Any) -> None:
        seen.append(response.read().decode())

    async def read_async(response: Any) -> None:
        seen.append((await response.aread()).decode())

    server = faulty(*[lambda handler: handler.wfile.write(answer)] * 4)
    for hooks in ([], [read]):
        http_client = sdk_http.Client(event_hooks={"response": hooks})
        with openai.OpenAI(api_key=KEY, base_url=server.url, http_client=http_client) as sdk:
            calls = toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
            assert list(calls) == [A(x=1)]

    async def ask(hooks: list[Any]) -> None:
        http_client = sdk_http.AsyncClient(event_hooks={"response": hooks})
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url, http_client=http_client) as sdk:
            calls = await toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
            assert list(calls) == [A(x=1)]

    asyncio.run(ask([]))
    asyncio.run(ask([read_async]))
    assert seen == [GOOD] * 2


def test_a_closed_client_and_a_wrong_address_are_the_callers_fault(faulty: Start) -> None:
    sdk = openai.OpenAI(api_key=KEY, base_url=faulty(http(GOOD)).url)
    client = toolfan.from_openai(sdk, stop=ONCE)
    assert len(client.create(model="m", messages=USER, response_model=A)) == 1
    sdk.close()
    with pytest.raises(UsageError, match="has been closed"):
        client.create(model="m", messages=USER, response_model=A)
    for ask in askers("nowhere/v1"):
        with pytest.raises(UsageError, match=r"base URL cannot be used.*Check base_url"):
            ask()
