"""Identifiers of the answers: alphanumeric text that never repeats within one server and is the same in every run.

Knows nothing of the dialects, which choose length and prefix.
"""

from __future__ import annotations

import hashlib
import itertools
import string

_ALPHABET = string.ascii_letters + string.digits


class Identifiers:
    """A source of identifiers; safe to share between threads."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def take(self, length: int) -> str:
        """The next identifier, `length` (at most 40) letters and digits long."""
        number = int.from_bytes(hashlib.sha256(str(next(self._numbers)).encode()).digest(), "big")
        letters = []
        for _ in range(length):
            number, place = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[place])
        return "".join(letters)
