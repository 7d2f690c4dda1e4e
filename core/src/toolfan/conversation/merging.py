"""The calls of a later round into the slots of the earlier ones.

Only failed slots are filled; a good value never changes its slot, and no attempt makes the result worse.

Knows: outcomes.  Must not know: why the model was asked again, or how.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..calls import BadCall, Call
from ..errors import TooManyCalls, UnknownTool
from ..validation.duplicates import Repeats
from .placing import Placing, appended, is_owed, members, placed

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from ..calls import Outcome

_MOST_COMPARED = 400  # pairs of a failed call and a new one of its tool; beyond, their order decides


def merge(
    slots: Sequence[Outcome[Any]],
    new: Sequence[Outcome[Any]],
    *,
    limit: int | None = None,
    wanted: int = 0,
    required: Sequence[str] = (),
    adapter: str | None = None,
    delivered: Container[int] | None = None,
) -> tuple[Outcome[Any], ...]:
    """The slots, filled with the calls of a later answer.

    A new call fills the failed slot with its id (unless the server numbers calls anew in each answer), else one of its
    tool: that with the most arguments in common, or the next; else one whose tool was unknown.  A
    repetition of a good call fills nothing and is left out.  Others are appended: their `attempt` shows that they came
    later; good ones beyond `limit` calls become TooManyCalls, where the first `wanted` slots count though they failed.
    While no call of the `required` tools is good, one of them is let in beside a full limit: it was asked for.
    `delivered` are the indices of what was handed out of an answer that broke off: what else of it is bad is left out.
    """
    placing = Placing(slots, limit=limit, wanted=wanted)
    fresh: list[Outcome[Any]] = []
    for outcome in new:
        sure = placing.add(outcome)
        if isinstance(outcome, Call):
            repeated = sure is None and outcome in placing.known
        else:
            repeated = delivered is not None and (sure is None or sure.index not in delivered)
        if not repeated:
            fresh.append(outcome)
    filled = _matched(slots, fresh, placing.filled)
    merged = [placed(filled[at], slot) if at in filled else slot for at, slot in enumerate(slots)]
    used, ids = {id(outcome) for outcome in filled.values()}, {slot.id for slot in slots}
    for outcome in fresh:
        if id(outcome) not in used:
            merged.append(appended(outcome, len(merged), ids))
    if limit is not None:
        for at in _beyond(merged, slots, limit, wanted, required):
            one, message = merged[at], f"the model made more calls than {limit}"
            error = TooManyCalls(message, adapter=adapter, tool=one.name, call_id=one.id)
            merged[at] = BadCall(one.index, one.id, one.name, one.raw, error, one.attempt)
    return _marked(merged)


def _matched(
    slots: Sequence[Outcome[Any]], fresh: Sequence[Outcome[Any]], certain: Mapping[int, Outcome[Any]]
) -> dict[int, Outcome[Any]]:
    """Which new call goes into which failed slot, of which those with a `certain` one are filled."""
    owed = {at: slot for at, slot in enumerate(slots) if isinstance(slot, BadCall) and is_owed(slot)}
    filled = dict(certain)
    used = {id(outcome) for outcome in certain.values()}
    left: list[Outcome[Any]] = []
    by_id = {slot.raw.id: at for at, slot in owed.items()}
    settled = {slot.raw.id for at, slot in enumerate(slots) if at not in owed}
    said = {outcome.raw.provider_id for outcome in fresh}
    if said & settled and by_id.keys() - said:  # numbered anew, so far as they go: ids say nothing
        by_id = {}
    for outcome in fresh:
        if id(outcome) in used:
            continue
        at = by_id.get(outcome.raw.provider_id or "", -1)
        if at >= 0 and at not in filled and _may_fill(owed[at], outcome):
            filled[at] = outcome
        else:
            left.append(outcome)
    left = _by_tool({at: slot for at, slot in owed.items() if at not in filled}, left, filled)
    unknown = [at for at, slot in owed.items() if at not in filled and isinstance(slot.error, UnknownTool)]
    left = [outcome for outcome in left if isinstance(outcome, Call) or is_owed(outcome)]
    if len(left) > len(unknown):  # a good one shall not miss a slot for a bad one
        left.sort(key=lambda outcome: isinstance(outcome, BadCall))
    filled.update(zip(unknown, left, strict=False))
    _give_way([outcome for outcome in left[len(unknown) :] if isinstance(outcome, Call)], owed, filled)
    return filled


def _give_way(good: Sequence[Outcome[Any]], owed: Mapping[int, BadCall], filled: dict[int, Outcome[Any]]) -> None:
    """None of these shall miss a slot for a bad one, whatever their ids."""
    held: defaultdict[str | None, deque[int]] = defaultdict(deque)
    for at, other in filled.items():
        if isinstance(other, BadCall):
            held[None if isinstance(owed[at].error, UnknownTool) else owed[at].name].append(at)
    for outcome in good if held else ():
        if places := held.get(outcome.name) or held.get(None):
            filled[places.popleft()] = outcome


def _may_fill(slot: BadCall, outcome: Outcome[Any]) -> bool:
    # Servers that number ids anew in each answer give one id to calls of two tools.
    return slot.name == outcome.name or isinstance(slot.error, UnknownTool)


def _by_tool(
    owed: dict[int, BadCall], left: Sequence[Outcome[Any]], filled: dict[int, Outcome[Any]]
) -> list[Outcome[Any]]:
    """Fills tool by tool, each slot with the call that is most like it, else in order; returns what found no slot."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, slot in owed.items():
        places[slot.name].append(at)
    candidates: defaultdict[str, list[Outcome[Any]]] = defaultdict(list)
    for outcome in left:
        candidates[outcome.name].append(outcome)
    used: set[int] = set()
    for name, ats in places.items():
        found = candidates[name]
        if len(found) > len(ats):  # a good one shall not miss a slot for a bad one
            found = sorted(found, key=lambda outcome: isinstance(outcome, BadCall))[: len(ats)]
        for at, outcome in _paired([owed[at] for at in ats], found):
            filled[ats[at]] = outcome
            used.add(id(outcome))
    return [outcome for outcome in left if id(outcome) not in used]


