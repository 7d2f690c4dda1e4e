"""Values that a schema itself lists and the text names: enums, examples in a description, switches; and free texts.

Knows fields and tokens; not how records are put together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolfan_local.bounds import text_allowed
from toolfan_local.lexicon import STOP_WORDS, WEAK_WORDS
from toolfan_local.mentions import Mention
from toolfan_local.words import stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolfan_local.fields import Field
    from toolfan_local.tokens import Token

_LIST_WORDS = frozenset({",", "and", "or", "&", "a", "the", "also", "both"})
_ENDS = frozenset(',;:!?()[]{}"')  # signs that no word of a form goes over
_LONGEST = 200  # characters of a word that has a form
MAX_LISTED = 300  # enum values read of one field
_GENERIC = frozenset(stem(word) for word in WEAK_WORDS) | {"includ", "enabl", "if", "is", "use", "need"}
_NEGATIONS = frozenset({"not", "no", "without", "exclude", "excluding", "don't", "dont", "never", "isn't", "disable"})
_LEAD = re.compile(
    r"^\W*(?:(?:and|also|then|please|can|could|would|will|you|i|me|us|to|want|need|like|let|know|tell|find out|find|"
    r"search(?: for| the web for)?|look up)\b[\s,]*)+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Hit:
    """A listed value of the field at `place` that the text names."""

    place: int
    value: Any
    mention: Mention


def find_hits(fields: Sequence[Field], tokens: Sequence[Token], span: tuple[int, int]) -> list[Hit]:
    """The listed values named in a span of tokens, in the order of fields. Linear in tokens and listed values."""
    places: dict[str, dict[int, None]] = {}
    for place in range(*span):
        for key in _keys(tokens[place].text):
            places.setdefault(key, {})[place] = None
    hits: list[Hit] = []
    for number, one in enumerate(fields):
        taken: set[int] = set()
        listed = _listed(one)[:MAX_LISTED]
        found: list[Hit] = []
        for value in sorted(listed, key=lambda value: -len(str(value))):
            for at, length in _named(str(value), places):
                if not taken & set(range(at, at + length)):
                    taken |= set(range(at, at + length))
                    mention = Mention("listed", value, at, at + length - 1, group=-2 - number * 1000 - at)
                    found.append(Hit(number, value, mention))
        hits += _grouped(sorted(found, key=lambda hit: hit.mention.first), tokens)
    return hits + _formed(fields, tokens, span)


def _formed(fields: Sequence[Field], tokens: Sequence[Token], span: tuple[int, int]) -> list[Hit]:
    """The words of more than letters that have the form which one field alone asks for: `ab-123`, `10.0.0.1`."""
    telling = [number for number, one in enumerate(fields) if one.is_telling()]
    hits: list[Hit] = []
    first, end = span
    while telling and first < end:
        last = first
        while last + 1 < end and tokens[last + 1].start == tokens[last].end and tokens[last + 1].text not in _ENDS:
            last += 1
        following = last + 1
        while last > first and tokens[last].text in ".'":  # the sentence ends here
            last -= 1
        text = "".join(token.text for token in tokens[first : last + 1])
        whole = first == last and tokens[first].kind != "word"  # a mention by itself, which the words around place
        takers = [number for number in telling if text_allowed(text, fields[number].scalar_schema)]
        if len(takers) == 1 and not whole and not text.isalpha() and len(text) <= _LONGEST:
            hits.append(Hit(takers[0], text, Mention("listed", text, first, last, group=-1_000_000 - first)))
        first = following
    return _grouped(hits, tokens)


def _grouped(hits: list[Hit], tokens: Sequence[Token]) -> list[Hit]:
    """Gives the hits of one field that stand in one list one group; groups of hits are negative."""
    for at in range(1, len(hits)):
        before, hit = hits[at - 1].mention, hits[at].mention
        between = {token.lower for token in tokens[before.last + 1 : hit.first]}
        if between and between <= _LIST_WORDS:
            hits[at] = replace(hits[at], mention=replace(hit, group=before.group))
    return hits


def _keys(text: str) -> list[str]:
    return [_key(word) for word in re.findall(r"[^\W_]+", text)]


def _key(word: str) -> str:
    lower = word.lower()
    return stem(lower)[:7] if len(lower) > 2 else lower


def _listed(one: Field) -> list[Any]:
    if one.enum:
        return [value for value in one.enum if isinstance(value, (str, int, float)) and not isinstance(value, bool)]
    if one.scalar != "string":
        return []
    quoted = re.findall(r"(?<!\w)['\"]([\w -]{2,40})['\"](?!\w)", one.description[:600])
    return list(dict.fromkeys(value for value in quoted if value.lower() not in STOP_WORDS))


def _named(value: str, places: dict[str, dict[int, None]]) -> list[tuple[int, int]]:
    """Where the words of a value stand one after another: (first token, number of tokens)."""
    keys = _keys(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value))
    if not keys or len(keys) > 8:
        return []
    return [
        (at, len(keys))
        for at in places.get(keys[0], ())
        if all(at + step in places.get(key, ()) for step, key in enumerate(keys))
    ]


def read_switches(fields: Sequence[Field], tokens: Sequence[Token], span: tuple[int, int]) -> dict[int, bool]:
    """The booleans whose names the span speaks of: true, or false where a negation stands before."""
    stems = {stem(tokens[place].text): place for place in reversed(range(*span)) if tokens[place].kind == "word"}
    switches: dict[int, bool] = {}
    for number, one in enumerate(fields):
        if one.kind != "boolean" or one.enum:
            continue
        telling = [word for word in one.name_stems if word not in _GENERIC and word not in STOP_WORDS]
        if telling and all(word in stems for word in telling):
            first = min(stems[word] for word in telling)
            before = {tokens[place].lower for place in range(max(span[0], first - 3), first)}
            switches[number] = not before & _NEGATIONS
    return switches


def query_text(text: str) -> str:
    """A clause as a search query: the quoted text if there is one, else without polite lead and end signs."""
    quoted = re.search(r"(?<!\w)(?:\"([^\"]{3,})\"|'([^']{3,})'(?!\w))", text)
    if quoted:
        return quoted[1] or quoted[2]
    plain = _LEAD.sub("", text).strip()
    ends = " .?!,;\t\r\n"
    return (plain or text.strip()).rstrip(ends).removesuffix(" and").rstrip(ends)
