"""The streamed answers of an async `HttpSender`: opened, read to the end, closed.

Knows: senders, bytes.  Must not know: SDK classes, what is in a body, deadlines of sockets, retries, policy.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..secrets.held import Hidden
from .event_streams import AsyncEventStream, events_async
from .gzip_members import plain_bytes_async
from .sender import END_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ..adapter import JSON, WireRequest
    from ..framing.decoder import EventDecoder
    from .sender import HttpSender, Pairs


@asynccontextmanager
async def opened(
    sender: HttpSender, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs
) -> AsyncGenerator[AsyncEventStream]:
    """The events of one streamed answer; leaving the context closes the connection, unless all was read."""
    added = Hidden({**query, **headers})
    async with AsyncExitStack() as stack:
        try:
            response = await stack.enter_async_context(sender.open(request, timeout, headers, query))
            if not 200 <= response.status_code < 300:
                await response.aread()
                sender.read(response)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            sender.failure(exc, timeout, added)
        head, decoder = sender.head(response)
        found = await stack.enter_async_context(aclosing(_events(sender, response, decoder, timeout, added)))
        yield AsyncEventStream(found, request_id=head.request_id, headers=head.headers, secrets=decoder.secrets)


async def _events(
    sender: HttpSender, response: Any, decoder: EventDecoder, timeout: float | None, added: Pairs
) -> AsyncGenerator[JSON]:
    import anyio

    rest = list[Any]()
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
