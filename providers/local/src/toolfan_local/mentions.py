"""Mentions: the spans of a text that can be values: names, phrases, numbers, dates, times, quoted texts, expressions.

Knows English wording (capitals, prepositions, coordination with `and`); no schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolfan_local.lexicon import ADJECTIVE_NOISE, DETERMINERS, MONTHS, QUESTION_WORDS, REQUEST_VERBS, STOP_WORDS, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan_local.tokens import Token

_JOINERS = frozenset({",", "and", "or", "&"})
_SKIPPED = DETERMINERS | ADJECTIVE_NOISE
_LIST_WORDS = _JOINERS | DETERMINERS | {"also", "then", "as", "well", "for", "in", "of", "at", "from", "with"}
_CUES = frozenset(
    {
        "in",
        "at",
        "near",
        "around",
        "for",
        "to",
        "from",
        "of",
        "on",
        "by",
        "about",
        "with",
        "using",
        "into",
        "between",
        "within",
        "after",
        "before",
        "since",
        "until",
        "during",
        "per",
        "like",
        "called",
        "named",
        "titled",
        "is",
        "=",
        "than",
        "and",
        "or",
        ",",
        "against",
        "featuring",
        "including",
    }
)
MAX_NAME = 8  # words


@dataclass(frozen=True)
class Mention:
    """A possible value: tokens `first` to `last` (inclusive), the word before it (`cue`), the unit after or before it.

    Mentions that stand in one list ("a, b and c") carry the same `group`.
    """

    kind: str
    value: Any
    first: int
    last: int
    cue: str = ""
    unit: str = ""
    group: int = -1


def find_mentions(tokens: Sequence[Token]) -> list[Mention]:
    """All mentions of a text in order; they do not overlap."""
    found: list[Mention] = []
    place = 0
    while place < len(tokens):
        mention = _mention_at(tokens, place)
        if mention is None:
            place += 1
        else:
            if not _is_gloss(tokens, mention):
                found.append(mention)
            place = mention.last + 1
    return _grouped(tokens, found)


def _is_gloss(tokens: Sequence[Token], mention: Mention) -> bool:
    """Whether a name only explains, in brackets, what stands before it: "carbon dioxide (CO2)"."""
    first, last = mention.first, mention.last
    if mention.kind != "name" or first < 2 or last + 1 >= len(tokens):
        return False
    bracketed = tokens[first - 1].text == "(" and tokens[last + 1].text == ")"
    return bracketed and tokens[first - 2].kind in ("word", "quoted")


def _mention_at(tokens: Sequence[Token], place: int) -> Mention | None:
    token = tokens[place]
    if token.kind in ("quoted", "date", "time", "address", "expression"):
        return Mention(token.kind, token.value, place, place, _cue(tokens, place))
    if token.kind == "number":
        return _number(tokens, place)
    if token.text in "[(":
        return _bracketed(tokens, place)
    if token.kind != "word":
        return None
    if is_name_word(tokens, place):
        return _name(tokens, place)
    return _phrase(tokens, place)


def _cue(tokens: Sequence[Token], place: int) -> str:
    stop = place - 5
    place -= 1
    while place > max(stop, -1) and tokens[place].lower in _SKIPPED:
        place -= 1
    return tokens[place].lower if place >= 0 and tokens[place].lower in _CUES else ""


def _number(tokens: Sequence[Token], place: int) -> Mention | None:
    token = tokens[place]
    if token.unit == "word" and token.lower in ("one", "half") and _cue(tokens, place) == "":
        return None
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    unit = "" if token.unit == "word" else token.unit
    if (
        not unit
        and after is not None
        and (after.kind == "word" or after.text == "%")
        and (after.lower not in STOP_WORDS or (after.lower in UNITS and after.start == token.end))
    ):
        unit = after.lower.rstrip(".")
    return Mention("number", token.value, place, place, _cue(tokens, place), UNITS.get(unit, unit))


def _bracketed(tokens: Sequence[Token], place: int) -> Mention | None:
    """A bracketed list of two or more numbers or quoted texts."""
    values: list[Any] = []
    last = place + 1
    while last < len(tokens) and (tokens[last].kind in ("number", "quoted") or tokens[last].text == ","):
        if tokens[last].text != ",":
            values.append(tokens[last].value)
        last += 1
    closed = last < len(tokens) and tokens[last].text in "])"
    same = len({isinstance(value, str) for value in values}) == 1
    return Mention("list", values, place, last, _cue(tokens, place)) if closed and same and len(values) > 1 else None


def is_name_word(tokens: Sequence[Token], place: int) -> bool:
    """Whether a token is a word of a proper name: capitalised, and not only because it begins a sentence."""
    token = tokens[place]
    if token.kind != "word" or not token.text[0].isupper():
        return False
    if token.lower in MONTHS or token.text in ("I", "I'm", "I'd"):
        return False
    if any(letter.isupper() or letter.isdigit() for letter in token.text[1:]):
        return True
    begins = place == 0 or tokens[place - 1].text in ".?!:"
    known = token.lower in STOP_WORDS or token.lower in REQUEST_VERBS or token.lower in QUESTION_WORDS
    return not (known if not begins else known or not _next_is_name(tokens, place))


def _next_is_name(tokens: Sequence[Token], place: int) -> bool:
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    return after is not None and after.kind == "word" and after.text[0].isupper() and after.text != "I"


def _name(tokens: Sequence[Token], place: int) -> Mention:
    last = place
    while last + 1 < len(tokens) and last - place < MAX_NAME and "'s" not in tokens[last].text:
        after = tokens[last + 1]
        if is_name_word(tokens, last + 1) or _numeral(tokens, last + 1):
            last += 1
        elif (
            after.lower in ("of", "de", "&", "von", "van", "del", "the")
            and last + 2 < len(tokens)
            and is_name_word(tokens, last + 2)
        ):
            last += 2
        elif after.text == "," and last + 2 < len(tokens) and re.fullmatch(r"[A-Z]{2}", tokens[last + 2].text):
            last += 2  # "City, ST"
        else:
            break
    last = _with_region(tokens, place, last)
    text = _span(tokens, place, last)
    return Mention("name", re.sub(r"['’]s$", "", text), place, last, _cue(tokens, place))


def _with_region(tokens: Sequence[Token], place: int, last: int) -> int:
    """The end of "City, Country" after a place preposition, where it is not the beginning of a longer list."""
    end = last + 2
    if not (
        _cue(tokens, place) in ("in", "near", "at", "around", "from", "to")
        and end < len(tokens)
        and tokens[last + 1].text == ","
        and is_name_word(tokens, end)
    ):
        return last
    while end + 1 < len(tokens) and is_name_word(tokens, end + 1):
        end += 1
    after = tokens[end + 1] if end + 1 < len(tokens) else None
    listed = (
        after is not None
        and after.lower in ("and", "or", ",")
        and end + 2 < len(tokens)
        and (is_name_word(tokens, end + 2) or tokens[end + 2].lower in ("and", "or"))
    )
    return last if listed else end


def _numeral(tokens: Sequence[Token], place: int) -> bool:
    """Whether a number belongs to the name before it ("Apollo 11"): a small bare one, with no unit after it."""
    token = tokens[place]
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    bare = token.kind == "number" and token.text.isdigit() and len(token.text) < 4
    ends = after is None or (after.kind == "sign" and after.text not in "%.")
    return bare and (ends or (after is not None and after.lower in ("and", "in", "on", "with")))


def _span(tokens: Sequence[Token], first: int, last: int) -> str:
    text = ""
    for place in range(first, last + 1):
        gap = "" if place == first or tokens[place].start == tokens[place - 1].end else " "
        text += gap + tokens[place].text
    return text


def _phrase(tokens: Sequence[Token], place: int) -> Mention | None:
    """Lower-case words after a preposition, or after a comma or `and` that continues a list."""
    cue = _cue(tokens, place)
    if not cue or not _phrase_word(tokens, place) or tokens[place].lower in REQUEST_VERBS:
        return None
    last = place
    while last + 1 < len(tokens) and last - place < 4 and _phrase_word(tokens, last + 1):
        last += 1
    return Mention("phrase", _span(tokens, place, last), place, last, cue)


def _phrase_word(tokens: Sequence[Token], place: int) -> bool:
    token = tokens[place]
    return (
        token.kind == "word"
        and not (
            token.lower in STOP_WORDS
            or token.lower in QUESTION_WORDS
            or token.lower in _CUES
            or token.lower in ADJECTIVE_NOISE
        )
        and not is_name_word(tokens, place)
    )


def _grouped(tokens: Sequence[Token], mentions: list[Mention]) -> list[Mention]:
    """Gives mentions of one list one group number."""
    grouped: list[Mention] = []
    group = 0
    for mention in mentions:
        before, cue = grouped[-1] if grouped else None, mention.cue
        if before is None or not _same_list(tokens, before, mention):
            group += 1
        elif before.cue == "between":
            cue = "to"  # "between a and b" is "from a to b"
        grouped.append(replace(mention, group=group, cue=cue))
    for place in range(len(grouped) - 2, -1, -1):  # "5, 10 and 15 years": the unit is that of all
        if grouped[place].group == grouped[place + 1].group and not grouped[place].unit:
            grouped[place] = replace(grouped[place], unit=grouped[place + 1].unit)
    return grouped


def _same_list(tokens: Sequence[Token], before: Mention, mention: Mention) -> bool:
    if before.kind != mention.kind:
        return False
    between = [token.lower for token in tokens[before.last + 1 : mention.first]]
    if before.kind == "number" and between and between[0] not in _JOINERS:
        between = between[1:]  # the unit of the number before
    joined = any(word in _JOINERS for word in between)
    return joined and len(between) <= 5 and all(word in _LIST_WORDS for word in between)
