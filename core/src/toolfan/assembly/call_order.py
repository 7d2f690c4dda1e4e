"""The calls of one streamed answer: their places, and what is sealed of them.

A call is sealed when it is whole and has its place.  Knows: indices, the order of arrival, ids, wrappers that are open.
Must not know: which piece belongs to which call (`assembler` does), any provider's field names, tools, validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..calls import RawCall
from ..wire import escaped, well_formed
from .open_wrappers import OpenWrappers
from .sealing import Ids

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .slots import Slot


class CallOrder:
    """Calls by place; `take`, `finish` and `in_order` are `CallAssembler`'s."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self._by_index: dict[int, Slot] = {}
        self._distinct = True
        self._next = 0  # the position of the next call in order
        self._sealed: list[RawCall] = []
        self._wrappers = OpenWrappers()
        self._ids = Ids()
        self._settled = 0  # how many of the first slots are sealed

    def _in_order_of_arrival(self) -> None:
        """From here on indices tell nothing about the order."""
        if self._distinct:
            self._distinct = False
            for slot in self.slots:
                self._place(slot)

    def _place(self, slot: Slot) -> None:
        if slot.position is not None or slot.is_phantom:
            return
        if not self._distinct:
            self._put(slot)
        elif slot.index == self._next:
            following: Slot | None = slot
            while following is not None and not following.is_phantom:
                self._put(following)
                following = self._by_index.get(self._next)

    def _put(self, slot: Slot) -> None:
        slot.position = self._next
        self._next += 1
        self._wrappers.place(slot)
        self._claim(slot)
        self._seal_if_whole(slot)

    def _claim(self, slot: Slot) -> None:
        if slot.id and slot.position is not None:
            self._ids.claim(well_formed(slot.id), slot.position)

    # Calls out.

    def _seal_if_whole(self, slot: Slot) -> None:
        if not slot.closed or slot.held or slot.call is not None or slot.position is None:
            return
        if (not slot.name and not slot.real) or slot.lent:
            return
        if not self._wrappers.any:
            self._seal(slot)
        elif not self._wrappers.hold(slot):
            self._seal(slot)
            while (following := self._wrappers.freed()) is not None:
                self._seal(following)

    def _seal(self, slot: Slot) -> None:
        assert slot.position is not None
        slot.settle()
        if slot.late_id:
            slot.id = slot.id or slot.late_id
        given = well_formed(slot.id) if slot.id else slot.id
        call_id = self._ids.of(given, slot.position)
        slot.call = RawCall(slot.position, call_id, well_formed(slot.name), escaped(slot.arguments), given)
        self._sealed.append(slot.call)
        self._wrappers.end(slot)

    def take(self) -> list[RawCall]:
        """The calls that were sealed since this was last asked, in the order of sealing."""
        sealed, self._sealed = self._sealed, []
        return sealed

    def finish(self, *, all_said: bool = True, named: bool = True, keep_phantoms: bool = False) -> None:
        """The provider says that the calls are whole; `all_said`: that nothing will come any more.

        Calls whose arguments are still open are sealed only then, as they are; so are those without arguments, unless
        what is `named` is whole.  Phantoms are dropped, unless `keep_phantoms` says that there is nothing else.
        """
        while self._settled < len(self.slots) and self.slots[self._settled].call is not None:
            self._settled += 1
        slots = self.slots[self._settled :]
        real = [slot for slot in slots if not slot.is_phantom]
        if keep_phantoms and not real and not self._settled:
            real = slots
        missing = [slot for slot in real if slot.position is None]
        if self._distinct:
            missing.sort(key=lambda slot: slot.index or 0)
        for slot in missing:
            self._put(slot)
        self._distinct = False
        for slot in sorted(real, key=lambda slot: slot.position or 0):
            if slot.call is None and (all_said or slot.closed or (named and not slot.has_arguments)):
                self._seal(slot)

    def in_order(self) -> list[Slot]:
        """The sealed calls, in call order."""
        return sorted((slot for slot in self.slots if slot.call is not None), key=lambda slot: slot.position or 0)

    def warnings(self) -> Iterable[str]:
        """What was left out after the end of a call's arguments, and what may have been another call."""
        for slot in self.in_order():
            yield from slot.warnings()
