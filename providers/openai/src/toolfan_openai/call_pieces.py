"""The pieces of calls in the chunks of a chat completion: `tool_calls`, and the `function_call` that came before them.

Knows: the shape of an entry of `tool_calls`, as servers write it.  Must not know: what else is in a chunk, which piece
belongs to which call (`assembly` does), validation of arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.assembly.assembler import CallAssembler
from toolfan.wire import escaped, is_same, json_text, json_value, well_formed

from .entries import custom_of, entry_text, is_another, piece, regular, said_elsewhere
from .kept_fields import finished, keep, keep_others
from .parsing import OBJECT, called, check_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot
    from toolfan.calls import RawCall

_ENTRY = frozenset({"index", "id", "type", "function", "custom"})
_FUNCTION = frozenset({"name", "arguments"})


class CallPieces:
    """The calls of one streamed completion; see `toolfan.assembly.CallAssembler`.

    A legacy `function_call` counts where `tool_calls` holds no call, as in a whole completion, or another one; so it
    waits for the finish reason, or the end.  Entries that are no `regular` ones become a call without a name, with the
    JSON of what came.
    """

    def __init__(self, adapter: str) -> None:
        self._adapter = adapter
        self._calls = CallAssembler()
        self._legacy = CallAssembler()
        self._flat = False  # an entry had no function around name and arguments
        self._row: list[Slot] = []  # the last calls whose names came in one list
        self._told: set[int] = set()  # the ids of slots whose function came
        self._bare: dict[int, tuple[Slot, dict[str, Any]]] = {}  # what came of the others
        self.take = self._calls.take
        self.warnings = self._calls.warnings
        self.in_order = self._calls.in_order

    @property
    def any(self) -> bool:
        """Whether there is a call, or the beginning of one."""
        return bool(self._calls.slots or self._legacy.slots)

    @property
    def places(self) -> list[str]:
        """Of each call the index that it has, or its id."""
        slots = [slot for slot in [*self._calls.slots, *self._legacy.slots] if not slot.is_phantom]
        return [repr(slot.id if slot.index is None else slot.index) for slot in slots]

    def whole(self, calls: Iterable[RawCall]) -> None:
        """Calls that came whole."""
        for call in calls:
            self._calls.whole(call.provider_id, call.name, call.arguments)

    def complete(self, calls: Sequence[RawCall]) -> None:
        """Of calls that came whole after pieces, or beside them: what the pieces left open, some only named."""
        slots = self._calls.slots if calls else ()
        still_open = [slot for slot in slots if slot.is_open and (not slot.closed or slot.is_empty)]
        for call in calls if still_open else ():
            slot = next((slot for slot in still_open if _begins(slot, call)), None)
            if slot is not None:
                still_open.remove(slot)
                slot.name, slot.id = call.name, slot.id or call.provider_id
                slot.add(call.arguments if slot.closed else call.arguments[len(slot.arguments) :])

    def rest(self, calls: Sequence[tuple[RawCall, Any]]) -> bool:
        """Of calls that came whole after pieces, or beside them, each with its entry: those that no piece told.

        Whether there were any.  A call is told if its id is, or its name with the same arguments under another id.
        """
        told = [(well_formed(slot.id or ""), slot) for slot in self._calls.slots if not slot.is_phantom]
        by_id = {given: slot for given, slot in told if given}
        ids = {call.provider_id for call, _ in calls}
        others = [_Said.of_slot(slot) for given, slot in told if given not in ids]
        more = []
        for call, entry in calls:
            said = _Said(call.provider_id, call.name, call.arguments)
            if (slot := by_id.get(said.id)) is not None:
                if slot.call is not None and not _Said.of_slot(slot).tells(said, piece=True):
                    slot.replace(call.arguments)
            elif (other := next((other for other in others if other.tells(said)), None)) is not None:
                others.remove(other)
            else:
                more.append((call, entry))
        for call, entry in more:
            slot = self._calls.whole(call.provider_id, call.name, call.arguments)
            if isinstance(entry, OBJECT):
                _keep_others(slot, entry)
        return bool(more)

    def legacy(self, said: Any) -> bool:
        """A `function_call`, or a piece of it; whether it was any."""
        if isinstance(said, OBJECT) and said:
            said = regular({"function": said})["function"]
            self._legacy.delta(None, None, said.get("name"), said.get("arguments"))
        elif said:
            self._legacy.whole(None, "", entry_text({"function": said}))
        return bool(said)

    def read(self, entries: Any) -> bool:
        """`tool_calls`, or pieces of them; whether there were any.  Raises BadResponse for what can be none."""
        if not isinstance(entries, (list, tuple)):
            if not isinstance(entries, OBJECT):
                check_calls(entries, self._adapter)
                return False
            entries = (entries,)
        named: dict[Slot, None] = {}  # two that bear names in one list are two, whatever else is missing
        row = self._by_place(entries)
        for at, entry in enumerate(entries):
            if isinstance(entry, OBJECT):
                self._read(entry, named, row[at] if row else None)
            elif entry is not None:
                self._calls.whole(None, "", json_text(entry))
        if named:
            self._row = [*named] if len(named) == len(entries) > 1 else []
        return bool(entries)

    def _by_place(self, entries: Sequence[Any]) -> Sequence[Slot]:
        """The calls that pieces belong to by their places alone: of the last row, or all of the only one still open."""
        row = self._row
        if len(entries) != len(row) or any(map(_is_marked, entries)):
            return ()
        still_open = [slot for slot in row if not slot.closed]
        if not still_open or len(still_open) == len(row) or all(map(_may_follow, entries, row)):
            return row
        return still_open * len(row) if len(still_open) == 1 else ()

    def _read(self, entry: Mapping[str, Any], named: dict[Slot, None], of: Slot | None = None) -> None:
        index, given = entry.get("index"), entry.get("id")
        said, arguments, opaque = entry.get("function"), "arguments", False
        if not isinstance(said, OBJECT) or said_elsewhere(said):
            entry = regular(entry, unnamed=self._flat)
            self._flat = self._flat or (said is None and isinstance(entry.get("function"), OBJECT))
            said = entry.get("function")
        if (custom := custom_of(entry)) is not None:
            said, arguments, opaque = custom, "input", True
        if not isinstance(said, OBJECT):
            self._read_bare(entry)
            return
        name = said.get("name")
        slot = self._calls.delta(index, given, name, said.get(arguments), opaque=opaque, beside=named, of=of)
        if name:
            named[slot] = None
        if opaque:
            slot.extra["type"] = "custom"
        elif not said.keys() <= _FUNCTION:
            keep_others(slot.extra.setdefault("function", {}), said, _FUNCTION)
        _, bare = self._bare.pop(id(slot), (slot, None))
        if bare:
            keep_others(slot.extra, finished(bare), _ENTRY)
        keep_others(slot.extra, entry, _ENTRY)
        self._told.add(id(slot))

    def _read_bare(self, entry: Mapping[str, Any]) -> None:
        """A piece without a function: one may have come before it, or may follow.  What says nothing is none."""
        if not any(value is not None for key, value in entry.items() if key != "index"):
            return
        slot = self._calls.delta(entry.get("index"), entry.get("id"), None, None, real=True)
        if id(slot) in self._told:
            keep_others(slot.extra, entry, _ENTRY)
            return
        _, known = self._bare.setdefault(id(slot), (slot, {}))
        for key, value in entry.items():  # what says nothing is shown, too: it is all that there is
            if value is None or value == "":
                known.setdefault(key, value)
            else:
                keep(known, key, value)

    def end(self, *, all_said: bool = True, named: bool = True, keep_phantoms: bool = False) -> None:
        """The provider says that the calls are whole; `all_said`: that nothing will come any more.

        `named`: so are those of which no more came than the name.
        """
        for slot, said in self._bare.values():
            self._calls.close(slot, entry_text(finished(said)))
        self._bare.clear()
        self._legacy.finish(all_said=all_said, named=named, keep_phantoms=keep_phantoms)
        spoken = any(not slot.is_phantom for slot in self._calls.slots)
        if not spoken:
            self.whole(self._legacy.take())
        self._calls.finish(all_said=all_said, named=named, keep_phantoms=keep_phantoms)
        if all_said:
            told = [(slot.call.name, slot.call.arguments) for slot in self._calls.in_order() if slot.call]
            self.whole(call for call in self._legacy.take() if is_another((call.name, call.arguments), told))
            self._calls.finish()


class _Said:
    """What is said of a call: its id, if any, its name, and its arguments."""

    def __init__(self, call_id: str | None, name: str, arguments: str) -> None:
        self.id = call_id or ""
        self.name = name
        self.text = arguments.strip() or "{}"
        self.value = json_value(self.text)

    @classmethod
    def of_slot(cls, slot: Slot) -> _Said:
        return cls(well_formed(slot.id or ""), well_formed(slot.name), escaped(slot.arguments))

    def tells(self, other: _Said, *, piece: bool = False) -> bool:
        """Whether the other is this call once more, or a piece of it; `piece`: also if their ids differ."""
        if other.value is None and (piece or not self.id or not other.id) and other.name in ("", self.name):
            return other.text in self.text
        if self.name != other.name:
            return False
        return self.text == other.text or (other.value is not None and is_same(other.value, self.value))

    def grows_into(self, other: _Said) -> bool:
        """Whether the other, of a later message, is this call once more, or more of it."""
        if not other.name.startswith(self.name):
            return False
        if self.id and other.id:
            return self.id == other.id
        return self.text == "{}" or other.text.startswith(self.text) or self.tells(other)


def holds(message: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Whether the message says the calls of an earlier one, too; if not, each of them has some of the calls."""
    before = called(earlier)
    now = [_Said(*piece(entry)) for entry in called(message)] if before else []
    for entry in before:
        said = _Said(*piece(entry))
        found = next((other for other in now if said.grows_into(other)), None)
        if found is None:
            return False
        now.remove(found)
    return True


