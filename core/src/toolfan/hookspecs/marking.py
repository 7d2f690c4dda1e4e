"""The mark of a hook, and the plugin that offers its adapter and watches nothing.

pluggy is a fifth of a megabyte; for such a plugin, as every provider is, there is nothing for it to do.

Knows: how pluggy finds what is marked.  Must not know: which hooks there are, who calls them.
"""

from __future__ import annotations

import inspect
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pluggy

PROJECT = "toolfan"
_MARK = f"{PROJECT}_impl"  # pluggy's own name for it
_TAKES_MORE = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_NOT_PLAIN = _TAKES_MORE | inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

if TYPE_CHECKING:
    hookimpl = pluggy.HookimplMarker(PROJECT)
else:

    def hookimpl(function: Any = None, **options: Any) -> Any:
        """`pluggy.HookimplMarker(PROJECT)`, which needs pluggy for options alone."""
        if function is None or options:
            from pluggy import HookimplMarker

            return HookimplMarker(PROJECT)(function, **options)
        setattr(function, _MARK, {})  # pluggy fills in what is not said
        return function


def sole_offer(plugin: object) -> Callable[[], object] | None:
    """`toolfan_adapter` of a module that marks nothing else, and this without options; None of any other plugin.

    It may be called as it is: pluggy would find nothing wrong with it, and nothing else to call.
    """
    if type(plugin) is not ModuleType:
        return None
    held = vars(plugin).copy()  # in one step: a thread may import a module of the package meanwhile
    try:
        marked = {name: it for name, it in held.items() if inspect.isroutine(it) and _options(it) is not None}
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - what cannot be looked at: pluggy meets it where that is told
        return None
    offer = marked.pop("toolfan_adapter", None)
    if marked or type(offer) is not FunctionType or any((_options(offer) or {}).values()):
        return None
    code = offer.__code__
    plain = not (code.co_argcount or code.co_kwonlyargcount or code.co_flags & _NOT_PLAIN)
    return offer if plain else None


def _options(function: Any) -> dict[str, Any] | None:
    """What the function was marked with; None of one that is not."""
    options = getattr(function, _MARK, None)
    return options if isinstance(options, dict) else None
