"""Which failed call each call of a later answer stands for, as far as it is known before the rest has come.

What is told here holds, whatever follows: `merging` begins with it, so that streams and whole answers agree.

Knows: outcomes.  Must not know: why the model was asked again, or how; streams.
"""

from __future__ import annotations

import contextlib
import json
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from ..calls import BadCall, Call
from ..errors import InvalidArguments, TooManyCalls, UnknownTool
from ..validation.duplicates import Repeats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..calls import Outcome

_MOST_COMPARED = 20  # failed calls of one tool; what more of them stand for is told by all of the answer

Members = frozenset[tuple[str, str]]


def is_owed(outcome: Outcome[Any]) -> bool:
    """Whether the model shall make this call again.  A call beyond the limit is failed, but not owed."""
    return isinstance(outcome, BadCall) and not isinstance(outcome.error, TooManyCalls)


class Placing:
    """The calls of a later answer, one by one in call order, and the slots that they fill.

    A good call is placed at once: in the only failed slot of its tool; in the next of those that nothing tells apart;
    in the one of which it has all arguments that were in order, if of no other; where its tool has none, in the only
    slot whose tool was unknown.  What no slot waits for is appended, while nothing is in doubt.  All else is in doubt
    until the whole answer is known: failed calls, calls under the id of another one, those that a limit may turn down.
    """

    def __init__(self, slots: Sequence[Outcome[Any]], *, limit: int | None = None, wanted: int = 0) -> None:
        self.filled: dict[int, Outcome[Any]] = {}
        self._slots, self._limit, self._wanted = slots, limit, wanted
        self.known = GoodCalls(slots)
        self._ids = {slot.raw.id for slot in slots}
        self._names = {slot.id for slot in slots}
        self._open: defaultdict[str | None, list[int]] = defaultdict(list)  # under None: what was of no tool
        for at, slot in enumerate(slots):
            if is_owed(slot):
                self._open[_group(slot)].append(at)
        self._read: dict[int, Members] = {}
        self._in_doubt: dict[str | None, bool] = {}  # by tool; whether a good call is
        self._appended = 0
        self._came: dict[int, Outcome[Any]] = {}
        self._next = 0
        self._repeats: Repeats | None = None

    def take(self, outcomes: Iterable[Outcome[Any]]) -> list[Outcome[Any]]:
        """Those of these, and of what came before, that are placed now; they may come in any order."""
        self._came.update((outcome.index, outcome) for outcome in outcomes)
        placed = []
        while (outcome := self._came.pop(self._next, None)) is not None:
            self._next += 1
            if (one := self.add(outcome)) is not None:
                placed.append(self._marked(one))
        return placed

    def add(self, outcome: Outcome[Any]) -> Outcome[Any] | None:
        """The next call, in the slot that it surely fills, or behind all; None if that is not known, or it has none."""
        if isinstance(outcome, Call) and outcome in self.known:
            return None
        group = outcome.name if self._open.get(outcome.name) else None
        if not self._open.get(group):
            if self._in_doubt or self._limit is not None:
                self._in_doubt.setdefault(group, False)
                return None
            self._appended += 1
            return appended(outcome, len(self._slots) + self._appended - 1, self._names)
        at = self._certain(outcome, group) if isinstance(outcome, Call) else None
        if at is None:
            self._in_doubt[group] = self._in_doubt.get(group, False) or isinstance(outcome, Call)
            return None
        self._open[group].remove(at)
        self.filled[at] = outcome
        return placed(outcome, self._slots[at])

    def _certain(self, outcome: Call[Any], group: str | None) -> int | None:
        places = self._open[group]
        alone, first = len(places) == 1, places[0]
        given_id = outcome.raw.provider_id
        # Else the server may number the calls of each answer anew.
        if given_id in self._ids and not (alone and self._slots[first].raw.id == given_id):
            return None
        at: int | None = None
        if alone:
            at = None if self._in_doubt.get(group) else first
        elif group is not None and len(places) <= _MOST_COMPARED:
            wanted = [self._members(place) for place in places]
            if all(one == wanted[0] for one in wanted):
                at = None if group in self._in_doubt else first
            else:
                given = members(outcome)
                kept = [place for place, of in zip(places, wanted, strict=True) if self._keeps(given, of, place)]
                at = kept[0] if len(kept) == 1 else None
        known = at is None or at < self._wanted or self._limit is None
        return at if known else None

    def _members(self, place: int) -> Members:
        if place not in self._read:
            self._read[place] = members(self._slots[place])
        return self._read[place]

    def _keeps(self, given: Members, wanted: Members, place: int) -> bool:
        """Whether these have all arguments of the failed call that were in order, and it had any."""
        sound, slot = wanted, self._slots[place]
        if isinstance(slot, BadCall) and isinstance(slot.error, InvalidArguments):
            faulty = {str(loc[0]) for one in slot.error.errors if (loc := one.get("told") or one["loc"])}
            sound = frozenset(member for member in wanted if member[0] not in faulty)
        return bool(sound) and sound <= given

    def _marked(self, outcome: Outcome[Any]) -> Outcome[Any]:
        """The outcome, marked if it is the same as an earlier one."""
        if self._repeats is None:
            self._repeats = Repeats()
            for slot in self._slots:
                if isinstance(slot, Call):
                    self._repeats.first(slot.name, slot.raw.arguments, slot.index)
        if not isinstance(outcome, Call):
            return outcome
        at = self._repeats.first(outcome.name, outcome.raw.arguments, outcome.index)
        return replace(outcome, duplicate_of=at) if at < outcome.index else outcome


