"""What may be wrong with a recording that someone mended by hand.

Knows: the form of a recording, see `recording`.  Must not know: files, adapters, how it is replayed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan import errors
from toolfan.errors import ProviderError
from toolfan.wire import nearest

if TYPE_CHECKING:
    from collections.abc import Collection

ENDS = {"response", "events", "error"}
ERROR_FIELDS: dict[str, tuple[Any, str]] = {
    "status": (int, "a whole number"),
    "code": (str, "a text"),
    "retry_after": (int | float, "a number of seconds"),
    "request_id": (str, "a text"),
    "hint": (str, "a text"),
    "retryable": (bool, "true or false"),
}
_TYPES = {"type": (str, "a text"), "message": (str, "a text"), **ERROR_FIELDS}


class _Twice:
    def __init__(self, key: str) -> None:
        self.key = key


def parsed(text: str) -> Any:
    """The JSON value.  Raises ValueError, with the place, if a key stands twice in an object."""
    content = json.loads(text, object_pairs_hook=_unique)
    waiting: list[tuple[str, Any]] = [("", content)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, _Twice):
            raise ValueError(f"{where.removeprefix('.') or 'the recording'} has the key {value.key!r} twice")
        if isinstance(value, dict):
            waiting += [(f"{where}.{key}", inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{where}[{at}]", inner) for at, inner in enumerate(value)]
    return content


def _unique(pairs: list[tuple[str, Any]]) -> Any:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    keys = [key for key, _ in pairs]
    return _Twice(next(key for at, key in enumerate(keys) if key in keys[:at]))


def fault_of(adapter: Any, exchanges: Any) -> str | None:
    """What is wrong, with the place; None if nothing is."""
    if not isinstance(adapter, str):
        return "adapter is no text"
    if not isinstance(exchanges, list):
        return "exchanges is no list"
    faults = ((at, _of_exchange(exchange)) for at, exchange in enumerate(exchanges))
    return next((f"exchanges[{at}]: {fault}" for at, fault in faults if fault), None)


def _of_exchange(exchange: Any) -> str | None:
    ends = ENDS & exchange.keys() if isinstance(exchange, dict) else set()
    if not ends or not isinstance(exchange.get("request"), dict):
        return "an exchange has a request, and a response, events or an error"
    if "response" in ends and len(ends) > 1:
        return "an exchange has either a response, or events, or an error; only events and an error go together"
    try:
        json.dumps(exchange["request"], allow_nan=False)  # answers have whatever a server sent
    except ValueError:
        return "request has NaN or Infinity in it, which no request can say"
    if not isinstance(exchange.get("model", ""), str):
        return "model is no text"
    if not isinstance(exchange.get("response", {}), dict):
        return "response is no object"
    events = exchange.get("events", [])
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        return "events is no list of objects"
    return _of_error(exchange["error"]) if "error" in ends else None


def _of_error(error: Any) -> str | None:
    if not isinstance(error, dict):
        return "error is no object"
    kinds = sorted(provider_errors())
    if (kind := error.get("type")) not in kinds:
        return f"error.type is {kind!r}, which is no error of a provider{_meant(kind, kinds)}"
    for name, value in error.items():
        if name not in _TYPES:
            return f"error has no field {name!r}{_meant(name, _TYPES)}"
        wanted, said = _TYPES[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            return f"error.{name} is {value!r}, not {said}"
    return None


def _meant(name: object, known: Collection[str]) -> str:
    guess = nearest(str(name), known).strip()
    return f" ({guess})" if guess else ""


def provider_errors() -> dict[str, type[ProviderError]]:
    """The classes of errors that a recording may hold, by name."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ProviderError))
    return {kind.__name__: kind for kind in kinds}
