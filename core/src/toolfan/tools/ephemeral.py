"""What is kept of a tool set whose tools the program may let go of: all but those tools, and no longer than they live.

A class, and a function that a module holds by its name, stay.  Any other function (one that is made for each request,
with what it closes over, a method of an object) and any other `Tool` are held weakly.

Knows: tools.  Must not know: how a tool set is read, requests.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any, get_origin

from ..values import dataclass
from .tool_type import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .toolset import ToolSet


@dataclass(frozen=True, slots=True)
class _Given:
    """The place of a Tool among the elements."""

    place: int

    def tool(self, elements: Sequence[Any]) -> Tool[Any]:
        return elements[self.place]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _Function:
    """The tool that was made of a function, without the function: its place among the elements, what was compiled."""

    place: int
    name: str
    description: str
    compiled: dict[str, Any]

    def tool(self, elements: Sequence[Any]) -> Tool[Any]:
        # As Tool() makes it; that would look at the function, and compile it, again.
        made: Tool[Any] = object.__new__(Tool)
        made.target, made.kind = elements[self.place], "function"
        made.name, made.description = self.name, self.description
        made.handler = made.timeout = None
        made.sequential = made.early = False
        made.__dict__ = self.compiled
        return made


class Kept:
    """A tool set that was made of `elements`, without the fleeting ones of its tools; see `kept_of`."""

    __slots__ = ("_kind", "_last", "_memory", "_refs", "_tools")

    def __init__(self, elements: Sequence[Any], made: ToolSet[Any], refs: list[Any]) -> None:
        self._kind, self._memory, self._refs = type(made), made.memory, refs
        self._last = weakref.ref(made)
        places = {id(element): at for at, element in enumerate(elements)}
        self._tools = [_without_element(tool, places) for tool in made.tools]

    def again(self, elements: Sequence[Any]) -> ToolSet[Any]:
        """The set of the same elements: the last one, while somebody has it, or one that shares what it had made."""
        made = self._last()
        if made is None:
            made = object.__new__(self._kind)
            made.memory = self._memory
            made.tools = tuple([one if isinstance(one, Tool) else one.tool(elements) for one in self._tools])
            made.by_name = {tool.name: tool for tool in made.tools}
            self._last = weakref.ref(made)
        return made


def kept_of(elements: Sequence[Any], made: ToolSet[Any], forget: Callable[[], object]) -> Kept | None:
    """What may be kept of the tool set that was made of `elements`; `forget` is called when one of these is no more.

    None if all of them stay, or one cannot be held weakly.
    """
    fleeting = [element for element in elements if not _stays(element)]
    try:
        refs = [weakref.ref(element, lambda _: forget()) for element in fleeting]
    except TypeError:  # of a class with __slots__
        return None
    return Kept(elements, made, refs) if refs else None


def _without_element(tool: Tool[Any], places: dict[int, int]) -> Tool[Any] | _Given | _Function:
    element = tool if id(tool) in places else tool.target
    if _stays(element):
        return tool
    place = places[id(element)]
    return _Given(place) if element is tool else _Function(place, tool.name, tool.description, vars(tool))


def _stays(element: Any) -> bool:
    """Whether it is a class, or a function or Tool that its module has under its name."""
    named = element.target if isinstance(element, Tool) else element
    if named is element and (isinstance(element, type) or get_origin(element) is not None):
        return True
    found: Any = sys.modules.get(str(getattr(named, "__module__", None)))
    for name in str(getattr(named, "__qualname__", None)).split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found is element
