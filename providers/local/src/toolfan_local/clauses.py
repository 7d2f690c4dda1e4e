"""A text cut into clauses: the stretches that each ask for one thing.

Knows sentence ends and the words that begin a request; no tool but the verbs their names begin with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolfan_local.lexicon import QUESTION_WORDS, REQUEST_VERBS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from toolfan_local.tokens import Token

_OPENERS = frozenset({"and", "then", "also", "finally", "next", "additionally", "afterwards", "lastly", "plus", "but"})
_PART_JOINERS = frozenset({",", "and", "also", "then", "plus", "&", "or", "as", "well"})
_ABBREVIATIONS = frozenset(
    {"mr", "mrs", "ms", "dr", "st", "jr", "sr", "vs", "e.g", "i.e", "inc", "ltd", "co", "d.c", "u.s"}
)


@dataclass(frozen=True)
class Clause:
    """Tokens `first` up to `end` (exclusive) of a text."""

    first: int
    end: int


def split_clauses(tokens: Sequence[Token], verbs: Collection[str] = ()) -> list[Clause]:
    """The clauses of a text in order; `verbs` are words that begin a request beside the general ones."""
    starts = [0]
    for place in range(1, len(tokens)):
        if _begins(tokens, place, starts[-1], verbs):
            starts.append(place)
    ends = [*starts[1:], len(tokens)]
    return [Clause(first, end) for first, end in zip(starts, ends, strict=True) if first < end]


def split_parts(tokens: Sequence[Token], clause: Clause, joined: Collection[int]) -> list[Clause]:
    """The parts of a clause between joining words and commas; each part ends with what joins it to the next.

    `joined` are the tokens at which no part begins, because a list of values goes on there.
    """
    starts = [clause.first]
    for place in range(clause.first + 1, clause.end):
        before, here = tokens[place - 1].lower, tokens[place].lower
        if before in _PART_JOINERS and here not in _PART_JOINERS and place not in joined:
            starts.append(place)
    return [Clause(first, end) for first, end in zip(starts, [*starts[1:], clause.end], strict=True)]


def _begins(tokens: Sequence[Token], place: int, start: int, verbs: Collection[str]) -> bool:
    before = tokens[place - 1]
    if before.text in "?!;" or (before.text == "." and _ends_sentence(tokens, place)):
        return True
    if place - start < 2:
        return False
    return before.lower in (*_OPENERS, ",") and _opens_request(tokens, place, verbs)


def _ends_sentence(tokens: Sequence[Token], place: int) -> bool:
    word = tokens[place - 2].lower if place >= 2 else ""
    initial = len(word) == 1 and word.isalpha()
    return not (initial or word in _ABBREVIATIONS or tokens[place].start == tokens[place - 1].end)


def _opens_request(tokens: Sequence[Token], place: int, verbs: Collection[str]) -> bool:
    word = tokens[place].lower
    if word in _OPENERS and place + 1 < len(tokens):
        return False  # the clause begins after the last of the joining words
    if word in QUESTION_WORDS:
        return word not in ("when", "where", "do", "is", "are", "does", "did", "was", "were") or (
            tokens[place - 1].lower != ","
        )
    return word in REQUEST_VERBS or word in verbs
