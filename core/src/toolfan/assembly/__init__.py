"""The pieces of a stream to whole calls, each sealed as soon as it can be.

Knows: what providers leave out, repeat or send in an odd order.  Must not know: any provider by name, tools.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .assembler import CallAssembler as CallAssembler
    from .sealing import seal as seal
else:
    __getattr__, __dir__ = moved(__name__, {"assembly.assembler": "CallAssembler", "assembly.sealing": "seal"})
