"""What a law is: a test that a subclass inherits and cannot remove, replace or skip in silence.

Knows: classes and functions.  Must not know: adapters, pytest.
"""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar, TypeVar

S = TypeVar("S")
Law = Callable[[S], None]

_MARK = "__toolfan_law__"
_PYTHONS_OWN = ("__getattribute__", "__new__", "__init__")
held: Counter[tuple[type, str]] = Counter()
"""How often each law of a class was asked and found to hold: the plugin believes no report of pytest's alone."""
_SHOWN = 8


class LawBroken(AssertionError):
    """A law does not hold; the message says where, what the law means and how to mend it."""


def law(check: Callable[[S], Iterator[str]]) -> Law[S]:
    """Makes a test of a generator method that yields what is wrong, a line each; its docstring says how to mend it.

    An exception that the method does not expect is a fault too.
    """

    name: str = getattr(check, "__name__", "")

    @functools.wraps(check)
    def test(self: S) -> None:
        __tracebackhide__ = True
        found: list[str] = []
        cause: Exception | None = None
        try:
            found += islice(check(self), _SHOWN + 1)
        except Exception as exc:  # noqa: BLE001 - what an adapter raises is what is told
            cause = exc
            found.append(f"{type(exc).__name__}: {exc}")
        if found:
            lines = [f"- {line}" for line in found[:_SHOWN]]
            more = ["- and more"] if len(found) > _SHOWN else []
            raise LawBroken("\n".join([*lines, *more, "", inspect.getdoc(check) or ""])) from cause
        held[type(self), name] += 1

    vars(test).pop("__wrapped__")  # pytest would see a generator
    vars(test)[_MARK] = True
    return test


def laws_of(cls: type) -> dict[str, Any]:
    """The laws of a class, by name, in the order in which they are written."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if getattr(value, _MARK, False):
                found.setdefault(name, value)
    return found


def repealed(cls: type) -> list[str]:
    """The names of laws that the class does not have as they are written: replaced, or taken away."""
    return [name for name, value in laws_of(cls).items() if inspect.getattr_static(cls, name, None) is not value]


def broken(cls: type) -> dict[str, str]:
    """The laws of a class that do not hold, each with what it says: the suite without pytest."""
    found: dict[str, str] = {}
    for name in laws_of(cls):
        try:
            getattr(cls(), name)()
        except LawBroken as exc:
            found[name] = str(exc)
    return found


class Lawful:
    """A class with laws.

    `broken_laws` names those that are known not to hold, each with the reason: they are expected to fail, the report
    shows them with the reason, and one that holds again fails until it is taken out.
    """

    broken_laws: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        """Raises TypeError for a subclass in which a law is replaced or hidden, or that is switched off as a whole."""
        super().__init_subclass__(**options)
        theirs = inspect.getattr_static(type(cls), "__getattribute__") is not vars(type)["__getattribute__"]
        for name in _PYTHONS_OWN:
            if theirs or inspect.getattr_static(cls, name) is not vars(object)[name]:
                raise TypeError(
                    f"{cls.__name__} has {name} of its own, or a metaclass that does: a law could be hidden behind it. "
                    "Set class attributes, and use fixtures of pytest's."
                )
        if gone := repealed(cls):
            raise TypeError(
                f"{cls.__name__} replaces {', '.join(gone)}: a law of the suite cannot be overridden or removed. "
                f'If one does not hold yet, write broken_laws = {{"{gone[0]}": "the reason"}}.'
            )
        if "__test__" in vars(cls):
            raise TypeError(f"{cls.__name__} sets __test__: the suite cannot be switched off; name it without Test.")
        known = laws_of(cls)
        for name, reason in cls.broken_laws.items():
            if name not in known:
                raise TypeError(f"{cls.__name__}.broken_laws names {name!r}, which is no law")
            if not (isinstance(reason, str) and reason.strip()):
                raise TypeError(f"{cls.__name__}.broken_laws gives no reason for {name}")
