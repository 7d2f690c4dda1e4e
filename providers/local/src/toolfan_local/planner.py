"""The planner: tools and a user's text in, planned calls out; by rules, without a model, the same every time.

The text is cut into clauses; each clause is given to the tools whose names, descriptions and fields share its words;
the values around fill the tools' fields. A question that no tool speaks of goes to a tool that searches, if there is
one. Knows no wire dialect and no server.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from toolfan_local.affinity import Affinity
from toolfan_local.choosing import Chooser, Match, is_question, profile
from toolfan_local.clauses import Clause, split_clauses, split_parts
from toolfan_local.fields import Field, read_fields
from toolfan_local.filling import MAX_CALLS, Filling, Record, expand, inherit
from toolfan_local.hits import find_hits, query_text, read_switches
from toolfan_local.lexicon import LENGTH_UNITS
from toolfan_local.mentions import find_mentions
from toolfan_local.sampling import fitted
from toolfan_local.tokens import tokenize
from toolfan_local.values import undecided
from toolfan_local.words import content_stems, identifier_words, singular

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

LEAST_SCORE = 1.2  # below it a clause names no tool
OTHER_WORDS = 1.2  # the same for a clause that does not name the other tool
TURN = 1.2  # how much better another tool must fit a later part of a clause


@dataclass(frozen=True)
class PlannerTool:
    """A tool as the planner sees it: its name, what it does, and the JSON Schema of its parameters."""

    name: str
    description: str = ""
    parameters: Any = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedCall:
    """A call that the planner decided on; `arguments` is a JSON object."""

    name: str
    arguments: dict[str, Any]


def plan(
    tools: Sequence[PlannerTool],
    text: str,
    *,
    choice: Literal["auto", "required", "none"] = "auto",
    allowed: Collection[str] | None = None,
    limit: int | None = None,
) -> list[PlannedCall]:
    """The calls that the text asks for, in the order of the text. Never raises, whatever the schemas and the text.

    `choice`: "none" plans nothing, "required" at least one call. `allowed`: the names that may be called (None: all).
    `limit`: the greatest number of calls.
    """
    offered = [tool for tool in tools if allowed is None or tool.name in allowed]
    if choice == "none" or not offered:
        return []
    calls = _Planning(offered, text).calls(at_least_one=choice == "required")
    return calls if limit is None else calls[: max(limit, 0)]


@dataclass(frozen=True)
class _Span:
    """Tokens `first` to `end` (exclusive) that one tool answers; `reach`: the end of the clause it stands in."""

    tool: int
    first: int
    end: int
    reach: int
    searched: bool = False


class _Planning:
    """One run of the planner over one text."""

    def __init__(self, tools: Sequence[PlannerTool], text: str) -> None:
        self._tools = tools
        self._text = text
        self._tokens = tokenize(text)
        names = {tool.name for tool in tools}
        self._mentions = [one for one in find_mentions(self._tokens) if str(one.value) not in names]
        self._fields = [read_fields(tool.parameters) for tool in tools]
        profiles = [profile(tool.name, _words(tool), one) for tool, one in zip(tools, self._fields, strict=True)]
        self._chooser = Chooser(profiles)
        self._paired = "respectively" in text.lower()
        self._breaks: list[int] = []  # where clauses begin
        self._turns: Counter[int] = Counter()

    def calls(self, *, at_least_one: bool) -> list[PlannedCall]:
        spans = self._spans()
        if not spans and at_least_one:
            searcher = self._chooser.searcher()
            spans = [_Span(searcher or 0, 0, len(self._tokens), len(self._tokens), searched=searcher is not None)]
        calls: list[PlannedCall] = []
        for place, span in enumerate(spans):
            if len(calls) >= MAX_CALLS:
                break
            again = any(later.tool == span.tool for later in spans[place + 1 :])
            for call in self._span_calls(span, calls, again):
                if not any(_covers(earlier, call) for earlier in calls):
                    calls.append(call)
        return calls[:MAX_CALLS]

    def _spans(self) -> list[_Span]:
        spans: list[_Span] = []
        verbs = {words[0] for tool in self._tools if (words := identifier_words(tool.name))}
        joined = {
            place
            for before, one in itertools.pairwise(self._mentions)
            if before.group == one.group
            for place in range(before.last + 1, one.first + 1)
        }
        clauses = split_clauses(self._tokens, verbs)
        self._breaks = [clause.first for clause in clauses]
        for clause in clauses:
            for part in split_parts(self._tokens, clause, joined):
                spans = self._with_part(spans, part, clause)
        return spans

    def _with_part(self, spans: list[_Span], part: Clause, clause: Clause) -> list[_Span]:
        """The spans after one more part of a clause: a new one when the part asks for another tool than the last."""
        last = spans[-1] if spans else None
        text = self._clause_text(part.first, part.end)
        ranked = self._chooser.rank(text)
        searcher = self._chooser.searcher()
        if not ranked or ranked[0].score < LEAST_SCORE:
            if searcher is not None and part.first == clause.first and is_question(text):
                return [*spans, _Span(searcher, part.first, clause.end, clause.end, searched=True)]
            return [*spans[:-1], replace(last, end=part.end, reach=clause.end)] if last else []
        best = ranked[0]
        if last is None:
            return [_Span(best.tool, 0, part.end, clause.end)]  # what stands before the first request belongs to it
        current = next((match for match in ranked if match.tool == last.tool), None)
        if best.tool == last.tool or (current and not self._turns_to(best, current, part.first == clause.first)):
            return [*spans[:-1], replace(last, end=part.end, reach=clause.end)]
        if current is None and part.first != clause.first and not best.named:
            return [*spans[:-1], replace(last, end=part.end, reach=clause.end)]
        return [*spans, _Span(best.tool, part.first, part.end, clause.end)]

    @staticmethod
    def _turns_to(best: Match, current: Match, begins: bool) -> bool:
        """Whether a part leaves the current tool for a better one."""
        if not best.named - current.named:
            return begins and best.score > OTHER_WORDS * current.score
        return best.score > (1.05 if begins else TURN) * current.score

    def _span_calls(self, span: _Span, before: Sequence[PlannedCall], again: bool) -> list[PlannedCall]:
        fields = self._fields[span.tool]
        rows = self._rows(span, fields)
        if len(rows) == 1:
            rows = _borrowed(rows[0], fields, before, everyone=self._speaks_of_all(span))
        if any(call.name == self._tools[span.tool].name for call in before) and _recaps(rows, fields, before):
            return []
        if again and rows == [{}] and any(one.required for one in fields):
            return []  # an introduction; the request itself comes later
        calls = []
        for row in rows[:MAX_CALLS]:
            calls.append(PlannedCall(self._tools[span.tool].name, self._arguments(row, fields, span)))
            self._turns[span.tool] += 1
        return calls

    def _arguments(self, row: Mapping[int, Any], fields: Sequence[Field], span: _Span) -> dict[str, Any]:
        """The arguments of one call: what the row says, and a value for every other required field."""
        arguments: dict[str, Any] = {}
        for place, one in enumerate(fields):
            if place in row:
                _object_at(arguments, one.path[:-1])[one.name] = row[place]
        for place, one in enumerate(fields):
            present = one.parent_required or _has_object(arguments, one.path[:-1])
            if not present:
                continue
            home = _object_at(arguments, one.path[:-1])
            if one.needed and place not in row:
                home[one.name] = self._query(span) if one.is_free_text() else undecided(one, self._turns[span.tool])
        schema = self._tools[span.tool].parameters
        if not isinstance(schema, Mapping):
            return arguments
        mended: dict[str, Any] = fitted(arguments, {**schema, "type": "object"}, schema, self._turns[span.tool])
        return mended

    def _rows(self, span: _Span, fields: Sequence[Field]) -> list[Mapping[int, Any]]:
        """The values of each call of a span, by field."""
        texts = [place for place, one in enumerate(fields) if one.is_free_text() and one.required]
        if span.searched and texts:
            return [{texts[0]: self._query(span)}]
        tool = self._tools[span.tool]
        tool_stems = frozenset(content_stems(f"{' '.join(identifier_words(tool.name))} {_words(tool)}"))
        affinity = Affinity(fields, self._tokens, self._taken(), tool_stems)
        records = self._records(fields, affinity, (span.first, span.end))
        if span.reach > span.end and not any(record.values for record in records):
            records = self._records(fields, affinity, (span.first, span.reach))  # "the height and weight of ..."
        one_clause = not any(span.first < place < span.end for place in self._breaks)
        inherit(records, [place for place, one in enumerate(fields) if one.required or one_clause])
        switches: dict[int, Any] = {
            **read_switches(fields, self._tokens, (span.first, span.end)),
            **self._units(fields, span),
        }
        return [{**switches, **row} for record in records for row in expand(record, paired=self._paired)]

    def _units(self, fields: Sequence[Field], span: _Span) -> dict[int, Any]:
        """The unit that all measures of a span share, for the fields that ask for a unit."""
        units = {
            singular(one.unit)
            for one in self._mentions
            if one.kind == "number" and span.first <= one.first < span.end and singular(one.unit) in LENGTH_UNITS
        }
        return {
            place: next(iter(units))
            for place, one in enumerate(fields)
            if len(units) == 1 and one.kind == "string" and not one.enum and {"unit", "units"} & set(one.name_words)
        }

    def _records(self, fields: Sequence[Field], affinity: Affinity, limits: tuple[int, int]) -> list[Record]:
        hits = find_hits(fields, self._tokens, limits)
        hit_tokens = {place for hit in hits for place in range(hit.mention.first, hit.mention.last + 1)}
        inside = [
            mention
            for mention in self._mentions
            if limits[0] <= mention.first < limits[1] and not hit_tokens & set(range(mention.first, mention.last + 1))
        ]
        return Filling(fields, affinity, limits, self._breaks).records(inside, hits)

    def _taken(self) -> list[bool]:
        taken = [False] * len(self._tokens)
        for mention in self._mentions:
            if mention.kind != "phrase":
                taken[mention.first : mention.last + 1] = [True] * (mention.last + 1 - mention.first)
        return taken

    def _speaks_of_all(self, span: _Span) -> bool:
        words = {token.lower for token in self._tokens[span.first : span.end]}
        return bool(words & {"each", "both", "these", "those"})

    def _query(self, span: _Span) -> str:
        return query_text(self._clause_text(span.first, span.end))

    def _clause_text(self, first: int, end: int) -> str:
        return self._text[self._tokens[first].start : self._tokens[end - 1].end] if first < end else ""


def _borrowed(
    row: Mapping[int, Any], fields: Sequence[Field], before: Sequence[PlannedCall], *, everyone: bool
) -> list[Mapping[int, Any]]:
    """A row for each call of the last tool (or of every tool), with the required values that only those calls have."""
    missing = [place for place, one in enumerate(fields) if one.required and place not in row and not one.enum]
    rows: list[Mapping[int, Any]] = []
    for call in before:
        if call.name != before[-1].name and not everyone:
            continue
        lent = {place: call.arguments[fields[place].name] for place in missing if fields[place].name in call.arguments}
        if lent and {**row, **lent} not in rows:
            rows.append({**row, **lent})
    return rows or [row]


def _covers(earlier: PlannedCall, call: PlannedCall) -> bool:
    """Whether an earlier call says all that a later one says: the later one only repeats the request."""
    return earlier.name == call.name and all(
        name in earlier.arguments and earlier.arguments[name] == value for name, value in call.arguments.items()
    )


def _recaps(rows: Sequence[Mapping[int, Any]], fields: Sequence[Field], before: Sequence[PlannedCall]) -> bool:
    """Whether the rows only say again a part of what earlier calls hold."""
    said = [value for call in before for value in call.arguments.values()]
    return all(
        any(one.required and place not in row for place, one in enumerate(fields))
        and all(value in said for value in row.values())
        for row in rows
    )


def _words(tool: PlannerTool) -> str:
    return tool.description if isinstance(tool.description, str) else ""


def _object_at(arguments: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for step in path:
        arguments = arguments.setdefault(step, {})
    return arguments


def _has_object(arguments: dict[str, Any], path: tuple[str, ...]) -> bool:
    for step in path:
        if step not in arguments:
            return False
        arguments = arguments[step]
    return True
