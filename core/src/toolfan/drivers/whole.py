"""The sync and the async performer of a conversation's effects, under one total deadline.

Knows: transports, time, threads, event loops.  Must not know: what is asked or how answers are judged.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..effects import NotSent, Send, Wait
from ..errors import ConnectionFailed, DeadlineExceeded, ProviderError, Unavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..adapter import AsyncTransport, Transport, WireRequest, WireResponse
    from ..conversation.generator import Conversation
    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from . import sockets, workers


_CLOCK_SLACK = 0.02
"""Seconds by which a timer may ring too early."""
LEAST = 0.001
"""Seconds in which no request can be made."""
FAULTS = (Exception, KeyboardInterrupt, SystemExit)
"""What ends an awaited request by an error; whatever else is raised is the cancellation of its task."""


class Deadline:
    """A point on the monotonic clock; `seconds` None means never."""

    __slots__ = ("end", "seconds")

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.end = None if seconds is None else time.monotonic() + seconds

    def remaining(self) -> float | None:
        """Seconds left, never below 0; None if there is no limit."""
        return None if self.end is None else max(0.0, self.end - time.monotonic())

    def leaves(self, seconds: float) -> bool:
        """Whether there is time to wait so long and then do something."""
        return self.end is None or time.monotonic() + seconds < self.end


def drive(
    conversation: Conversation,
    transport: Transport,
    prepared: Prepared,
    *,
    adapter: str,
    on_abandon: Callable[[int], None],
) -> Calls[Any]:
    """Perform the conversation with blocking sends.

    Control returns within the deadline whatever the transport does.  One that says `keeps_deadline` is trusted to end
    by itself; any other sends in a worker thread, and if that cannot be ended it goes on there, `on_abandon` is told,
    and its result is never used.
    """
    deadline = Deadline(prepared.policy.deadline)
    effect = next(conversation)
    try:
        while True:
            if isinstance(effect, Wait):
                if deadline.leaves(effect.seconds):
                    time.sleep(effect.seconds)
                    effect = next(conversation)
                else:
                    effect = conversation.throw(effect.error)
                continue
            assert isinstance(effect, Send)
            if not deadline.leaves(LEAST):
                effect = conversation.throw(NotSent(timed_out(adapter, deadline.seconds)))
                continue
            try:
                response = _send(effect.request, transport, prepared, deadline, on_abandon)
            except TimeoutError as exc:
                effect = conversation.throw(overdue(adapter, deadline, exc))
            except _too_many_abandoned() as exc:
                effect = conversation.throw(too_many(adapter, exc))
            except BaseException as exc:  # noqa: BLE001 - the conversation raises it, or what it makes of it
                effect = conversation.throw(told(adapter, deadline, exc))
            else:
                effect = conversation.send(response)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _too_many_abandoned() -> type[workers.TooManyAbandoned]:
    from .workers import TooManyAbandoned  # asked for when something was raised: not every client has workers

    return TooManyAbandoned


def timed_out(adapter: str, seconds: float | None, exc: BaseException | None = None) -> DeadlineExceeded:
    """The error of a deadline that passed."""
    from ..translation.statuses import timed_out as told  # loaded, as all that is for errors, when something fails

    return told(adapter, seconds, exc)


def overdue(adapter: str, deadline: Deadline, exc: TimeoutError) -> BaseException:
    """The error of a deadline that passed; `exc` itself if a handler of a signal raised it."""
    from ..signals import of_signal

    return exc if of_signal(exc) is exc else timed_out(adapter, deadline.seconds, exc)


def too_many(adapter: str, exc: workers.TooManyAbandoned) -> NotSent:
    """The error of a request for which no thread is free."""
    return NotSent(Unavailable(str(exc), adapter=adapter, hint="Wait for them to end."))


def told(adapter: str, deadline: Deadline, exc: BaseException) -> BaseException:
    """What a transport raised when it should send, as it is thrown into the conversation."""
    if isinstance(exc, ProviderError):
        return late(adapter, deadline, exc)
    if isinstance(exc, UsageError):
        return NotSent(exc)
    if isinstance(exc, StopIteration | StopAsyncIteration):  # of the SDK's; thus it would end the generator it is in
        named = RuntimeError(f"the code of {adapter} raised {type(exc).__name__}")
        named.__cause__ = exc
        return named
    return exc


def late(adapter: str, deadline: Deadline, exc: ProviderError) -> ProviderError | NotSent:
    """The error, but told apart by the clock: whether the deadline passed, or a shorter timeout of the client's own."""
    from . import workers

    cause = exc.__cause__
    if isinstance(cause, workers.TooManyAbandoned) or isinstance(
        cause := cause and cause.__cause__, workers.TooManyAbandoned
    ):
        return too_many(adapter, cause)  # it would have looked up the host
    left = deadline.remaining()
    if left is None or not isinstance(exc, ConnectionFailed | DeadlineExceeded):
        return exc
    told: ProviderError = exc
    if left <= _CLOCK_SLACK:
        told = timed_out(adapter, deadline.seconds)
    elif isinstance(exc, DeadlineExceeded):
        message = f"a timeout of the client's own passed, {left:.1f} s before the deadline"
        told = ConnectionFailed(message, adapter=adapter, hint="Raise the timeout of the SDK's client.")
    told.__cause__ = exc.__cause__
    return told


