"""The async transport over an `HttpSender`: requests, streamed answers, the end of a stream.

Knows: senders, bytes.  Must not know: SDK classes, what is in a body, deadlines of sockets, retries, policy.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..secrets.redaction import Hidden

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..adapter import JSON, WireRequest, WireResponse
    from ..framing.decoder import EventDecoder
    from .event_streams import AsyncEventStream
    from .sender import HttpSender, Pairs

END_SECONDS = 0.05
"""How long the end of a stream is waited for when all its events have come."""


class AsyncHttpTransport:
    """`HttpTransport`, awaited."""

    def __init__(self, sender: HttpSender) -> None:
        self.sender = sender

    @property
    def secrets(self) -> tuple[str, ...]:
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

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Pairs, query: Pairs
    ) -> AsyncGenerator[AsyncEventStream]:
        """The events of one streamed answer; leaving the context closes the connection, unless all was read."""
        from .event_streams import AsyncEventStream

        sender, added = self.sender, Hidden({**query, **headers})
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(sender.open(request, timeout, headers, query))
                if not 200 <= response.status_code < 300:
                    await response.aread()
                    sender.read(response)
            except Exception as exc:  # noqa: BLE001 - translated, not swallowed
                sender.failure(exc, timeout, added)
            head, decoder = sender.head(response)
            found = await stack.enter_async_context(aclosing(self._events(response, decoder, timeout, added)))
            yield AsyncEventStream(found, request_id=head.request_id, headers=head.headers, secrets=decoder.secrets)

    async def _events(
        self, response: Any, decoder: EventDecoder, timeout: float | None, added: Pairs
    ) -> AsyncGenerator[JSON]:
        import anyio

        from .event_streams import events_async
        from .gzip_members import plain_bytes_async

        sender, rest = self.sender, list[Any]()
        # Each generator is closed here: left to the event loop, it would still be at it after the stream.
        async with aclosing(plain_bytes_async(response)) as chunks, aclosing(events_async(chunks, decoder)) as found:
            try:
                async for event in found:
                    yield sender.checked(event, response)
                    if sender.is_last(event):
                        break
            except Exception as exc:  # noqa: BLE001 - translated, not swallowed
                sender.failure(exc, timeout, added)
            # Only a connection that was read to its end serves again.
            with anyio.move_on_after(END_SECONDS), suppress(Exception):
                async for event in found:
                    rest.append(event)
                async for _ in chunks:
                    pass
        for event in rest:
            yield event

    async def close(self) -> None:
        """Closes the client."""
        await self.sender.close()
