"""Which choice of a stream is read: the first that comes.

Some versions of Foundry Local count the chunks where the index of the choice belongs, and say each piece as a message,
too.  Other servers may say pieces so of several choices; only their indices come again.

LiteLLM has counted the blocks of Bedrock's answers there: the text, then each call.  The end is of the first alone.

Knows: the index of a choice, whether it ends, whether it may be one block.  Must not know: how its pieces are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parsing import OBJECT, said_reason, stop_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Said = tuple[Mapping[str, Any], Mapping[str, Any]]  # a choice, and the event around it


class FirstChoice:
    """The choice that is read.

    `index`: what it is called; `others`: of which choices something was left out; `settled`: its index is said again.
    """

    __slots__ = ("_count", "_held", "_parts", "index", "others", "settled")

    def __init__(self) -> None:
        self.index: Any = None
        self.others: set[str] = set()
        self.settled = False
        self._count: Any = None  # the index of the chunk before
        self._held: Said | None = None  # the second chunk: only the third tells what its index is
        self._parts: list[Said] | None = []  # of the others, while they may be blocks of this one

    def begin(self, index: Any) -> None:
        """The first chunk."""
        self.index = self._count = index
        self.settled = type(index) is not int

    def take(self, choice: Mapping[str, Any], event: Mapping[str, Any], *, ended: bool) -> list[Said]:
        """What is to be read, now that this has come; `ended`: after a finish reason."""
        index, said = choice.get("index"), (choice, event)
        if self.index is None or index is None:
            return [*self.rest(), said]
        second = self._count == self.index
        counts = not (self.settled or self.others) and index == self._count + 1 and not (second and ended)
        if counts and _is_said_twice(choice):
            self._count = index
            if second:
                self._held = said
                return []
            return [*self.rest(), said]
        if not (self.settled or self.others or second):
            self.others.add(repr(self.index + 1))
            self._parts = None
        self._held = None
        if index != self.index:
            self.others.add(repr(index))
            self._keep(said, ended or _ends(choice))
        elif self.others and not (ended or _ends(choice)):
            self._parts = None  # it goes on, so the others are others
        self.settled = self._parts is None or not self.others
        return [said] if index == self.index else []

    def _keep(self, said: Said, of_another: bool) -> None:
        if of_another:
            self._parts = None
        elif self._parts is not None:
            self._parts.append(said)

    def rest(self) -> list[Said]:
        """What was held back, as a piece of the choice."""
        held, self._held = self._held, None
        return [] if held is None else [held]

    def at_end(self, places: Sequence[Any], text: str, finish: Any) -> list[Said]:
        """What was held back; after the `finish` reason what came under other indices, if these are its blocks.

        They all came before it, and have none.  `places` and `text`: of its own calls, and what it said.
        """
        if (held := self.rest()) or finish is None or not self._parts:
            return held
        parts, self._parts = self._parts, None
        for_calls = stop_reason(finish, has_calls=False).kind == "calls"
        if not _are_blocks(self.index, places, bool(text.strip()), parts, for_calls=for_calls):
            return []
        self.others.clear()
        return parts


def _are_blocks(own: int, places: Sequence[Any], spoke: bool, parts: list[Said], *, for_calls: bool) -> bool:
    """Whether each is a text or one call, no two calls have one place, and each came after the other.

    Choices that a server leaves without an end look alike, but have their calls at the same places, or beside texts.
    """
    last, texts, called = own + 1, {own} if spoke else set[int](), dict.fromkeys(places, own)
    for choice, event in parts:
        index, delta = choice["index"], choice.get("delta")
        if type(index) is not int or index < last or len(event["choices"]) > 1 or choice.get("message"):
            return False
        if not isinstance(delta, OBJECT) or delta.get("function_call"):
            return False
        last = index
        if delta.get("content"):
            texts.add(index)
        for place in _places(delta.get("tool_calls")):
            if called.setdefault(place, index) != index:
                return False
    by = [*called.values()]
    if len(set(by)) < len(by) or len(places) > 1 or not texts.isdisjoint(by):
        return False  # more than a block
    return for_calls if by and by[-1] != own else not (spoke or by) and len(texts) == 1


def _places(entries: Any) -> Iterator[Any]:
    """Of each entry the index that it has, or its id."""
    for entry in entries if isinstance(entries, (list, tuple)) else (entries,):
        if (
            isinstance(entry, OBJECT)
            and (mark := entry.get("id") if entry.get("index") is None else entry["index"]) is not None
        ):
            yield repr(mark)


def _ends(choice: Mapping[str, Any]) -> bool:
    return said_reason(choice.get("finish_reason")) is not None


def _is_said_twice(choice: Mapping[str, Any]) -> bool:
    """Whether the piece is a message, too."""
    delta = choice.get("delta")
    return isinstance(delta, OBJECT) and delta == choice.get("message")
