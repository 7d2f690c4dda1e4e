"""Tools and sets of them: what Python types and functions say to a model.

Knows: Python types as pydantic sees them, names on the wire.  Must not know: providers, conversations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .bound_calls import BoundCall as BoundCall
    from .tool_type import Tool as Tool
    from .tool_type import tool as tool
    from .toolset import NameMap as NameMap
    from .toolset import ToolSet as ToolSet
else:
    __getattr__, __dir__ = moved(
        __name__, {"tools.bound_calls": "BoundCall", "tools.tool_type": "Tool tool", "tools.toolset": "NameMap ToolSet"}
    )
