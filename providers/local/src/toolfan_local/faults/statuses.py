"""Faults of the HTTP status: errors in the dialect's own shape, with every form of the header that says when to retry.

Knows statuses, their words and headers; not connections.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import Failure
from toolfan_local.faults.answers import written
from toolfan_local.faults.fault import EVERY, HTTP, PIECES, Dialect, Fault

if TYPE_CHECKING:
    from toolfan_local.faults.stage import Stage

Fields = Mapping[str, str]

MESSAGES = {
    400: "The request is invalid: this is the fault server's 400.",
    401: "Incorrect API key provided.",
    403: "You are not allowed to use this model.",
    404: "The model does not exist or you do not have access to it.",
    408: "The request timed out.",
    409: "The request conflicts with another one.",
    413: "The request is too large.",
    422: "The request cannot be processed.",
    429: "Rate limit reached.",
    500: "The server had an error while processing your request.",
    502: "Bad gateway.",
    503: "The service is overloaded.",
    504: "Gateway timeout.",
    529: "Overloaded.",
}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_NEVER = dict.fromkeys((400, 404, 413, 422), "RequestRejected") | {401: "AuthenticationError", 403: "PermissionDenied"}
_RETRIED = (408, 409, 429, 500, 502, 503, 504, 529)
_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_TRIAL = (
    "You are using a Trial key, which is limited to 1000 API calls / month. You can continue to use the "
    "Trial key for free or upgrade to a Production key with higher rate limits."
)
_HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<h1>502 Bad Gateway</h1>\r\n</body></html>"


def no_fields() -> Fields:
    """No further header fields."""
    return {}


@dataclass(frozen=True)
class Status:
    """Plays an error. `fields` are further header fields, made for each answer; `body` replaces the dialect's.

    `code` is the dialect's own word, `kind` one of OpenAI's; `retry_delay`, in seconds, and `quota_id` go into
    Google's details.
    """

    status: int
    fields: Callable[[], Fields] = field(default=no_fields)
    message: str | None = None
    code: str | None = None
    kind: str | None = None
    retry_delay: float | None = None
    quota_id: str | None = None
    body: bytes | None = None
    content_type: str = "application/json"

    def __call__(self, stage: Stage) -> None:
        """Answers with the error."""
        fields = dict(self.fields())
        if self.body is not None:
            stage.wire.respond(self.body, self.status, stage.fields(self.content_type) | fields)
        else:
            stage.fail(self.failure(stage.asked.dialect, fields))

    def failure(self, dialect: str, fields: Fields | None = None) -> Failure:
        """The error as a value: but for OpenAI's, the word comes from the status if none is given."""
        openai = dialect in ("openai", "responses")
        code = self.code or (_CODES.get(self.status) if openai else None)
        return Failure(
            self.status,
            self.message or MESSAGES[self.status],
            code=code,
            type=self.kind if openai else None,
            headers=dict(fields or {}),
            retry_delay=self.retry_delay,
            quota_id=self.quota_id,
        )


_OPENAI_QUOTA = Status(429, message=_QUOTA, code="insufficient_quota", kind="insufficient_quota")
_QUOTAS = {
    "openai": _OPENAI_QUOTA,
    "responses": _OPENAI_QUOTA,
    "anthropic": Status(402, message="Your credit balance is too low."),
    "bedrock": Status(429, message=_QUOTA, code="ServiceQuotaExceededException"),
    "cohere": Status(429, message=_TRIAL),
}


def _date(skew: float) -> Callable[[], Fields]:
    """Retry-After as a date two seconds after the answer's own Date, whose clock is `skew` seconds off."""

    def fields() -> Fields:
        now = time.time() + skew
        return {"date": formatdate(now, usegmt=True), "retry-after": formatdate(now + 2, usegmt=True)}

    return fields


def _retry_after(value: str, name: str = "retry-after") -> Status:
    return Status(429, lambda: {name: value})


def _to_itself(stage: Stage) -> None:
    # The query lets the server know the request again that a client makes of it, which is a GET without a body.
    target = f"{stage.asked.path}?model={stage.asked.model}"
    stage.wire.respond(b"", 302, stage.fields() | {"location": target})


def _quota(stage: Stage) -> None:
    _QUOTAS[stage.asked.dialect](stage)


def _detail(stage: Stage) -> None:
    problem = {"type": "missing", "loc": ["body", "messages"], "msg": "Field required", "input": None}
    stage.wire.respond(written({"detail": [problem]}).encode(), 422, stage.fields())


def _fault(name: str, text: str, play: Any, expectation: str, dialects: tuple[Dialect, ...] = EVERY) -> Fault:
    return Fault(name, "2", text, dialects, expectation, play)


_ON_GRPC = (400, 401, 403, 404, 409, 429, 500, 503, 504)
_WAITS = "retried after that long"
_BACKOFF = "retried with our own backoff"


def _plain(status: int, expectation: str) -> Fault:
    dialects: tuple[Dialect, ...] = EVERY if status in _ON_GRPC else HTTP
    return _fault(str(status), f"{status} in the dialect's shape", Status(status), expectation, dialects)


FAULTS = (
    *(_plain(status, f"{error}, never retried") for status, error in sorted(_NEVER.items())),
    *(_plain(status, "retried within the budget") for status in _RETRIED),
    _fault("302-to-itself", "302 to its own address", _to_itself, "not followed", HTTP),
    _fault(
        "429-insufficient-quota",
        "429 with the code insufficient_quota, or the dialect's own word; Anthropic's is 402",
        _quota,
        "QuotaExhausted, never retried",
        PIECES,
    ),
    _fault("429-retry-after-1", "429 with Retry-After: 1", _retry_after("1"), _WAITS, HTTP),
    _fault(
        "429-retry-after-date",
        "429 with Retry-After as a date, two seconds after its Date",
        Status(429, _date(0)),
        _WAITS,
        HTTP,
    ),
    _fault(
        "429-retry-after-skewed-date",
        "the same from a server whose clock is an hour ahead",
        Status(429, _date(3600)),
        "retried after two seconds",
        HTTP,
    ),
    _fault(
        "429-retry-after-150-ms", "429 with retry-after-ms: 150", _retry_after("150", "retry-after-ms"), _WAITS, HTTP
    ),
    _fault("429-retry-after-0.2", "429 with Retry-After: 0.2", _retry_after("0.2"), _WAITS, HTTP),
    _fault("429-retry-after-300", "429 with Retry-After: 300", _retry_after("300"), "given up now, .retry_after", HTTP),
    _fault("429-retry-after-junk", "429 with Retry-After: soon", _retry_after("soon"), _BACKOFF, HTTP),
    _fault("429-retry-after-negative", "429 with Retry-After: -5", _retry_after("-5"), _BACKOFF, HTTP),
    _fault(
        "500-should-not-retry",
        "500 with x-should-retry: false",
        Status(500, lambda: {"x-should-retry": "false"}),
        "obeyed: not retried",
        HTTP,
    ),
    _fault(
        "502-html",
        "502 with an HTML page",
        Status(502, body=_HTML, content_type="text/html"),
        "retried; an excerpt in the error",
        HTTP,
    ),
    _fault("500-empty", "500 with an empty body", Status(500, body=b""), "retried", HTTP),
    _fault("422-detail", "422 with `detail` in place of `error`", _detail, "RequestRejected, never retried", HTTP),
)
