"""When a provider wants to be asked again: Retry-After in its forms, Google's RetryInfo and QuotaFailure.

Knows: headers and error details.  Must not know: errors, whether anything is asked again.
"""

from __future__ import annotations

import email.utils
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that `retry-after-ms` or `retry-after` (seconds or a date) asks for; junk is None."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or not value or not value.isascii():
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
        number = float(text) if text and text.isascii() and "_" not in text else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def retry_info_seconds(details: Any) -> float | None:
    """The wait in seconds of a google.rpc.RetryInfo among error details, as dicts (REST) or protos (gRPC)."""
    for detail in _each(details):
        if isinstance(detail, Mapping):
            delay = detail.get("retryDelay") or detail.get("retry_delay")
            if isinstance(delay, str) and (found := re.fullmatch(r"([0-9.]+)s", delay)):
                return _number(found[1])
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
