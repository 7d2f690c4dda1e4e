"""Lossless repairs of what models write; anything that could turn a cut value into a valid lie is not among them.

Each has a name, is recorded on the call and can be switched off: `empty_arguments`, `byte_order_mark`, `code_fence`,
`double_encoded`, `functions_prefix`, `control_token`, `own_name`, `integral_float`, and `unwrapped` (see `wrappers`).
`inexact_decimal`, which is not lossless, is made in `outcomes`.

Knows: JSON text and tool names.  Must not know: providers, models, schemas beyond "has required fields".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..errors import BadResponse
from ..schema.second_look import is_exact
from ..wire import decode_json, escaped
from .numerals import Numerals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..tools.toolset import NameMap

_TOKEN = "<|"
# Control tokens, and words between them; not what may be arguments, or another name.
_TOKENS = re.compile(r"[\w\s<|>]*")
# Its first line, or the word in it where the JSON begins on the same line.
_FENCE = re.compile(r'```[a-zA-Z0-9_-]*+[ \t]*+(?:\r?\n|(?=[{\["\ufeff]))')

# Namespaces in which models of OpenAI, and of Google, are shown the tools.
_PREFIXES = ("", "functions.", "functions_", "default_api.", "default_api:", "default_api_")


def repair_name(name: str, names: NameMap) -> tuple[str, tuple[str, ...]]:
    """The name on the wire that is meant, and the repairs made; the same name if none is.

    A namespace before it goes if a known name is left, and so do control tokens of the model's with the words between
    them (`Weather<|channel|>commentary` of gpt-oss); the name that the user gave the tool is as good as the one under
    which the provider was offered it.
    """
    known = _known(name, names)
    at = -1 if known else name.find(_TOKEN)
    # Of two known names, one with such a token in it, either may be meant.
    if at >= 0 and _TOKENS.fullmatch(name, at) and not any(_TOKEN in one for one in names.to_wire):
        known = _known(name[:at].rstrip(), names, ("control_token",))
    return known or (name, ())


def _known(name: str, names: NameMap, made: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]] | None:
    for prefix in _PREFIXES:
        bare = name.removeprefix(prefix)
        repairs = (*made, "functions_prefix") if bare != name else made
        if bare in names.to_tool:
            return bare, repairs
        if bare in names.changed:
            return names.changed[bare], (*repairs, "own_name")
    return None


def repair_arguments(text: str, *, may_be_empty: bool) -> tuple[str, tuple[str, ...]]:
    """The arguments as JSON text of an object, as far as that loses nothing, and the repairs made.

    `may_be_empty`: the tool has no required field, so that empty text or `null` means `{}`.
    """
    text, made = opened(text, may_be_empty=may_be_empty)
    return ("{}", (*made, "empty_arguments")) if may_be_empty and _says_nothing(text) else (text, made)


def opened(text: str, kinds: tuple[type, ...] = (dict,), *, may_be_empty: bool = False) -> tuple[str, tuple[str, ...]]:
    """The JSON text without what is around it, and the repairs made: in any order, but quotes and a fence once each.

    JSON text in a JSON text counts only if it is a value of one of these `kinds`, or nothing where that `may_be_empty`.
    """
    made: list[str] = []
    quoted: tuple[str, int] | None = None
    while (start := text.lstrip())[:1] not in ("{", "["):
        if start[:1] == "\ufeff":
            text = start.lstrip("\ufeff")
            made.append("byte_order_mark")
        elif start[:3] == "```" and "code_fence" not in made and (inner := _unfenced(start.rstrip())) is not None:
            text = inner
            made.append("code_fence")
        elif start[:1] == '"' and not quoted and isinstance(inner := tolerantly(text), str):
            quoted = text, len(made)
            text = escaped(inner)
            made.append("double_encoded")
        else:
            break
    if quoted and not (isinstance(tolerantly(text), kinds) or (may_be_empty and _says_nothing(text))):
        text, count = quoted
        del made[count:]
    return text, tuple(dict.fromkeys(made))


def _says_nothing(text: str) -> bool:
    return text.strip() in ("", "null")


def _unfenced(text: str) -> str | None:
    # Not one regular expression for all: that would take quadratic time for a long run of blanks.
    start = _FENCE.match(text)
    return text[start.end() : -3] if start and text.endswith("```") and len(text) >= start.end() + 3 else None


def tolerantly(text: str) -> Any:
    """The JSON value as `decode_json` gives it; None if there is none."""
    try:
        return decode_json(escaped(text), adapter="")
    except BadResponse:
        return None


def integral_floats(text: str, places: Iterable[Sequence[str | int]]) -> str | None:
    """The JSON with each float at these places that is a whole number written as an integer, or None if there is none.

    A float that is not the number it is written as stays: it would be changed in silence.
    """
    try:
        numerals = Numerals(text)
    except (ValueError, RecursionError):
        return None
    changes: dict[int, str] = {}
    for place in places:
        numeral = numerals.at(place)
        if numeral is None or numeral.lstrip("-").isdecimal():
            continue
        number = float(numeral)
        if number.is_integer() and is_exact(number, numeral):
            changes[numeral.order] = str(int(number))
    return numerals.rewritten(changes) if changes else None
