"""Types for checkers alone: the options and overloads of `create()` and `stream()`.

Knows: what may be passed.  Must not know: what is done with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .options import Options as Options
else:
    __getattr__, __dir__ = moved(__name__, {"signatures.options": "Options"})
