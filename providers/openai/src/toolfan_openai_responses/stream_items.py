"""The items of a streamed response, and which of them an event, or an item of the whole output, is about.

Servers leave out indices and ids, give all items the same, or change them on the way; what a call is answered by, its
`call_id`, is the surest mark.

Knows: the marks of items and events.  Must not know: how calls are put together, what an item says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolfan_openai.parsing import OBJECT

from .parsing import CALLS, given_id, kind_of, piece_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from toolfan.adapter import JSON
    from toolfan.assembly.slots import Slot

    _Way: TypeAlias = "Callable[[int, Mapping[str, Any]], Iterator[Item]]"


@dataclass(slots=True, eq=False)
class Item:
    """An item of the output, as far as it has come."""

    said: JSON = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)
    whole: str | None = None
    slot: Slot | None = None
    done: bool = False
    marked: bool = False  # began with a piece that bears its id
    index: int | None = None  # of that piece
    texts: dict[str, list[str]] = field(default_factory=dict)  # pieces of text and refusal, by the name of their field


class StreamItems:
    """The items that have come, by their place in the output."""

    def __init__(self) -> None:
        self.at: dict[int, Item] = {}
        self._end = 0  # the place after the last one
        self._latest: dict[int, Item] = {}  # that began under an index
        self._shared: set[int] = set()  # indices under which several began
        self._by_id: dict[str, Item] = {}
        self._by_call: dict[str, deque[Item]] = {}
        self._called: dict[str, Item] = {}  # that last said this `call_id`
        self.nobodys: Item | None = None
        """The pieces that nothing says the call of, while several are open: none of the items, until they are kept."""

    def in_order(self) -> list[Item]:
        """All items, in the order of the output."""
        return [self.at[place] for place in sorted(self.at)]

    def add(self, index: Any = None) -> Item:
        """A new item, at this place if it is free, else after all others."""
        at = _place(index)
        place = at if at is not None and at not in self.at else self._end
        one = self.at[place] = Item()
        self._end = max(self._end, place + 1)
        if at is None:
            self._latest.setdefault(place, one)  # the index that it would have
            return one
        if at in self._latest:
            self._shared.add(at)
        self._latest[at] = one
        return one

    def say(self, one: Item, item: JSON) -> None:
        """What the item says, as far as it is known."""
        one.said = item
        if (given := _id(item)) is not None:
            self._by_id[given] = one
        if (call_id := _call_id(item)) is not None:
            self._by_call.setdefault(call_id, deque()).append(one)
            self._called[call_id] = one

    def settle_nobodys(self) -> int:
        """Makes an item of those pieces, after all others; or leaves them out, if every call was told whole.

        The number of characters that were left out.
        """
        one, self.nobodys = self.nobodys, None
        if one is None:
            return 0
        if all(_is_told(item) for item in self.at.values()):
            return sum(map(len, one.pieces)) or len(one.whole or "")
        self.at[self._end] = one
        self._end += 1
        return 0

    def are_whole(self) -> bool:
        """Whether an item has ended, and no call is open."""
        items = self.at.values()
        return any(one.done for one in items) and all(
            one.done or one.whole is not None for one in items if kind_of(one.said) is not None
        )

    # Which one.

    def of_piece(self, event: Mapping[str, Any], *, text: bool = False) -> Item:
        """The item that a piece of arguments, or `text`, is of: of several under one index without an id the last one.

        Some servers write the `call_id` where the id of the item belongs.
        """
        given, at = event.get("item_id"), _place(event.get("output_index"))
        here = None if at is None else self._latest.get(at)
        if here is not None and given in (here.said.get("id"), _call_id(here.said)):
            return here
        given = given if isinstance(given, str) else ""
        found = self._known(given, at) or self._called.get(given) or here
        if found is None and at is None and self.at:
            found = self._likely(text=text, given=given)
        if found is None:
            found = self.add(at)
            if given:  # its other pieces, and its end, may have no other mark
                self._by_id[given] = found
                found.marked, found.index = True, at
        return found

    def _known(self, given: str | None, at: int | None) -> Item | None:
        """The item with this id; not one of which only pieces told, under another index: all may have the same id."""
        one = self._by_id.get(given or "")
        if one is None or one.said or one.index is None or at is None:
            return one
        return one if one.index == at else None

    def _likely(self, *, text: bool, given: str) -> Item | None:
        """The item of a piece that says of none: the only open call, else the last item; None for a new one.

        `given` is the id that it has, of no item that came.
        """
        last = self.at[self._end - 1]
        calls = [one for one in self.at.values() if not one.done and kind_of(one.said) is not None]
        if len(calls) < 2:
            another = given and (last.done or last.marked) and not text
            return calls[0] if calls else None if another else last
        if text:
            return None if last.said else last
        self.nobodys = self.nobodys or Item()
        return self.nobodys

    def begun(self, event: Mapping[str, Any], item: JSON) -> Item:
        """The item that begins here; one of which a piece came first, or which begins a second time, is there."""
        at = _place(event.get("output_index"))
        here = None if at is None else self._latest.get(at)
        if here is None or (here.said and (here.done or _marks(here.said) != _marks(item) or not _id(item))):
            return self.add(at)
        return here

    def ended(self, event: Mapping[str, Any], item: JSON) -> Item:
        """The item that ends here, which is new if it was never begun; one that ended before is told again."""
        at, given, call_id = _place(event.get("output_index")), _id(item), _call_id(item)
        here = None if at is None else self._latest.get(at)
        known = self._known(given, at) or self._known(call_id, at)  # pieces may have borne the `call_id`
        for one in (here, known):
            if one is not None and one.done and _marks(one.said) == _marks(item):
                return one
        near = [one for one in (here, known) if one is not None and not one.done]
        if call_id is not None:
            same = (one for one in near if _call_id(one.said) == call_id)
            if (found := next(same, None) or self._open_call(call_id)) is not None:
                return found
        if known in near:
            return known
        if here in near and at not in self._shared and _may_be(here, item):  # the ids of some change on the way
            return here
        return self.add(at)

    def _open_call(self, call_id: str) -> Item | None:
        calls = self._by_call.get(call_id, deque())
        while calls and calls[0].done:
            calls.popleft()
        return calls[0] if calls else None

    def told(self, output: list[Any]) -> dict[int, Item]:
        """Those of the items of the whole output that came before, by their place there; each is one of them."""
        calls: dict[str, deque[Item]] = {}
        kinds: dict[str, deque[Item]] = {}
        for one in self.in_order():
            if (call_id := _call_id(one.said)) is not None:
                calls.setdefault(call_id, deque()).append(one)
            elif kind_of(one.said) is None:
                kinds.setdefault(str(one.said.get("type")), deque()).append(one)

        def by_id(_: int, item: Mapping[str, Any]) -> Iterator[Item]:
            if (one := self._by_id.get(_id(item) or "")) is not None:
                yield one

        def by_both(at: int, item: Mapping[str, Any]) -> Iterator[Item]:
            return (one for one in by_id(at, item) if _call_id(one.said) == _call_id(item))

        def by_call(_: int, item: Mapping[str, Any]) -> Iterator[Item]:
            return _drained(calls.get(_call_id(item) or "", deque()))

        def by_index(at: int, item: Mapping[str, Any]) -> Iterator[Item]:
            one = self._latest.get(at)
            if one is not None and _may_be(one, item) and not (one.done and kind_of(item) and _differ(one.said, item)):
                yield one

        def by_kind(_: int, item: Mapping[str, Any]) -> Iterator[Item]:
            return _drained(kinds.get(str(item.get("type")), deque()) if kind_of(item) is None else deque())

        return _matched(output, (by_both, by_call, by_id, by_index, by_kind))


def _matched(output: list[Any], ways: Iterable[_Way]) -> dict[int, Item]:
    """The surest match first, over all of the output."""
    found: dict[int, Item] = {}
    taken: set[int] = set()
    for way in ways:
        for at, item in enumerate(output):
            if at in found or not isinstance(item, OBJECT):
                continue
            one = next((one for one in way(at, item) if id(one) not in taken), None)
            if one is not None:
                found[at] = one
                taken.add(id(one))
    return found


def _drained(items: deque[Item]) -> Iterator[Item]:
    while items:
        yield items.popleft()


def _may_be(one: Item, item: Mapping[str, Any]) -> bool:
    """Whether both are of one type, as far as it is known."""
    return not one.said or one.said.get("type") == item.get("type")


def _is_told(one: Item) -> bool:
    """Whether it is no call, or one of which all arguments were told, if there are none."""
    kind = kind_of(one.said)
    return kind is None or bool(one.whole) or (one.done and one.said.get(CALLS[kind]) is not None)


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether these are two calls, whatever their ids say."""
    return piece_of(one)[1:] != piece_of(other)[1:]


def _marks(item: Mapping[str, Any]) -> tuple[Any, ...]:
    return item.get("type"), _id(item), _call_id(item)


def _id(item: Mapping[str, Any]) -> str | None:
    given = item.get("id")
    return given if isinstance(given, str) and given else None


def _call_id(item: Mapping[str, Any]) -> str | None:
    return (given_id(item) or None) if kind_of(item) is not None else None


def _place(index: Any) -> int | None:
    return index if type(index) is int and index >= 0 else None
