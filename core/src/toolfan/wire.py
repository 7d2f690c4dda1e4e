"""JSON on the wire: encoding with checks, decoding, merging a user's extra fields, unknown options.

Knows: plain data.  Must not know: any provider's field names (but that `tools` is a list that may grow).
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from .errors import BadResponse, RequestRejected, UsageError

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode_json(value: Any) -> bytes:
    """Compact JSON as UTF-8.

    Raises RequestRejected, with the place, for what JSON cannot say: NaN, an infinity, a lone surrogate, an object of
    some other type, a circular structure.
    """
    try:
        return _encoder.encode(value).encode()
    except (ValueError, TypeError, RecursionError) as exc:
        where, what = next(_faults(value), ("the request", str(exc)))
        raise RequestRejected(
            f"{where} cannot be written as JSON: {what}", hint="Nothing was sent; mend the value and call again."
        ) from None


def _faults(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    stack: list[tuple[str, Any, int]] = [(path, value, 0)]
    while stack:
        where, item, depth = stack.pop()
        if depth > 500:
            yield where or "the request", "it is nested more than 500 levels deep"
        elif isinstance(item, str):
            if any("\ud800" <= char <= "\udfff" for char in item):
                yield where or "the request", "the text holds a lone surrogate"
        elif isinstance(item, float):
            if not math.isfinite(item):
                yield where or "the request", f"{item} is not a JSON number"
        elif isinstance(item, Mapping):
            stack.extend((f"{where}.{key}" if where else str(key), child, depth + 1) for key, child in item.items())
        elif isinstance(item, list | tuple):
            stack.extend((f"{where}[{at}]", child, depth + 1) for at, child in enumerate(item))
        elif not (item is None or isinstance(item, bool | int)):
            yield where or "the request", f"{type(item).__name__} is not a JSON type"


def decode_json(content: bytes | str, *, adapter: str, content_type: str | None = None) -> Any:
    """The JSON value in `content`.  Raises BadResponse with the start of the text if there is none."""
    try:
        return from_json(content)
    except ValueError as exc:
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        if text.startswith("\ufeff"):
            rest = content[3:] if isinstance(content, bytes) else content[1:]
            return decode_json(rest, adapter=adapter, content_type=content_type)
        start = f"it starts with {text[:200]!r}" if text.strip() else "it is empty"
        kind = f" ({content_type})" if content_type else ""
        raise BadResponse(
            f"the answer{kind} is not JSON: {exc}; {start}",
            adapter=adapter,
            hint="Check the base URL: a proxy or another service may have answered.",
        ) from None


def merge_extra_body(body: dict[str, Any], extra: Mapping[str, Any], *, adapter: str) -> dict[str, Any]:
    """`body` with the user's `extra` fields: objects are merged, `tools` lists joined, nothing is overwritten.

    Raises UsageError for a field that both set, with its dotted name.
    """
    return _merge(body, extra, "", adapter) if extra else body


def _merge(body: Mapping[str, Any], extra: Mapping[str, Any], path: str, adapter: str) -> dict[str, Any]:
    merged = dict(body)
    for key, value in extra.items():
        where = f"{path}.{key}" if path else key
        if key not in merged:
            merged[key] = value
        elif isinstance(merged[key], Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(merged[key], value, where, adapter)
        elif where == "tools" and isinstance(merged[key], list) and isinstance(value, list | tuple):
            merged[key] = [*merged[key], *value]
        elif merged[key] != value:
            raise UsageError(
                f"extra_body sets {where}, which toolfan sets from the arguments of the call",
                adapter=adapter,
                hint=f"Leave {where} out of extra_body, or use toolfan's own argument for it.",
            )
    return merged


def nearest(name: str, known: Collection[str]) -> str:
    """` Did you mean 'x'?`, or nothing."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.65)  # at 0.6 "nope" is near "openai"
    return f" Did you mean {close[0]!r}?" if close else ""
