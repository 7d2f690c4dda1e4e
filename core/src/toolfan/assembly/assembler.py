"""Pieces of calls to sealed `RawCall`s: which piece belongs to which call, when a call is whole, its place and its id.

A call is sealed when the JSON of its arguments closes, or when the provider says that it is whole.  It never changes
afterwards.  Each character is read once.

Knows: what providers leave out, repeat or send in an odd order.  Must not know: any provider's field names, tools,
validation.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from .call_order import CallOrder
from .sealing import WRAPPERS, number_of, seal
from .slots import Slot, says_nothing, word_of

if TYPE_CHECKING:
    from collections.abc import Collection

    Piece = tuple[int | None, str, str, Any]  # its index, id, name and arguments

__all__ = ["CallAssembler", "seal"]


class CallAssembler(CallOrder):
    """The calls of one streamed answer.

    `delta` takes pieces as chat-style servers send them, `whole` calls that come in one; `take` gives the calls that
    were sealed since it was last asked, in the order of sealing; `finish` tells that all is said.  Calls are ordered by
    the provider's index where indices are there and distinct, else by arrival; a call is held back while calls that
    belong before it may still come, and while one before it is open that may turn out to wrap several.
    """

    def __init__(self) -> None:
        super().__init__()
        self._by_id: dict[str, Slot] = {}
        self._held: Slot | None = None  # one that began with `{}`, whose arguments may follow
        self._stray: Slot | None = None
        self._indexed = False  # a call began with an index
        self._leading: list[Slot] = []  # the calls before the first that has no name
        self._lent: tuple[Slot, int] | None = None  # one whose arguments all came under this later index, without an id

    def delta(
        self,
        index: Any,
        call_id: Any,
        name: Any,
        arguments: Any,
        *,
        opaque: bool = False,
        real: bool = False,
        beside: Collection[Slot] = (),
        of: Slot | None = None,
    ) -> Slot:
        """One piece of a call, any part of which may be missing (None or empty); the call it belongs to.

        `arguments` are a text, a piece of it, or a whole value; `opaque` texts are no JSON.  `real`: the provider says
        that this is a call, whatever is missing.  `beside`: calls whose names stand in the same list of pieces; `of`:
        the call, where its place in a list tells.
        """
        at = index if type(index) is int and index >= 0 else number_of(index)
        given = word_of(call_id)
        called = word_of(name)
        slot = of or self._slot_of((at, given, called, arguments), real=real)
        if called and slot in beside and not slot.goes_on(given, arguments, placed=at is not None):
            slot = self._add(at)
        if self._held is not None and self._held is not slot and not (of and says_nothing(arguments)):
            self._release()
        slot.real = slot.real or real
        if given and not slot.id:
            self._name(slot, given, late=bool(called) and slot.closed and says_nothing(arguments))
        if called:
            slot.hear_name(called, given, arguments)
            if slot.name in WRAPPERS and slot.call is None:
                self._wrappers.add(slot)
        before = slot.held
        if isinstance(arguments, str):
            if arguments:
                if opaque:
                    slot.ignore_json()
                slot.add(arguments)
        elif arguments is not None:
            slot.replace(arguments)
        if not called and not before:  # some begin with the name and `{}`, and mean nothing by it; others mean it
            slot.held = False
        if slot.held and self._held is not slot:
            self._held = slot
        if slot.position is None:
            self._place(slot)
        self._seal_if_whole(slot)
        return slot

    def _name(self, slot: Slot, call_id: str, *, late: bool) -> None:
        """`late`: it may be the id of another call, which begins."""
        self._by_id[call_id] = slot
        if late:
            slot.late_id = call_id
        else:
            slot.id, slot.named_first = call_id, bool(slot.name or slot.foretold)
            self._claim(slot)

    def whole(self, call_id: str | None, name: str, arguments: str) -> Slot:
        """A call that came in one piece."""
        slot = self.open(call_id, name)
        self.close(slot, arguments)
        return slot

    def open(self, call_id: str | None, name: str) -> Slot:
        """A call that begins, after all that began before."""
        self._release()
        self._in_order_of_arrival()
        slot = self._add(None)
        slot.id, slot.name, slot.foretold, slot.real = call_id, name, "", True
        self._place(slot)
        return slot

    def stray(self, arguments: Any) -> None:
        """Arguments that nothing says the call of: a call of their own without a name, which fails and shows them."""
        if self._stray is None:
            self._stray = self.open(None, "")
        self._stray.add(word_of(arguments))

    def close(self, slot: Slot, arguments: str) -> None:
        """The arguments of a call that was opened, whole."""
        if not slot.closed:
            slot.replace(arguments)
        slot.held = False
        self._seal_if_whole(slot)

    def _release(self) -> None:
        slot, self._held = self._held, None
        if slot is not None:
            slot.held = False
            self._seal_if_whole(slot)

    def _slot_of(self, piece: Piece, *, real: bool) -> Slot:
        if self._lent is not None:
            self._end_loan(*self._lent, piece)
        index, call_id, name, arguments = piece
        slot = None
        if not (name or real or index in self._by_index):
            slot = self._counted(index, call_id) or self._scattered(index, call_id, arguments)
        return slot or self._slot(index, call_id, name, arguments)

    def _counted(self, index: int | None, call_id: str) -> Slot | None:
        """The open call of this place, where several began without an index, and only their pieces have one."""
        if self._indexed or index is None or call_id or not 1 < len(self.slots) > index:
            return None
        named = self._leading
        while len(named) < len(self.slots) and self.slots[len(named)].name:
            named.append(self.slots[len(named)])
        others = (one for one in islice(self.slots, len(named), None) if not one.is_phantom)
        slot = named[index] if index < len(named) else next(islice(others, index - len(named), None), None)
        if slot is None or not slot.is_open or slot.closed:
            return None
        self._by_index[index] = slot
        return slot

    def _slot(self, index: int | None, call_id: str, name: str, arguments: Any) -> Slot:
        """The call that a piece belongs to, by its index, its id, or the order of things."""
        last = self.slots[-1] if self.slots else None
        if index is not None:
            found = self._by_index.get(index)
            if call_id and found is not None and found.has_other_id(call_id):
                known = self._by_id.get(call_id)  # calls may share an index, and their pieces come in turn
                if known is not None and (known.index == index or (not name and known.is_open)):
                    return self._this_or_next(self._moved(known, index), name, arguments, call_id, marked=True)
            elif found is not None and last is not None and last is not found and not (call_id or name):
                found = self._moved(last, index) if last.begins_here(found, arguments) else found
            if found is None or (call_id and found.has_other_id(call_id) and (name or not found.is_open)):
                return self._add(index)
            return self._this_or_next(found, name, arguments, call_id, marked=True)
        if call_id and (found := self._by_id.get(call_id)) is not None:
            return self._this_or_next(found, name, arguments, call_id, marked=call_id != found.late_id)
        if last is None or (call_id and last.has_other_id(call_id)):
            return self._add(None)
        awaited = last.name or not last.id  # one that began with its id alone has its name to come
        if name and not call_id and awaited and last.has_arguments and not last.closed and name != last.name:
            return self._add(None)
        return self._this_or_next(last, name, arguments, call_id, marked=bool(call_id))

    def _moved(self, slot: Slot, index: int) -> Slot:
        """The same call, whose pieces come under this index, too, from now on."""
        if slot.index != index:
            self._in_order_of_arrival()
            if not self._by_index[index].is_open:
                self._by_index[index] = slot
        return slot

    def _scattered(self, index: int | None, call_id: str, arguments: Any) -> Slot | None:
        """The open call that a piece goes on with, though its index, or id, is not that of the name: so some gateways.

        None if it may well be another call, which only its arguments are known of.
        """
        last = self.slots[-1] if self.slots else None
        slot = self._by_id.get(call_id) if call_id and index is not None else last
        if slot is None or not slot.is_open or slot.closed or says_nothing(arguments):
            return None
        if index is None:
            return slot if call_id not in self._by_id and slot.has_other_id(call_id) else None
        if not (call_id or slot.scattered or not slot.has_arguments):
            return None
        if not call_id and not slot.has_arguments and slot.index is not None and slot.index < index:
            self._lent, slot.lent = (slot, index), True
        slot.scattered = True
        self._in_order_of_arrival()
        self._by_index[index] = slot
        return slot

    def _end_loan(self, slot: Slot, index: int, piece: Piece) -> None:
        """Whether the arguments that came under `index` are the slot's, or those of a call whose name follows them."""
        at, call_id, name, arguments = piece
        if at == index:
            its_own = says_nothing(arguments) or not slot.closed or not name
            back = bool(call_id) and call_id not in self._by_id and its_own
            if not back and not name:
                return
        elif not name and says_nothing(arguments):
            return
        else:
            back = not name and (at == slot.index or (slot.closed and not call_id))
        self._lent, slot.lent = None, False
        if not back or slot.call is not None:
            self._seal_if_whole(slot)
            return
        del self._by_index[index]
        before = self._add(index)
        before.take_arguments(slot)
        slot.scattered = False
        self._place(before)

    def _this_or_next(self, slot: Slot, name: str, arguments: Any, call_id: str, *, marked: bool) -> Slot:
        """The call that the piece seems to belong to, or the one after it that the piece begins."""
        if slot.held and call_id and call_id == slot.id and slot.grows_into(arguments):
            return slot
        if not slot.begins_another(name, arguments, marked=marked):
            return slot
        following = self._add(slot.index)
        if not name:
            following.name = slot.name
        if slot.late_id and call_id in ("", slot.late_id) and name in ("", slot.name):
            following.id, slot.late_id = slot.late_id, ""
            self._by_id[following.id] = following
        return following

    def _add(self, index: int | None) -> Slot:
        slot = Slot(index)
        if self.slots and self.slots[-1].foretells and self.slots[-1].index == index:
            slot.foretold = self.slots[-1].name
        self.slots.append(slot)
        slot.scattered = index in self._by_index
        if index is None or slot.scattered:
            self._in_order_of_arrival()
        if index is not None:
            self._by_index[index] = slot
            self._indexed = True
        return slot
