"""The sync and the async performer of a streamed conversation's effects, under one total deadline.

Each is a generator of what the user gets: outcomes and pieces of text, and last of all the Calls.  Nothing happens
between two of them; leaving early closes the connection.

Knows: transports, time, threads, event loops.  Must not know: what is asked or how answers are judged.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from ..effects import NotSent, Wait
from ..errors import UsageError
from ..stream_effects import Deliver, Open, Pull
from ..translation.statuses import timed_out
from . import sockets, workers
from .raised import overdue, told, too_many
from .sockets import Limit
from .whole import FAULTS, LEAST, Deadline

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping

    from ..adapter import AsyncTransport, Transport, WireRequest
    from ..conversation.generator import Conversation
    from ..request.arguments import Prepared

_CLOSING = 1.0
"""Seconds that closing a connection may take."""
_IN_HAND = 0.2
"""Seconds past the deadline that the event in hand may take: a validator of the user's may hang."""


def drive_stream(
    conversation: Conversation,
    transport: Transport,
    prepared: Prepared,
    *,
    adapter: str,
    on_abandon: Callable[[int], None],
) -> Generator[Any, None, None]:
    """Perform the conversation with blocking reads.

    Control returns within the deadline whatever the transport does; see `whole.drive`.
    """
    deadline = Deadline(prepared.policy.deadline)
    stream = _OpenStream(transport, prepared, deadline, adapter=adapter, on_abandon=on_abandon)
    try:
        effect = next(conversation)
        while True:
            answer: Any = None
            error: BaseException | None = None
            if isinstance(effect, Deliver):
                yield from effect.items
            else:
                try:
                    answer = stream.perform(effect)
                except TimeoutError as exc:
                    error = overdue(adapter, deadline, exc)
                except workers.TooManyAbandoned as exc:
                    refused = too_many(adapter, exc)
                    error = refused if isinstance(effect, Open) else refused.error
                except BaseException as exc:  # noqa: BLE001 - it is thrown into the conversation, which raises it
                    error = _told(adapter, deadline, effect, exc)
            if error is not None:
                stream.close()
                effect = conversation.throw(error)
            else:
                effect = conversation.send(answer)
    except StopIteration as stop:
        yield stop.value
    finally:
        stream.close()
        conversation.close()


def _told(adapter: str, deadline: Deadline, effect: Any, exc: BaseException) -> BaseException:
    """The error as it is thrown into the conversation."""
    return exc if isinstance(exc, UsageError) and not isinstance(effect, Open) else told(adapter, deadline, exc)


class _OpenStream:
    """The stream that is open, if one is; blocking."""

    def __init__(
        self,
        transport: Transport,
        prepared: Prepared,
        deadline: Deadline,
        *,
        adapter: str,
        on_abandon: Callable[[int], None],
    ) -> None:
        self._transport, self._prepared, self._deadline = transport, prepared, deadline
        self._adapter, self._on_abandon = adapter, on_abandon
        self._context: Any = None
        self._left_behind: Any = None
        self._events: Iterator[Mapping[str, Any]] | None = None
        self._head: Any = None
        self._served: Any = None
        self._feeding = threading.Lock()

    def perform(self, effect: Any) -> Any:
        """What the effect asks for.  Raises ProviderError, TimeoutError at the deadline."""
        if isinstance(effect, Pull):
            return self._run(lambda: self._pull(effect.feed))
        if isinstance(effect, Wait):
            if not self._deadline.leaves(effect.seconds):
                raise effect.error
            time.sleep(effect.seconds)
            return None
        assert isinstance(effect, Open)
        self.close()
        if not self._deadline.leaves(LEAST):
            raise NotSent(timed_out(self._adapter, self._deadline.seconds))
        return self._run(lambda: self._open(effect.request))

    def _open(self, request: WireRequest) -> Any:
        prepared = self._prepared
        context = self._transport.stream(
            request, timeout=self._deadline.remaining(), headers=prepared.headers, query=prepared.query
        )
        head = context.__enter__()
        self._context, self._events, self._head = context, iter(head), head
        within = sockets.limit.get()
        self._served = within and within.served
        return head

    def _pull(self, feed: Callable[[Mapping[str, Any]], bool]) -> bool:
        events = self._events
        assert events is not None
        for event in events:
            with self._feeding:
                if self._events is not events:  # left behind: what had come was told, and must not change
                    return False
                if feed(event):
                    return True
        self.close()
        return False

    def _run(self, work: Callable[[], Any]) -> Any:
        """`work()`, in this thread if the transport keeps the deadline by itself, else in another one."""
        left, end = self._deadline.remaining(), self._deadline.end
        if left is None or end is None:
            return _limited(work, None)
        if not left:
            raise TimeoutError
        if getattr(self._transport, "keeps_deadline", False):
            return _limited(work, Limit(end, self._on_abandon))
        within = Limit(end, served=self._served)

        def leave() -> None:
            within.leave()
            with contextlib.suppress(Exception):  # of other connections than those of httpx
                self._head.interrupt()

        try:
            return workers.pool.run(lambda: _limited(work, within), left, self._told, leave)
        except TimeoutError:
            within.pass_by()
            raise

    def _told(self, change: int) -> None:
        """A read was left behind (+1), or has ended after all (-1): then its thread closes the stream."""
        self._on_abandon(change)
        if change > 0:
            held = self._feeding.acquire(timeout=_IN_HAND)
            self._left_behind, self._context, self._events = self._context, None, None
            if held:
                self._feeding.release()
        else:
            self.close()
            self._context, self._left_behind = self._left_behind, None
            self.close()

    def close(self) -> None:
        """Close the connection; whatever that raises tells nothing any more."""
        context, self._context, self._events, self._head = self._context, None, None, None
        self._served = None
        if context is not None:
            with contextlib.suppress(Exception):
                context.__exit__(None, None, None)


