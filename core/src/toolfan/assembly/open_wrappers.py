"""Calls of a stream that may turn out to wrap several, while they are open: those after them wait, to come in order.

Knows: places of calls.  Must not know: what a wrapper holds, pieces, providers.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .slots import Slot


class OpenWrappers:
    """Wrappers from their name to their end, and the whole calls that wait for them."""

    def __init__(self) -> None:
        self.any = False
        """Whether there was one."""
        self._open: set[Slot] = set()
        self._places: list[int] = []  # a heap, with those of some that ended
        self._at: dict[int, Slot] = {}
        self._waiting: list[tuple[int, Slot]] = []

    def add(self, slot: Slot) -> None:
        """A call has the name of a wrapper."""
        if slot not in self._open:
            self.any = True
            self._open.add(slot)
            self.place(slot)

    def place(self, slot: Slot) -> None:
        """A call has its position, or a wrapper its name."""
        if slot in self._open and slot.position is not None:
            heapq.heappush(self._places, slot.position)
            self._at[slot.position] = slot

    def hold(self, slot: Slot) -> bool:
        """Whether the call, which is whole, has to wait; it is `freed` later."""
        assert slot.position is not None
        waits = self._first() < slot.position
        if waits:
            heapq.heappush(self._waiting, (slot.position, slot))
        return waits

    def end(self, slot: Slot) -> None:
        """The call is sealed."""
        self._open.discard(slot)

    def freed(self) -> Slot | None:
        """A call that waits for none any more, in call order; None if there is none."""
        while self._waiting and self._first() >= self._waiting[0][0]:
            slot = heapq.heappop(self._waiting)[1]
            if slot.call is None:
                return slot
        return None

    def _first(self) -> float:
        """The position of the first wrapper that is open."""
        while self._places and self._at[self._places[0]] not in self._open:
            heapq.heappop(self._places)
        return self._places[0] if self._places else float("inf")
