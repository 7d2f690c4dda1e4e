"""The adapter `openai` for toolfan: chat completions of OpenAI, Azure OpenAI and compatible servers.

Importing this module imports no SDK.
"""

from __future__ import annotations

from toolfan.hookspecs.marking import hookimpl

from .codec import ChatCompletionsAdapter

__all__ = ["ChatCompletionsAdapter", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> ChatCompletionsAdapter:
    """The adapter of this plugin."""
    return ChatCompletionsAdapter()
