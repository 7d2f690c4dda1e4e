"""The adapter `openai-responses` for toolfan: the Responses API of OpenAI, Azure OpenAI and compatible servers.

Importing this module imports no SDK.
"""

from __future__ import annotations

from toolfan.hookspecs.marking import hookimpl

from .codec import ResponsesAdapter

__all__ = ["ResponsesAdapter", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> ResponsesAdapter:
    """The adapter of this plugin."""
    return ResponsesAdapter()
