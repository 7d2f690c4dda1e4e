"""The pieces of calls in the chunks of a chat completion: `tool_calls`, and the `function_call` that came before them.

Knows: the shape of an entry of `tool_calls`, as servers write it.  Must not know: what else is in a chunk, which piece
belongs to which call (`assembly` does), validation of arguments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.assembly import CallAssembler
from toolfan.wire import json_text

from .entries import entry_text, is_another, regular
from .kept_fields import finished, keep, keep_others
from .parsing import OBJECT, check_calls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from toolfan.adapter import JSON
    from toolfan.calls import RawCall
    from toolfan.slots import Slot

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
        self._told: set[int] = set()  # the ids of slots whose function came
        self._bare: dict[int, tuple[Slot, dict[str, Any]]] = {}  # what came of the others
        self.take = self._calls.take
        self.warnings = self._calls.warnings
        self.in_order = self._calls.in_order

    @property
    def any(self) -> bool:
        """Whether there is a call, or the beginning of one."""
        return bool(self._calls.slots or self._legacy.slots)

    def whole(self, calls: Iterable[RawCall]) -> None:
        """Calls that came whole."""
        for call in calls:
            self._calls.whole(call.provider_id, call.name, call.arguments)

    def rest(self, calls: Sequence[tuple[RawCall, Any]]) -> None:
        """Of calls that came whole after pieces, or beside them, each with its entry: those that no piece told."""
        told = [slot for slot in self._calls.slots if not slot.is_phantom]
        ids = {slot.id for slot in told} & {call.provider_id for call, _ in calls} - {None}
        others = [(slot.name, slot.arguments) for slot in told if slot.id not in ids]
        more = []
        for call, entry in calls:
            if (said := (call.name, call.arguments)) in others:
                others.remove(said)
            elif call.provider_id not in ids:
                more.append((call, entry))
        if len(calls) <= len(told):  # some are told under another id, or in another spelling
            return
        for call, entry in more[len(told) - len(calls) :]:
            slot = self._calls.whole(call.provider_id, call.name, call.arguments)
            if isinstance(entry, OBJECT):
                _keep_others(slot, entry)

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
        named: list[Slot] = []  # two that bear names in one list are two, whatever else is missing
        for entry in entries:
            if isinstance(entry, OBJECT):
                self._read(entry, named)
            elif entry is not None:
                self._calls.whole(None, "", json_text(entry))
        return bool(entries)

    def _read(self, entry: Mapping[str, Any], named: list[Slot]) -> None:
        index, given = entry.get("index"), entry.get("id")
        said, arguments, opaque = entry.get("function"), "arguments", False
        if not isinstance(said, OBJECT) or "parameters" in said:
            entry = regular(entry, unnamed=self._flat)
            self._flat = self._flat or (said is None and isinstance(entry.get("function"), OBJECT))
            said = entry.get("function")
        if not isinstance(said, OBJECT) and isinstance(entry.get("custom"), OBJECT):
            said, arguments, opaque = entry["custom"], "input", True
        if not isinstance(said, OBJECT):
            self._read_bare(entry)
            return
        name = said.get("name")
        slot = self._calls.delta(index, given, name, said.get(arguments), opaque=opaque, beside=named)
        if name:
            named.append(slot)
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
        for key, value in entry.items():
            keep(known, key, value)

    def end(self, *, all_said: bool = True, keep_phantoms: bool = False) -> None:
        """The provider says that the calls are whole; `all_said`: that nothing will come any more."""
        for slot, said in self._bare.values():
            self._calls.close(slot, entry_text(finished(said)))
        self._bare.clear()
        self._legacy.finish(all_said=all_said, keep_phantoms=keep_phantoms)
        spoken = any(not slot.is_phantom for slot in self._calls.slots)
        if not spoken:
            self.whole(self._legacy.take())
        self._calls.finish(all_said=all_said, keep_phantoms=keep_phantoms)
        if all_said:
            told = [(slot.call.name, slot.call.arguments) for slot in self._calls.in_order() if slot.call]
            self.whole(call for call in self._legacy.take() if is_another((call.name, call.arguments), told))
            self._calls.finish()


def _keep_others(slot: Slot, entry: Mapping[str, Any]) -> None:
    """The fields of a whole entry that are not ours."""
    if isinstance(said := entry.get("function"), OBJECT):
        keep_others(slot.extra.setdefault("function", {}), said, _FUNCTION)
    elif isinstance(entry.get("custom"), OBJECT):
        slot.extra["type"] = "custom"
    keep_others(slot.extra, entry, _ENTRY)


def entry_of(slot: Slot) -> JSON:
    """The call as an entry of `tool_calls` in a whole message."""
    assert slot.call is not None
    extra = finished(slot.extra)
    if extra.get("type") == "custom":
        return {**extra, "id": slot.id, "custom": {"name": slot.name, "input": slot.arguments}}
    function = {"name": slot.call.name, "arguments": slot.call.arguments, **finished(extra.pop("function", {}))}
    return {"id": slot.id, "type": "function", "function": function, **extra}