def _is_marked(entry: Any) -> bool:
    """Whether the piece says which call it is of, other than by its place in the list."""
    if not isinstance(entry, OBJECT) or entry.get("index") is not None or entry.get("id"):
        return True
    said = (entry, entry.get("function"), entry.get("custom"))
    return any(one.get("name") for one in said if isinstance(one, OBJECT))


def _may_follow(entry: Any, slot: Slot) -> bool:
    """Whether this may be the next piece of the call's arguments, which are an object; some begin as `{}`."""
    said = piece(entry)[2].strip() if isinstance(entry.get("function"), OBJECT) else ""
    if not said or (slot.closed and slot.tells_again(said)):
        return True
    begun = slot.has_arguments and not slot.is_empty
    return not slot.closed if begun else said.startswith("{")


def _begins(slot: Slot, call: RawCall) -> bool:
    """Whether what came of an open call is the beginning of this one."""
    given = well_formed(slot.id or "")
    if given and call.provider_id:
        named = call.name == slot.name or (not slot.has_arguments and call.name.startswith(slot.name))
        same = given == call.provider_id and named
    else:
        same = call.name == slot.name
    return same and (slot.closed or call.arguments.startswith(slot.arguments))


def _keep_others(slot: Slot, entry: Mapping[str, Any]) -> None:
    """The fields of a whole entry that are not ours."""
    if custom_of(entry) is not None:
        slot.extra["type"] = "custom"
    elif isinstance(said := entry.get("function"), OBJECT):
        keep_others(slot.extra.setdefault("function", {}), said, _FUNCTION)
    keep_others(slot.extra, entry, _ENTRY)


def entry_of(slot: Slot) -> JSON:
    """The call as an entry of `tool_calls` in a whole message."""
    assert slot.call is not None
    extra = finished(slot.extra)
    if extra.get("type") == "custom":
        return {**extra, "id": slot.id, "custom": {"name": slot.name, "input": slot.arguments}}
    function = {"name": slot.call.name, "arguments": slot.call.arguments, **finished(extra.pop("function", {}))}
    return {"id": slot.id, "type": "function", "function": function, **extra}
