"""`CallStream[T]`: the calls of an answer, each as soon as it is whole.

Knows: outcomes and results as values.  Must not know: providers, how a stream is read.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic

from typing_extensions import TypeVar

from ..calls import BadCall, Call, TextDelta, Turn
from ..errors import ToolfanError, UsageError
from ..results.calls_type import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType
    from typing import Self

    from ..adapter import ParallelToolsAdapter
    from ..calls import StopReason, Usage
    from ..conversation.asking import Wishes
    from ..tools.toolset import ToolSet

T_co = TypeVar("T_co", covariant=True)
_ENDED = (
    "What ends the reading ends the stream, as asyncio.timeout() or wait_for() around anext(stream) do: wait for the "
    "task that reads it by asyncio.wait()"
)


class Stream(Generic[T_co]):
    """What both streams are: what was delivered so far, and the result once there is one."""

    def __init__(self, codec: ParallelToolsAdapter, tools: ToolSet[Any], wishes: Wishes) -> None:
        self._codec, self._tools, self._wishes = codec, tools, wishes
        self._delivered: dict[int, Call[T_co] | BadCall] = {}
        self._calls: Calls[T_co] | None = None
        self._over = False
        self._broken: BaseException | None = None
        self._process = os.getpid()
        self._reading = Lock()

    @property
    def calls(self) -> Calls[T_co]:
        """All calls, as `create()` returns them; after a stream that failed or was left early, what had come.

        Raises UsageError while the stream goes on.
        """
        if not self._over:
            raise UsageError(
                "the stream has not ended",
                adapter=self._codec.name,
                hint="Iterate it to its end first, or call until_done().",
            )
        if self._calls is None:
            self._calls = self._wishes.left
        if self._calls is None:
            outcomes = tuple(self._delivered[index] for index in sorted(self._delivered))
            turn = Turn(calls=tuple(outcome.raw for outcome in outcomes))
            self._calls = Calls(outcomes=outcomes, turn=turn, codec=self._codec, tools=self._tools)
        return self._calls

    @property
    def text(self) -> str:
        """The text beside the calls.  Raises UsageError while the stream goes on."""
        return self.calls.text

    @property
    def usage(self) -> Usage:
        """The tokens, summed over attempts.  Raises UsageError while the stream goes on."""
        return self.calls.usage

    @property
    def stop(self) -> StopReason:
        """Why the answer ended.  Raises UsageError while the stream goes on."""
        return self.calls.stop

    def __repr__(self) -> str:
        state = "over" if self._over else "going on"
        return f"<{type(self).__name__} of {self._codec.name}, {state}, {len(self._delivered)} calls so far>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise UsageError(
            "a stream cannot be pickled or copied: it holds a connection",
            adapter=self._codec.name,
            hint="Read it to its end where it is: .calls can be.",
        )

    def _take(self, item: Any) -> Any:
        """What the driver gave, or None if it is the result."""
        if isinstance(item, Calls):
            self._calls, self._over = item, True
            return None
        if not isinstance(item, TextDelta):
            self._delivered[item.index] = item
        return item

    def _begin(self) -> bool:
        """Whether there may be more, which this thread or task then reads alone, until `_reading` is released.

        Raises what ended the stream, if that was no proper end, and UsageError for a second reader.
        """
        if self._process != os.getpid():
            raise self._refused("it belongs to the process that this one was forked from")
        if not self._reading.acquire(blocking=False):
            raise self._refused("another thread or task is reading it")
        if not self._over:
            return True
        self._reading.release()
        if isinstance(self._broken, ToolfanError):
            raise self._broken
        if self._broken is not None:
            raise self._refused(f"it was ended by {type(self._broken).__name__}", _ENDED) from self._broken
        return False

    def _refused(self, why: str, hint: str = "Read it in one place") -> UsageError:
        return UsageError(
            f"the stream cannot be read here: {why}",
            adapter=self._codec.name,
            hint=f"{hint}; what had come is in .calls once it is over.",
        )

    def _failed(self, exc: BaseException) -> None:
        self._over, self._broken = True, exc
        if isinstance(exc, ToolfanError) and exc.calls is not None:
            self._calls = exc.calls


class CallStream(Stream[T_co]):
    """The calls of one answer, each as soon as it is sealed: an iterator of `Call[T]` and `BadCall`.

    A call that failed is yielded as it is; asked again, its mended form follows with the same index and a higher
    `attempt`.  Afterwards `.calls` is what `create()` returns.  The request is sent when the first call is asked for.
    Leaving the `with` block, or `close()`, ends the connection.  Iterating raises what `create()` raises, after the
    calls that had come; the error carries them too.
    """

    def __init__(
        self,
        codec: ParallelToolsAdapter,
        tools: ToolSet[Any],
        wishes: Wishes,
        start: Callable[[], Generator[Any, None, None]],
    ) -> None:
        super().__init__(codec, tools, wishes)
        self._start = start
        self._items: Generator[Any, None, None] | None = None

    def __iter__(self) -> Iterator[Call[T_co] | BadCall]:
        return self

    def __next__(self) -> Call[T_co] | BadCall:
        while True:
            item = self._next()
            if not isinstance(item, TextDelta):
                return item  # type: ignore[no-any-return]

    def events(self) -> Iterator[Call[T_co] | BadCall | TextDelta]:
        """The same, with the text beside the calls in pieces, as they come (of the first round of asking)."""
        self._wishes.text = True
        while True:
            try:
                yield self._next()
            except StopIteration:
                return

    def until_done(self) -> Calls[T_co]:
        """Iterate to the end, and return `.calls`."""
        for _ in self:
            pass
        return self.calls

    def _next(self) -> Any:
        if not self._begin():
            raise StopIteration
        try:
            if self._items is None:
                self._items = self._start()
            try:
                taken = self._take(next(self._items))
            except BaseException as exc:
                if self._over:  # it was closed meanwhile, from another thread
                    if isinstance(exc, ToolfanError) and exc.calls is not None:
                        self._wishes.left = exc.calls
                    raise StopIteration from None
                self._failed(exc)
                raise
            if taken is None or self._over:
                self._over = True
                self._items.close()
                raise StopIteration
            return taken
        finally:
            self._reading.release()

    def close(self) -> None:
        """End the connection; what had come is in `.calls`.

        Another thread that is just reading stops at once where the connection can be interrupted, else with its read.
        """
        self._over = self._wishes.closed = True
        if self._reading.acquire(blocking=False):
            try:
                if self._items is not None:
                    self._items.close()
            finally:
                self._reading.release()
        elif self._wishes.interrupt is not None:
            self._wishes.interrupt()

    def stop_reading(self) -> None:
        """As `close()`, but the connection is left for the thread that reads to close."""
        self._over = self._wishes.closed = True
        if self._wishes.interrupt is not None:
            self._wishes.interrupt()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
