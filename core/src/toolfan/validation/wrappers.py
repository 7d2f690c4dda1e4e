"""The calls inside a `multi_tool_use.parallel` call, which models make up: `{"tool_uses": [a call, ...]}`.

A call in it is `{"recipient_name": "functions.weather", "parameters": {...}}`, or has the keys `name` and `arguments`,
or has them in an object `function`.  Its arguments are handed on as they are written, so that what is odd in them (a
key that comes twice, a number beyond all floats) is found as in any call.

Knows: JSON text, the repairs of it.  Must not know: tools, how a call is judged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from ..assembly.sealing import WRAPPERS
from ..calls import RawCall
from ..framing.scanning import Scanner
from ..wire import escaped, well_formed
from .repairs import opened, tolerantly

if TYPE_CHECKING:
    from collections.abc import Collection

Part: TypeAlias = tuple[str, str, tuple[str, ...]]
"""Name, arguments and repairs of a call."""
_DEEPEST = 4  # wrappers inside wrappers
_LIST = re.compile(r'"tool_uses"\s*+:\s*+\[')
_WORD = re.compile(r"[^\s,\]}]++")
_BETWEEN = re.compile(r"[ \t\r\n,:]*+")


def unwrap(call: RawCall, known: Collection[str]) -> list[tuple[RawCall, tuple[str, ...]]] | None:
    """The calls inside, with the ids `<id>:0`, `<id>:1` ... and the repairs made; None if it is no wrapper.

    It may hold others, four deep.  What is odd among them costs only itself, as beside a wrapper: an entry that is no
    call becomes one without a name, and one with two different arguments has a list of both, which no tool takes.
    """
    parts = _parts(call.name, call.arguments, known)
    if parts is None:
        return None
    return [
        (RawCall(call.index + at, f"{call.id}:{at}", name, arguments, call.provider_id), made)
        for at, (name, arguments, made) in enumerate(parts)
    ]


def _parts(name: str, text: str, known: Collection[str], depth: int = 0) -> list[Part] | None:
    """Each call inside, those inside inner wrappers too; None if this is none."""
    if name not in WRAPPERS or name in known or depth == _DEEPEST:
        return None
    text, made = opened(escaped(text))
    uses, rest = _uses(text)
    if not any(use[:1] == "{" for use, _ in uses):
        return None
    found: list[Part] = []
    for use, around in uses:
        part = _used(use)
        for inner, arguments, more in _parts(*part, known, depth + 1) or [(*part, ())]:
            found.append((inner, arguments, tuple(dict.fromkeys((*made, *around, "unwrapped", *more)))))
    return [*found, (name, rest, ("unwrapped",))] if rest else found


def _uses(text: str) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
    """What is listed in the object, with the repairs made, and what is left of it if it is cut or broken."""
    whole = tolerantly(text)
    if whole is None:
        uses, rest = _torn(text)
        return [(use, ()) for use in uses], rest
    found: list[tuple[str, tuple[str, ...]]] = []
    for value in _values(_members(text), "tool_uses") if isinstance(whole, dict) else ():
        value, made = opened(value, (dict, list))  # noqa: PLW2901
        for use in _items(value) if value.lstrip()[:1] == "[" else [value]:
            entry, more = opened(use)
            found.append((entry.strip(), (*made, *more)))
    return found, ""


def _torn(text: str) -> tuple[list[str], str]:
    """The calls that are whole in a wrapper that is cut or broken, and the rest."""
    start = _LIST.search(text)
    if start is None:
        return [], ""
    uses: list[str] = []
    at = start.end()
    while True:
        at = _next(text, at)
        end = _end(text, at) if text[at : at + 1] == "{" else -1
        if end < 0 or tolerantly(text[at:end]) is None:
            rest = text[at:]
            return uses, rest if rest.strip("]} \t\r\n") else ""
        uses.append(text[at:end])
        at = end


def _used(use: str) -> tuple[str, str]:
    """Name and arguments."""
    members = _members(use) if use[:1] == "{" else []
    for value in _values(members, "function"):
        inside, _ = opened(value)
        members += _members(inside) if inside.lstrip()[:1] == "{" else []
    names = _values(members, "recipient_name") or _values(members, "name")
    arguments = list(dict.fromkeys(_values(members, "parameters") + _values(members, "arguments")))
    if len(names) != 1:
        return "", escaped(use)
    said = tolerantly(names[0])
    name = well_formed(said if isinstance(said, str) else names[0])
    if len(arguments) > 1:
        return name, escaped(f"[{','.join(arguments)}]")
    text = tolerantly(arguments[0]) if arguments and arguments[0][:1] == '"' else None
    return name, escaped(text if isinstance(text, str) else "".join(arguments))


def _values(members: list[tuple[str, str]], key: str) -> list[str]:
    """The different values of a key, as they are written, but those that say nothing."""
    return list(dict.fromkeys(value for one, value in members if one == key and value not in ("null", '""')))


def _members(text: str) -> list[tuple[str, str]]:
    """Keys and values, as they are written, of an object: each, though a key comes twice."""
    parts = _items(text)
    return [(str(tolerantly(key)), value) for key, value in zip(parts[::2], parts[1::2], strict=True)]


def _items(text: str) -> list[str]:
    """The values of a list, or the keys and values of an object, as they are written; `text` is known to be JSON."""
    found: list[str] = []
    at = _next(text, _next(text, 0) + 1)
    while text[at] not in "]}":
        end = _end(text, at)
        found.append(text[at:end])
        at = _next(text, end)
    return found


def _next(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    assert between is not None  # it matches the empty text too
    return between.end()


def _end(text: str, at: int) -> int:
    """Where the value that begins at `at` has ended; -1 if it goes on."""
    if text[at] in '{["':
        return Scanner().feed(text, at)
    word = _WORD.match(text, at)
    return word.end() if word else -1
