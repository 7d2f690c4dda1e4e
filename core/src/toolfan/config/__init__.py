"""Profiles and what a target means: from files, the environment and arguments to a connection.

Knows: profiles, places.  Must not know: any adapter's settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .targets import Connection as Connection
    from .targets import resolve as resolve
else:
    __getattr__, __dir__ = moved(__name__, {"config.targets": "Connection resolve"})
