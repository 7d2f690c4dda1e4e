"""Streams made up from the events of samples: equal pieces beside each other, pieces of two calls in turn.

Where the pieces stand is found by what they say together.

Knows: events, texts.  Must not know: any provider's field names, adapters.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .argument_forms import arguments_in
from .trees import Path, at, changed, nodes, same, text_of
from .variations import list_of_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .samples import Sample

    Events = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Run:
    """The pieces of one text: where in its event each stands, and which events these are."""

    path: Path
    events: tuple[int, ...]


def run_of(events: Events, fits: Callable[[str], bool]) -> Run | None:
    """The events that say, in two pieces or more at the same place in each, what fits; None if there are none."""
    by_path: dict[Path, list[tuple[int, str]]] = defaultdict(list)
    for number, event in enumerate(events):
        for path, node in nodes(event):
            if isinstance(node, str) and node:
                by_path[path].append((number, node))
    for path, pieces in by_path.items():
        for start in range(len(pieces) - 1):
            said = pieces[start][1]
            for end in range(start + 1, len(pieces)):
                said += pieces[end][1]
                if fits(said):
                    return Run(path, tuple(number for number, _ in pieces[start : end + 1]))
    return None


def run_of_pairs(events: Events, given: Mapping[str, Any], begun: int) -> Run | None:
    """The events, from there on, that say these arguments, each of them one, by its name and its value; or None."""
    found: list[tuple[int, Path]] = []
    for number, event in enumerate(events[begun:], begun):
        held = {name: path for name, value in given.items() if (path := _pair(event, name, value)) is not None}
        if len(held) > 1:
            return None
        wanted = [*given][len(found)] if len(found) < len(given) else None
        found += [(number, path) for name, path in held.items() if name == wanted]
    whole = len(found) == len(given) > 1
    return Run(found[0][1], tuple(number for number, _ in found)) if whole else None


def _pair(event: Any, name: str, value: Any) -> Path | None:
    """Where a value stands in an event that is said to be of this name: under it, or beside it."""
    for path, node in nodes(event):
        if isinstance(node, dict) and name in node and same(node[name], value):
            return (*path, name)
        if isinstance(node, dict | list):
            fields = [*(node.items() if isinstance(node, dict) else enumerate(node))]
            if any(one == name for _, one in fields):
                for key, one in fields:
                    if same(one, value) and one != name:
                        return (*path, key)
    return None


def with_pieces(events: Events, run: Run, first: str, again: str, last: str) -> tuple[list[Any], str] | None:
    """The events with other pieces: the first, the last, and at least two that are equal; and what they say together.

    Pieces are added as copies of an event that holds nothing but a piece; None if there is none.
    """
    pure = _pure(events, run)
    if pure is None:
        return None
    said = [first, *[again] * (len(run.events) - 2), last]
    found: list[Any] = list(events)
    for number, piece in zip(run.events, said, strict=True):
        found[number] = changed(events[number], run.path, piece)
    copies = [changed(events[pure], run.path, again) for _ in range(2)]
    return [*found[: pure + 1], *copies, *found[pure + 1 :]], first + again * len(run.events) + last


def _pure(events: Events, run: Run) -> int | None:
    """The first of two events, one after the other, that differ in nothing but their pieces and in numbers."""
    shapes = [_shape(changed(events[number], run.path, "")) for number in run.events]
    return next((run.events[k] for k in range(len(shapes) - 1) if shapes[k] == shapes[k + 1]), None)


def _shape(event: Any) -> str:
    """An event without what no two of a stream share: the numbers in its first level."""
    return text_of({key: None if type(value) is int else value for key, value in event.items()})


def told(events: Events, wanted: Callable[[Any], bool], value: Callable[[Any], Any]) -> list[Any]:
    """The events, in which each value that is wanted has become another one."""
    found: list[Any] = []
    for event in events:
        for path, node in [*nodes(event)]:
            if path and wanted(node):
                event = changed(event, path, value(node))  # noqa: PLW2901
        found.append(event)
    return found


def in_turn(events: Events, one: Run, other: Run) -> list[Any] | None:
    """The events in which the last piece of one text comes after the first of the other's.

    With it comes what stands between them and is marked as of the first: None if nothing marks the pieces of each.
    """
    marks = _marks(events, one, other)
    if marks is None or one.events[-1] > other.events[0]:
        return None
    last, begun = one.events[-1], other.events[0]
    late = [number for number in range(last, begun) if number == last or _is_of_one(events[number], *marks)]
    order = [*[n for n in range(begun + 1) if n not in late], *late, *range(begun + 1, len(events))]
    return [events[number] for number in order]


def together(events: Events, sample: Sample) -> list[Any] | None:
    """The events, of which two, that have a list with a call each and are else alike, are one; None if none are so.

    The list has the name of the one in which the whole answer has its calls: another may be one of choices.
    """
    where = (list_of_calls(sample) or ((),))[0]
    for number, (one, other) in enumerate(pairwise(events)):
        path, after = (_list_of_a_call(event, sample.calls) for event in (one, other))
        if path is None or path != after or path[-1:] != where[-1:]:
            continue
        first, second = at(one, path), at(other, path)
        rest, more = (_uncounted(changed(event, path, []), events) for event in (one, other))
        if same(rest, more) and not _is_one_place(first[0], second[0]):
            return [*events[:number], changed(one, path, [*first, *second]), *events[number + 2 :]]
    return None


def _uncounted(event: Any, events: Events) -> Any:
    """The event without the numbers in its first level that count events; others may say which call it is of."""
    return {key: value for key, value in event.items() if type(value) is not int or not _counts(key, events)}


def _counts(key: str, events: Events) -> bool:
    told = [one.get(key) for one in events]
    return all(type(one) is int for one in told) and len({*told}) == len(told)


def _list_of_a_call(event: Any, calls: Sequence[tuple[str, Any]]) -> Path | None:
    """Where the innermost list is in which one of these calls stands alone, with its name and its arguments."""
    for name, given in calls:
        for path in arguments_in(event, given) if given else ():
            inner = next((path[:end] for end in range(len(path) - 1, -1, -1) if isinstance(path[end], int)), None)
            if inner is not None and len(held := at(event, inner)) == 1 and any(n == name for _, n in nodes(held)):
                return inner
    return None


def _is_one_place(one: Any, other: Any) -> bool:
    """Whether two items have the same number in a field: then they are parts of one answer, and no two calls."""
    both = isinstance(one, dict) and isinstance(other, dict)
    return both and any(type(value) is int and other.get(key) == value for key, value in one.items())


def _marks(events: Events, one: Run, other: Run) -> tuple[str | int, str, str] | None:
    """The name of a field, and the two values by which the pieces of the one are told from those of the other."""
    for path, value in nodes(events[one.events[0]]):
        if path and path != one.path and not isinstance(value, dict | list):
            mine, theirs = ({_shown(events[number], path) for number in run.events} for run in (one, other))
            if len(mine) == len(theirs) == 1 and mine != theirs:
                return path[-1], mine.pop(), theirs.pop()
    return None


def _is_of_one(event: Any, name: str | int, mine: str, theirs: str) -> bool:
    """Whether fields of this name, wherever they stand, have the one's value, and none the other's."""
    said = {text_of(node) for path, node in nodes(event) if path[-1:] == (name,)}
    return mine in said and theirs not in said


def _shown(event: Any, path: Path) -> str:
    try:
        return text_of(at(event, path))
    except (KeyError, IndexError, TypeError):
        return ""


def at_the_end(events: Events, run: Run) -> list[Any] | None:
    """The events with the last piece of a text in the one that ends the stream; None if that has no empty text there.

    What the events of a text say alike, it must say too: elsewhere the same field is of a thought, or of a call.
    """
    last, end = run.events[-1], len(events) - 1
    if last == end or _shown(events[end], run.path) != '""':
        return None
    pieces = [events[number] for number in run.events]
    for path, value in nodes(pieces[0]):
        if type(value) in (str, int) and path != run.path:
            said = {_shown(event, path) for event in pieces}
            if len(said) == 1 and _shown(events[end], path) not in said:
                return None
    moved = changed(events[end], run.path, at(events[last], run.path))
    return [*events[:last], changed(events[last], run.path, ""), *events[last + 1 : end], moved]


def later(events: Events, run: Run, after: int) -> list[Any] | None:
    """The events with the last piece of a text after another event; None if it comes later already, or is not alone."""
    shapes = [_shape(changed(events[number], run.path, "")) for number in run.events]
    last = run.events[-1]
    if last > after or shapes[-1] != shapes[-2]:
        return None
    return [*events[:last], *events[last + 1 : after + 1], events[last], *events[after + 1 :]]
