"""Objects of vendors' SDKs as plain data: pydantic models by `model_dump`, messages of protobuf, others by `to_dict`.

Loaded when a message is one, or may hold one.

Knows: how such objects give their data.  Must not know: messages, any provider's wire form.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError

_LEAVES = frozenset({str, int, float, bool, type(None), bytes})


def with_plain_data(value: Any, where: str) -> Any:
    """A copy of `value` in which each object of an SDK, at any depth, is plain data; all else stays what it is.

    `where` is its place, for errors.  Raises UsageError for an object that fails to give its data, RecursionError for a
    circle.
    """
    if type(value) in _LEAVES:
        return value
    if isinstance(value, Mapping):
        return {key: with_plain_data(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_plain_data(item, f"{where}[{at}]") for at, item in enumerate(value)]
    plain = plain_data(value, where)
    return value if plain is None else plain


def plain_data(value: Any, where: str) -> Any:
    """The data of an object of an SDK, None if `value` is none.  Raises UsageError if it fails to give its data."""
    if isinstance(value, type):
        return None
    try:
        if callable(dump := getattr(value, "model_dump", None)):
            # What the SDK added to the service's own, such as what it parsed of a text.
            added = getattr(value, "__api_exclude__", None)
            about = {} if added is None else {"exclude": added}
            return dump(mode="json", by_alias=True, exclude_none=True, **about)
        if (message := _message_in(value)) is not None:
            # Loaded with every such message; the options of proto-plus's own `to_json` differ between its versions.
            return sys.modules["google.protobuf.json_format"].MessageToDict(type(message).pb(message))
        if callable(to_dict := getattr(value, "to_dict", None)):
            return to_dict()
    except RecursionError:
        raise
    except Exception as exc:  # pydantic's, protobuf's or another's, for what it cannot write as JSON
        raise UsageError(
            f"{where} is a {type(value).__name__} that cannot be written as plain data: {exc}",
            hint="Write it as a dict.",
        ) from exc
    return None


def _message_in(value: Any) -> Any:
    """The message of proto-plus that `value` is, or wraps as vertexai's objects do; None if there is none.

    vertexai's own `to_dict()` takes the `_` off the end of every name, of arguments too, and warns each time.
    """
    held = (value, *(one for name, one in _fields(value).items() if name.startswith("_raw_")))
    return next((one for one in held if "_pb" in _fields(one)), None)


def _fields(value: Any) -> Mapping[str, Any]:
    return getattr(value, "__dict__", {})
