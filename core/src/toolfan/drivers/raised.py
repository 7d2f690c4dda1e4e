"""What ended a request that a driver performs, as it is thrown into the conversation.

Loaded when something fails.  Knows: errors, deadlines, the clock.  Must not know: transports, how a request is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..effects import NotSent
from ..errors import ConnectionFailed, DeadlineExceeded, ProviderError, Unavailable, UsageError

if TYPE_CHECKING:
    from . import workers
    from .whole import Deadline

_CLOCK_SLACK = 0.02
"""Seconds by which a timer may ring too early."""


def timed_out(adapter: str, seconds: float | None, exc: BaseException | None = None) -> DeadlineExceeded:
    """The error of a deadline that passed."""
    from ..translation.statuses import timed_out as told

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
    told.__cause__, told.requests = exc.__cause__, exc.requests
    return told
