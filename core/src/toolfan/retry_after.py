"""When a provider wants to be asked again: Retry-After in its forms, Google's RetryInfo and QuotaFailure.

Knows: headers and error details.  Must not know: errors, whether anything is asked again.
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_LONGEST = 1e9
"""Seconds, or what is counted: a number above it, or above all that a float holds, means no other wish."""


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that `retry-after-ms` or `retry-after` (seconds or a date) asks for; junk is None."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after")
    seconds = _number(value) if value is None or "," not in value else _repeated(value)
    if seconds is not None or not value:
        return seconds
    then = _date(value)
    return (
        None if then is None else max(0.0, (then - (_date(headers.get("date")) or datetime.now(UTC))).total_seconds())
    )


def _repeated(value: str) -> float | None:
    """The longest wait of a header that a proxy and a service wrote, each once."""
    waits = [_number(part.strip()) for part in value.split(",")]
    return None if None in waits else max(filter(None, waits), default=0.0)


def _date(text: str | None) -> datetime | None:
    """The moment in any of HTTP's three forms; without a zone it is in GMT, as all dates of HTTP are."""
    if not text or not text.isascii():
        return None
    try:
        parts = email.utils.parsedate_tz(text)
        moment = None if parts is None else datetime(*parts[:6], tzinfo=UTC) - timedelta(seconds=parts[9] or 0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text and text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    return min(number, _LONGEST) if number >= 0 else None  # NaN is not


def retry_info_seconds(details: Any) -> float | None:
    """The wait in seconds of a google.rpc.RetryInfo among error details, as dicts (REST) or protos (gRPC)."""
    for detail in _each(details):
        if isinstance(detail, Mapping):
            delay = detail.get("retryDelay") or detail.get("retry_delay")
            if isinstance(delay, str) and (found := re.fullmatch(r"([0-9.]+)s", delay)):
                return _number(found[1])
            if isinstance(delay, Mapping):  # as some proxies write the message
                parts = [_number(str(delay.get(name) or 0)) for name in ("seconds", "nanos")]
                return None if None in parts else (parts[0] or 0.0) + (parts[1] or 0.0) / 1e9
        elif (duration := getattr(detail, "retry_delay", None)) is not None:
            return float(duration.seconds) + float(duration.nanos) / 1e9
    return None


def is_quota_of_a_day(details: Any) -> bool:
    """Whether a google.rpc.QuotaFailure among error details, as dicts or protos, is of a quota for a day."""
    return any(
        "PerDay" in str(_of(violation, name))
        for detail in _each(details)
        for violation in _each(_of(detail, "violations"))
        for name in ("quotaId", "quota_id")
    )


def _of(detail: Any, name: str) -> Any:
    return detail.get(name) if isinstance(detail, Mapping) else getattr(detail, name, None)


def _each(details: Any) -> Iterable[Any]:
    return details if isinstance(details, Iterable) and not isinstance(details, str | bytes | Mapping) else ()
