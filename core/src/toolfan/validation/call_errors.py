"""What is wrong with a call: the error of its name, its JSON or its arguments.

Knows: pydantic's errors, JSON text.  Must not know: repairs, what becomes of the call.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import from_json

from ..errors import CallError, InvalidArguments, MalformedArguments, TruncatedCall, UnknownTool
from ..schema.second_look import MOST_FAULTS
from ..schema.told_names import told_place
from ..secrets.masking import text_of
from ..wire import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..calls import RawCall
    from ..tools.tool_type import Tool
    from ..tools.toolset import NameMap

_MOST_TEXT = 4 * 1024 * 1024
_LONGEST_INPUT = 2000
_MORE_TOKENS = "Allow more output tokens."


def broken_wrapper(text: str, *, cut: bool) -> CallError | None:
    """What is wrong with a call that holds others, if that is its JSON text."""
    try:
        from_json(text)
    except ValueError as exc:
        if cut:
            return TruncatedCall(f"the answer was cut inside a call that holds others: {exc}", hint=_MORE_TOKENS)
        return MalformedArguments(f"the arguments of a call that holds others are not JSON: {exc}")
    return None


def unknown_tool(name: str, names: NameMap) -> UnknownTool:
    """The error of a call of something that was not offered, with the names under which the tools were."""
    return UnknownTool(
        f"the model called {name!r}, which is none of the tools offered",
        hint=f"They are {', '.join(names.to_tool)}.{nearest(name, names.to_tool)}",
    )


def cut_before_arguments() -> TruncatedCall:
    """The error of a call whose arguments may never have begun."""
    return TruncatedCall("the answer was cut before the arguments", hint=_MORE_TOKENS)


def argument_error(exc: Exception, call: RawCall, tool: Tool[Any], *, cut: bool, as_values: bool = False) -> CallError:
    """What validation raised, as an error of the call.  `cut`: the answer ended too early, maybe inside them.

    `as_values`: the provider then tells of the arguments what is whole, so that what is missing may have been cut.
    """
    if not isinstance(exc, ValidationError):
        return InvalidArguments(f"a validator raised {type(exc).__name__}: {text_of(exc)}")
    errors, count = _told(exc, tool), exc.error_count()
    if len(errors) == 1 and errors[0]["type"] == "json_invalid":
        return unreadable(errors[0]["msg"].removeprefix("Invalid JSON: "), call.arguments, cut=cut)
    faults = "; ".join(f"{place_of(error)}: {error['msg']}" for error in errors[:20])
    more = f" (and {count - 20} more)" if count > 20 else ""
    if cut and as_values and all(error["type"] == "missing" for error in errors):
        return TruncatedCall(f"the answer was cut inside the arguments: {faults}{more}", hint=_MORE_TOKENS)
    return InvalidArguments(f"the arguments do not fit: {faults}{more}", errors=errors)


def place_of(fault: Mapping[str, Any]) -> str:
    """Where a fault of `InvalidArguments.errors` is, as the model knows the place."""
    return ".".join(map(str, fault.get("told", fault.get("loc", ())))) or "the arguments"


def unreadable(fault: str, arguments: str, *, cut: bool) -> CallError:
    """The error of arguments that are no JSON; `fault` is what pydantic's decoder says of them."""
    if not arguments.strip():
        return cut_before_arguments() if cut else MalformedArguments("the call has no arguments")
    if cut and "EOF" in fault:
        return TruncatedCall(f"the answer was cut inside the arguments: {fault}", hint=_MORE_TOKENS)
    return MalformedArguments(f"the arguments are not JSON: {fault}")


def _told(exc: ValidationError, tool: Tool[Any]) -> list[dict[str, Any]]:
    """The errors as plain data, each with its place as the model was `told` it, where pydantic calls it otherwise."""
    errors = _listed(exc)
    for error in errors:
        told = list(told_place(tool.validator.core_schema, error))
        if told != error["loc"]:
            error["told"] = told
    return errors


def _listed(exc: ValidationError) -> list[dict[str, Any]]:
    """All errors, or the first ones and an entry that says how many more there are."""
    count = exc.error_count()
    if count <= MOST_FAULTS:
        return [
            {**error, "loc": list(error["loc"]), "input": _plain(error["input"])}
            for error in exc.errors(include_url=False, include_context=False)
        ]
    # As JSON they cost a tenth of what they cost as objects.
    text = exc.json(include_url=False, include_context=False, include_input=False)
    errors: list[dict[str, Any]] = from_json(text[:_MOST_TEXT], allow_partial=True)
    if len(text) > _MOST_TEXT:
        errors = errors[:-1]  # cut in the middle
    errors = errors[:MOST_FAULTS]
    if len(errors) < count:
        errors.append({"type": "too_many_errors", "loc": [], "msg": f"{count - len(errors)} more errors are not told"})
    return errors


def _plain(value: Any) -> Any:
    """The faulty input as something that pickles and compares, or its start as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # NaN does not equal its own copy
    others: list[str] = []

    def other(one: Any) -> str:
        others.append(text_of(one, repr))
        return others[-1]

    text = ""
    try:
        for piece in json.JSONEncoder(default=other, allow_nan=False).iterencode(value):
            text += piece
            if len(text) > _LONGEST_INPUT:  # and no further: it may be all arguments, for each of many errors
                return text[:_LONGEST_INPUT]
    except Exception:  # noqa: BLE001 - it may be an object of the user's
        return "..."
    return value if isinstance(value, dict | list) and not others else text
