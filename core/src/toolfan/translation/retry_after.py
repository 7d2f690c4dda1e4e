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

_OF_A_DAY = frozenset({"dailyLimitExceeded", "dailyLimitExceededUnreg"})  # older Google services, with a 403
_OF_A_MINUTE = frozenset({"RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"})
_NOTHING_LEFT = re.compile(  # in the words of Google, xAI and others
    r"(?i)\blimit: 0(?![\d.])|\bspending cap\b|\bcredits are depleted\b|\blimited to \d+ [\w ]+/ ?month\b|"
    r"\bused all available credits\b|\breached its monthly spending limit\b"
)
_SPAN = re.compile(r"(?:pt)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9})ms)?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "day")
_COMMA = re.compile(f"{''.join(f'(?<!{day})' for day in _DAYS)},")  # but for the one in a date
_LONGEST = 1e9
"""Seconds, or what is counted: a number above it, or above all that a float holds, means no other wish."""


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The wait in seconds that a header asks for; junk is None.

    `retry-after-ms`, Azure's `x-ms-retry-after-ms`, or `retry-after`: seconds, a span (`1m30s`, `PT1S`) or a date.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (millis := _number(headers.get(name))) is not None:
            return millis / 1000
    if not (value := headers.get("retry-after")):
        return None
    now = _date(headers.get("date")) or datetime.now(UTC)
    # What a proxy and a service wrote, each once, is in one line; so is the comma of a date.
    waits = [_wait(part, now) for part in _COMMA.split(value)]
    return None if None in waits else max(filter(None, waits), default=0.0)


def _wait(text: str, now: datetime) -> float | None:
    if (seconds := _number(text)) is not None:
        return seconds
    if (then := _date(text)) is not None:
        return max(0.0, (then - now).total_seconds())
    return _span(text)


def _span(text: str) -> float | None:
    """Hours, minutes, seconds and milliseconds, as Go, ISO 8601 and some gateways write them."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        return None
    return sum(float(part or 0) * seconds for part, seconds in zip(found.groups(), (3600, 60, 1, 1e-3), strict=True))


def _date(text: str | None) -> datetime | None:
    """The moment in any of HTTP's three forms, or in ISO's; without a zone it is in GMT, as all dates of HTTP are."""
    if not text or not text.isascii():
        return None
    try:
        if _ISO.match(text.strip()):
            iso = datetime.fromisoformat(text.strip())
            return iso if iso.tzinfo else iso.replace(tzinfo=UTC)
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
            if isinstance(delay, str | int | float) and not isinstance(delay, bool):
                return _number(str(delay).removesuffix("s"))
            if isinstance(delay, Mapping):  # as some proxies write the message
                parts = [_number(str(delay.get(name) or 0)) for name in ("seconds", "nanos")]
                return None if None in parts else (parts[0] or 0.0) + (parts[1] or 0.0) / 1e9
        elif (duration := getattr(detail, "retry_delay", None)) is not None:
            return float(duration.seconds) + float(duration.nanos) / 1e9
    return None


def is_of_a_minute(details: Any) -> bool:
    """Whether a refusal of Google's is one of too many requests: some of its services send it with a 403."""
    return not {str(_of(detail, "reason")) for detail in _each(details)}.isdisjoint(_OF_A_MINUTE)


def spent_quota(details: Any, message: str) -> str:
    """Which quota of Google's no waiting of seconds mends: that of a "day", that of the "plan", or none.

    Told by google.rpc.QuotaFailure and ErrorInfo among error details, as dicts or protos, by older reasons, in words.
    """
    found = [*_each(details)]
    violations = [violation for detail in found for violation in _each(_of(detail, "violations"))]
    limits = [_of(_of(detail, "metadata"), "quota_limit") for detail in found]
    limits += [_of(violation, name) for violation in violations for name in ("quotaId", "quota_id")]
    reasons = {str(_of(detail, "reason")) for detail in found}
    if reasons & _OF_A_DAY or any("PerDay" in str(limit) for limit in limits):
        return "day"
    values = {str(_of(violation, name)) for violation in violations for name in ("quotaValue", "quota_value")}
    return "plan" if "0" in values or _NOTHING_LEFT.search(message) else ""


def _of(detail: Any, name: str) -> Any:
    return detail.get(name) if isinstance(detail, Mapping) else getattr(detail, name, None)


def _each(details: Any) -> Iterable[Any]:
    return details if isinstance(details, Iterable) and not isinstance(details, str | bytes | Mapping) else ()
