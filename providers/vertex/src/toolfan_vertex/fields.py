"""Names of Google's JSON: camelCase as we write it, snake_case as SDK users and some recordings have it; bytes in it.

Knows: spelling.  Must not know: what any field means.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

_PLAIN = frozenset({str, int, float, bool, type(None)})  # nearly all; the looks at abstract types cost
_BYTES, _LIST, _MAPPING = (bytes, bytearray), (list, tuple), (dict, Mapping)
_LEVELS = 9  # of a content, down to the bytes of an image in a function's response


@cache
def camel(name: str) -> str:
    """`top_p` as `topP`; a name without underscores is returned as it is."""
    return re.sub(r"(?<=[a-zA-Z0-9])_([a-z0-9])", lambda found: found[1].upper(), name)


@cache
def snake(name: str) -> str:
    """`topP` as `top_p`."""
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def field(data: Mapping[str, Any], name: str) -> Any:
    """The field with this camelCase name in either spelling; None where it is absent."""
    value = data.get(name)
    return data.get(snake(name)) if value is None else value


def as_json(value: Any) -> Any:
    """A content, or its parts, with base64 text for the bytes that Google's SDKs take in mappings; few have any."""
    return _told(value, _LEVELS) if _has_bytes(value, _LEVELS) else value


def _has_bytes(value: Any, levels: int) -> bool:
    inner: Iterable[Any] = ()
    if isinstance(value, _LIST):
        inner = value
    elif isinstance(value, _MAPPING):
        inner = value.values()
    elif isinstance(value, _BYTES):
        return True
    for one in inner if levels else ():  # noqa: SIM110 - a generator costs more than the look
        if type(one) not in _PLAIN and _has_bytes(one, levels - 1):
            return True
    return False


def _told(value: Any, levels: int) -> Any:
    if isinstance(value, _BYTES):
        return base64.b64encode(value).decode()
    if levels and isinstance(value, Mapping):
        return {key: _told(inner, levels - 1) for key, inner in value.items()}
    return [_told(inner, levels - 1) for inner in value] if levels and isinstance(value, _LIST) else value
