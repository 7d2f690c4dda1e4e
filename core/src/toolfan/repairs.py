"""Lossless repairs of what models write; anything that could turn a cut value into a valid lie is not among them.

Each has a name, is recorded on the call and can be switched off: `empty_arguments`, `byte_order_mark`, `code_fence`,
`double_encoded`, `functions_prefix`, `unwrapped`, `integral_float`.

Knows: JSON text and tool names.  Must not know: providers, models, schemas beyond "has required fields".
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from .calls import RawCall
from .errors import BadResponse
from .scanning import Scanner
from .sealing import WRAPPERS
from .wire import decode_json, escaped, json_text, well_formed

if TYPE_CHECKING:
    from collections.abc import Collection

_DEEPEST = 4  # wrappers inside wrappers
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n")


def repair_name(name: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The name without a `functions.` prefix if it is then a known one, and the repairs made."""
    if name not in known:
        for prefix in ("functions.", "functions_"):
            bare = name.removeprefix(prefix)
            if bare != name and bare in known:
                return bare, ("functions_prefix",)
    return name, ()


def repair_arguments(text: str, *, may_be_empty: bool) -> tuple[str, tuple[str, ...]]:
    """The arguments as JSON text of an object, as far as that loses nothing, and the repairs made.

    `may_be_empty`: the tool has no required field, so that empty text or `null` means `{}`.
    """
    made: list[str] = []
    if text[:1] == "\ufeff":
        text = text.lstrip("\ufeff")
        made.append("byte_order_mark")
    if (stripped := text.lstrip())[:3] == "```" and (inner := _unfenced(stripped.rstrip())) is not None:
        text = inner
        made.append("code_fence")
    if (start := text.lstrip()[:1]) == '"':
        inner = _decoded(text)
        if isinstance(inner, str) and isinstance(_decoded(inner), dict):
            text = inner
            made.append("double_encoded")
    elif may_be_empty and (start == "" or text.strip() == "null"):
        text = "{}"
        made.append("empty_arguments")
    return text, tuple(made)


def _unfenced(text: str) -> str | None:
    # Not one regular expression for all: that would take quadratic time for a long run of blanks.
    start = _FENCE.match(text)
    return text[start.end() : -3] if start and text.endswith("```") and len(text) >= start.end() + 3 else None


def _decoded(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        return None


def unwrap(call: RawCall, known: Collection[str]) -> list[RawCall] | None:
    """The calls inside a `multi_tool_use.parallel` wrapper, with the ids `<id>:0`, `<id>:1` ..., or None if it is none.

    A wrapper's arguments are `{"tool_uses": [{"recipient_name": "functions.weather", "parameters": {...}}]}`; it may
    hold others, four deep.  What is odd among them costs only itself, as beside a wrapper: an entry that is none
    becomes a call without a name.
    """
    parts = _parts(call.name, call.arguments, known)
    if parts is None:
        return None
    return [RawCall(call.index + at, f"{call.id}:{at}", *part, call.provider_id) for at, part in enumerate(parts)]


def _parts(name: str, text: str, known: Collection[str], depth: int = 0) -> list[tuple[str, str]] | None:
    """Name and arguments of each call inside, those inside inner wrappers too; None if this is none."""
    if name not in WRAPPERS or name in known or depth == _DEEPEST:
        return None
    inner, rest = _tolerantly(text), ""
    if isinstance(inner, str):
        inner = _tolerantly(inner)
    uses = inner.get("tool_uses") if isinstance(inner, dict) else None
    if inner is None:
        uses, rest = _torn(text)
    if not isinstance(uses, list) or not any(isinstance(use, dict) for use in uses):
        return None
    found: list[tuple[str, str]] = []
    for part in map(_used, uses):
        found += _parts(*part, known, depth + 1) or [part]
    return [*found, (name, rest)] if rest else found


def _torn(text: str) -> tuple[list[Any], str]:
    """The calls that are whole in a wrapper that is cut or broken, and the rest."""
    at = text.find("[", text.find('"tool_uses"')) + 1
    uses: list[Any] = []
    while at > 0 and '"tool_uses"' in text:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        end = Scanner().feed(text, at) if text[at : at + 1] == "{" else -1
        use = _tolerantly(text[at:end]) if end > 0 else None
        if use is None:
            break
        uses.append(use)
        at = end
    rest = text[at:]
    return uses, rest if rest.strip("]} \t\r\n") else ""


def _tolerantly(text: str) -> Any:
    try:
        return decode_json(text, adapter="")
    except BadResponse:
        return None


def _used(use: Any) -> tuple[str, str]:
    """Name and arguments."""
    if not isinstance(use, dict):
        return "", json_text(use)
    arguments = use.get("parameters", use.get("arguments"))
    text = escaped(arguments) if isinstance(arguments, str) else "" if arguments is None else json_text(arguments)
    return well_formed(str(use.get("recipient_name") or use.get("name") or "")), text


def integral_floats(text: str) -> str | None:
    """The JSON with each float that is a whole number written as an integer, or None if there is none."""
    changed = False

    def whole(number: str) -> int | float:
        nonlocal changed
        value = float(number)
        if value.is_integer() and abs(value) < 2**53:
            changed = True
            return int(value)
        return value

    try:
        value = json.loads(text, parse_float=whole)
    except (ValueError, RecursionError):
        return None
    return json.dumps(value, ensure_ascii=False) if changed else None
