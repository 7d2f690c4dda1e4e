"""Where a JSON value ends, told while its text comes in pieces.

Each character is looked at once, whatever the pieces: the work is linear in the text.

Knows: the grammar of JSON as far as brackets and texts go.  Must not know: calls, events, bytes.
"""

from __future__ import annotations

import re

_BRACKET = re.compile(r'["{}\[\]]')
_INSIDE = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BLANK = " \t\r\n\ufeff"


class Scanner:
    """Finds the end of one JSON object, array or text.

    Anything else (a number, a word, a code fence before an object) has no end of its own: what comes next could go on.
    `depth` counts open brackets, `in_text` says whether a text is open.
    """

    __slots__ = ("_escaped", "_started", "depth", "in_text", "opaque")

    def __init__(self) -> None:
        self.depth = 0
        self.in_text = self.opaque = self._escaped = self._started = False

    def ignore(self) -> None:
        """What comes is no JSON, and has no end."""
        self.opaque = self._started = True

    def feed(self, text: str, at: int = 0) -> int:
        """Where in `text`, read from `at`, the value has ended (one past its last character); -1 if it goes on."""
        if not self._started:
            while at < len(text) and text[at] in _BLANK:
                at += 1
            if at == len(text):
                return -1
            self._started = True
            self.opaque = text[at] not in '{["'
        return -1 if self.opaque else self._end(text, at)

    def _end(self, text: str, at: int) -> int:
        size = len(text)
        if self._escaped and at < size:
            self._escaped = False
            at += 1
        while at < size:
            if self.in_text:
                inside = _INSIDE.match(text, at)
                assert inside is not None  # it matches the empty text too
                at = inside.end()
                if at == size:
                    return -1
                if text[at] == "\\":  # the last character: what it escapes comes next
                    self._escaped = True
                    return -1
                self.in_text = False
                at += 1
                if not self.depth:
                    return at
            found = _BRACKET.search(text, at)
            if found is None:
                return -1
            at = found.end()
            mark = found[0]
            if mark == '"':
                self.in_text = True
            elif mark in "{[":
                self.depth += 1
            else:
                self.depth -= 1
                if self.depth <= 0:
                    return at
        return -1
