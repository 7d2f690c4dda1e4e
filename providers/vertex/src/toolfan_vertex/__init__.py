"""The plugin `vertex`: Vertex AI through vertexai's GenerativeModel or google.genai.Client(vertexai=True).

Knows: its adapter.  Must not know: any Google package; importing this imports none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolfan.hookspecs.marking import hookimpl

from .codec import VERTEX

if TYPE_CHECKING:
    from toolfan.adapter import ParallelToolsAdapter


@hookimpl
def toolfan_adapter() -> ParallelToolsAdapter:
    """The adapter `vertex`."""
    return VERTEX
