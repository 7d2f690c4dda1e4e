"""The adapter `anthropic` for toolfan: Anthropic's Messages API.

Importing this module imports no SDK.
"""

from __future__ import annotations

from toolfan.hookspecs.marking import hookimpl

from .codec import MessagesAdapter

__all__ = ["MessagesAdapter", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> MessagesAdapter:
    """The adapter of this plugin."""
    return MessagesAdapter()
