"""Counting work that was left behind.

Knows: numbers.  Must not know: threads' work, transports.
"""

from __future__ import annotations

from ..locks import ProcessLock


class Tally:
    """How much of one owner's work was left behind and is still running."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self.number = 0

    def count(self, change: int) -> None:
        """Told +1 when some is left behind, and -1 when it ends after all."""
        with self._lock.here():
            self.number += change
