"""How OpenAI's services word a refusal, and what they refuse alike: wrong names, numbers out of their range.

Knows the form of the refusal; not which parameters there are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import Failure, Refused
from toolfan_local.parameters import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan_local.parameters import Range

JSON = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_A_KIND = {"integer": "an integer", "decimal": "a decimal"}
_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def refuse(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """The exception for a request that the service answers with status 400."""
    return Refused(Failure(400, message, code=code, type="invalid_request_error", param=param))


def check_name(name: Any, where: str) -> None:
    """Raises Refused for a name of a function, of a call too, that the service does not take."""
    if not isinstance(name, str) or not _NAME.match(name):
        reason = (
            "string too long. Expected a string with maximum length 64"
            if len(str(name)) > 64
            else "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'"
        )
        raise refuse(f"Invalid '{where}': {reason}.", where, "invalid_value")


def check_numbers(request: JSON, ranges: Mapping[str, Range]) -> None:
    """Raises Refused for the first parameter that is out of its range."""
    for name, value, fault in faults(request, ranges):
        one = ranges[name]
        kind = "integer" if one.whole else "decimal"
        if fault == "type":
            message = f"Invalid type for '{name}': expected {_A_KIND[kind]}, but got {kind_of(value)} instead."
            raise refuse(message, name, "invalid_type")
        bound, sign, limit = (
            ("below minimum", ">=", one.least) if fault == "below" else ("above maximum", "<=", one.most)
        )
        message = f"Invalid '{name}': {kind} {bound} value. Expected a value {sign} {limit}, but got {value} instead."
        raise refuse(message, name, f"{kind}_{'below_min' if fault == 'below' else 'above_max'}_value")


def check_kind(value: Any, kind: str, where: str) -> None:
    """Raises Refused for a value of another kind than this, such as "a string"."""
    if kind_of(value) != kind:
        message = f"Invalid type for '{where}': expected {kind}, but got {kind_of(value)} instead."
        raise refuse(message, where, "invalid_type")


def check_words(value: Any, words: tuple[str, ...], where: str) -> None:
    """Raises Refused for a value that is none of these words."""
    if not isinstance(value, str):
        check_kind(value, "a string", where)
    if value not in words:
        shown = [f"'{word}'" for word in words]
        supported = f"{', '.join(shown[:-1])}{',' * (len(shown) > 2)} and {shown[-1]}"
        raise refuse(f"Invalid value: {value!r}. Supported values are: {supported}.", where, "invalid_value")


def kind_of(value: Any) -> str:
    """The word for the JSON type of a value."""
    return _KINDS.get(type(value), "null")
