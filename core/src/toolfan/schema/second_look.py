"""Whether arguments that passed validation need the second look that `scrutiny` takes: most do not.

Knows: JSON text, JSON Schema by its shape.  Must not know: tools, what is found there.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DECIMAL = "toolfan_decimal"
"""The type of a decimal number where arguments are held against a schema."""
MOST_FAULTS = 1000
"""Of one call, that are told one by one."""
_SHORT = 2000
_LONG = re.compile(r"[0-9.]{16}|[0-9][eE][+-]?[0-9]{3}")


def has_numbers(schema: Mapping[str, Any]) -> bool:
    """Whether a schema asks for a number anywhere."""
    text = json.dumps(schema)
    return '"number"' in text or '"integer"' in text or DECIMAL in text


def has_decimals(schema: Mapping[str, Any]) -> bool:
    """Whether a schema has a field whose numbers lose no digits; only `Tool.places` says so."""
    return DECIMAL in json.dumps(schema)


def is_exact(number: float, text: str) -> bool:
    """Whether a float is the very number that the text says, and no neighbour of it."""
    try:
        return math.isfinite(number) and Decimal(text) == number
    except InvalidOperation:  # an exponent of twenty digits
        return False


def keeps_digits(number: float, text: str) -> bool:
    """Whether a float, as it is written in the fewest digits, is the number that the text says."""
    try:
        return Decimal(repr(number)) == Decimal(text)
    except InvalidOperation:
        return False


def is_plain(text: str, exact: Callable[[], bool]) -> bool:
    """Whether a short object has each key once and no odd number: a glance that most arguments pass.

    `exact` says whether a number of many digits is an odd one, which is asked only where there is a float.
    """
    colons = text.count(":")
    if len(text) > _SHORT or colons != text.count('":'):  # the latter: a colon in a text, a blank after a key
        return False
    value = from_json(text)
    if type(value) is not dict:
        return False
    stack: list[Any] = [value]
    keys, floats = 0, False
    while stack:
        item = stack.pop()
        if type(item) is dict:
            keys += len(item)
            item = item.values()
        for one in item:
            kind = type(one)
            if kind is dict or kind is list:
                stack.append(one)
            elif kind is float:
                if not math.isfinite(one) or one.is_integer():
                    return False
                floats = True
    return keys == colons and not (floats and _LONG.search(text) and exact())
