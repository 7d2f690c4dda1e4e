"""The pace of an answer: when its first byte goes out, and how long each piece of a stream is waited for.

Knows numbers of seconds; not HTTP, not the dialects, not clocks.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

JSON = dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """One event of a stream, and what part of a call (or how many calls) it brings."""

    event: JSON
    calls: float = 0.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_seconds(seconds: Any) -> None:
    """Raises ValueError for what is no time to wait."""
    if not _is_number(seconds) or not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"a pace is in seconds, a number of 0 or more, not {seconds!r}")


@dataclass(frozen=True)
class Pace:
    """How fast an answer comes, in seconds.

    `first_byte`: before the answer begins; `chunk`: before each chunk of a stream but the first; `call`: what each call
    takes, spread evenly over its chunks.  An answer that is not streamed comes when its stream would have ended.
    Raises ValueError for what is no time to wait.
    """

    first_byte: float = 0.0
    chunk: float = 0.0
    call: float = 0.0

    def __post_init__(self) -> None:
        for seconds in astuple(self):
            check_seconds(seconds)

    def paced(self, chunks: Iterable[Chunk]) -> Iterator[tuple[float, JSON]]:
        """Each event, and how long to wait before it."""
        for place, chunk in enumerate(chunks):
            yield (self.chunk if place else 0.0) + self.call * chunk.calls, chunk.event

    def total(self, chunks: Iterable[Chunk]) -> float:
        """How long the chunks take together, without the wait for the first byte."""
        return sum(pause for pause, _ in self.paced(chunks)) if self.chunk or self.call else 0.0


NO_PAUSE = Pace()


def pace_of(value: float | Pace) -> Pace:
    """A pace; a number is the seconds before each chunk.  Raises ValueError for what is no time to wait."""
    if isinstance(value, Pace):
        return value
    if not _is_number(value):
        raise ValueError(f"a pace is in seconds, 0 for none, or a Pace, not {value!r}")
    return Pace(chunk=value)
