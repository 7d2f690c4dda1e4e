"""Errors that no loopback server provokes: by their shape."""

from __future__ import annotations

import pytest
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
