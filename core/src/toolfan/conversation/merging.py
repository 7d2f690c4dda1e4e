"""The calls of a later round into the slots of the earlier ones.

Only failed slots are filled; a good value never changes its slot, and no attempt makes the result worse.

Knows: outcomes.  Must not know: why the model was asked again, or how.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from ..calls import BadCall, Call
from ..errors import TooManyCalls, UnknownTool
from ..validation.duplicates import Repeats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..calls import Outcome

_MOST_COMPARED = 400  # pairs of a failed call and a new one of its tool; beyond, their order decides


def is_owed(outcome: Outcome[Any]) -> bool:
    """Whether the model shall make this call again.  A call beyond the limit is failed, but not owed."""
    return isinstance(outcome, BadCall) and not isinstance(outcome.error, TooManyCalls)


def merge(
    slots: Sequence[Outcome[Any]],
    new: Sequence[Outcome[Any]],
    *,
    limit: int | None = None,
    wanted: int = 0,
    required: Sequence[str] = (),
    adapter: str | None = None,
) -> tuple[Outcome[Any], ...]:
    """The slots, filled with the calls of a later answer.

    A new call fills the failed slot with its id (unless the server numbers calls anew in each answer), else one of its
    tool: that with the most arguments in common, or the next; else one whose tool was unknown.  A
    repetition of a good call fills nothing and is left out.  Others are appended: their `attempt` shows that they came
    later; good ones beyond `limit` calls become TooManyCalls, where the first `wanted` slots count though they failed.
    While no call of the `required` tools is good, one of them is let in beside a full limit: it was asked for.
    """
    known: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for slot in slots:
        if isinstance(slot, Call):
            known[_content(slot)].append(slot.value)
            known[_meaning(slot)].append(slot.value)
    fresh = [outcome for outcome in new if not (isinstance(outcome, Call) and _is_repetition(outcome, known))]
    filled = _matched(slots, fresh)
    merged = [_placed(filled[at], slot) if at in filled else slot for at, slot in enumerate(slots)]
    used = {id(outcome) for outcome in filled.values()}
    _append(merged, [outcome for outcome in fresh if id(outcome) not in used])
    if limit is not None:
        for at in _beyond(merged, slots, limit, wanted, required):
            one, message = merged[at], f"the model made more calls than {limit}"
            error = TooManyCalls(message, adapter=adapter, tool=one.name, call_id=one.id)
            merged[at] = BadCall(one.index, one.id, one.name, one.raw, error, one.attempt)
    return _marked(merged)


def _content(outcome: Outcome[Any]) -> tuple[str, str]:
    """The tool and the arguments, whatever the order of their keys."""
    text = outcome.raw.arguments
    with contextlib.suppress(ValueError):  # repaired or broken text is compared as it came
        text = json.dumps(from_json(text), sort_keys=True)
    return outcome.name, text


def _meaning(call: Call[Any]) -> tuple[str, str]:
    """The tool and the value, however the arguments were written: with a default spelt out, with 1.0 for 1."""
    try:
        text = to_json(call.value, fallback=repr, inf_nan_mode="constants").decode()
    except Exception:  # noqa: BLE001 - a serializer of the user's may raise anything
        text = call.raw.arguments
    return f"{call.name} as a value", text


def _is_repetition(call: Call[Any], known: Mapping[tuple[str, str], list[Any]]) -> bool:
    if _content(call) in known:
        return True
    # What is not written need not be equal: fields may be left out of the JSON.
    return any(_equal(call.value, value) for value in known.get(_meaning(call), ()))


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - a value of the user's may compare as it likes
        return False


def _matched(slots: Sequence[Outcome[Any]], fresh: Sequence[Outcome[Any]]) -> dict[int, Outcome[Any]]:
    """Which new call goes into which failed slot."""
    owed = {at: slot for at, slot in enumerate(slots) if isinstance(slot, BadCall) and is_owed(slot)}
    filled: dict[int, Outcome[Any]] = {}
    left: list[Outcome[Any]] = []
    by_id = {slot.raw.id: at for at, slot in owed.items()}
    settled = {slot.raw.id for at, slot in enumerate(slots) if at not in owed}
    said = {outcome.raw.provider_id for outcome in fresh}
    if said & settled and by_id.keys() - said:  # numbered anew, so far as they go: ids say nothing
        by_id = {}
    for outcome in fresh:
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
    wanted, given = [_members(slot) for slot in slots], [_members(outcome) for outcome in found]
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


def _members(outcome: Outcome[Any]) -> frozenset[tuple[str, str]]:
    """The arguments one by one, as far as they can be read."""
    value: Any = None
    with contextlib.suppress(ValueError):
        value = from_json(outcome.raw.arguments, allow_partial=True)
    return frozenset((key, repr(one)) for key, one in value.items()) if isinstance(value, dict) else frozenset()


def _placed(outcome: Outcome[Any], slot: Outcome[Any]) -> Outcome[Any]:
    """The outcome in this slot: its index and id are those the caller knows."""
    if isinstance(outcome, BadCall):
        error = outcome.error.with_details(call_id=slot.id)
        return replace(outcome, index=slot.index, id=slot.id, error=error)  # type: ignore[arg-type]
    return replace(outcome, index=slot.index, id=slot.id, duplicate_of=None)


def _append(merged: list[Outcome[Any]], extra: Sequence[Outcome[Any]]) -> None:
    ids = {outcome.id for outcome in merged}
    for outcome in extra:
        index, call_id = len(merged), outcome.id
        if call_id in ids:
            call_id = f"call_{index}"
            while call_id in ids:
                call_id += "_"
        ids.add(call_id)
        changes: dict[str, Any] = {"duplicate_of": None} if isinstance(outcome, Call) else {}
        merged.append(replace(outcome, index=index, id=call_id, **changes))


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
