"""What a function takes, without what a `functools.partial` has filled; whether it is awaited; what it is called.

Knows: functions, partials, wrappers.  Must not know: annotations, tools.
"""

from __future__ import annotations

import functools
import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature, in which nothing stands that is bound: by position or by keyword.

    To inspect, what is bound by keyword is a default, and nothing is bound where `functools.update_wrapper` was told
    that the partial stands for its function.
    """
    plain, bound = _opened(function)
    try:
        signature = inspect.signature(plain)
    except (TypeError, ValueError) as exc:  # they show the whole of it
        raise ValueError(f"{told(function)} has no signature that can be read{_misfit(exc)}") from None
    if not bound:
        return signature
    return signature.replace(parameters=[one for name, one in signature.parameters.items() if name not in bound])


def _misfit(exc: Exception) -> str:
    """What is wrong with what a partial binds; it speaks of names alone."""
    return f": {exc.__cause__}" if isinstance(exc.__cause__, TypeError) else ""


def _opened(function: Any) -> tuple[Any, frozenset[str]]:
    """What inspect reads right, and the names of the parameters that are bound by keyword."""
    inner = inspect.unwrap(function, stop=_speaks_for_itself)
    if not isinstance(inner, functools.partial) or hasattr(inner, "__signature__"):
        return function, frozenset()
    plain, bound = _opened(inner.func)
    return functools.partial(plain, *inner.args, **inner.keywords), bound | inner.keywords.keys()


def _speaks_for_itself(function: Any) -> bool:
    return isinstance(function, functools.partial | MethodType) or hasattr(function, "__signature__")


def innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, or the method `__call__`, whose annotations count: inside of wrappers and partials."""
    inner: Any = inspect.unwrap(function)
    while isinstance(inner, functools.partial):
        inner = inspect.unwrap(inner.func)
    bare = inspect.isfunction(inner) or inspect.ismethod(inner) or inspect.isbuiltin(inner)
    return cast("Callable[..., Any]", inner if bare else type(inner).__call__)


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Whether a call of it is to be awaited: an object with `async def __call__` is one, too, and a partial of it."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def documented(function: Any) -> Any:
    """What its docstring is read of: a partial has that of all partials, and a wrapper of one has copied it."""
    if isinstance(function, functools.partial):
        return documented(function.func) if function.__doc__ in (None, functools.partial.__doc__) else function
    copied = function.__doc__ == functools.partial.__doc__ and hasattr(function, "__wrapped__")
    return documented(function.__wrapped__) if copied else function


def told(target: Any) -> str:
    """What it is for people.  Its repr would show what a partial binds and what an object holds, such as a token."""
    named = getattr(target, "__qualname__", None)
    if isinstance(named, str):
        return named
    return (
        f"{'a partial' if isinstance(target, functools.partial) else 'an object'} of {_called(target, '__qualname__')}"
    )


def name_in_a_call(function: Callable[..., Any]) -> str:
    """The name before the brackets of a call."""
    return _called(function, "__name__")


def _called(target: Any, name: str) -> str:
    while isinstance(target, functools.partial) and not hasattr(target, name):
        target = target.func
    called = getattr(target, name, None)
    return called if isinstance(called, str) else type(target).__name__
