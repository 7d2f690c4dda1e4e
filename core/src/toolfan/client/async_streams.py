"""`AsyncCallStream[T]`: the calls of an answer, awaited, each as soon as it is whole.

Knows: outcomes and results as values, event loops.  Must not know: providers, how a stream is read.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from ..calls import BadCall, Call, TextDelta
from ..drivers.binding import detach, running_loop
from ..errors import UsageError
from .streams import Stream, T_co

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from types import TracebackType
    from typing import Self

    from ..adapter import ParallelToolsAdapter
    from ..conversation.asking import Wishes
    from ..results.calls_type import Calls
    from ..tools.toolset import ToolSet


class AsyncCallStream(Stream[T_co]):
    """`CallStream`, awaited: `async for`, `async with`, `await stream.aclose()`."""

    def __init__(
        self,
        codec: ParallelToolsAdapter,
        tools: ToolSet[Any],
        wishes: Wishes,
        start: Callable[[], AsyncGenerator[Any, None]],
    ) -> None:
        super().__init__(codec, tools, wishes)
        self._start = start
        self._items: AsyncGenerator[Any, None] | None = None
        self._loop: Any = None

    def __aiter__(self) -> AsyncIterator[Call[T_co] | BadCall]:
        return self

    async def __anext__(self) -> Call[T_co] | BadCall:
        while True:
            item = await self._next()
            if not isinstance(item, TextDelta):
                return item  # type: ignore[no-any-return]

    def events(self) -> AsyncIterator[Call[T_co] | BadCall | TextDelta]:
        """The same, with the text beside the calls in pieces, as they come (of the first round of asking)."""
        return _AsyncEvents(self._next, self._wishes)

    async def until_done(self) -> Calls[T_co]:
        """Iterate to the end, and return `.calls`."""
        async for _ in self:
            pass
        return self.calls

    async def _next(self) -> Any:
        if not self._begin():
            raise StopAsyncIteration
        try:
            if self._items is None:
                self._items, self._loop = self._start(), running_loop()
            try:
                taken = self._take(await anext(self._items))
            except BaseException as exc:
                self._failed(exc)
                raise
            if taken is None:
                await self._items.aclose()
                raise StopAsyncIteration
            return taken
        finally:
            self._reading.release()

    async def aclose(self) -> None:
        """End the connection; what had come is in `.calls`.  Raises UsageError while another task is reading."""
        if not self._reading.acquire(blocking=False):
            raise UsageError(
                "the stream is being read by another task",
                adapter=self._codec.name,
                hint="Cancel that task, which ends the connection too.",
            )
        try:
            self._over = True
            if self._items is not None:
                await self._items.aclose()
        finally:
            self._reading.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        """One that was left without a word is closed in a task that is there now.

        The one that asyncio makes for a generator begins later, and never if `asyncio.run` ends with the caller.
        """
        items = getattr(self, "_items", None)
        if items is not None and items.ag_frame is not None:
            with contextlib.suppress(Exception):  # the loop, or the interpreter, is ending
                if (loop := running_loop()) is self._loop:
                    detach(functools.partial(_close_soon if hasattr(loop, "create_task") else _close, items))


async def _close_soon(items: AsyncGenerator[Any, None]) -> None:
    """`_close`, from the next turn of asyncio's loop on.

    A loop that is closed without finishing its tasks ends before that: one that had begun would keep it for ever.
    """
    import asyncio

    with contextlib.suppress(asyncio.CancelledError):  # by `asyncio.run`, which waits for what it cancels
        await asyncio.sleep(0)
    await _close(items)


async def _close(items: AsyncGenerator[Any, None]) -> None:
    with contextlib.suppress(Exception):  # nobody waits for what it tells
        await items.aclose()


class _AsyncEvents:
    """What `AsyncCallStream.events` gives: no generator, which asyncio would finish at a time of its own."""

    def __init__(self, following: Callable[[], Awaitable[Any]], wishes: Wishes) -> None:
        self._following, self._wishes = following, wishes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        self._wishes.text = True
        return await self._following()

    async def aclose(self) -> None:
        """Does nothing: what reads the stream goes on in another place, or closes it."""
