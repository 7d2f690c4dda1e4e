"""How well a mention fits a field: by type, by preposition, by unit, and by the words that stand around it.

Knows mentions and fields; not how records of arguments are put together.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from toolfan_local.lexicon import DIMENSIONS, PLACE_PREPOSITIONS, STOP_WORDS, WEAK_WORDS
from toolfan_local.words import identifier_words, singular, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan_local.fields import Field
    from toolfan_local.mentions import Mention
    from toolfan_local.tokens import Token

NEVER = -100.0
_STOPS = frozenset({",", ".", ";", "?", "!", "and", "or", "with", "for", "at", "in", "from", "to", "by", "on", "then"})
WINDOW = 6  # tokens looked at on each side
_EXPRESSION_WORDS = frozenset({"function", "func", "expression", "equation", "formula", "polynomial"})
_ADDRESS_WORDS = frozenset({"url", "uri", "link", "website", "repo", "repository", "email", "address", "recipient"})
_PERSON_WORDS = frozenset({"name", "person", "artist", "author", "actor", "player", "team", "company", "title"})


class Affinity:
    """The scores of one tool's fields for the mentions of one text."""

    def __init__(
        self, fields: Sequence[Field], tokens: Sequence[Token], taken: Sequence[bool], tool_stems: frozenset[str]
    ) -> None:
        self._fields = fields
        self._tokens = tokens
        self._taken = taken  # tokens that belong to a mention
        self._tool_stems = tool_stems  # the words of the tool's own name and description
        self._stems = [stem(token.text) if token.kind == "word" else "" for token in tokens]
        self._weak = [token.lower in STOP_WORDS or token.lower in WEAK_WORDS for token in tokens]
        self._shared = Counter(word for one in fields for word in one.name_stems | one.text_stems)
        self._named = Counter(word for one in fields for word in one.name_stems)

    def score(self, mention: Mention, one: Field, first: int, end: int) -> float:
        """The fit of a mention in tokens `first` to `end`; NEVER where the type forbids it."""
        by_type = _by_type(mention, one)
        if by_type <= NEVER:
            return NEVER
        noise = self._as_noise(mention, one)
        if noise <= NEVER:
            return NEVER
        return (
            by_type
            + noise
            + _by_cue(mention, one)
            + self._by_unit(mention, one)
            + self._by_equation(mention, one)
            + self._by_context(mention, one, first, end)
        )

    def _as_noise(self, mention: Mention, one: Field) -> float:
        """Words of the tool itself are seldom values: "two tickets" for a tool that books tickets."""
        if mention.kind in ("name", "phrase"):
            stems = [
                word
                for place in range(mention.first, mention.last + 1)
                if (word := self._stems[place]) and self._tokens[place].lower not in STOP_WORDS
            ]
            return -5.0 if all(word in self._tool_stems for word in stems) else self._as_adjective(mention, one)
        if mention.kind == "number" and self._tokens[mention.first].unit == "word":
            counted = stem(mention.unit)  # it counts the tool's own subject, or may be a value
            meant = counted in one.name_stems or counted in one.counted_stems()
            return 0.0 if meant and one.kind != "array" and one.scalar != "string" else NEVER
        if (
            mention.kind == "number"
            and mention.unit
            and stem(mention.unit) in self._tool_stems
            and (not self._shared[stem(mention.unit)])
        ):
            return -2.0
        return 0.0

    def _as_adjective(self, mention: Mention, one: Field) -> float:
        """A name right before another field's word ("a GOLD colour", for the field `colour`) describes that word."""
        place = mention.last + 1
        possessive = self._tokens[mention.last].text.endswith(("'s", "’s"))
        if possessive or place >= len(self._stems) or self._weak[place]:
            return 0.0
        word = self._stems[place]
        return -2.0 if word and self._named[word] and word not in one.name_stems else 0.0

    def _by_equation(self, mention: Mention, one: Field) -> float:
        """ "a = 2" and "b is 5" name their field."""
        place = mention.first - 1
        if place < 1 or self._tokens[place].lower not in ("=", "is", ":", "of"):
            return 0.0
        return 4.0 if self._tokens[place - 1].lower == one.name.lower() else 0.0

    def _word_score(self, word: str, one: Field) -> float:
        if word in one.name_stems:
            return 3.0 / self._named[word]
        return 1.0 / self._shared[word] if word in one.text_stems else 0.0

    def _by_unit(self, mention: Mention, one: Field) -> float:
        if not mention.unit:
            return 0.0
        word = stem(mention.unit)
        score = 1.5 * self._word_score(word, one) if word else 0.0
        measured = DIMENSIONS.get(singular(mention.unit))
        if measured is None:
            return score
        named = {singular(name) for name in one.name_words}
        return score + (2.0 if measured & named else 1.2 if measured & set(identifier_words(one.description)) else -1.5)

    def _by_context(self, mention: Mention, one: Field, first: int, end: int) -> float:
        score = 0.0
        stop = max(first, mention.first - WINDOW)
        passed = 0.0
        for place in range(mention.first - 1, stop - 1, -1):
            if self._taken[place]:
                passed += 2.0
            score += self._near(place, one, mention.first - place + passed)
        for place in range(mention.last + 1, min(end, mention.last + 4)):
            if self._taken[place] or self._tokens[place].lower in _STOPS:
                break
            score += 0.8 * self._near(place, one, place - mention.last)
        if mention.kind in ("name", "phrase"):  # "High Street Clinic" speaks of a clinic itself
            score += sum(
                0.5 * self._word_score(self._stems[place], one)
                for place in range(mention.first, mention.last + 1)
                if self._stems[place]
            )
        return score

    def _near(self, place: int, one: Field, distance: float) -> float:
        word = self._stems[place]
        if not word or (self._weak[place] and word not in one.name_stems):
            return 0.0
        return self._word_score(word, one) / (0.7 + 0.3 * distance)


