"""The blocking performer of a conversation's effects, under one total deadline.

Knows: transports, time, threads.  Must not know: what is asked or how answers are judged.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..effects import NotSent, Send, Wait
from .whole import LEAST, Deadline, raised

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..adapter import Transport, WireRequest, WireResponse
    from ..conversation.generator import Conversation
    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from . import sockets, workers


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
                effect = conversation.throw(NotSent(raised().timed_out(adapter, deadline.seconds)))
                continue
            try:
                response = _send(effect.request, transport, prepared, deadline, on_abandon)
            except TimeoutError as exc:
                effect = conversation.throw(raised().overdue(adapter, deadline, exc))
            except _too_many_abandoned() as exc:
                effect = conversation.throw(raised().too_many(adapter, exc))
            except BaseException as exc:  # noqa: BLE001 - the conversation raises it, or what it makes of it
                effect = conversation.throw(raised().told(adapter, deadline, exc))
            else:
                effect = conversation.send(response)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _too_many_abandoned() -> type[workers.TooManyAbandoned]:
    from .workers import TooManyAbandoned  # asked for when something was raised: not every client has workers

    return TooManyAbandoned


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
