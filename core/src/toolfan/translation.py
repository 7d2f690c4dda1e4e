"""What a failed request was: HTTP status, error code and headers to a ProviderError.  Transports share it.

Knows: HTTP, the error bodies of OpenAI's and Google's kind, Retry-After in its forms.  Must not know: SDK classes.
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from .errors import (
    AuthenticationError,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    Unavailable,
)

# Codes of a 429 that no waiting mends.  Source: OpenAI's error code guide; OpenAI-compatible servers use the same.
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"}
)
_FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_HINTS: dict[type[ProviderError], str] = {
    AuthenticationError: "Check the API key or the credentials.",
    PermissionDenied: "Check what this key, project or account may use.",
    QuotaExhausted: "Check the plan and the billing of the account; waiting does not help.",
    RateLimited: "Ask less often, or later.",
}
_WORDS: dict[str, int] = {  # error words without a status, as they come inside a 200 or a stream
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "not_found": 404,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "unauthenticated": 401,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "resource_exhausted": 429,
    "insufficient_quota": 429,
    "overloaded_error": 529,
    "server_error": 500,
    "internal": 500,
    "api_error": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
}


def error_from_status(
    status: int,
    message: str,
    *,
    adapter: str,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ProviderError:
    """The ProviderError of an HTTP status and the provider's own error code; `message` is the provider's text."""
    kind = _kind(status, (code or "").lower())
    wait = retry_after if retry_after is not None else retry_after_seconds(headers or {})
    retryable = kind.retryable_by_default or status in (408, 409)
    if (headers or {}).get("x-should-retry") == "false":
        retryable = False
    return kind(
        f"the provider answered {status}{f' ({code})' if code else ''}: {_excerpt(message)}",
        adapter=adapter,
        status=status,
        code=code,
        request_id=request_id,
        retry_after=wait,
        hint=_HINTS.get(kind),
        retryable=retryable,
    )


def _kind(status: int, code: str) -> type[ProviderError]:
    if code in _FILTER_CODES:
        return ContentFiltered
    if code in _QUOTA_CODES:
        return QuotaExhausted
    if status == 401:
        return AuthenticationError
    if status == 403:
        return PermissionDenied
    if status == 402:
        return QuotaExhausted
    if status == 429:
        return RateLimited
    if status == 408 or status >= 500:
        return Unavailable
    if 300 <= status < 400:
        return BadResponse
    return RequestRejected


def error_from_body(error: Any, *, adapter: str, request_id: str | None = None) -> ProviderError:
    """The ProviderError of an error object that came inside a 200 or a stream; its own code decides."""
    if not isinstance(error, Mapping):
        return Unavailable(f"the provider answered with an error: {_excerpt(str(error))}", adapter=adapter)
    message = str(error.get("message") or error)
    code, status = error.get("code"), error.get("status")
    words = [str(word) for word in (code, status, error.get("type")) if word]
    for word in words:
        number = int(word) if word.isdigit() else _WORDS.get(word.lower(), 0)
        if 400 <= number < 600:
            named = next((word for word in words if not word.isdigit()), None)
            wait = retry_info_seconds(error.get("details"))
            return error_from_status(
                number, message, adapter=adapter, code=named, request_id=request_id, retry_after=wait
            )
    return Unavailable(
        f"the provider answered with an error: {_excerpt(message)}",
        adapter=adapter,
        code=words[0] if words else None,
        request_id=request_id,
    )


def timed_out(adapter: str, seconds: float | None, cause: BaseException | None = None) -> DeadlineExceeded:
    """The error of a request that took longer than it was given."""
    given = f" of {seconds:g} s" if seconds is not None else ""
    detail = f" ({type(cause).__name__})" if cause else ""
    return DeadlineExceeded(
        f"no complete answer came within the deadline{given}{detail}", adapter=adapter, hint="Raise deadline=."
    )


def not_connected(adapter: str, cause: BaseException) -> ConnectionFailed:
    """The error of a connection that could not be made, or broke."""
    return ConnectionFailed(
        f"the connection failed: {type(cause).__name__}: {_excerpt(str(cause))}",
        adapter=adapter,
        hint="Check the network and the base URL.",
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that `retry-after-ms` or `retry-after` (seconds or a date) asks for; junk is None."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        then = email.utils.parsedate_to_datetime(value)
        sent = email.utils.parsedate_to_datetime(headers["date"]) if "date" in headers else datetime.now(UTC)
    except (ValueError, TypeError, IndexError):
        return None
    if then.tzinfo is None or sent.tzinfo is None:
        return None
    return max(0.0, (then - sent).total_seconds())


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def retry_info_seconds(details: Any) -> float | None:
    """The wait in seconds of a google.rpc.RetryInfo among error details, as dicts (REST) or protos (gRPC)."""
    if not isinstance(details, Iterable) or isinstance(details, str | bytes | Mapping):
        return None
    for detail in details:
        if isinstance(detail, Mapping):
            delay = detail.get("retryDelay") or detail.get("retry_delay")
            if isinstance(delay, str) and (found := re.fullmatch(r"([0-9.]+)s", delay)):
                return _number(found[1])
        elif (duration := getattr(detail, "retry_delay", None)) is not None:
            return float(duration.seconds) + float(duration.nanos) / 1e9
    return None


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 500 else f"{flat[:500]}..."
