"""A call of a function: the function, its validated arguments, and how both are pickled.

Knows: functions.  Must not know: how arguments are validated, providers.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from dataclasses import field
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from ..errors import UsageError
from ..overloads import overload
from ..values import dataclass
from .parameters import is_coroutine_function, name_in_a_call, signature_of, told

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

R_co = TypeVar("R_co", covariant=True)
X = TypeVar("X")


@dataclass(frozen=True, eq=True)
class BoundCall(Generic[R_co]):
    """A function that the model called, with its validated arguments; running it is up to you.

    `R` is what the function returns as it stands: a coroutine, if it is a coroutine function.
    """

    function: Callable[..., R_co]
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def _bound(self) -> inspect.BoundArguments:
        signature = signature_of(self.function)
        nameless = [name for name, one in signature.parameters.items() if one.kind is one.POSITIONAL_ONLY]
        positional = [self.arguments[name] for name in nameless if name in self.arguments]
        return signature.bind(
            *positional, **{name: value for name, value in self.arguments.items() if name not in nameless}
        )

    def run(self) -> R_co:
        """Call the function and return its result; whatever it raises passes.  A coroutine function is refused."""
        if is_coroutine_function(self.function):
            raise UsageError(
                f"{told(self.function)} is a coroutine function",
                hint="Use `await call.arun()`.",
            )
        bound = self._bound()
        return self.function(*bound.args, **bound.kwargs)

    @overload
    async def arun(self: BoundCall[Awaitable[X]]) -> X: ...
    @overload
    async def arun(self: BoundCall[X]) -> X: ...
    async def arun(self) -> Any:
        """Call the function, await it if it is a coroutine function, and return its result."""
        bound = self._bound()
        result = self.function(*bound.args, **bound.kwargs)
        return await result if inspect.isawaitable(result) else result

    def __reduce__(self) -> tuple[Any, ...]:
        return _bound_call, (picklable(self.function), self.arguments)

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{name_in_a_call(self.function)}({shown})"


def _bound_call(function: Any, arguments: Mapping[str, Any]) -> BoundCall[Any]:
    return BoundCall(unpickled(function), arguments)


def picklable(function: Any) -> Any:
    """`function`, or its module and name where `@tool` has put a tool in its place, so that pickle would refuse it."""
    try:
        at = function.__module__, function.__qualname__
        return at if getattr(_named(*at), "target", None) is function else function
    except (AttributeError, ImportError, TypeError):
        return function


def unpickled(function: Any) -> Any:
    """The function that `picklable` was given."""
    return _named(*function).target if isinstance(function, tuple) else function


def _named(module: str, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), importlib.import_module(module))