def _by_type(mention: Mention, one: Field) -> float:
    kind = one.scalar
    if one.enum or kind in ("boolean", "object", "null"):
        return NEVER
    if mention.kind == "list":
        return 3.0 if one.kind == "array" and isinstance(mention.value[0], str) == (kind == "string") else NEVER
    if kind in ("integer", "number"):
        return _numeric(mention, one)
    table = {
        "quoted": 1.5,
        "name": 1.0,
        "phrase": -0.5,
        "number": -2.5,
        "date": -3.0,
        "time": -3.0,
        "expression": -0.5,
        "address": 0.5,
    }
    score = table[mention.kind]
    if mention.kind == "date":
        return 4.0 if one.is_date() else score
    if mention.kind == "time":
        return 4.0 if one.is_time() else score
    if one.is_date() or (one.is_time() and mention.kind != "number"):
        return -3.0
    words = {*one.name_words, *identifier_words(one.description)}
    if mention.kind == "expression":
        return 4.0 if words & _EXPRESSION_WORDS else score
    if mention.kind == "address":
        return 3.0 if words & _ADDRESS_WORDS else score
    if mention.kind == "quoted" and one.is_free_text():
        score += 1.5
    if mention.kind == "name" and words & _PERSON_WORDS:
        score += 0.3
    return score


def _numeric(mention: Mention, one: Field) -> float:
    if mention.kind == "date" and "year" in one.name_words:
        return 1.0
    if mention.kind != "number":
        return NEVER
    if one.kind == "integer" and isinstance(mention.value, float):
        return -1.0
    looks_like_year = isinstance(mention.value, int) and 1500 <= mention.value <= 2100 and not mention.unit.isalpha()
    if looks_like_year:
        return 3.0 if {"year", "season"} & set(one.name_words) else 0.5
    return 0.0 if "year" in one.name_words else 1.0


def _by_cue(mention: Mention, one: Field) -> float:
    score = 0.0
    if mention.cue in ("from", "between"):
        score += 2.0 * one.is_source() - 1.0 * one.is_target()
    elif mention.cue == "to":
        score += 2.0 * one.is_target() - 1.0 * one.is_source()
    if mention.kind in ("name", "phrase") and one.is_place():
        score += 0.3 if mention.cue in PLACE_PREPOSITIONS else 0.0
        score += 1.7 if mention.cue in ("in", "near", "at", "around") else 0.0
    elif mention.kind == "name" and mention.cue in ("in", "near", "at", "around"):
        score -= 0.5
    if mention.cue and mention.cue in one.name_words:
        score += 1.0
    return score
