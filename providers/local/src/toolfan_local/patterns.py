"""A short text that a simple regular expression finds: literals and classes, each with a count, between anchors.

Knows regular expressions; not schemas.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

_ATOM = re.compile(
    r"(?P<one>\\[^0-9]|\[\^?(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|[^\\\[\](){}*+?|^$])"
    r"(?P<count>\{(?P<least>\d+)(?P<open>,(?P<most>\d*))?\}|[*+?])?"
)
_LETTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits + string.punctuation + " \t\n"
_MOST_TEXT = 10_000  # characters


@dataclass
class _Run:
    """One character, so many times."""

    letter: str
    count: int
    most: int


def text_for(pattern: str, least: int = 0) -> str | None:
    """The shortest text of at least this length that the pattern finds; None where the pattern is not a simple one."""
    runs = _runs(pattern.removeprefix("^").removesuffix("$"))
    if runs is None:
        return None
    for run in runs:
        missing = least - sum(one.count for one in runs)
        run.count += max(0, min(missing, run.most - run.count))
    if sum(run.count for run in runs) > _MOST_TEXT:
        return None
    text = "".join(run.letter * run.count for run in runs)
    if not pattern.endswith("$"):
        text += "x" * min(least - len(text), _MOST_TEXT)
    return text if len(text) >= least and re.search(pattern, text) else None


def _runs(body: str) -> list[_Run] | None:
    found, place = list[_Run](), 0
    while place < len(body):
        atom = _ATOM.match(body, place)
        letter = _letter(atom["one"]) if atom else None
        if atom is None or letter is None:
            return None
        place = atom.end()
        found.append(_Run(letter, *_counts(atom)))
    return found


def _counts(atom: re.Match[str]) -> tuple[int, int]:
    """The least and the greatest number of repetitions."""
    if atom["least"] is not None:
        least = int(atom["least"])
        return least, least if atom["open"] is None else int(atom["most"] or _MOST_TEXT)
    return {None: (1, 1), "*": (0, _MOST_TEXT), "+": (1, _MOST_TEXT), "?": (0, 1)}[atom["count"]]


def _letter(atom: str) -> str | None:
    """A character that the atom finds."""
    try:
        found = re.compile(atom)
    except re.error:
        return None
    own = atom if len(atom) == 1 and atom != "." else ""
    return next((letter for letter in own + _LETTERS if found.fullmatch(letter)), None)
