"""Raw calls to outcomes: wrappers, lossless repairs, what is wrong with a call.

Knows: tools, JSON text.  Must not know: providers, how often to ask again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .outcomes import validate as validate
else:
    __getattr__, __dir__ = moved(__name__, {"validation.outcomes": "validate"})
