"""The plugin `gemini`: the Gemini API through google.genai.Client(api_key=...).

Knows: its adapter.  Must not know: any Google package; importing this imports none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolfan.hookspecs.marking import hookimpl

from .codec import GEMINI

if TYPE_CHECKING:
    from toolfan.adapter import ParallelToolsAdapter


@hookimpl
def toolfan_adapter() -> ParallelToolsAdapter:
    """The adapter `gemini`."""
    return GEMINI
