"""What a conversation asks of its driver.

Not frozen: they live for a moment, and a frozen one costs four times as much to make.

Knows: what is to be done.  Must not know: who does it, or how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .values import dataclass

if TYPE_CHECKING:
    from .adapter import WireRequest
    from .errors import ProviderError, ToolfanError
    from .stream_effects import Deliver, Open, Pull


@dataclass(slots=True)
class Send:
    """Send this request; the driver answers with a WireResponse, or throws a ProviderError in."""

    request: WireRequest


@dataclass(slots=True)
class Wait:
    """Wait so many seconds; where the deadline does not leave them, the driver throws `error` in at once."""

    seconds: float
    error: ProviderError


class NotSent(Exception):
    """What a driver throws in for a request that it did not begin to send: it does not count, nor is it sent again."""

    def __init__(self, error: ToolfanError) -> None:
        super().__init__(str(error))
        self.error = error


Effect: TypeAlias = "Send | Wait | Open | Pull | Deliver"
