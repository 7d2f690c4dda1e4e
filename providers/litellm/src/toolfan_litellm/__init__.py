"""The adapter `litellm` for toolfan: the chat models that LiteLLM reaches.

Importing this module imports neither LiteLLM nor another SDK.
"""

from __future__ import annotations

from toolfan.hookspecs.marking import hookimpl

from .client import LiteLLMClient
from .codec import LiteLLMAdapter

__all__ = ["LiteLLMAdapter", "LiteLLMClient", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> LiteLLMAdapter:
    """The adapter of this plugin."""
    return LiteLLMAdapter()
