"""The adapter `bedrock` for toolfan: every model of Amazon Bedrock that the Converse API serves with tools.

Importing this module imports no SDK.
"""

from __future__ import annotations

from toolfan.hookspecs.marking import hookimpl

from .codec import ConverseAdapter

__all__ = ["ConverseAdapter", "toolfan_adapter"]


@hookimpl
def toolfan_adapter() -> ConverseAdapter:
    """The adapter of this plugin."""
    return ConverseAdapter()
