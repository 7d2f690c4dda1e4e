"""The async transport over an `HttpSender`: whole answers; `async_events` has the streamed ones.

Knows: senders.  Must not know: SDK classes, what is in a body, deadlines of sockets, retries, policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..secrets.held import Hidden
from .sender import END_SECONDS

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ..adapter import WireRequest, WireResponse
    from ..secrets.held import Secrets
    from .event_streams import AsyncEventStream
    from .sender import HttpSender, Pairs

__all__ = ["END_SECONDS", "AsyncHttpTransport"]


class AsyncHttpTransport:
    """`HttpTransport`, awaited."""

    def __init__(self, sender: HttpSender) -> None:
        self.sender = sender

    @property
    def secrets(self) -> Secrets:
        """What no error may show."""
        return self.sender.keys()

    async def send(self, request: WireRequest, *, timeout: float | None, headers: Pairs, query: Pairs) -> WireResponse:
        """The decoded answer.  Raises ToolfanError."""
        sender = self.sender
        try:
            answer = await sender.send(request, timeout, headers, query)
            rest = sender.rest(answer)
            return sender.read(answer if rest is None else await rest)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            sender.failure(exc, timeout, Hidden({**query, **headers}))

    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Pairs, query: Pairs
    ) -> AbstractAsyncContextManager[AsyncEventStream]:
        """The events of one streamed answer; leaving the context closes the connection, unless all was read."""
        from .async_events import opened  # loaded, as all that is for streams, for those who stream

        return opened(self.sender, request, timeout, headers, query)

    async def close(self) -> None:
        """Closes the client."""
        await self.sender.close()