def _group(slot: Outcome[Any]) -> str | None:
    return None if isinstance(slot, BadCall) and isinstance(slot.error, UnknownTool) else slot.name


class GoodCalls:
    """The good calls so far, to tell what repeats one of them."""

    def __init__(self, slots: Sequence[Outcome[Any]]) -> None:
        self._values: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        for slot in slots:
            if isinstance(slot, Call):
                self._values[_content(slot)].append(slot.value)
                self._values[_meaning(slot)].append(slot.value)

    def __contains__(self, call: Call[Any]) -> bool:
        if not self._values:
            return False
        if _content(call) in self._values:
            return True
        # What is not written need not be equal: fields may be left out of the JSON.
        return any(_equal(call.value, value) for value in self._values.get(_meaning(call), ()))


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


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - a value of the user's may compare as it likes
        return False


def members(outcome: Outcome[Any]) -> Members:
    """The arguments one by one, as far as they can be read."""
    value: Any = None
    with contextlib.suppress(ValueError):
        value = from_json(outcome.raw.arguments, allow_partial=True)
    return frozenset((key, repr(one)) for key, one in value.items()) if isinstance(value, dict) else frozenset()


def placed(outcome: Outcome[Any], slot: Outcome[Any]) -> Outcome[Any]:
    """The outcome in this slot: its index and id are those the caller knows."""
    if isinstance(outcome, BadCall):
        error = outcome.error.with_details(call_id=slot.id)
        return replace(outcome, index=slot.index, id=slot.id, error=error)  # type: ignore[arg-type]
    return replace(outcome, index=slot.index, id=slot.id, duplicate_of=None)


def appended(outcome: Outcome[Any], index: int, ids: set[str]) -> Outcome[Any]:
    """The outcome behind all slots, under an id that none of `ids` is, to which it is added."""
    call_id = outcome.id
    if call_id in ids:
        call_id = f"call_{index}"
        while call_id in ids:
            call_id += "_"
    ids.add(call_id)
    changes: dict[str, Any] = {"duplicate_of": None} if isinstance(outcome, Call) else {}
    return replace(outcome, index=index, id=call_id, **changes)
