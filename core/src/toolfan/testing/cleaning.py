"""Exchanges as a recording may keep them: `***` stands for each secret.

A request is only compared, so all that stands under the name of a secret goes.  What came is given again as it is, so
there it goes only where it also looks like a key: a tool may have a parameter called `key`.

Knows: JSON, what a secret looks like.  Must not know: files, adapters, what an answer means.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from toolfan.masking import masked, secret_spans
from toolfan.redaction import longest_first, looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from toolfan.adapter import JSON

_BLOT = "***"
_NAMES = ("name", "key", "header")
_SHORT, _LONG = 8, 16  # a shorter one is a word; a longer one is none, even without a digit


def cleaned_exchange(exchange: JSON, secrets: tuple[str, ...]) -> JSON:
    """The exchange without `secrets`, without those that its request holds, and without what looks like one."""
    known = longest_first(secrets, _named_texts(exchange["request"]))
    found: JSON = {}
    for part, value in exchange.items():
        if part == "request":
            found[part] = cleaned_request(value, secrets)
        else:
            found[part] = _cleaned(_without_pieces(value, known) if part == "events" else value, known, _is_key)
    return found


def cleaned_request(body: JSON, secrets: tuple[str, ...]) -> JSON:
    """The body of a request, likewise: of equal bodies it makes equal ones."""
    cleaned: JSON = _cleaned(body, longest_first(secrets, _named_texts(body)), bool)
    return cleaned


def _cleaned(value: Any, secrets: tuple[str, ...], hidden: Callable[[str], bool], *, named: bool = False) -> Any:
    """`hidden` says whether a text that is `named` like a secret is one."""
    if isinstance(value, str):
        return _BLOT if named and hidden(value) else _masked(value, secrets)
    if isinstance(value, dict):
        found: JSON = {}
        for key, inner in value.items():
            name = _masked(str(key), secrets)
            while name in found:  # two keys of the same form
                name += "*"
            found[name] = _cleaned(inner, secrets, hidden, named=_is_named(value, key))
        return found
    if isinstance(value, list | tuple):
        return [_cleaned(inner, secrets, hidden, named=named or _is_after(value, at)) for at, inner in enumerate(value)]
    return value


def _is_named(holder: dict[str, Any], key: Any) -> bool:
    """Whether this value of an object has the name of a secret, beside it (`name`, `value`) too."""
    beside = (holder.get(field) for field in _NAMES) if key == "value" else ()
    return looks_secret(str(key)) or any(isinstance(name, str) and looks_secret(name) for name in beside)


def _is_after(listed: Sequence[Any], at: int) -> bool:
    """Whether this value of a list stands after the name of a secret: as one of a pair, or after a flag."""
    name = listed[at - 1] if at else None
    return isinstance(name, str) and looks_secret(name) and (len(listed) == 2 or name.startswith("-"))


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    """Masked until it stays the same (keys may touch each other): a recording is cleaned more than once."""
    while (once := masked(text, secrets)) != text:
        text = once
    return text


def _is_key(text: str) -> bool:
    digits = any(character.isdigit() for character in text)
    return len(text) >= (_SHORT if digits else _LONG) and not any(character.isspace() for character in text)


def _named_texts(value: Any, *, named: bool = False) -> Iterator[str]:
    """What stands under the name of a secret and looks like a key: an answer may repeat it anywhere."""
    if isinstance(value, str) and named and _is_key(value):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _named_texts(inner, named=_is_named(value, key))
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _named_texts(inner, named=named or _is_after(value, at))


def _without_pieces(events: list[JSON], secrets: tuple[str, ...]) -> list[JSON]:
    """The events without the secrets that a stream says in pieces: texts at one place are read as one."""
    events = copy.deepcopy(events)
    said: dict[tuple[Any, ...], list[tuple[Any, Any]]] = {}
    for event in events:
        for place, holder, key in _texts(event):
            said.setdefault(place, []).append((holder, key))
    for pieces in said.values():
        _blot(pieces, secrets)
    return events


def _texts(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Every text with its place, and what holds it; of what is numbered (`index`), the number is part of the place."""
    numbers: list[Any] = []
    if isinstance(value, dict):
        numbers = [
            inner for key, inner in value.items() if str(key).lower().endswith("index") and isinstance(inner, int)
        ]
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        where = (*place, *numbers, key)
        if isinstance(inner, str):
            yield where, value, key
        elif isinstance(inner, dict | list):
            yield from _texts(inner, where)


def _blot(pieces: list[tuple[Any, Any]], secrets: tuple[str, ...]) -> None:
    spans = secret_spans("".join(holder[key] for holder, key in pieces), secrets)
    start = 0
    for holder, key in pieces:
        text, kept, at = holder[key], "", 0
        for begin, end in ((begin - start, end - start) for begin, end in spans):
            if begin < len(text) and end > 0:
                kept += text[at : max(begin, 0)] + (_BLOT if begin >= 0 else "")
                at = min(end, len(text))
        holder[key] = kept + text[at:]
        start += len(text)
