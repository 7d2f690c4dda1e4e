"""What a schema says of single values: whether a text is allowed, which number is nearest.

Knows bounds, lengths, formats and patterns of JSON Schema; not objects, not arrays, not the user's text.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import math
import re
import uuid
from typing import TYPE_CHECKING, Any

from toolfan_local.patterns import text_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MOST_TEXT = 100_000  # characters of a text made up to reach a length
_MOST_SEARCHED = 1_000  # characters that a pattern is tried on
_DURATION = re.compile(r"[-+]?P(?!$)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)")
_EMAIL = re.compile(r"[^@\s]+@[\w-]+(\.[\w-]+)+")
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s]+")


def _matches(pattern: re.Pattern[str]) -> Callable[[str], object]:
    def check(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError("no match")

    return check


def _moment(text: str) -> None:
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d", text):
        raise ValueError("no time of day")
    datetime.datetime.fromisoformat(text)


_FORMATS: dict[str, tuple[str, Callable[[str], object]]] = {  # an example, and what raises ValueError for other texts
    "date": ("2024-01-01", datetime.date.fromisoformat),
    "date-time": ("2024-01-01T00:00:00Z", _moment),
    "time": ("00:00:00Z", datetime.time.fromisoformat),
    "duration": ("PT1H", _matches(_DURATION)),
    "email": ("user@example.com", _matches(_EMAIL)),
    "idn-email": ("user@example.com", _matches(_EMAIL)),
    "hostname": ("example.com", _matches(re.compile(r"[\w-]+(\.[\w-]+)*"))),
    "ipv4": ("192.0.2.1", ipaddress.IPv4Address),
    "ipv6": ("2001:db8::1", ipaddress.IPv6Address),
    "ipvanyaddress": ("192.0.2.1", ipaddress.ip_address),
    "ipv4network": ("192.0.2.0/24", ipaddress.IPv4Network),
    "ipv6network": ("2001:db8::/32", ipaddress.IPv6Network),
    "ipvanynetwork": ("192.0.2.0/24", ipaddress.ip_network),
    "ipv4interface": ("192.0.2.1/24", ipaddress.IPv4Interface),
    "ipv6interface": ("2001:db8::1/32", ipaddress.IPv6Interface),
    "ipvanyinterface": ("192.0.2.1/24", ipaddress.ip_interface),
    "uri": ("https://example.com/", _matches(_URI)),
    "iri": ("https://example.com/", _matches(_URI)),
    "multi-host-uri": ("https://example.com/", _matches(_URI)),
    "json-string": ("{}", json.loads),
    "uuid": ("00000000-0000-4000-8000-000000000000", uuid.UUID),
    **{f"uuid{one}": (f"00000000-0000-{one}000-8000-000000000000", uuid.UUID) for one in range(1, 9)},
}


def number_of(schema: Mapping[str, Any], key: str) -> int | float | None:
    """The number under a key of a schema; None where there is none that can be reckoned with."""
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
        return None
    return value


def count_of(schema: Mapping[str, Any], key: str) -> int | None:
    """The same for what counts: lengths, items, properties."""
    value = number_of(schema, key)
    return None if value is None or value < 0 else int(value)


def text_allowed(text: str, schema: Mapping[str, Any]) -> bool:
    """Whether the lengths, the format and the pattern of a schema allow a text, as far as that can be told."""
    least, most = count_of(schema, "minLength") or 0, count_of(schema, "maxLength")
    if len(text) < least or (most is not None and len(text) > most):
        return False
    known = _FORMATS.get(_format(schema))
    try:
        if known is not None:
            known[1](text)
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and len(text) <= _MOST_SEARCHED:
            return re.search(pattern, text) is not None
    except re.error:
        return True
    except (ValueError, RecursionError):
        return False
    return True


def is_telling(schema: Mapping[str, Any]) -> bool:
    """Whether the format or the pattern of a schema tells its texts from other words: it refuses a plain one."""
    return not text_allowed("word", {key: schema[key] for key in ("format", "pattern") if key in schema})


def text_sample(schema: Mapping[str, Any]) -> str:
    """A text that a schema allows; where only the pattern is too rich to tell one, a text of the right length."""
    least = count_of(schema, "minLength") or 0
    pattern = schema.get("pattern")
    if (known := _FORMATS.get(_format(schema))) is not None:
        return known[0]
    try:
        found = text_for(pattern, least) if isinstance(pattern, str) else None
    except re.error:
        found = None
    return "x" * min(least, _MOST_TEXT) if found is None else found


def _format(schema: Mapping[str, Any]) -> str:
    """The format; JSON in a text is one by its media type too."""
    if schema.get("contentMediaType") == "application/json":
        return "json-string"
    return str(schema.get("format"))


def nearest(schema: Mapping[str, Any], wanted: float | None = None, *, whole: bool) -> int | float:
    """The number next to the wanted one that the bounds and `multipleOf` allow; without one: the least, else 1."""
    lows = [one for key in ("minimum", "exclusiveMinimum") if (one := number_of(schema, key)) is not None]
    highs = [one for key in ("maximum", "exclusiveMaximum") if (one := number_of(schema, key)) is not None]
    known = wanted is not None and math.isfinite(wanted)
    start: float = max([wanted, *lows]) if known and wanted is not None else max(lows, default=1)
    start = min([start, *highs])
    grid = number_of(schema, "multipleOf") or (1 if whole else 0)
    ends = [(max(lows) + min(highs)) / 2] if lows and highs else []
    found = next((one for one in (*_around(start, abs(grid)), *ends) if _number_allowed(one, schema, whole)), start)
    return int(found) if whole else float(found)


def _around(start: float, grid: float) -> Iterator[float]:
    if not grid:
        yield from (start, start + 1, start - 1)
        return
    down, up = start // grid * grid, -(-start // grid) * grid
    for one in (up, down, up + grid, down - grid):
        yield round(one, 10) if isinstance(one, float) else one


def _number_allowed(value: float, schema: Mapping[str, Any], whole: bool) -> bool:
    low, high = number_of(schema, "minimum"), number_of(schema, "maximum")
    above, below = number_of(schema, "exclusiveMinimum"), number_of(schema, "exclusiveMaximum")
    step = number_of(schema, "multipleOf")
    return (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
        and (below is None or value < below)
        and (not whole or value == int(value))
        and (not step or abs(value / step - round(value / step)) < 1e-9)
    )
