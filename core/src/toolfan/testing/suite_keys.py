"""The keys that the suite gives to clients, and where one shows in what is sent.

Knows: how keys go out.  Must not know: laws, adapters.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .listening import Heard

KEYS = ("toolfan-key-5d41402abc4b2a76", "toolfan-key-7d793037a0760186")
SHORTEST = 8
"""A shorter one would be found in texts that do not hold it."""
_TELLING = 6
_RUN = re.compile(r"[A-Za-z0-9]+")
_ENCODED = re.compile(r"[A-Za-z0-9_+/-]{8,}")
_KINDS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)


def two_keys(given: str | Sequence[str] | None) -> tuple[str, str]:
    """The keys of two clients.  The second is the first with another last letter or digit, unless both are given."""
    if given is None:
        return KEYS
    if isinstance(given, str):
        return given, _another(given)
    first, second = given
    return first, second


def wrong_key(given: Any) -> str | None:
    """Why this cannot be the attribute `key`, in words; None if it can."""
    if given is None:
        return None
    if not isinstance(given, str) and not (isinstance(given, tuple | list) and len(given) == 2):
        return "should be a text, or a tuple of two"
    two = [given] if isinstance(given, str) else [*given]
    for one in two:
        if not isinstance(one, str) or len(one) < SHORTEST or not (one.isascii() and one.isprintable()):
            return f"should be of texts of {SHORTEST} characters or more, which can stand in a header"
        if not _RUN.search(one):
            return "should have a letter or a digit"
    return "should be two different keys" if len({*two}) != len(two) else None


def shows(key: str, other: str, heard: Heard) -> bool:
    """Whether the request shows this key, or a part of it that the other key has not: as it is, or in base64."""
    parts = {key, *(run for run in _RUN.findall(key) if len(run) >= _TELLING)}
    telling = [part for part in parts if part not in other]
    return any(part in text for text in _texts(heard) for part in telling)


def _texts(heard: Heard) -> Iterator[str]:
    head = "\n".join([heard.path, *heard.headers.values()])
    yield head
    yield heard.body.decode("latin-1")
    for one in _ENCODED.findall(head):
        plain = one.replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1")
        except binascii.Error:  # it only looks so
            continue


def _another(key: str) -> str:
    """The same with another last letter or digit."""
    at = max(at for at, one in enumerate(key) if one.isascii() and one.isalnum())
    kind = next(kind for kind in _KINDS if key[at] in kind)
    return key[:at] + kind[(kind.index(key[at]) + 1) % len(kind)] + key[at + 1 :]
