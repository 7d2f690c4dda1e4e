"""The adapter `cohere` for toolfan: Cohere's v2 chat.

Importing this module imports no SDK.
"""

from __future__ import annotations

from toolfan.hookspecs.marking import hookimpl

from .codec import CohereAdapter

__all__ = ["CohereAdapter", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> CohereAdapter:
    """The adapter of this plugin."""
    return CohereAdapter()