def _limited(work: Callable[[], Any], within: Limit | None) -> Any:
    token = sockets.limit.set(within)
    try:
        return work()
    finally:
        sockets.limit.reset(token)
        if within is not None:
            within.stream = None  # it may serve others now


async def drive_stream_async(
    conversation: Conversation, transport: AsyncTransport, prepared: Prepared, *, adapter: str
) -> AsyncGenerator[Any, None]:
    """Perform the conversation with awaited reads, which are cancelled at the deadline."""
    deadline = Deadline(prepared.policy.deadline)
    stream = _OpenAsyncStream(transport, prepared, deadline, adapter=adapter)
    try:
        effect = next(conversation)
        while True:
            answer: Any = None
            error: BaseException | None = None
            if isinstance(effect, Deliver):
                for item in effect.items:
                    yield item
            else:
                try:
                    answer = await stream.perform(effect)
                except TimeoutError:
                    error = timed_out(adapter, deadline.seconds)
                except FAULTS as exc:
                    error = _told(adapter, deadline, effect, exc)
            if error is not None:
                await stream.close()
                effect = conversation.throw(error)
            else:
                effect = conversation.send(answer)
    except StopIteration as stop:
        await stream.close()
        yield stop.value
    finally:
        await stream.close()
        conversation.close()


class _OpenAsyncStream:
    """The stream that is open, if one is; awaited."""

    def __init__(self, transport: AsyncTransport, prepared: Prepared, deadline: Deadline, *, adapter: str) -> None:
        self._transport, self._prepared, self._deadline, self._adapter = transport, prepared, deadline, adapter
        self._context: Any = None
        self._events: Any = None

    async def perform(self, effect: Any) -> Any:
        """What the effect asks for.  Raises ProviderError, TimeoutError at the deadline."""
        import anyio
        import anyio.lowlevel

        if isinstance(effect, Wait):
            if not self._deadline.leaves(effect.seconds):
                raise effect.error
            await anyio.sleep(effect.seconds)
            return None
        with anyio.move_on_after(self._deadline.remaining()) as scope:
            try:
                return await (self._pull(effect.feed) if isinstance(effect, Pull) else self._open(effect.request))
            except anyio.get_cancelled_exc_class():
                # gRPC raises one of its own, which the scope would not know for its cancellation.
                await anyio.lowlevel.checkpoint_if_cancelled()
                raise
        assert scope.cancelled_caught
        raise TimeoutError

    async def _open(self, request: WireRequest) -> Any:
        await self.close()
        if not self._deadline.leaves(LEAST):
            raise NotSent(timed_out(self._adapter, self._deadline.seconds))
        prepared = self._prepared
        context = self._transport.stream(
            request, timeout=self._deadline.remaining(), headers=prepared.headers, query=prepared.query
        )
        head = await context.__aenter__()
        self._context, self._events = context, head
        return head

    async def _pull(self, feed: Callable[[Mapping[str, Any]], bool]) -> bool:
        async for event in self._events:
            if feed(event):
                return True
        await self.close()
        return False

    async def close(self) -> None:
        """Close the connection, also when the task is being cancelled; whatever that raises tells nothing any more."""
        context, self._context, self._events = self._context, None, None
        if context is None:
            return
        import anyio

        # The scope raises, too, where an event loop that ends closes the generator in another task.
        with contextlib.suppress(Exception), anyio.move_on_after(_CLOSING, shield=True):
            await context.__aexit__(None, None, None)
