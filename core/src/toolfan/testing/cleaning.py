"""Exchanges as a recording may keep them: `***` stands for each secret.

A request is only compared, so all that stands under the name of a secret goes.  What came is given again as it is, so
there it goes only where it also looks like a key: a tool may have a parameter called `key`.

Knows: JSON, what a secret looks like.  Must not know: files, adapters, what an answer means.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from toolfan.secrets.masking import masked, secret_spans
from toolfan.secrets.redaction import longest_first, looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from toolfan.adapter import JSON

BLOT = "***"
_NAMES = ("name", "key", "header")
_WORDS = frozenset(
    {"required", "enum", "propertyOrdering", "property_ordering", "examples"}
)  # lists of words in a schema
_OWN, _PAIR = "own", "pair"  # by what a value has the name of a secret: its key, or what stands beside it
_SHORT, _LONG = 8, 16  # a shorter one is a word; a longer one is none, even without a digit


def cleaned_exchange(exchange: JSON, secrets: Iterable[str]) -> JSON:
    """The exchange without `secrets`, without those that its request holds, and without what looks like one."""
    known = longest_first(secrets, _named_texts(exchange["request"], frozenset(_words(exchange))))
    found: JSON = {}
    for part, value in exchange.items():
        if part == "request":
            found[part] = cleaned_request(value, secrets)
        else:
            found[part] = _cleaned(_without_pieces(value, known) if part == "events" else value, known, _is_key)
    return found


def cleaned_request(body: JSON, secrets: Iterable[str]) -> JSON:
    """The body of a request, likewise: of equal bodies it makes equal ones."""
    cleaned: JSON = _cleaned(body, longest_first(secrets, _named_texts(body, frozenset(_words(body)))), bool)
    return cleaned


def _cleaned(
    value: Any, secrets: Iterable[str], hidden: Callable[[str], bool], named: str = "", place: str = ""
) -> Any:
    """`hidden` says whether a text that is named like a secret is one."""
    if isinstance(value, str):
        return BLOT if named and hidden(value) else _masked(value, secrets)
    if isinstance(value, dict):
        found: JSON = {}
        for key, inner, *within in _inner(value, named, place):
            name = _masked(str(key), secrets)
            while name in found:  # two keys of the same form
                name += "*"
            found[name] = _cleaned(inner, secrets, hidden, *within)
        return found
    if isinstance(value, list | tuple):
        return [_cleaned(inner, secrets, hidden, *within) for _, inner, *within in _inner(value, named, place)]
    return value


def _inner(holder: Any, named: str = "", place: str = "") -> Iterator[tuple[Any, Any, str, str]]:
    """Key and value of all that an object or a list holds, by what it is named, and its place.

    The place is `item` in a list, `words` in a list of a schema's words.  What is in a list under a name has it, too.
    """
    if isinstance(holder, dict):
        for key, inner in holder.items():
            yield key, inner, _name_of(holder, key, place), "words" if key in _WORDS else ""
    else:
        for at, inner in enumerate(holder):
            yield at, inner, named or _name_before(holder, at, place), place if place == "words" else "item"


def _name_of(holder: dict[str, Any], key: Any, place: str) -> str:
    """Whether this value of an object has the name of a secret, in a list of such objects beside it, too."""
    if looks_secret(str(key)):
        return _OWN
    beside = (holder.get(field) for field in _NAMES) if key == "value" and place == "item" else ()
    return _PAIR if any(isinstance(name, str) and looks_secret(name) for name in beside) else ""


def _name_before(listed: Sequence[Any], at: int, place: str) -> str:
    """Whether this value of a list stands after the name of a secret: as one of listed pairs, or after a flag.

    A list of two alone is none: names of columns, or of parameters, stand so.
    """
    name, value = (listed[at - 1], listed[at]) if at else (None, None)
    if place == "words" or not isinstance(name, str) or not looks_secret(name):
        return ""
    flag = name.startswith("-") and not (isinstance(value, str) and value.startswith("--"))
    return _PAIR if flag or (len(listed) == 2 and place == "item") else ""


def _masked(text: str, secrets: Iterable[str]) -> str:
    """Masked until it stays the same (keys may touch each other): a recording is cleaned more than once."""
    while (once := masked(text, secrets)) != text:
        text = once
    return text


def _is_key(text: str) -> bool:
    digits = any(character.isdigit() for character in text)
    return len(text) >= (_SHORT if digits else _LONG) and not any(character.isspace() for character in text)


def _named_texts(value: Any, words: frozenset[str], named: str = "", place: str = "") -> Iterator[str]:
    """What stands under the name of a secret and looks like a key: an answer may repeat it anywhere.

    What only stands beside such a name, and is one of `words`, is none: it would be hidden wherever it names a field.
    """
    if isinstance(value, str) and named and _is_key(value) and not (named == _PAIR and value in words):
        yield value
    elif isinstance(value, dict | list | tuple):
        for _, inner, *within in _inner(value, named, place):
            yield from _named_texts(inner, words, *within)


def _words(value: Any, *, listed: bool = False) -> Iterator[str]:
    """All keys and names, and the words of schemas."""
    if isinstance(value, str) and listed:
        yield value
    elif isinstance(value, dict):
        yield from map(str, value)
        for key, inner in value.items():
            yield from _words(inner, listed=key == "name" or key in _WORDS)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _words(inner, listed=listed)


def _without_pieces(events: list[JSON], secrets: Iterable[str]) -> list[JSON]:
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


def _blot(pieces: list[tuple[Any, Any]], secrets: Iterable[str]) -> None:
    spans = secret_spans("".join(holder[key] for holder, key in pieces), secrets)
    start = 0
    for holder, key in pieces:
        text, kept, at = holder[key], "", 0
        for begin, end in ((begin - start, end - start) for begin, end in spans):
            if begin < len(text) and end > 0:
                kept += text[at : max(begin, 0)] + (BLOT if begin >= 0 else "")
                at = min(end, len(text))
        holder[key] = kept + text[at:]
        start += len(text)