def _send(
    request: WireRequest,
    transport: Transport,
    prepared: Prepared,
    deadline: Deadline,
    on_abandon: Callable[[int], None],
) -> WireResponse:
    from .sockets import Limit

    left, end = deadline.remaining(), deadline.end
    if left is None or end is None:
        return _sent(request, transport, prepared, None, None)
    if getattr(transport, "keeps_deadline", False):
        return _sent(request, transport, prepared, left, Limit(end, on_abandon))
    from .workers import pool

    within = Limit(end)
    try:
        return pool.run(lambda: _sent(request, transport, prepared, left, within), left, on_abandon, within.leave)
    except TimeoutError:
        within.pass_by()
        raise


def _sent(
    request: WireRequest, transport: Transport, prepared: Prepared, left: float | None, within: sockets.Limit | None
) -> WireResponse:
    from .sockets import limit

    token = limit.set(within)
    try:
        return transport.send(request, timeout=left, headers=prepared.headers, query=prepared.query)
    finally:
        limit.reset(token)
        if within is not None:
            within.stream = None  # it may serve others now


async def drive_async(
    conversation: Conversation, transport: AsyncTransport, prepared: Prepared, *, adapter: str
) -> Calls[Any]:
    """Perform the conversation with awaited sends, which are cancelled at the deadline."""
    import anyio
    import anyio.lowlevel

    deadline = Deadline(prepared.policy.deadline)
    effect = next(conversation)
    try:
        while True:
            if isinstance(effect, Wait):
                if deadline.leaves(effect.seconds):
                    await anyio.sleep(effect.seconds)
                    effect = next(conversation)
                else:
                    effect = conversation.throw(effect.error)
                continue
            assert isinstance(effect, Send)
            if not deadline.leaves(LEAST):
                effect = conversation.throw(NotSent(timed_out(adapter, deadline.seconds)))
                continue
            left = deadline.remaining()
            response: WireResponse | None = None
            try:
                with anyio.move_on_after(left) as scope:
                    try:
                        response = await transport.send(
                            effect.request, timeout=left, headers=prepared.headers, query=prepared.query
                        )
                    except anyio.get_cancelled_exc_class():
                        # gRPC raises one of its own, which the scope would not know for its cancellation.
                        await anyio.lowlevel.checkpoint_if_cancelled()
                        raise
            except FAULTS as exc:
                effect = conversation.throw(told(adapter, deadline, exc))
                continue
            except BaseException:
                conversation.close()
                raise
            if response is None:
                assert scope.cancelled_caught
                effect = conversation.throw(timed_out(adapter, deadline.seconds))
            else:
                effect = conversation.send(response)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
