"""The definition of a tool: whether something is to be called; what is wrong with it is `definitions`' affair.

That is loaded when something is.

Knows: functions.  Must not know: tools, schemas, what is wrong with them.
"""

from __future__ import annotations

import typing
from typing import Any


def is_function(target: Any) -> bool:
    """Whether it is to be called: a function, a method, an object of a class with `__call__`."""
    if isinstance(target, typing.TypeVar | typing.ForwardRef) or not callable(target):
        return False
    if not callable(getattr(target, "__func__", target)):  # `@classmethod` above `@tool`
        return False
    return type(target).__module__ not in ("typing", "typing_extensions")


def in_short(value: Any) -> str:
    """`definitions.in_short`."""
    from .definitions import in_short as told

    return told(value)


def not_a_tool(target: Any) -> Exception:
    """`definitions.not_a_tool`."""
    from .definitions import not_a_tool as error

    return error(target)


def takes_one(handler: Any) -> bool:
    """`definitions.takes_one`."""
    from .definitions import takes_one as takes

    return takes(handler)


class definition_errors:  # a context manager, used like a function
    """Turns what pydantic, inspect and typing say of a bad definition into ToolDefinitionError."""

    def __init__(self, tool: str) -> None:
        self.tool = tool

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: object) -> None:
        if exc is not None:
            from .definitions import raise_for

            raise_for(exc, self.tool)
