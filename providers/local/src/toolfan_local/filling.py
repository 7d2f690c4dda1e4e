"""Filling: the mentions of a span put into records of one tool's fields, one record for each call.

A mention goes to the field it fits best. One that finds its field taken makes an alternative when it stands in the same
list ("a and b"), else it begins a new record that keeps what is not said again. Lists are multiplied out, or paired
when the text says "respectively".

Knows fields and mentions; not how the tool was chosen.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from toolfan_local.affinity import NEVER, Affinity
from toolfan_local.bounds import text_allowed
from toolfan_local.hits import Hit
from toolfan_local.values import value_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from toolfan_local.fields import Field
    from toolfan_local.mentions import Mention

MAX_CALLS = 64
_MOST_BUMPED = 16  # fields: tools with more are filled in the order of the text
_PAIR_CUES = ("from", "between", "to")
_PAIR_STARTS = ("from", "between")
_HIT_SCORE = 4.0
_FORM_SCORE = 2.0  # for a text of the form that its field alone asks for
_SLACK = 1.5  # how much weaker a mention may be than the one before it and still begin a new record
_SHARE = 0.35  # of the score before it, in the same question
_CLEARLY_BETTER = 2.5  # how much stronger it must be to take the place of the one before it
_LEAST_PHRASE = -1.0
_LEAST_OPTIONAL = 2.5  # an optional field takes a mention only when the words around speak of it


@dataclass
class Record:
    """The values of one call to be: for each field (by place) its alternatives, and the list they came from."""

    values: dict[int, list[Any]] = field(default_factory=dict)
    groups: dict[int, int] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)
    sources: dict[int, list[Mention]] = field(default_factory=dict)

    def move(self, place: int, other: int, one: Field, score: float) -> None:
        """Gives the values at `place` to the field `one` at `other`."""
        sources = self.sources.pop(place)
        del self.values[place], self.scores[place]
        self.values[other], self.scores[other] = [value_of(source, one) for source in sources], score
        self.sources[other], self.groups[other] = sources, self.groups.pop(place)


def _singles(mention: Mention) -> list[Mention]:
    """A bracketed list as the single mentions of its members: for tools that take no list."""
    if mention.kind != "list":
        return [mention]
    kind = "quoted" if isinstance(mention.value[0], str) else "number"
    return [replace(mention, kind=kind, value=value) for value in mention.value]


def _holds(one: Field, mention: Mention) -> bool:
    """Whether the field may hold the mention, as far as its schema says; numbers are put right later."""
    if one.scalar != "string" or one.enum:
        return True
    value = value_of(mention, one)
    texts = value if isinstance(value, list) else [value]
    return all(not isinstance(text, str) or text_allowed(text, one.scalar_schema) for text in texts)


class Filling:
    """Fills the fields of one tool from a span of tokens; `breaks` are the tokens where clauses begin."""

    def __init__(
        self, fields: Sequence[Field], affinity: Affinity, span: tuple[int, int], breaks: Sequence[int]
    ) -> None:
        self._fields = fields
        self._affinity = affinity
        self._span = span
        self._breaks = breaks
        self._telling = [place for place, one in enumerate(fields) if one.is_telling()]
        self._known: dict[tuple[int, str, int], float] = {}
        self._everywhere = frozenset(range(len(fields)))
        self._records = [Record()]

    def records(self, mentions: Sequence[Mention], hits: Sequence[Hit]) -> list[Record]:
        """The records of the span, in text order; at least one, which may be empty.

        Lower-case phrases are weak: only required texts that nothing else fills may take them.
        """
        if not any(one.kind == "array" for one in self._fields):
            mentions = [single for mention in mentions for single in _singles(mention)]
        strong = [mention for mention in mentions if mention.kind != "phrase"]
        self._run([*strong, *hits], self._everywhere)
        open_texts = frozenset(
            place
            for place, one in enumerate(self._fields)
            if one.takes_phrases() and not any(place in record.values for record in self._records)
        )
        if open_texts and len(strong) < len(mentions):
            self._run([*mentions, *hits], open_texts)
        return self._records

    def _run(self, found: Sequence[Mention | Hit], for_phrases: frozenset[int]) -> None:
        self._records = [Record()]
        for one in sorted(found, key=lambda one: one.mention.first if isinstance(one, Hit) else one.first):
            if len(self._records) > MAX_CALLS:
                return
            if isinstance(one, Hit):
                self._put(one.place, one.value, one.mention, _HIT_SCORE)
                continue
            self._bump(one)
            place, score = self._field_for(one, for_phrases if one.kind == "phrase" else self._everywhere)
            if place is not None and not self._repeats(one, place, score):
                self._put(place, value_of(one, self._fields[place]), one, score)

    def _score(self, mention: Mention, place: int) -> float:
        key = (mention.first, mention.kind, place)
        if key not in self._known:
            one = self._fields[place]
            self._known[key] = NEVER
            if _holds(one, mention):
                self._known[key] = self._affinity.score(mention, one, *self._span) + self._by_form(mention, place)
        return self._known[key]

    def _by_form(self, mention: Mention, place: int) -> float:
        """A text of the form that some field alone asks for belongs there, and not into the others."""
        if not any(_holds(self._fields[other], mention) for other in self._telling):
            return 0.0
        return _FORM_SCORE if place in self._telling else -_FORM_SCORE

    def _least(self, mention: Mention, place: int) -> float:
        """The score that a mention must exceed to be taken by a field."""
        if not self._fields[place].required:
            return _LEAST_OPTIONAL
        return _LEAST_PHRASE if mention.kind == "phrase" else 0.0

    def _field_for(self, mention: Mention, places: frozenset[int]) -> tuple[int | None, float]:
        """The field that takes the mention: the best free one, unless a taken one fits clearly better."""
        record = self._records[-1]
        free: tuple[float, int | None] = (NEVER, None)
        taken: tuple[float, int | None] = (NEVER, None)
        for place in sorted(places):
            score = self._score(mention, place)
            if score > NEVER and record.groups.get(place) == mention.group:
                score = max(score, record.scores.get(place, 0.0))  # a list stays together
            if score <= self._least(mention, place):
                continue
            if place in record.values and not self._extends(mention, place):
                taken = max(taken, (score, place), key=lambda pair: pair[0])
            else:
                free = max(free, (score + 0.01 * self._fields[place].required, place), key=lambda pair: pair[0])
        if taken[1] is not None and taken[0] > free[0] and mention.cue not in _PAIR_STARTS:
            sibling = self._free_sibling(taken[1], places)
            if sibling is not None:
                return sibling, taken[0]
        margin = 0.4 if mention.group in record.groups.values() else 0.2
        best = taken if taken[1] is not None and taken[0] > free[0] + margin else free
        return best[1], best[0]

    def _free_sibling(self, place: int, places: frozenset[int]) -> int | None:
        """The required field that is still free and forms a pair or a row with a taken one."""
        taken = self._fields[place]
        return next(
            (
                other
                for other in sorted(places)
                if other not in self._records[-1].values
                and self._fields[other].required
                and self._fields[other].is_sibling(taken)
            ),
            None,
        )

    def _extends(self, mention: Mention, place: int) -> bool:
        grouped = self._records[-1].groups.get(place) == mention.group
        return self._fields[place].kind == "array" and grouped and mention.kind != "list"

    def _repeats(self, mention: Mention, place: int, score: float) -> bool:
        """Whether a phrase would only overturn, within one clause, the phrase that its field already has."""
        record = self._records[-1]
        if mention.kind != "phrase" or place not in record.sources or record.groups[place] == mention.group:
            return False
        first = record.sources[place][0].first
        new_clause = bisect_right(self._breaks, mention.first) > bisect_right(self._breaks, first)
        return not (new_clause and score >= record.scores[place] - 0.5)

    def _bump(self, mention: Mention) -> None:
        """Moves an earlier mention to another free field where both then fit better than in the order of the text."""
        record = self._records[-1]
        settled = mention.group in record.groups.values()
        if mention.kind == "phrase" or settled or len(self._fields) > _MOST_BUMPED:
            return
        free = [
            place for place in self._everywhere if place not in record.values and self._fields[place].kind != "array"
        ]
        scores = {place: self._score(mention, place) for place in free}
        here = max((score for place, score in scores.items() if score > self._least(mention, place)), default=0.0)
        best: tuple[float, int, int] = (max(here, 0.0) + 0.1, -1, -1)
        for (place, old), other in itertools.product(record.sources.items(), free):
            if old[0].cue in _PAIR_CUES:
                continue  # "from a" and "to b" stand where they are
            moved, score = self._score(old[0], other), self._score(mention, place)
            if moved > self._least(old[0], other) and score > 0:
                best = max(best, (score + moved - record.scores[place], place, other))
        _, place, other = best
        if place >= 0:
            record.move(place, other, self._fields[other], self._score(record.sources[place][0], other))

    def _put(self, place: int, value: Any, seen: Mention, score: float) -> None:
        record, one = self._records[-1], self._fields[place]
        if one.kind == "array":
            self._put_item(place, value, seen.group)
            return
        if place in record.values and record.groups.get(place) == seen.group:
            if value not in record.values[place]:
                record.values[place].append(value)
                record.sources.get(place, []).append(seen)
            return
        if place in record.values:
            weak = score < min(record.scores[place] - _SLACK, _SHARE * record.scores[place])
            again = record.values[place] == [value] and seen.cue not in _PAIR_STARTS
            if again or (weak and not (one.required and seen.kind == "quoted")):
                return  # a weaker mention does not overturn what was well said
            if seen.kind == "number" or score < record.scores[place] + _CLEARLY_BETTER:
                record = self._begin()
        record.values[place] = [value]
        record.groups[place] = seen.group
        record.scores[place] = score
        if seen.kind != "listed":
            record.sources[place] = [seen]

    def _put_item(self, place: int, value: Any, group: int) -> None:
        record = self._records[-1]
        whole = isinstance(value, list)
        if place in record.values and (record.groups.get(place) != group or whole):
            record = self._begin()
        items = value if whole else [value]
        if place in record.values and not whole:
            record.values[place][0] += items
        else:
            record.values[place] = [list(items)]
            record.groups[place] = group
            record.scores[place] = 1.0

    def _begin(self) -> Record:
        self._records.append(Record())
        return self._records[-1]


def inherit(records: Sequence[Record], backwards: Collection[int]) -> None:
    """Gives every record the values that its neighbours have and it lacks: from before first, then from after.

    `backwards` are the fields whose values also go to earlier records.
    """
    for ordered in (list(records), list(reversed(records))):
        for before, record in itertools.pairwise(ordered):
            for place, value in before.values.items():
                if place not in record.values and (place in backwards or ordered[0] is records[0]):
                    record.values[place] = value


def expand(record: Record, *, paired: bool) -> list[Mapping[int, Any]]:
    """The single calls of a record: every combination of its alternatives, or pairs of lists of one length."""
    lists = {place: values for place, values in record.values.items() if len(values) > 1}
    single = {place: values[0] for place, values in record.values.items() if len(values) == 1}
    lengths = {len(values) for values in lists.values()}
    if len(lists) > 1 and len(lengths) == 1 and paired:
        rows = zip(*lists.values(), strict=True)
    else:
        rows = itertools.product(*lists.values())  # type: ignore[assignment]
    return [{**single, **dict(zip(lists, row, strict=True))} for row in itertools.islice(rows, MAX_CALLS)]
