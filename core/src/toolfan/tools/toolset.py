"""Tool sets: the tools of one request, read from the forms that users write, and their names on the wire.

Knows: `Iterable[A | B]` and its relatives.  Must not know: providers by name, requests.
"""

from __future__ import annotations

import collections.abc
import re
import types
import typing
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Any, Generic, get_args, get_origin

from typing_extensions import TypeAliasType, TypeVar

from ..errors import ToolDefinitionError, UsageError
from ..locks import ProcessLock
from ..overloads import overload
from .defining import in_short
from .tool_type import Tool, tool_kind

if TYPE_CHECKING:
    from ..signatures.forms import (  # fmt: skip
        K1,
        K2,
        K3,
        K4,
        K5,
        K6,
        K7,
        K8,
        T1,
        T2,
        T3,
        T4,
        T5,
        T6,
        T7,
        T8,
    )
    from .ephemeral import Kept

T_co = TypeVar("T_co", covariant=True, default=Any)
M = TypeVar("M")

_CONTAINERS: frozenset[Any] = frozenset(
    {collections.abc.Iterable, collections.abc.Sequence, collections.abc.Collection, list, tuple, set, frozenset}
)
_BARE: tuple[Any, ...] = (*_CONTAINERS, typing.Tuple)  # noqa: UP006  # it has no arguments, as `tuple[()]` has none
_NO_SEQUENCE = (str, bytes, Mapping, set, frozenset)
_UNIONS = (typing.Union, types.UnionType)


class NameMap:
    """Tool names to names a provider accepts, and back, one to one.

    A letter that the provider's pattern takes in the other case alone becomes that one, each other character that it
    forbids the first of `_`, `-` and `.` that it takes; a name that is too long, that has no legal letter or digit, or
    that lost characters for which none of these may stand, ends in a digest of itself, hexadecimal where digits are
    taken, else of letters.  `changed` has the names that are others on the wire.  Raises ToolDefinitionError if two
    tools would share a wire name.
    """

    __slots__ = ("changed", "to_tool", "to_wire")

    def __init__(self, names: Iterable[str], pattern: str, max_length: int) -> None:
        self.to_wire: dict[str, str] = {}
        self.to_tool: dict[str, str] = {}
        for name in names:
            wire = legal_name(name, pattern, max_length)
            if wire in self.to_tool:
                raise ToolDefinitionError(
                    f"the tools {self.to_tool[wire]!r} and {name!r} would both be sent as {wire!r}",
                    hint="Give one of them another name: Tool(model, name=...).",
                )
            self.to_wire[name] = wire
            self.to_tool[wire] = name
        self.changed = {name: wire for name, wire in self.to_wire.items() if name != wire}


def legal_name(name: str, pattern: str, max_length: int) -> str:
    """The name as a provider with these rules takes it; see `NameMap`.

    What a history calls but the request does not offer is named so, too.  Raises ToolDefinitionError if no legal name
    can be made.
    """
    legal = re.compile(pattern)
    if len(name) <= max_length and legal.fullmatch(name):
        return name
    from .wire_names import made_legal  # few have other names

    return made_legal(name or "unnamed", legal, max_length)


