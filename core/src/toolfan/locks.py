"""A lock that a forked child finds open.

Only the thread that forks lives on in the child: a lock that another thread held at that moment is held there for ever.
So there is one for each process.

Knows: threads and processes.  Must not know: what is guarded.
"""

from __future__ import annotations

import os
import threading
from typing import Any


class ProcessLock:
    """`with lock.here():` holds it among the threads of this process; a thread that has it may take it again."""

    __slots__ = ("_locks",)

    def __init__(self) -> None:
        self._locks: dict[int, threading.RLock] = {}

    def here(self) -> threading.RLock:
        """The lock of this process."""
        process = os.getpid()
        return self._locks.get(process) or self._locks.setdefault(process, threading.RLock())

    def __reduce__(self) -> tuple[Any, ...]:
        return ProcessLock, ()
