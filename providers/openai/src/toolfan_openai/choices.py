"""Which choice of a stream is read: the first that comes.

Some versions of Foundry Local count the chunks where the index of the choice belongs, and say each piece as a message,
too.  Other servers may say pieces so of several choices; only their indices come again.

LiteLLM has counted the blocks of Bedrock's answers there: the text, then each call.  The end is of the first alone.

Knows: the index of a choice, and whether it ends.  Must not know: what else is in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parsing import OBJECT, said_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    def rest(self, *, ended: bool = False) -> list[Said]:
        """What was held back, as a piece of the choice; where all is `ended`, also its blocks under other indices.

        They are those of choices that all came after it, before its end, and have none.
        """
        held, self._held = self._held, None
        if held is not None:
            return [held]
        if not ended or not self._parts:
            return []
        parts, self._parts = self._parts, None
        self.others.clear()
        return parts


def _ends(choice: Mapping[str, Any]) -> bool:
    return said_reason(choice.get("finish_reason")) is not None


def _is_said_twice(choice: Mapping[str, Any]) -> bool:
    """Whether the piece is a message, too."""
    delta = choice.get("delta")
    return isinstance(delta, OBJECT) and delta == choice.get("message")
