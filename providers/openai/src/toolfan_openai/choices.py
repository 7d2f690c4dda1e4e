"""Which choice of a stream is read: the first that comes.

Some versions of Foundry Local count the chunks where the index of the choice belongs, and say each piece as a message,
too.  Other servers may say pieces so of several choices; only their indices come again.

Knows: the index of a choice.  Must not know: what else is in one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .parsing import OBJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    Said = tuple[Mapping[str, Any], Mapping[str, Any]]  # a choice, and the event around it


class FirstChoice:
    """The choice that is read.

    `index`: what it is called; `others`: of which choices something was left out; `settled`: its index is said again.
    """

    __slots__ = ("_count", "_held", "index", "others", "settled")

    def __init__(self) -> None:
        self.index: Any = None
        self.others: set[str] = set()
        self.settled = False
        self._count: Any = None  # the index of the chunk before
        self._held: Said | None = None  # the second chunk: only the third tells what its index is

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
        if not self.settled and index == self._count + 1 and not (second and ended) and _is_said_twice(choice):
            self._count = index
            if second:
                self._held = said
                return []
            return [*self.rest(), said]
        if not self.settled and not second:
            self.others.add(repr(self.index + 1))
        self.settled, self._held = True, None
        if index == self.index:
            return [said]
        self.others.add(repr(index))
        return []

    def rest(self) -> list[Said]:
        """What was held back, as a piece of the choice."""
        held, self._held = self._held, None
        return [] if held is None else [held]


def _is_said_twice(choice: Mapping[str, Any]) -> bool:
    """Whether the piece is a message, too."""
    delta = choice.get("delta")
    return isinstance(delta, OBJECT) and delta == choice.get("message")
