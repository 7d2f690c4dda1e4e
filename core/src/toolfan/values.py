"""`dataclass`, whose classes share their methods.

`dataclasses.dataclass` writes and compiles `__eq__`, `__repr__`, `__hash__` and what refuses assignment for each class
anew, and with `slots` each keeps the class without them alive, too: of toolfan's, a fifth of a megabyte in all.  Here
only `__init__` is generated; the rest is below, once, and does the same.  That of a frozen class with slots sets these
by their descriptors, which takes half as long as by their names.

Knows: dataclasses.  Must not know: whose values they are.
"""

from __future__ import annotations

import dataclasses
from reprlib import recursive_repr
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]


@recursive_repr()
def _shown(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name in self._names_to_show)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple([getattr(self, name) for name in self._names_to_compare])


def _equal(self: Any, other: object) -> bool:
    return _compared(self) == _compared(other) if type(self) is type(other) else NotImplemented


def _hashed(self: Any) -> int:
    return hash(_compared(self))


def _names(cls: Any, use: str) -> tuple[str, ...]:
    names = tuple([field.name for field in dataclasses.fields(cls) if getattr(field, use)])
    every: tuple[str, ...] = cls.__match_args__
    return every if names == every else names  # one tuple for all uses, mostly


def _check_free(self: Any, name: str, what: str) -> None:
    """A class that inherits from a frozen one, and is none itself, may have attributes beside the fields."""
    if name in self.__dataclass_fields__ or "__dataclass_fields__" in vars(type(self)):
        raise dataclasses.FrozenInstanceError(f"cannot {what} field {name!r}")


def _refused_set(self: Any, name: str, value: Any) -> None:
    _check_free(self, name, "assign to")
    object.__setattr__(self, name, value)


def _refused_delete(self: Any, name: str) -> None:
    _check_free(self, name, "delete")
    object.__delattr__(self, name)


_OF_FROZEN = {"__setattr__": _refused_set, "__delattr__": _refused_delete}
_COMPARING: dict[bool, dict[str, Any]] = {
    True: {"__eq__": _equal, "__hash__": _hashed},
    False: {"__eq__": _equal, "__hash__": None},
}


def _set_by_slots(cls: Any) -> None:
    """Gives a frozen class with slots its `__init__`; one whose fields are made, or cannot be given, keeps its own."""
    fields = dataclasses.fields(cls)
    plain = all(one.init and not one.kw_only and one.default_factory is dataclasses.MISSING for one in fields)
    own = all(isinstance(vars(cls).get(one.name), MemberDescriptorType) for one in fields)
    if not (plain and own and fields) or hasattr(cls, "__post_init__"):
        return
    setters = {f"_set_{one.name}": vars(cls)[one.name].__set__ for one in fields}
    lines = "".join(f"\n        _set_{one.name}(self, {one.name})" for one in fields)
    text = f"    def __init__(self, {', '.join(one.name for one in fields)}):{lines}\n    return __init__"
    given, made = cls.__init__, dict[str, Any]()
    exec(f"def make({', '.join(setters)}):\n{text}", given.__globals__, made)  # in which the annotations are read
    init = made["make"](**setters)
    init.__defaults__, init.__annotations__ = given.__defaults__, given.__annotations__
    init.__qualname__ = given.__qualname__
    cls.__init__ = init


if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        *,
        frozen: bool = False,
        slots: bool = False,
        repr: bool = True,  # noqa: A002 - as dataclasses calls it
        eq: bool = True,
    ) -> Any:
        """`dataclasses.dataclass` with these options."""

        def made(cls: type) -> type:
            own = set(vars(cls))
            cls = dataclasses.dataclass(frozen=frozen, slots=slots, repr=False, eq=False)(cls)
            shared = {"__repr__": _shown} if repr else {}
            if eq:
                shared |= _COMPARING[frozen]
            if frozen:
                shared |= _OF_FROZEN
                if slots and "__init__" not in own:
                    _set_by_slots(cls)
            for name, method in shared.items():
                if name not in own or name.endswith("attr__"):
                    setattr(cls, name, method)
            # Inherited with the methods: a class that has none of its own shows and compares what its parent does.
            if vars(cls).get("__repr__") is _shown:
                cls._names_to_show = _names(cls, "repr")
            if vars(cls).get("__eq__") is _equal:
                cls._names_to_compare = _names(cls, "compare")
            cls.__dataclass_params__.repr, cls.__dataclass_params__.eq = repr, eq
            return cls

        return made
