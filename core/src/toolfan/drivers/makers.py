"""Functions of a user's that make the vendor's clients: which objects are such functions, and what one does wrong.

Knows: functions, objects that can be called.  Must not know: adapters, processes, event loops.
"""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any, cast

from ..errors import UsageError
from ..mocks import is_mock
from ..tools.parameters import told

if TYPE_CHECKING:
    from collections.abc import Callable

_TAKES_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_CLOSED_BY = ("close", "aclose", "__exit__", "__aexit__")


def maker_in(given: object) -> Callable[[], object] | None:
    """An object that no adapter takes for a client, as a function that makes one; None if it is none.

    It is one if calling it takes no arguments: what takes some, though it may go without, is a client that asks.
    """
    # A class is called to make an object, but of which settings?  What shows another class stands for its objects.
    if isinstance(given, type) or not callable(given) or given.__class__ is not type(given):
        return None
    # A mock that is async, or that wraps a client, is a mock of one.
    if is_mock(given) and (inspect.iscoroutinefunction(given) or not callable(vars(given).get("_mock_wraps") or given)):
        return None
    try:
        parameters = inspect.signature(given).parameters.values()
    except (TypeError, ValueError):  # of an extension, which tells none
        return None
    return cast("Callable[[], object]", given) if all(one.kind in _TAKES_ANY for one in parameters) else None


class Maker:
    """The function, for a `Binding`.  Each call raises UsageError for one that is none, with what to do."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function, self._last = function, cast("object", None)

    def __call__(self) -> object:
        try:
            made: Any = self._function()
        except TypeError:
            self._check_arguments()
            raise
        if isinstance(made, types.CoroutineType):
            made.close()  # never awaited, and nobody shall be warned of it
            raise UsageError(
                f"the function that makes the client, {told(self._function)}, is async",
                hint="Pass one without async, which returns the client at once; also for wrap_async().",
            )
        if made is self._last and any(hasattr(made, name) for name in _CLOSED_BY):  # others hold no connection
            raise UsageError(
                f"the function that makes the client, {told(self._function)}, gave the same client again",
                hint="Each process and event loop needs one of its own: make a new one in each call, without a cache.",
            )
        self._last = made
        return made

    def _check_arguments(self) -> None:
        try:
            inspect.signature(self._function).bind()
        except ValueError:  # it tells none
            return
        except TypeError as exc:
            missing = str(exc)
        else:
            return
        raise UsageError(
            f"the function that makes the client, {told(self._function)}, needs arguments: {missing}",
            hint="Pass one without: functools.partial(function, ...), or a lambda.",
        )
