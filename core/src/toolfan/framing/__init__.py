"""Bytes to events: server-sent events, arrays of JSON, JSON line by line.

Knows: the forms of a stream.  Must not know: providers, what an event means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .decoder import DONE as DONE
    from .decoder import EventDecoder as EventDecoder
else:
    __getattr__, __dir__ = moved(__name__, {"framing.decoder": "DONE EventDecoder"})
