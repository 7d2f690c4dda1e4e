"""What a transport's `stream` gives: decoded events, and what the head of the answer said.

Knows: pieces of bytes, events.  Must not know: how bytes are cut into events, providers, SDKs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..secrets.held import Secrets

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping

    from ..calls import JSON
    from ..framing.decoder import EventDecoder


class EventStream:
    """What a transport's `stream` gives: the events, and what the answer's head said.  Iterate it once.

    `headers` have lower-case names; `interrupt`, where there is one, ends a read that another thread is waiting for.
    `secrets` are hidden in errors that show an event.
    """

    __slots__ = ("events", "headers", "interrupt", "request_id", "secrets")

    def __init__(
        self,
        events: Iterator[JSON],
        *,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        interrupt: Callable[[], object] | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self.events, self.request_id, self.headers = events, request_id, dict(headers or {})
        self.interrupt, self.secrets = interrupt, Secrets(secrets)

    def __iter__(self) -> Iterator[JSON]:
        return self.events

    def __next__(self) -> JSON:
        return next(self.events)


class AsyncEventStream:
    """`EventStream`, awaited."""

    __slots__ = ("events", "headers", "request_id", "secrets")

    def __init__(
        self,
        events: AsyncIterator[JSON],
        *,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self.events, self.request_id, self.headers = events, request_id, dict(headers or {})
        self.secrets = Secrets(secrets)

    def __aiter__(self) -> AsyncIterator[JSON]:
        return self.events

    async def __anext__(self) -> JSON:
        return await anext(self.events)


def events(chunks: Iterable[bytes], decoder: EventDecoder) -> Iterator[JSON]:
    """The events in these chunks.  Raises BadResponse, after the events before the fault."""
    for chunk in chunks:
        yield from decoder.feed(chunk)
        if decoder.ended:
            break
    else:
        yield from decoder.close()
    if decoder.error is not None:
        raise decoder.error


async def events_async(chunks: AsyncIterator[bytes], decoder: EventDecoder) -> AsyncGenerator[JSON, None]:
    """`events`, awaited."""
    async for chunk in chunks:
        for event in decoder.feed(chunk):
            yield event
        if decoder.ended:
            break
    else:
        for event in decoder.close():
            yield event
    if decoder.error is not None:
        raise decoder.error
