"""The values inside a script that are the user's own, arguments and bodies: what of them an answer can carry.

Knows JSON and TOML's values; not the form of a script.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time
from typing import Any

from pydantic_core import PydanticCustomError

NO_JSON = "no_json"
"""The type of the error for what JSON does not have; its context has the `place` below the value."""
_DEEPEST = 100


def json_alone(value: Any) -> Any:
    """Refuses what JSON does not have, wherever it is in a value: it would break the answer when its turn comes."""
    stack: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while stack:
        place, item = stack.pop()
        if len(place) > _DEEPEST:
            place, fault = (), f"what is nested deeper than {_DEEPEST}, or holds itself"
        else:
            fault = _fault(item)
        if fault:
            raise PydanticCustomError(NO_JSON, "{fault}", {"fault": fault, "place": place})
        if isinstance(item, dict):
            stack += [((*place, key), below) for key, below in reversed(item.items())]
        elif isinstance(item, list | tuple):
            stack += [((*place, at), below) for at, below in reversed(list(enumerate(item)))]
    return value


def _fault(item: Any) -> str:
    """What a value is that JSON does not have; empty for one that it has."""
    if isinstance(item, dict):
        odd = [key for key in item if not isinstance(key, str)]
        return f"an object with the key {odd[0]!r}; the keys of JSON are texts" if odd else ""
    if isinstance(item, float) and not math.isfinite(item):
        return f"{item}, which JSON does not have; arguments or a body that are a text are sent as they are"
    if item is None or isinstance(item, str | int | float | list | tuple):
        return ""
    return f"{type(item).__name__}, which JSON does not have; write what the model would, such as the text of a date"


def as_texts(value: Any) -> Any:
    """The same value with ISO texts in place of dates and times."""
    if isinstance(value, dict):
        return {key: as_texts(below) for key, below in value.items()}
    if isinstance(value, list):
        return [as_texts(below) for below in value]
    return value.isoformat() if isinstance(value, date | time) else value


def unsendable(data: Any) -> str | None:
    """The position of a text that has no bytes."""
    stack, seen = [("", data)], set[int]()
    while stack:
        position, item = stack.pop()
        if isinstance(item, str) and any("\ud800" <= char <= "\udfff" for char in item):
            return position.lstrip(".").encode("ascii", "backslashreplace").decode()
        if isinstance(item, Mapping | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            if isinstance(item, Mapping):
                stack += [(f"{position}.{key}", part) for key, value in item.items() for part in (key, value)]
            else:
                stack += [(f"{position}[{at}]", value) for at, value in enumerate(item)]
    return None
