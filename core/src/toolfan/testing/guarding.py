"""What a class cannot take from the suite: its laws, and the methods that these are written with.

Each class is remembered as it was written, so that nothing that is put in a place later, or stands before it among the
bases, passes for it.

Knows: classes.  Must not know: adapters, pytest, what a law says.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

LAW = "__toolfan_law__"
_OPEN = "__toolfan_open__"
_SUITE = __name__.rpartition(".")[0] + "."
_PYTHONS_OWN = ("__getattribute__", "__new__", "__init__")
_MADE_BY_PYTHON = frozenset({"__dict__", "__weakref__", "__module__", "__doc__", "__annotations__"})
_written: dict[type, Mapping[str, Any]] = {}


def left_to_authors(method: F) -> F:
    """Marks a method of the suite that subclasses may override."""
    vars(method)[_OPEN] = True
    return method


def remember(cls: type) -> None:
    """Keeps what a class has, as it is written."""
    _written[cls] = dict(vars(cls))


def written() -> list[type]:
    """All classes that are remembered."""
    return list(_written)


def laws_of(cls: type) -> dict[str, Any]:
    """The laws of a class, by name, in the order in which they are written."""
    return dict(_laws(cls.__mro__))


@functools.cache
def _laws(bases: tuple[type, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(bases):
        for name, value in _written.get(base, {}).items():
            if getattr(value, LAW, False) is True:
                found.setdefault(name, value)
    return found


def settings_of(cls: type) -> list[str]:
    """The names of what authors may set: the attributes that the suite annotates."""
    return [name for base in _suite(cls) for name in inspect.get_annotations(base)]


def open_methods(cls: type) -> list[str]:
    """The names of the methods that authors may override."""
    return [
        name for base in _suite(cls) for name, value in _written[base].items() if getattr(value, _OPEN, False) is True
    ]


def helpers_of(cls: type) -> dict[str, Any]:
    """What the suite's laws are written with, by name: its methods, but for laws and what is left to authors."""
    return dict(_helpers(cls, cls.__mro__))


@functools.cache
def _helpers(cls: type, bases: tuple[type, ...]) -> dict[str, Any]:
    left = {*settings_of(cls), *open_methods(cls), *_MADE_BY_PYTHON}
    found: dict[str, Any] = {}
    for base in reversed([base for base in bases if _is_of_suite(base)]):
        for name, value in _written[base].items():
            if name not in left and getattr(value, LAW, False) is not True:
                found.setdefault(name, value)
    return {name: value for name, value in found.items() if not name.startswith("__")}


def _suite(cls: type) -> list[type]:
    """The classes of the suite among the bases."""
    return [base for base in cls.__mro__ if _is_of_suite(base)]


def _is_of_suite(base: type) -> bool:
    return base in _written and base.__module__.startswith(_SUITE)


def taken(cls: type, instance: object = None) -> str | None:
    """What a class, or an instance, has in the place of the suite's own, in words; None if it has nothing."""
    own = vars(instance) if instance is not None else {}
    shown: dict[str, object] = {}
    for base in reversed(type.__dict__["__mro__"].__get__(cls)):  # as it is stored, whatever a metaclass says
        shown.update(type.__dict__["__dict__"].__get__(base))

    def others(kept: Mapping[str, Any]) -> list[str]:
        return [name for name, value in kept.items() if name in own or shown.get(name) is not value]

    if gone := others(laws_of(cls)):
        return (
            f"{cls.__name__} replaces {', '.join(gone)}: a law of the suite cannot be overridden or removed. "
            f'If one does not hold yet, write broken_laws = {{"{gone[0]}": "the reason"}}.'
        )
    if gone := others(helpers_of(cls)):
        return (
            f"{cls.__name__} has {', '.join(gone)} of its own: the suite's laws are written with what it calls so, "
            f"and would prove nothing. Call yours otherwise, or put it beside the class; of the suite's methods "
            f"{' and '.join(sorted(open_methods(cls)))} may be overridden."
        )
    return None


def check(cls: type) -> None:
    """Raises TypeError for a class in which a law, or what laws are written with, is replaced or hidden, or all are."""
    if not getattr(cls, "__test__", True):
        raise TypeError(f"{cls.__name__} sets __test__: the suite cannot be switched off; name it without Test.")
    theirs = inspect.getattr_static(type(cls), "__getattribute__") is not vars(type)["__getattribute__"]
    for name in _PYTHONS_OWN:
        if theirs or inspect.getattr_static(cls, name) is not vars(object)[name]:
            raise TypeError(
                f"{cls.__name__} has {name} of its own, or a metaclass that does: a law could be hidden behind it. "
                "Set class attributes, and use fixtures of pytest's."
            )
    if said := taken(cls):
        raise TypeError(said)
