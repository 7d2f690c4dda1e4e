"""Blocking work for async code: in daemon threads, left behind when it is cancelled.

Knows: threads, event loops.  Must not know: requests.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from toolfan.drivers import workers
from toolfan.drivers.sockets import limit
from toolfan.errors import Unavailable
from toolfan.execution.portals import thread_safe

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


async def in_thread(
    work: Callable[[], R],
    *,
    adapter: str,
    on_abandon: Callable[[int], None],
    leave: Callable[[], object],
    discard: Callable[[R], object] | None = None,
) -> R:
    """`work()`, without blocking the event loop.

    A cancelled task does not wait for it: it calls `leave`, which ends what it can; what is left behind is counted and
    bounded by `workers.pool`, `on_abandon` is told +1, and -1 when it ends after all, and its result is given to
    `discard`.  Raises Unavailable, and does nothing, if too much was left behind.
    """
    import anyio

    left, ended, soon = threading.Event(), anyio.Event(), thread_safe()

    def run() -> R:
        limit.set(None)  # a task's context may be copied from within another request
        result = work()
        if left.is_set() and discard is not None:
            discard(result)
        return result

    try:
        job = workers.pool.start(run, lambda: soon(ended.set), lambda: on_abandon(-1))
    except workers.TooManyAbandoned as exc:
        raise Unavailable(str(exc), adapter=adapter, hint="Wait for them to end.") from exc
    try:
        await ended.wait()
    except BaseException:
        left.set()
        leave()
        if workers.pool.leave(job):
            on_abandon(+1)
        raise
    if job.error is not None:
        try:
            raise job.error
        finally:
            job.error = None  # its traceback refers to this frame
    return job.result  # type: ignore[no-any-return]
