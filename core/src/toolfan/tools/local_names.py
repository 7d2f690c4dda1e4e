"""What the texts of annotations mean where a tool was defined inside a function.

With `from __future__ import annotations` an annotation is a text, read when the tool is used, and the variables of the
function around it are gone once that returned.  They are found where it waits for what is asked here, in no other task
or thread, and where the tool itself uses them.

Knows: frames, closures.  Must not know: tools, pydantic.
"""

from __future__ import annotations

import functools
import inspect
import typing
from contextlib import suppress
from typing import Any

_WITHIN = ".<locals>."


def hints_of(target: Any) -> dict[str, Any]:
    """The annotations of a function or a class, also of one that was defined inside a function."""
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError:
        return typing.get_type_hints(target, localns=local_names(target), include_extras=True)


def local_names(target: Any) -> dict[str, Any]:
    """The variables of the functions around a function or a class, inner ones first; empty if it stands in none.

    Of a function that called itself they are those of its last call.
    """
    while isinstance(target, functools.partial):
        target = target.func
    target = typing.get_origin(target) or target
    if not hasattr(target, "__qualname__"):  # an object that can be called
        target = type(target)
    around = target.__qualname__.split(_WITHIN)[:-1]
    missing = [_WITHIN.join(around[:end]) for end in range(1, len(around) + 1)]
    found: dict[str, Any] = {}
    frame = inspect.currentframe() if missing else None
    while frame is not None:
        name = frame.f_code.co_qualname
        if name in missing and frame.f_globals.get("__name__") == target.__module__:
            missing.remove(name)
            found |= {variable: value for variable, value in frame.f_locals.items() if variable not in found}
        frame = frame.f_back
    return found | _enclosed(target)


def _enclosed(target: Any) -> dict[str, Any]:
    """What a function itself uses of the variables around it."""
    function = getattr(target, "__func__", target)
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    enclosed = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        with suppress(ValueError):  # not set yet
            enclosed[name] = cell.cell_contents
    return enclosed
