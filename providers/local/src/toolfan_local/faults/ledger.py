"""What came to a fault server, counted by model; and which fault a request is answered with.

Knows the catalogue and the names of models; not sockets, not gRPC.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.asking import Unanswerable
from toolfan_local.faults.catalogue import CATALOGUE, GOOD, elsewhere, unknown

if TYPE_CHECKING:
    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.fault import Dialect, Fault

MOST_BODIES = 1000


class Ledger:
    """Counts requests; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._bodies: deque[tuple[str, dict[str, Any]]] = deque(maxlen=MOST_BODIES)

    def requests(self, model: str) -> int:
        """How many requests came for this model, by its whole name."""
        with self._lock:
            return self._counts[model]

    def bodies(self, model: str) -> list[dict[str, Any]]:
        """The JSON bodies that came for this model, oldest first; of all models together the last 1000 are kept."""
        with self._lock:
            return [body for name, body in self._bodies if name == model]

    def reset(self) -> None:
        """Forgets what came: every `-once` plays its fault again."""
        with self._lock:
            self._counts.clear()
            self._bodies.clear()

    def count(self, model: str) -> int:
        """Counts a request without a body; the number of requests for the model so far."""
        with self._lock:
            self._counts[model] += 1
            return self._counts[model]

    def settle(self, asked: Asked, dialect: Dialect | None = None) -> tuple[Fault, Asked]:
        """Counts the request; the fault to answer it with, and what was asked with its turn. Raises Unanswerable."""
        turn = self.count(asked.model)
        with self._lock:
            self._bodies.append((asked.model, dict(asked.body)))
        fault = CATALOGUE.get(asked.fault)
        if fault is None:
            raise Unanswerable(404, unknown(asked.model, asked.fault), asked.dialect)
        if (dialect or asked.dialect) not in fault.dialects:
            raise Unanswerable(400, elsewhere(fault), asked.dialect)
        return (GOOD if asked.once and turn > 1 else fault), replace(asked, turn=turn)
