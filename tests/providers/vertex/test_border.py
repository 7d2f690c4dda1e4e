"""Errors that no loopback server provokes: by their shape."""

from __future__ import annotations

import pytest
import toolfan
from google_asking import genai_client
from loopback import USER
from odd_streams import Weather
from toolfan.errors import (
    AuthenticationError,
    BadResponse,
    ConnectionFailed,
    DeadlineExceeded,
    RateLimited,
    RequestRejected,
    Unavailable,
    UsageError,
)
from toolfan_vertex.border import cause, translated
from toolfan_vertex.statuses import plain_headers, request_id


def made(name, module="vendor", bases=(Exception,), text="text", **attributes):
    kind = type(name, bases, {"__module__": module})
    error = kind(text)
    for key, value in attributes.items():
        setattr(error, key, value)
    return error


class Status:
    name = "RESOURCE_EXHAUSTED"


class Duration:
    seconds, nanos = 2, 500_000_000


class RetryInfo:
    retry_delay = Duration()


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (made("ReadTimeout", bases=(type("TimeoutException", (Exception,), {}),)), DeadlineExceeded),
        (TimeoutError(), DeadlineExceeded),
        (made("RemoteProtocolError", bases=(type("TransportError", (Exception,), {}),)), ConnectionFailed),
        (ConnectionResetError("reset"), ConnectionFailed),
        (made("TransportError", "google.auth.exceptions"), ConnectionFailed),
        (made("DefaultCredentialsError", "google.auth.exceptions"), AuthenticationError),
        (made("InvalidOperation", "google.auth.exceptions"), AuthenticationError),
        (made("LocalProtocolError"), AuthenticationError),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), BadResponse),
        (made("ParseError", "google.protobuf.json_format"), BadResponse),
        (RuntimeError("Event loop is closed"), UsageError),
        (RuntimeError("Cannot send a request, as the client has been closed."), UsageError),
        (ValueError("odd"), RequestRejected),
        (made("AioRpcError", code=Status, details=lambda: "slow down"), RateLimited),
        (made("TooManyRequests", code=429, message="m", details=[RetryInfo()]), RateLimited),
        (made("ServiceUnavailable", code=503, message="failed to connect to all addresses"), ConnectionFailed),
        (made("ServiceUnavailable", code=503, message="later"), Unavailable),
        (made("ServerError", code=503, status="Bad Gateway", details={"error": "text"}), Unavailable),
    ],
)
def test_errors_by_shape(exc, kind):
    error = translated(exc, adapter="vertex", timeout=1.5)
    assert type(error) is kind
    assert error.adapter == "vertex"


def test_details_are_read():
    by_proto = translated(made("X", code=429, details=[RetryInfo()]), adapter="a", timeout=None)
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
    by_dict = translated(
        made("X", code=429, status="RESOURCE_EXHAUSTED", details={"error": {"details": [detail]}}),
        adapter="a",
        timeout=None,
    )
    assert (by_proto.retry_after, by_dict.retry_after, by_dict.code) == (2.5, 3.0, "RESOURCE_EXHAUSTED")


def test_a_wrong_key_is_no_wrong_request():
    body = {"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]}}
    error = translated(
        made("ClientError", code=400, status="INVALID_ARGUMENT", details=body), adapter="a", timeout=None
    )
    assert type(error) is AuthenticationError
    assert (error.status, error.code, error.retryable) == (400, "API_KEY_INVALID", False)


def test_a_cause_that_may_show_a_key_is_left_out():
    shown, hidden = ValueError("x"), made("LocalProtocolError", text="Illegal header value b's3cret'")
    assert cause(shown) is shown
    assert cause(hidden) is None
    assert "s3cret" not in str(translated(hidden, adapter="a", timeout=None))


def test_toolfans_own_errors_pass():
    own = UsageError("x")
    assert translated(own, adapter="a", timeout=None) is own


def test_headers():
    headers = plain_headers({"X-Goog-Request-Id": "r", "Set-Cookie": "a=b"})
    assert headers == {"x-goog-request-id": "r"}
    assert request_id(headers) == "r"
    assert plain_headers(None) == {}


@pytest.mark.parametrize("way", ["whole", "stream"])
def test_the_deadline_ends_an_error_that_drips(faulty, way):
    """A status that came is no word for an answer that did not end in time."""

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 503 X\r\nretry-after: 0\r\ncontent-length: 1000\r\n\r\n ")
        handler.wfile.flush()
        handler.connection.settimeout(20)
        handler.rfile.read(1)  # until the client goes

    client = toolfan.wrap(genai_client("gemini", faulty(drip).url.removesuffix("/v1")), adapter="gemini", model="m")
    asked = {"messages": USER, "tools": (Weather,), "deadline": 0.3}
    with pytest.raises(DeadlineExceeded, match=r"within the deadline of 0.3 s"):
        client.create(**asked) if way == "whole" else list(client.stream(**asked))
