"""Ratios of CPU time, measured in interleaved rounds, and the loopback server in its own process.

CPU of the whole process, all threads, because the machine is shared and its clock tells mostly of others.  A round
times a batch of either kind, one right after the other, and gives one ratio; the figure is the median of the rounds.
Batches are long: in turns of some milliseconds each side would find the processor's caches filled by the other, which
no program that uses one of them does.

Knows: time and processes.  Must not know: what is timed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Batch = Callable[[int], object]
"""Does the thing so many times."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds of each row, and the CPU seconds that the slower batch of a round shall take."""

    rounds: int
    round_seconds: float
    import_rounds: int
    warm_up: int = 3


FULL = Effort(rounds=15, round_seconds=0.3, import_rounds=21)
QUICK = Effort(rounds=1, round_seconds=0.002, import_rounds=1, warm_up=1)


@dataclass
class Row:
    """One line of the report: the ratios of its rounds, and the bar that their median must not pass."""

    name: str
    ratios: list[float] = field(default_factory=list)
    bar: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return ""
        return f"{'PASS' if self.median <= self.bar else 'FAIL'} (<= {self.bar})"

    def line(self) -> str:
        """The row as it is printed: median, the middle half, extremes, verdict."""
        low, high = quartiles(self.ratios)
        spread = f"{low:7.3f} -{high:7.3f}  {min(self.ratios):7.3f} -{max(self.ratios):7.3f}"
        return f"{self.name:<52} {self.median:7.3f}  {spread}  {self.verdict}".rstrip()

    def data(self) -> dict[str, Any]:
        """The row as JSON."""
        return {**asdict(self), "median": self.median, "verdict": self.verdict}


HEADER = f"{'':<52} {'median':>7}  {'middle half':>16}  {'all rounds':>16}"


def quartiles(values: list[float]) -> tuple[float, float]:
    """The ends of the middle half."""
    if len(values) < 3:
        return min(values), max(values)
    low, _, high = statistics.quantiles(values, n=4)
    return low, high


def cpu(batch: Batch, count: int) -> float:
    """CPU seconds of this process, all threads, for one batch."""
    start = time.process_time()
    batch(count)
    return time.process_time() - start


def compare(name: str, ours: Batch, base: Batch, effort: Effort, *, bar: float | None = None) -> Row:
    """`ours` / `base`, both doing the same work."""
    ours(effort.warm_up)
    base(effort.warm_up)
    once = max(cpu(ours, 1), cpu(base, 1))
    count = max(1, min(20_000, int(effort.round_seconds / max(once, 1e-7))))
    row = Row(name, bar=bar)
    for _ in range(effort.rounds):
        gc.collect()
        theirs = cpu(base, count)
        row.ratios.append(cpu(ours, count) / theirs)
    return row


def times(call: Callable[[], object]) -> Batch:
    """A batch of one call."""

    def batch(count: int) -> None:
        for _ in range(count):
            call()

    return batch


@contextlib.contextmanager
def loopback() -> Iterator[str]:
    """The base address of a server that runs in a process of its own, and ends with the block."""
    command = [sys.executable, str(HERE / "server.py")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def clean_environment(pycache: Path | None = None) -> dict[str, str]:
    """This process's environment without what would change a measurement; compiled files are kept in `pycache`."""
    dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "VIRTUAL_ENV", "OPENAI_API_KEY")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in dropped and not name.startswith("TOOLFAN") and not name.upper().endswith("_PROXY")
    }
    return kept if pycache is None else {**kept, "PYTHONPYCACHEPREFIX": str(pycache)}
