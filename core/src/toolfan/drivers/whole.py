"""The async performer of a conversation's effects, under one total deadline.

Knows: transports, time, event loops.  Must not know: what is asked or how answers are judged.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..effects import NotSent, Send, Wait

if TYPE_CHECKING:
    from types import ModuleType

    from ..adapter import AsyncTransport, WireResponse
    from ..conversation.generator import Conversation
    from ..request.arguments import Prepared
    from ..results.calls_type import Calls


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


def raised() -> ModuleType:
    """The module that makes errors of what ended a request; loaded, as all that is for errors, when something fails."""
    from . import raised as module

    return module


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
                effect = conversation.throw(NotSent(raised().timed_out(adapter, deadline.seconds)))
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
                effect = conversation.throw(raised().told(adapter, deadline, exc))
                continue
            except BaseException:
                conversation.close()
                raise
            if response is None:
                assert scope.cancelled_caught
                effect = conversation.throw(raised().timed_out(adapter, deadline.seconds))
            else:
                effect = conversation.send(response)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
