"""What a law is: a test that a subclass inherits and cannot remove, replace or skip in silence.

Knows: classes and functions.  Must not know: adapters, pytest.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from time import process_time
from typing import Any, ClassVar, TypeVar

from .guarding import LAW, check, laws_of, remember, taken

S = TypeVar("S")
T = TypeVar("T")
Law = Callable[[S], None]

verdicts: dict[tuple[type, str], str] = {}
"""What is wrong, "" if it held, for each law of a class, when it was last asked: the plugin compares the reports."""
_SHOWN = 8
_GROWS = (
    "What takes longer with each answer or stream keeps what it has read: look for a list, a dict or a set in the "
    "class of the adapter or of its parser, in a module, in a default value of a parameter (`found=[]`) or in a "
    "cache, and make it in `__init__` instead. If nothing grows, and all is slow here, set `law_seconds`."
)


unasked: dict[tuple[type, str], str] = {}
"""Why a law of a class, when it was last to be asked, could not be."""


class _TooLong(BaseException):
    """A law has computed for longer than it may; no `except Exception` of a law or an adapter shall take it."""


_ends = [math.inf]
"""When the law that is asked is given up, by the processor's time of this process: others may be at work beside it."""


def check_time() -> None:
    """To be called by laws, again and again: ends one that has computed for longer than `Lawful.law_seconds`."""
    if process_time() > _ends[0]:
        raise _TooLong


def in_time(given: Iterable[T]) -> Iterator[T]:
    """The same things, and `check_time` before each."""
    for one in given:
        check_time()
        yield one


class LawNotAsked(Exception):
    """A law cannot be asked here; the message says why.  The plugin shows it as skipped, with the reason."""


class LawBroken(AssertionError):
    """A law does not hold; the message says where, what the law means and how to mend it."""


def law(says: Callable[[S], Iterator[str]]) -> Law[S]:
    """Makes a test of a generator method that yields what is wrong, a line each; its docstring says how to mend it.

    An exception that the method does not expect is a fault too.
    """

    name: str = getattr(says, "__name__", "")

    @functools.wraps(says)
    def test(self: S) -> None:
        __tracebackhide__ = True
        found: dict[str, None] = {}  # what is said again is said once
        cause: Exception | None = None
        verdicts[type(self), name] = "it did not come to its end"
        if said := taken(type(self), self):
            verdicts[type(self), name] = said
            raise LawBroken(said)
        _ends[0] = process_time() + (seconds := getattr(self, "law_seconds", math.inf))
        try:
            for line in says(self):
                found[line] = None
                if len(found) > _SHOWN:
                    break
        except LawNotAsked as exc:
            if not found:
                unasked[type(self), name] = str(exc)
                raise
        except _TooLong:
            found[f"{name} was given up after {seconds:g} seconds of computing. {_GROWS}"] = None
        except Exception as exc:  # noqa: BLE001 - what an adapter raises is what is told
            cause = exc
            found[f"{type(exc).__name__}: {exc}"] = None
        finally:
            _ends[0] = math.inf
        if found:
            lines = [f"- {line}" for line in islice(found, _SHOWN)]
            more = ["- and more"] if len(found) > _SHOWN else []
            text = verdicts[type(self), name] = "\n".join([*lines, *more, "", inspect.getdoc(says) or ""])
            raise LawBroken(text) from cause
        verdicts[type(self), name] = ""

    vars(test).pop("__wrapped__")  # pytest would see a generator
    vars(test)[LAW] = True
    return test


def broken(cls: type) -> dict[str, str]:
    """The laws of a class that do not hold, each with what it says: the suite without pytest.

    Laws that cannot be asked here, because the SDK is not installed, are not among them.
    """
    found: dict[str, str] = {}
    for name, function in laws_of(cls).items():
        try:
            function(cls())
        except LawNotAsked:
            continue
        except LawBroken as exc:
            found[name] = str(exc)
    return found


def _look_for_plugin() -> None:
    """Warns in a run of pytest without the plugin: a law that is skipped, or left out, would pass unseen."""
    runs = "PYTEST_VERSION" in os.environ and "_pytest.main" in sys.modules
    if runs and f"{__package__}.plugin" not in sys.modules:
        text = f"the plugin of {__package__} is not loaded, so skipped laws go unseen: add -p {__package__}.plugin"
        warnings.warn(text, stacklevel=4)


class Lawful:
    """A class with laws.

    `broken_laws` names those that are known not to hold, each with the reason: they are expected to fail, the report
    shows them with the reason, and one that holds again fails until it is taken out.  `law_seconds`: a law that has
    computed for longer is given up, and has not held.
    """

    broken_laws: ClassVar[Mapping[str, str]] = {}
    law_seconds: ClassVar[float] = 60.0

    def __init_subclass__(cls, **options: Any) -> None:
        """Raises TypeError for a subclass in which a law is replaced or hidden, or that is switched off as a whole."""
        super().__init_subclass__(**options)
        remember(cls)
        check(cls)
        _look_for_plugin()
        known = laws_of(cls)
        if not isinstance(cls.broken_laws, Mapping):
            raise TypeError(f"{cls.__name__}.broken_laws is no mapping of laws to reasons")
        for name, reason in cls.broken_laws.items():
            if name not in known:
                raise TypeError(f"{cls.__name__}.broken_laws names {name!r}, which is no law")
            if not (isinstance(reason, str) and reason.strip()):
                raise TypeError(f"{cls.__name__}.broken_laws gives no reason for {name}")


remember(Lawful)
