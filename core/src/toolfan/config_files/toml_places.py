"""Where each key of a TOML document stands, which tomllib does not tell.

The document must have been read by tomllib before: for text that is not TOML the places are incomplete, never an error.

Knows: the syntax of keys, and enough of values to step over them.  Must not know: what any key means.
"""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
# Strings first: they may hold what ends any other value.  Up to two more quotes may stand before the closing three.
_SCALAR = re.compile(
    r"""\"{3}(?:[^\\]|\\[\s\S])*?\"{3,5}|'{3}[\s\S]*?'{3,5}"""
    r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^,\]}#\n]+"""
)


def toml_key(name: str) -> str:
    """The name as a key of TOML: quoted, where it would be read as something else."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def toml_places(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key (or table header, or array element) of the document stands first."""
    scan = _Scan(text)
    # Not TOML, or deeper than tomllib goes: what was found so far is still right.
    with contextlib.suppress(IndexError, ValueError, RecursionError):
        scan.document()
    return scan.places


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[Path, int] = {}
        self.tables: dict[Path, int] = {}  # arrays of tables: how many elements each has so far

    def document(self) -> None:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            start = self.at
            if self.text[start] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
            if self.at == start:
                raise IndexError(start)

    def skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise IndexError(self.at)
        self.at = found.end()
        return found.group()

    def note(self, path: Path, at: int) -> None:
        line = self.text.count("\n", 0, at) + 1
        for length in range(1, len(path) + 1):
            self.places.setdefault(path[:length], line)

    def header(self) -> Path:
        start = self.at
        several = self.text.startswith("[[", start)
        self.at += 2 if several else 1
        path: Path = ()
        keys = self.key()
        for at, key in enumerate(keys):
            path = (*path, key)
            last = at == len(keys) - 1
            if several and last:
                self.tables[path] = self.tables.get(path, 0) + 1
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
        self.at += 2 if several else 1
        self.note(path, start)
        return path

    def key(self) -> list[str]:
        """A dotted key, its parts unquoted."""
        keys: list[str] = []
        while True:
            self.skip(_SPACE)
            part = self.skip(_KEY)
            keys.append(tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part)
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def pair(self, table: Path) -> None:
        start = self.at
        path = (*table, *self.key())
        self.note(path, start)
        self.at += 1  # the equals sign
        self.value(path)

    def value(self, path: Path) -> None:
        self.skip(_SPACE)
        opening = self.text[self.at]
        if opening == "[":
            self.items(path, "]")
        elif opening == "{":
            self.items(path, "}")
        else:
            self.skip(_SCALAR)

    def items(self, path: Path, closing: str) -> None:
        """An array or an inline table."""
        self.at += 1
        index = 0
        while True:
            self.skip(_BLANK)
            if self.text[self.at] == closing:
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
            elif closing == "}":
                self.pair(path)
            else:
                self.note((*path, index), self.at)
                self.value((*path, index))
                index += 1