class ToolSet(Generic[T_co]):
    """The tools of a request, in declared order.

    What is derived from them (schemas, validators, the provider's JSON) is made once and kept here.
    What is listed twice is offered once.  Raises ToolDefinitionError for what is no sequence of tools, for an empty
    one, and for two tools with one name.
    """

    __slots__ = ("__weakref__", "by_name", "memory", "tools")

    @overload
    def __init__(self: ToolSet[T1], tools: K1[T1]) -> None: ...
    @overload
    def __init__(self: ToolSet[T1 | T2], tools: K2[T1, T2]) -> None: ...
    @overload
    def __init__(self: ToolSet[T1 | T2 | T3], tools: K3[T1, T2, T3]) -> None: ...
    @overload
    def __init__(self: ToolSet[T1 | T2 | T3 | T4], tools: K4[T1, T2, T3, T4]) -> None: ...
    @overload
    def __init__(self: ToolSet[T1 | T2 | T3 | T4 | T5], tools: K5[T1, T2, T3, T4, T5]) -> None: ...
    @overload
    def __init__(self: ToolSet[T1 | T2 | T3 | T4 | T5 | T6], tools: K6[T1, T2, T3, T4, T5, T6]) -> None: ...
    @overload
    def __init__(self: ToolSet[T1 | T2 | T3 | T4 | T5 | T6 | T7], tools: K7[T1, T2, T3, T4, T5, T6, T7]) -> None: ...
    @overload
    def __init__(
        self: ToolSet[T1 | T2 | T3 | T4 | T5 | T6 | T7 | T8], tools: K8[T1, T2, T3, T4, T5, T6, T7, T8]
    ) -> None: ...
    @overload
    def __init__(self: ToolSet[Any], tools: Iterable[Any]) -> None: ...
    def __init__(self, tools: Iterable[Any]) -> None:
        listed = _listed(tools, "the argument of ToolSet()", "ToolSet((Weather, GoogleSearch))")
        different = {id(item): item for item in listed}.values()
        self.tools: tuple[Tool[Any], ...] = tuple(item if isinstance(item, Tool) else Tool(item) for item in different)
        self.by_name: dict[str, Tool[Any]] = {}
        self.memory: dict[Hashable, Any] = {}
        for tool in self.tools:
            other = self.by_name.setdefault(tool.name, tool)
            if other is not tool:
                raise ToolDefinitionError(
                    f"two tools have the name {tool.name!r}: {_origin(other)} and {_origin(tool)}",
                    tool=tool.name,
                    hint="Give one of them another name: Tool(model, name=...).",
                )

    def __iter__(self) -> Iterator[Tool[Any]]:
        return iter(self.tools)

    def __len__(self) -> int:
        return len(self.tools)

    def __repr__(self) -> str:
        return f"ToolSet({', '.join(tool.name for tool in self.tools)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ToolSet, (self.tools,)

    def memo(self, key: Hashable, make: Callable[[], M]) -> M:
        """`make()`, called once for `key` and kept as long as the tool set.

        A key is of the function or lambda that makes: the same key of another adapter's is another one.
        """
        own = (getattr(make, "__module__", None), getattr(make, "__qualname__", None), key)
        try:
            return self.memory[own]  # type: ignore[no-any-return]
        except KeyError:
            return self.memory.setdefault(own, make())  # type: ignore[no-any-return]

    def names(self, pattern: str, max_length: int) -> NameMap:
        """The names on the wire for a provider with these rules (`Capabilities.name_pattern`, `.max_name_length`)."""
        return self.memo(("names", pattern, max_length), lambda: NameMap(self.by_name, pattern, max_length))


def _origin(tool: Tool[Any]) -> str:
    target = tool.target
    named = hasattr(target, "__qualname__")
    return f"{getattr(target, '__module__', '?')}.{target.__qualname__}" if named else in_short(target)


_CACHE_SIZE = 256
_cache: OrderedDict[tuple[int, ...], tuple[Any, ToolSet[Any] | None]] = OrderedDict()
_cache_lock = ProcessLock()