def _paired(slots: Sequence[BadCall], found: Sequence[Outcome[Any]]) -> list[tuple[int, Outcome[Any]]]:
    """The place of a slot for each call that was found: of the one that it shares the most arguments with."""
    if len(slots) == 1 or len(slots) * len(found) > _MOST_COMPARED:
        return list(zip(range(len(slots)), found, strict=False))
    wanted, given = [members(slot) for slot in slots], [members(outcome) for outcome in found]
    ranked = sorted((-len(wanted[at] & given[to]), to, at) for at in range(len(slots)) for to in range(len(found)))
    places: dict[int, int] = {}
    for _, to, at in ranked:
        if to not in places and at not in places.values():
            places[to] = at
    alike: defaultdict[frozenset[tuple[str, str]], deque[int]] = defaultdict(deque)
    for at in sorted(places.values()):
        alike[wanted[at]].append(at)
    # Slots that nothing tells apart are filled in the order of the calls.
    return [(alike[wanted[at]].popleft(), found[to]) for to, at in sorted(places.items())]


def _beyond(
    merged: Sequence[Outcome[Any]], slots: Sequence[Outcome[Any]], limit: int, wanted: int, required: Sequence[str]
) -> list[int]:
    """Where new calls behind the first `wanted` are beyond `limit`: good ones; in a first answer, all."""
    settled = [*merged[:wanted], *(one for one in slots[wanted:] if isinstance(one, Call))]
    taken = sum(isinstance(one, Call) or is_owed(one) for one in settled)
    # A first answer has no room but its own: its required call beyond the limit is asked for.
    unmet = bool(slots) and not any(isinstance(one, Call) and one.name in required for one in settled)
    beyond = []
    for at, outcome in enumerate(merged[wanted:], wanted):
        known = at < len(slots) and isinstance(slots[at], Call)
        if known or not (isinstance(outcome, Call) or not slots):
            continue
        meets = unmet and outcome.name in required
        if taken < limit or meets:
            taken, unmet = taken + 1, unmet and not meets
        else:
            beyond.append(at)
    return beyond


def _marked(merged: Sequence[Outcome[Any]]) -> tuple[Outcome[Any], ...]:
    """Marks calls that are the same as an earlier one, across all rounds."""
    repeats = Repeats()
    marked: list[Outcome[Any]] = []
    for outcome in merged:
        if isinstance(outcome, Call):
            at = repeats.first(outcome.name, outcome.raw.arguments, outcome.index)
            if at != outcome.index and outcome.duplicate_of is None:
                outcome = replace(outcome, duplicate_of=at)  # noqa: PLW2901
        marked.append(outcome)
    return tuple(marked)
