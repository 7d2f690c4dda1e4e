"""What the server did wrong becomes the right error: its class and what it carries, one request, no secret."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import importlib
import json
import logging
import pickle
import socket
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, Bench, FaultServer, Faulty, call, completion, http
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
    Refused,
    RequestRejected,
    Unavailable,
)

Start = Callable[..., FaultServer]
sdk_http: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


class A(BaseModel):
    x: int = 0


def failure(message: str = "it failed", code: str | None = None, kind: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def gateway(raw: str, code: int = 400) -> str:
    """As OpenRouter tells what the provider behind it said."""
    told = {"message": "Provider returned error", "code": code, "metadata": {"raw": raw, "provider_name": "Acme"}}
    return json.dumps({"error": told})


def status(number: int, body: str | None = None, **headers: str) -> bytes:
    return http(failure() if body is None else body, number, x_request_id="req-9", **headers)


def reset(handler: Any) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


GOOD = json.dumps(completion(call("A", {"x": 1})))


@dataclass(frozen=True)
class Fault:
    answer: bytes | Faulty
    error: type[ProviderError]
    retryable: bool
    message: str = ""
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None


FAULTS: dict[str, Fault] = {
    "400": Fault(status(400, failure("bad", "invalid_value")), RequestRejected, False, "bad", 400, "invalid_value"),
    "400 content filter": Fault(
        status(400, failure("bad", "content_filter")), ContentFiltered, False, "bad", 400, "content_filter"
    ),
    "401": Fault(
        status(401, failure("no", "invalid_api_key")),
        AuthenticationError,
        False,
        "Check the API key",
        401,
        "invalid_api_key",
    ),
    "402": Fault(status(402), QuotaExhausted, False, "", 402),
    "403": Fault(status(403), PermissionDenied, False, "", 403),
    "404": Fault(
        status(404, failure("no model", "model_not_found")), RequestRejected, False, "no model", 404, "model_not_found"
    ),
    "408": Fault(status(408), Unavailable, True, "", 408),
    "409": Fault(status(409), RequestRejected, True, "", 409),
    "413": Fault(status(413), RequestRejected, False, "", 413),
    "422": Fault(status(422), RequestRejected, False, "", 422),
    "429": Fault(status(429, retry_after="7"), RateLimited, True, "", 429, None, 7),
    "429 ms": Fault(status(429, retry_after_ms="150"), RateLimited, True, "", 429, None, 0.15),
    "429 date": Fault(
        status(429, retry_after="Wed, 21 Oct 2026 07:28:30 GMT", date="Wed, 21 Oct 2026 07:28:00 GMT"),
        RateLimited,
        True,
        "",
        429,
        None,
        30,
    ),
    "429 junk": Fault(status(429, retry_after="soon"), RateLimited, True, "", 429),
    "429 negative": Fault(status(429, retry_after="-3"), RateLimited, True, "", 429),
    "429 should not": Fault(status(429, x_should_retry="false"), RateLimited, False, "", 429),
    "429 quota": Fault(
        status(429, failure("used up", "insufficient_quota")),
        QuotaExhausted,
        False,
        "waiting does not help",
        429,
        "insufficient_quota",
    ),
    "500": Fault(status(500), Unavailable, True, "it failed", 500),
    "500 empty": Fault(status(500, ""), Unavailable, True, "500", 500),
    "502 HTML": Fault(
        status(502, "<html>Bad Gateway</html>", content_type="text/html"), Unavailable, True, "Bad Gateway", 502
    ),
    "503": Fault(status(503, retry_after="2.5"), Unavailable, True, "", 503, None, 2.5),
    "529": Fault(status(529), Unavailable, True, "", 529),
    "error is a text": Fault(status(400, '{"error": "just text"}'), RequestRejected, False, "just text", 400),
    "error is a list": Fault(status(500, "[1, 2]"), Unavailable, True, "500", 500),
    "tool_use_failed": Fault(
        status(
            400, json.dumps({"error": {"message": "failed", "code": "tool_use_failed", "failed_generation": "<f>"}})
        ),
        RequestRejected,
        False,
        "the model wrote: <f>",
        400,
        "tool_use_failed",
    ),
    "a gateway's words and those behind it": Fault(
        status(400, gateway('{"error": {"message": "too many tools"}}')),
        RequestRejected,
        False,
        "Provider returned error: too many tools",
        400,
        "400",
    ),
    "302": Fault(status(302, "", location="http://127.0.0.1:9/"), BadResponse, False, "302.*127.0.0.1:9", 302),
    "HTML 200": Fault(http("<html>hi</html>", content_type="text/html"), BadResponse, True, "text/html.*<html>hi"),
    "empty 200": Fault(http(""), BadResponse, True, "empty"),
    "cut JSON": Fault(http(GOOD[:40]), BadResponse, True, "not JSON"),
    "bad UTF-8": Fault(http(b'{"choices": "\xff"}'), BadResponse, True, "not JSON"),
    "a lone surrogate": Fault(http('{"choices": "\\ud800"}'), BadResponse, True, "no choices"),
    "too deep": Fault(http("[" * 100_000), BadResponse, True, "not JSON"),
    "a list": Fault(http("[1]"), BadResponse, True, "no chat completion"),
    "a text": Fault(http('"x"'), BadResponse, True, "no chat completion"),
    "null": Fault(http("null"), BadResponse, True, "no chat completion"),
    "{}": Fault(http("{}"), BadResponse, True, "no choices"),
    "choices []": Fault(http('{"choices": []}'), BadResponse, True, "no choices"),
    "choices null": Fault(http('{"choices": null}'), BadResponse, True, "no choices"),
    "message null": Fault(http('{"choices": [{"message": null}]}'), BadResponse, True, "no message"),
    "a choice is null": Fault(http('{"choices": [null]}'), BadResponse, True, "no message"),
    "tool_calls 3": Fault(http('{"choices": [{"message": {"tool_calls": 3}}]}'), BadResponse, True, "tool_calls"),
    "an event stream": Fault(http("data: {}\n\n", content_type="text/event-stream"), BadResponse, True, "event-stream"),
    "error in a 200": Fault(
        http(failure("later", "rate_limit_exceeded")), RateLimited, True, "later", 429, "rate_limit_exceeded"
    ),
    "error number in a 200": Fault(http('{"error": {"message": "m", "code": 503}}'), Unavailable, True, "m", 503),
    "error text in a 200": Fault(http('{"error": "broken"}'), Unavailable, True, "broken"),
    "a gateway's error in a 200": Fault(
        http(gateway("slower, please", 429)), RateLimited, True, "returned error: slower, please", 429
    ),
    "error in a choice": Fault(
        http('{"choices": [{"error": {"message": "m", "code": 402}, "message": {}}]}'), QuotaExhausted, False, "m", 402
    ),
    "wrong length": Fault(http(GOOD, length=len(GOOD) + 50), ConnectionFailed, True),
    "reset": Fault(reset, ConnectionFailed, True),
    "nothing": Fault(b"", ConnectionFailed, True),
    "no HTTP": Fault(b"SSH-2.0-x\r\n\r\n", BadResponse, False, "no HTTP that can be read"),
    "bad gzip": Fault(http(b"no gzip", content_encoding="gzip"), BadResponse, True),
}


def failed(client: toolfan.Client, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        client.create(model="m", messages=USER, response_model=A, **options)
    return caught.value


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_the_right_error_after_one_request(bench: Bench, faulty: Start, fault: Fault) -> None:
    server = faulty(fault.answer)
    error = failed(toolfan.from_openai(bench.sdk(base_url=server.url), stop=ONCE))
    assert type(error) is fault.error
    assert (error.status, error.code, error.retry_after) == (fault.status, fault.code, fault.retry_after)
    assert (error.retryable, error.requests, error.attempts, error.adapter) == (fault.retryable, 1, 1, "openai")
    assert len(server.requests) == 1
    if fault.status and b"req-9" in (fault.answer if isinstance(fault.answer, bytes) else b""):
        assert error.request_id == "req-9"
    with pytest.raises(fault.error, match=rf"(?s){fault.message}"):
        raise error


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_error_pickles_copies_and_holds_no_secret(
    bench: Bench, faulty: Start, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    error = failed(bench.client(base_url=faulty(fault.answer).url), extra_headers={"x-house-token": "tok-planted"})
    again = pickle.loads(pickle.dumps(error))
    assert again == error == copy.deepcopy(error)
    assert str(again) == str(error)
    told = [str(error), repr(error), str(error.args), str(vars(error)), str(pickle.dumps(error))]
    told.append("".join(traceback.format_exception(error)))
    assert [text for text in told if KEY in text or "tok-planted" in text] == []
    assert KEY not in caplog.text  # openai 2 logs the headers that you add, by itself


@pytest.mark.parametrize("name", ["401", "429", "500", "302", "HTML 200", "cut JSON", "{}", "reset", "error in a 200"])
def test_the_async_client_says_the_same(bench: Bench, faulty: Start, name: str) -> None:
    server = faulty(FAULTS[name].answer)

    async def main() -> ProviderError:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk:
            with pytest.raises(ProviderError) as caught:
                await toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
            return caught.value

    error = asyncio.run(main())
    assert len(server.requests) == 1
    again = failed(bench.client(base_url=server.url))
    if type(error) is ConnectionFailed:
        again.message = error.message  # the two say a reset in other words
    assert error == again


def test_a_refused_connection(bench: Bench) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    error = failed(bench.client(base_url=url))
    assert type(error) is ConnectionFailed
    assert (error.requests, error.retryable) == (1, True)
    assert "Check the network and the base URL" in str(error)


def test_a_host_that_has_no_address(bench: Bench) -> None:
    assert type(failed(bench.client(base_url="http://name.invalid/v1"))) is ConnectionFailed


@pytest.mark.parametrize(
    "body", ["\ufeff" + GOOD, "\n" * 500 + GOOD, GOOD.replace("18}", "NaN}")], ids=["BOM", "lines", "NaN"]
)
def test_an_answer_that_is_odd_but_whole_is_read(bench: Bench, faulty: Start, body: str) -> None:
    client = bench.client(base_url=faulty(http(body, content_type="text/plain")).url)
    assert list(client.create(model="m", messages=USER, response_model=A)) == [A(x=1)]


def test_a_refusal_has_the_models_words(bench: Bench) -> None:
    error = failed(bench.answered(finish="stop", refusal="I would rather not."))
    assert (type(error), error.retryable) == (Refused, False)
    assert "I would rather not." in str(error)
    assert error.calls is not None
    assert error.turn is not None


def test_a_filtered_answer_keeps_its_calls(bench: Bench) -> None:
    error = failed(bench.answered(call("A", {"x": 3}), finish="content_filter"))
    assert (type(error), error.retryable) == (ContentFiltered, False)
    assert error.calls is not None
    assert list(error.calls) == [A(x=3)]
    assert pickle.loads(pickle.dumps(error)) == error


def test_the_cause_is_the_sdks_own_error(bench: Bench, faulty: Start) -> None:
    assert isinstance(failed(bench.client(base_url=faulty(status(429)).url)).__cause__, openai.RateLimitError)


def test_the_clients_own_shorter_timeout_is_a_failed_connection(bench: Bench, faulty: Start) -> None:
    server = faulty(lambda handler: time.sleep(0.6))
    error = failed(bench.client(base_url=server.url, timeout=0.1))
    assert (type(error), error.retryable) == (ConnectionFailed, True)
    assert "the client's own timeout passed: ReadTimeout" in str(error)
    assert "Raise the timeout of the SDK's client" in str(error.hint)


@pytest.mark.parametrize("mode", ["create", "stream"])
def test_a_client_that_another_thread_closes_is_no_fault_of_the_network(faulty: Start, mode: str) -> None:
    asked, left = threading.Event(), threading.Event()

    def answer(handler: Any) -> None:
        if mode == "stream":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: wait\n\n")
        asked.set()
        left.wait(10)

    sdk = openai.OpenAI(api_key=KEY, base_url=faulty(answer).url)
    client = toolfan.wrap(sdk, model="m", stop=ONCE)

    def close() -> None:
        asked.wait(10)
        time.sleep(0.05)  # until the answer is waited for
        pool: Any = sdk._client._transport  # type: ignore[attr-defined]
        sockets = [one._connection._network_stream.get_extra_info("socket") for one in pool._pool.connections]
        sdk.close()
        for one in sockets:  # Vendor: a close alone wakes no thread that reads already
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        left.set()

    closing = threading.Thread(target=close)
    closing.start()
    with pytest.raises(toolfan.ProviderError, match="the client was closed while a request of it ran") as caught:
        client.create(messages=USER, tools=(A,)) if mode == "create" else client.stream(
            messages=USER, tools=(A,)
        ).until_done()
    closing.join(10)
    assert caught.value.requests == 1


@pytest.mark.parametrize("key", ["planted\nkey", "plantedключ", "planted\ud800"])
@pytest.mark.parametrize("azure", [False, True])
def test_a_key_that_is_made_for_each_request_and_that_no_header_can_carry(faulty: Start, key: str, azure: bool) -> None:
    server = faulty(status(200))
    with (
        openai.AzureOpenAI(azure_endpoint=server.url, api_version="1", azure_ad_token_provider=lambda: key)
        if azure
        else openai.OpenAI(base_url=server.url, api_key=lambda: key) as sdk,
        pytest.raises(AuthenticationError, match="nothing was sent") as caught,
    ):
        toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
    assert "planted" not in str(caught.value)
    assert server.requests == []


def test_a_hook_that_cannot_write_what_it_logs_is_no_bad_key() -> None:
    def handler(request: Any) -> Any:
        "ж".encode("ascii")

    transport = sdk_http.Client(transport=sdk_http.MockTransport(handler))
    with (
        openai.OpenAI(api_key=KEY, base_url="http://h.test/v1", http_client=transport) as sdk,
        pytest.raises(RequestRejected, match="UnicodeEncodeError"),
    ):
        toolfan.from_openai(sdk, stop=ONCE).create(model="m", messages=USER, response_model=A)
