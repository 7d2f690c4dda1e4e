"""Whether somebody watches: of a request of which nobody is told, this is all that is loaded.

Knows: that there may be observers.  Must not know: hooks, who watches, what is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

    from ..adapter import ParallelToolsAdapter
    from ..calls import RawCall, Turn


def watched(adapter: ParallelToolsAdapter, request: Any, attempt: int) -> Watched:
    """A context in which one request is sent and its answer read; nothing happens in it where nobody watches."""
    observed = _observed  # read once: another thread may end the watching meanwhile
    return _UNWATCHED if observed is None else observed(adapter, request, attempt)


class Watched:
    """One request and its answer, of which nobody is told."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def sealed(self, calls: Iterable[RawCall]) -> None:
        """These calls are complete."""

    def read(self, turn: Turn) -> None:
        """The answer was read; calls that were not yet announced are now."""


_UNWATCHED = Watched()
_observed: Callable[[ParallelToolsAdapter, Any, int], Watched] | None = None


def observe_with(observed: Callable[[ParallelToolsAdapter, Any, int], Watched] | None) -> None:
    """Have `watched` make its contexts so from now on; None: nobody watches."""
    global _observed  # noqa: PLW0603 - one for the process
    _observed = observed
