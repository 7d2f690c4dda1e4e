"""What an author sets, looked at when the class is made: a slip is told once, and not by every law.

Knows: which attribute is of which type.  Must not know: laws, pytest.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from .guarding import open_methods, settings_of
from .samples import ErrorSample, Sample
from .suite_keys import wrong_key

_ITEMS: Mapping[str, type] = {"samples": Sample, "errors": ErrorSample, "sdk": str, "always_sent": str}
_ONE: Mapping[str, tuple[type, ...]] = {
    "plugin": (str, type(None)),
    "key_variable": (str, type(None)),
    "request_model": (str,),
    "settings": (Mapping,),
    "environment": (Mapping,),
    "options": (Mapping,),
    "logins": (Mapping,),
    "dropped_keywords": (Mapping,),
    "error_field": (bool,),
    "model_field": (bool,),
    "stream_field": (bool,),
    "law_seconds": (float, int),
}
_MADE_LATER = (property, cached_property)
_ALIKE = 0.7


def check_attributes(cls: type) -> None:
    """Raises TypeError for attributes that cannot be right, or that are nearly named as one that the suite knows.

    What can be read only once, as a generator, becomes a tuple.
    """
    _misspelt(cls)
    for name in settings_of(cls):
        value = inspect.getattr_static(cls, name, None)
        if isinstance(value, _MADE_LATER):
            continue
        if name in _ITEMS:
            _items(cls, name, value)
        elif name in _ONE and not isinstance(value, _ONE[name]):
            wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in _ONE[name])
            raise TypeError(f"{cls.__name__}.{name} is {value!r:.80}, and should be a {wanted}")
        elif name == "key" and (said := wrong_key(value)):
            raise TypeError(f"{cls.__name__}.key is {value!r:.80}, and {said}")
        elif value == "":
            raise TypeError(f"{cls.__name__}.{name} is empty: name one, or leave it out.")
        elif name == "logins":
            _logins(cls, value)
        else:
            _started(cls, name, value)
    for name in open_methods(cls):
        if not callable(getattr(cls, name)):
            raise TypeError(f"{cls.__name__}.{name} is {getattr(cls, name)!r:.80}, and should be a method")
    adapter = inspect.getattr_static(cls, "adapter", None)
    if adapter is not None and not isinstance(adapter, _MADE_LATER):
        _adapter(cls, adapter)


def is_there(module: str) -> bool:
    """Whether there is such a module, installed or beside the tests."""
    try:
        return module in sys.modules or importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # of what is around it
        return False


def check_complete(cls: type) -> None:
    """Raises TypeError for a class without an adapter; one that others derive from may do without."""
    if not has_adapter(cls):
        raise TypeError(f"{cls.__name__} has no adapter: write adapter = AcmeAdapter() into it.")


def has_adapter(cls: type) -> bool:
    """Whether an adapter is set."""
    return inspect.getattr_static(cls, "adapter", None) is not None


def _adapter(cls: type, adapter: Any) -> None:
    if isinstance(adapter, type):
        raise TypeError(
            f"{cls.__name__}.adapter is the class {adapter.__name__}, and should be an adapter: "
            f"write adapter = {adapter.__name__}()."
        )
    if not hasattr(adapter, "build_request") and not hasattr(adapter, "parse_response"):
        raise TypeError(
            f"{cls.__name__}.adapter is a {type(adapter).__name__}, and no adapter: it has neither build_request nor "
            "parse_response."
        )
    pattern = getattr(getattr(adapter, "capabilities", None), "name_pattern", "")
    try:
        re.compile(pattern)
    except (re.error, TypeError) as exc:
        raise TypeError(
            f"{cls.__name__}.adapter.capabilities.name_pattern is {pattern!r}, which is no regular expression: {exc}"
        ) from None


def _started(cls: Any, name: str, value: Any) -> None:
    """What another process is started with."""
    if name == "environment" and not all(isinstance(one, str) for pair in value.items() for one in pair):
        raise TypeError(f"{cls.__name__}.environment is {value!r:.80}, and should have texts alone: names and values")
    if name == "plugin" and value is not None and not is_there(value):
        raise TypeError(f"{cls.__name__}.plugin is {value!r}, and there is no such module: name the entry point's.")


def _logins(cls: Any, value: Mapping[Any, Any]) -> None:
    for path, answer in value.items():
        if not (isinstance(path, str) and len(path) > 1 and path.startswith("/")):
            raise TypeError(f'{cls.__name__}.logins names {path!r:.80}, and should name paths: "/oauth/token"')
        if not isinstance(answer, Mapping):
            raise TypeError(f"{cls.__name__}.logins[{path!r}] is {answer!r:.80}, and should be the decoded answer")


def _items(cls: Any, name: str, value: Any) -> None:
    kind = _ITEMS[name]
    if isinstance(value, kind):
        raise TypeError(f"{cls.__name__}.{name} is one {kind.__name__}, and should be a tuple: write {name} = (...,).")
    if not isinstance(value, Iterable) or isinstance(value, Mapping | str | bytes):
        raise TypeError(f"{cls.__name__}.{name} is a {type(value).__name__}, and should be a tuple")
    if isinstance(value, Iterator):
        value = tuple(value)
        setattr(cls, name, value)
    for at, one in enumerate(value):
        if not isinstance(one, kind):
            raise TypeError(f"{cls.__name__}.{name}[{at}] is a {type(one).__name__}, and should be a {kind.__name__}")


def _misspelt(cls: type) -> None:
    """Raises TypeError for a name that is nearly one of the suite's; others are the author's own."""
    known = [*settings_of(cls), *open_methods(cls)]
    theirs = [base for base in cls.__mro__ if base is cls or (base is not object and not _of_a_suite(base))]
    for name, value in [pair for base in theirs for pair in vars(base).items()]:
        if name in known or name.startswith(("_", "test")) or _is_fixture(value):
            continue
        if near := difflib.get_close_matches(name, known, 1, _ALIKE):
            raise TypeError(
                f"{cls.__name__} sets {name}, which the suite does not know: did you mean {near[0]}? "
                f"If it is a name of your own, write _{name}."
            )


def _of_a_suite(base: type) -> bool:
    """Whether it has settings, and was looked at by itself when it was made."""
    return bool(settings_of(base))


def _is_fixture(value: object) -> bool:
    """Whether pytest made it, which is not imported here."""
    return type(value).__module__.partition(".")[0] == "_pytest" or hasattr(value, "_pytestfixturefunction")