def tool_set(response_model: Any = None, tools: Any = None) -> ToolSet[Any]:
    """The tool set of `response_model=` or `tools=`; the same elements give the same set again.

    Raises UsageError if both or none are given, ToolDefinitionError for what is no tool.
    """
    if (response_model is None) == (tools is None):
        raise UsageError(
            "give either response_model= or tools=" + (", not both" if tools is not None else ""),
            hint="response_model=Iterable[Weather | GoogleSearch], or tools=(Weather, GoogleSearch).",
        )
    if isinstance(tools, ToolSet):
        return tools
    elements = tuple(tool_types(response_model)) if tools is None else _listed(tools)
    # By identity and in order: A | B equals B | A, but the order of tools is part of the prompt.
    key = tuple(map(id, elements))
    with _cache_lock.here():
        found = _cache.get(key)
        if found is not None:
            _cache.move_to_end(key)
            held, whole = found
            return held.again(elements) if whole is None else whole
    made: ToolSet[Any] = ToolSet(elements)
    for tool in made:
        _ = tool.schema  # a bad definition shows before anything is sent
    kept: Kept | None = None
    if not all(map(isinstance, elements, repeat(type))):
        from .ephemeral import kept_of  # loaded, as what is for functions, where there is one

        kept = kept_of(elements, made, partial(_cache.pop, key, None))
    with _cache_lock.here():
        # The elements are held, so that no id is used again; or it goes with the first of them.
        _cache[key] = (kept, None) if kept is not None else (elements, made)
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    return made


def _listed(tools: Any, what: str = "tools=", spelling: str = "tools=(Weather, GoogleSearch)") -> tuple[Any, ...]:
    if type(tools) is not tuple and (isinstance(tools, _NO_SEQUENCE) or not isinstance(tools, Iterable)):
        kind = type(tools).__name__
        unordered = ", which has no order" if isinstance(tools, set | frozenset) else ""
        raise ToolDefinitionError(f"{what} is {kind}{unordered}, not a sequence of tools", hint=f"Write {spelling}.")
    elements = tuple(tools)
    if not elements:
        raise ToolDefinitionError(f"{what} is empty", hint=f"Write {spelling}.")
    return elements


def tool_types(form: Any) -> list[Any]:
    """The tools that a form of response_model names.  Raises ToolDefinitionError for a form that is none."""
    form = _unwrap(form)
    origin, arguments = get_origin(form), get_args(form)
    if not arguments and (origin in _CONTAINERS - {tuple} or any(form is bare for bare in _BARE)):
        raise ToolDefinitionError(f"{form!r} does not say of what", hint="Write Iterable[Weather | GoogleSearch].")
    if origin in _CONTAINERS:
        if origin is tuple:
            if len(arguments) != 2 or arguments[1] is not Ellipsis:
                raise ToolDefinitionError(
                    f"{form!r} fixes the number of calls, which a model does not promise",
                    hint="Write tuple[Weather | GoogleSearch, ...].",
                )
            arguments = arguments[:1]
        return _members(arguments[0])
    members = _members(form)
    if len(members) > 1 and len({tool_kind(member) for member in members}) > 1:
        raise ToolDefinitionError(
            f"{form!r} mixes kinds of types in a bare union",
            hint="Write Iterable[...] around it.",
        )
    return members


def _members(form: Any) -> list[Any]:
    if isinstance(form, type) and form is not type(None):
        return [form]
    form = _unwrap(form)
    if get_origin(form) in _UNIONS:
        members: list[Any] = []
        for argument in get_args(form):
            members += [member for member in _members(argument) if member not in members]
        return members
    if form is type(None) or form is None:
        raise ToolDefinitionError(
            "None is no tool", hint="A model may always call nothing; leave None (Optional) out of the union."
        )
    if isinstance(form, str | typing.ForwardRef):
        raise ToolDefinitionError(
            f"{form!r} is a text, not a type", hint="Name the class itself, without quotes, in response_model."
        )
    return [form]


def _unwrap(form: Any) -> Any:
    while True:
        if get_origin(form) is Annotated:
            form = get_args(form)[0]
        elif _is_alias(form):
            form = form.__value__
        elif _is_alias(get_origin(form)) and (meant := _meant(form)) is not None:
            form = meant
        else:
            return form


def _meant(form: Any) -> Any:
    from .generics import alias_of  # loaded where one is used

    return alias_of(get_origin(form), get_args(form))


def _is_alias(form: Any) -> bool:
    return isinstance(form, TypeAliasType) or type(form).__name__ == "TypeAliasType"
