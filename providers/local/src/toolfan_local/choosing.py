"""Choosing tools: which tools a clause asks for, by the weighted words that clause and tool share.

Knows words and weights; not how arguments are filled.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolfan_local.lexicon import QUESTION_WORDS, SEARCH_TOOL_WORDS, WEAK_WORDS
from toolfan_local.words import content_stems, identifier_words, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan_local.fields import Field

NAME_WEIGHT, DESCRIPTION_WEIGHT, FIELD_WEIGHT, ENUM_WEIGHT, FIELD_TEXT_WEIGHT = 3.0, 1.0, 1.2, 1.0, 0.3
LITERAL_SCORE = 50.0  # the text spells the tool's name
WEAK_FACTOR = 0.15
MAX_DESCRIPTION = 600  # characters that count
_WEAK_STEMS = frozenset(stem(word) for word in WEAK_WORDS)


@dataclass(frozen=True)
class Profile:
    """A tool as the words that speak of it, with their weights; `name` holds the stems of its name `title`."""

    title: str
    weights: dict[str, float] = field(default_factory=dict)
    name: frozenset[str] = field(default_factory=frozenset)
    searches: bool = False


@dataclass(frozen=True)
class Match:
    """How well a tool fits a clause: the score, and the stems of the tool's own name that the clause holds."""

    tool: int
    score: float
    named: frozenset[str]
    matched: frozenset[str]


def profile(name: str, description: str, fields: Sequence[Field]) -> Profile:
    """The profile of one tool."""
    weights: dict[str, float] = {}

    def add(stems: Sequence[str], weight: float) -> None:
        for one in stems:
            weights[one] = max(weights.get(one, 0.0), weight * (WEAK_FACTOR if one in _WEAK_STEMS else 1.0))

    name_stems = [stem(word) for word in identifier_words(name)]
    listed = [value for one in fields for value in one.enum[:50] if isinstance(value, str)]
    add(content_stems(" ".join(listed)), ENUM_WEIGHT)
    for one in fields:
        add(content_stems(one.description[:MAX_DESCRIPTION]), FIELD_TEXT_WEIGHT)
        add(sorted(one.name_stems), FIELD_WEIGHT)
    add(content_stems(description[:MAX_DESCRIPTION]), DESCRIPTION_WEIGHT)
    add(name_stems, NAME_WEIGHT)
    words = {*identifier_words(name), *identifier_words(description[:MAX_DESCRIPTION])}
    searches = any(one.is_free_text() for one in fields) and bool(words & SEARCH_TOOL_WORDS)
    return Profile(name, weights, frozenset(name_stems), searches)


class Chooser:
    """Scores every tool for a clause. A word that many tools share counts less than one that few have."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._profiles = profiles
        counts = Counter(word for one in profiles for word in one.weights)
        self._rarity = {word: math.log(1 + len(profiles) / count) for word, count in counts.items()}

    def rank(self, text: str) -> list[Match]:
        """The tools that share a telling word with the text, best first; equal ones in declared order."""
        stems = set(content_stems(text))
        matches = [self._match(place, one, stems, text) for place, one in enumerate(self._profiles)]
        return sorted((match for match in matches if match.score > 0), key=lambda match: -match.score)

    def _match(self, place: int, one: Profile, stems: set[str], text: str) -> Match:
        matched = {word for word in stems if word in one.weights}
        telling = {word for word in matched if word not in _WEAK_STEMS and one.weights[word] >= 0.5}
        score = sum(one.weights[word] * self._rarity[word] for word in matched)
        named = matched & one.name
        if one.name:
            score *= 1 + len(named) / len(one.name)
        if len(one.name) > 1 and one.title in text:
            return Match(place, score + LITERAL_SCORE, one.name, frozenset(matched))
        return Match(
            place, score if telling or (len(named) == len(one.name) > 0) else 0.0, frozenset(named), frozenset(matched)
        )

    def searcher(self) -> int | None:
        """The first tool that takes a free question, if there is one."""
        return next((place for place, one in enumerate(self._profiles) if one.searches), None)


def is_question(text: str) -> bool:
    """Whether a clause asks something."""
    words = text.split()
    return bool(words) and (words[0].lower() in QUESTION_WORDS or text.rstrip().endswith("?"))
