"""`Mode`, for code that comes from another library.

Knows: which modes that library has.  Must not know: clients; a mode selects nothing.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from ..errors import UsageError


class _NoSuchMode(UsageError, AttributeError):
    """A mode of another library's."""


class _Modes(enum.EnumMeta):
    if not TYPE_CHECKING:  # for a checker every name would be a mode

        def __getattr__(cls, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            if name in cls.__members__:  # Python 3.11 looks for them so
                return cls.__members__[name]
            raise _NoSuchMode(
                f"there is no Mode.{name}: toolfan always asks for tool calls",
                hint=f"Leave mode= out, or write Mode.{' or Mode.'.join(cls.__members__)}; both mean the same.",
            )


class Mode(enum.Enum, metaclass=_Modes):
    """Accepted by `from_openai` and `from_vertexai`, either by both, so that existing code runs; it selects nothing.

    Another one raises a UsageError that is an AttributeError, too.
    """

    PARALLEL_TOOLS = "parallel_tool_call"
    VERTEXAI_PARALLEL_TOOLS = "vertexai_parallel_tools"
