"""Thin senders over `openai.OpenAI`, `AsyncOpenAI` and the Azure clients.

They go through the SDK's public generic call, `client.post`, which keeps auth, base URL, hooks and error classes and
skips the walk through every message and tool.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.sockets import Limit, end_at_the_deadline, in_time, interrupt, limit

from .connecting import check_key
from .sender import Sender

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Mapping

    from toolfan.adapter import JSON, AsyncTransport, Transport, WireRequest, WireResponse
    from toolfan.event_streams import AsyncEventStream, EventStream
    from toolfan.framing import EventDecoder

PATH = "/chat/completions"
END_SECONDS = 0.05
"""How long the end of a stream is waited for when all its events have come."""


def make_transport(client: object, *, use_async: bool, adapter: str, path: str = PATH) -> Transport | AsyncTransport:
    """A sender over `client` to `path` below its base URL.

    Raises UsageError if it is none of the SDK's clients, or of the other kind.
    """
    import openai

    wanted, other = (openai.AsyncOpenAI, openai.OpenAI) if use_async else (openai.OpenAI, openai.AsyncOpenAI)
    if isinstance(client, other):
        hint = "Use wrap_async() or from_openai()." if isinstance(client, openai.AsyncOpenAI) else "Use wrap()."
        raise UsageError(
            f"{type(client).__name__} is not {'async' if use_async else 'sync'}", adapter=adapter, hint=hint
        )
    if not isinstance(client, wanted):
        raise UsageError(
            f"{type(client).__name__} is no client of the openai SDK", adapter=adapter, hint="Pass openai.OpenAI()."
        )
    if isinstance(client.api_key, str):
        check_key(client.api_key, "the client", adapter=adapter)
    kind = _AsyncTransport if isinstance(client, openai.AsyncOpenAI) else _Transport
    return kind(client, adapter, path)


class _Transport(Sender):
    def __init__(self, client: Any, adapter: str, path: str) -> None:
        super().__init__(client, adapter, path, use_async=False)
        self._http: Any = getattr(client, "_client", None)
        # A subclass, or a function that fetches the key, may wait for something else.
        plain = type(client).__module__.partition(".")[0] == "openai" and not callable(client.api_key)
        provided = getattr(client, "_api_key_provider", None) or getattr(client, "_azure_ad_token_provider", None)
        self._bounded = end_at_the_deadline(self._http) and plain and provided is None
        self._bounded &= type(self._http).__module__.partition(".")[0] in ("openai", "httpx", "httpx2")

    @property
    def keeps_deadline(self) -> bool:
        """Whether all that a request waits for are sockets that end at the deadline."""
        return self._bounded and not any(self._http.event_hooks.values())

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        try:
            response = self.client.post(self.url, **self.arguments(request, timeout, headers, query))
            return self.read(response, {**query, **headers})
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, {**query, **headers})

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The events of one streamed answer; leaving the context closes the connection, unless all was read."""
        from toolfan.event_streams import EventStream

        added = {**query, **headers}
        try:
            response = self.client.post(self.url, **self.stream_arguments(request, timeout, headers, query))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            head, decoder = self.head(response, added)
            found = self._events(response, decoder, timeout, added)
            with closing(found):
                yield EventStream(
                    found,
                    request_id=head.request_id,
                    headers=head.headers,
                    interrupt=lambda: interrupt(response),
                )
        finally:
            response.close()

    def _events(
        self, response: Any, decoder: EventDecoder, timeout: float | None, added: Mapping[str, str]
    ) -> Generator[JSON]:
        from toolfan.event_streams import events

        chunks = in_time(response.iter_bytes())
        try:
            for event in events(chunks, decoder):
                yield self.checked(event, response, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        if self.keeps_deadline:
            self._read_on(chunks)

    def _read_on(self, chunks: Iterator[bytes]) -> None:
        """To the end of the answer, for a moment: only a connection that was read to its end serves again."""
        token = limit.set(Limit(time.monotonic() + END_SECONDS))
        try:
            with suppress(Exception):  # all events have come
                deque(chunks, maxlen=0)
        finally:
            limit.reset(token)

    def close(self) -> None:
        self.client.close()


class _AsyncTransport(Sender):
    def __init__(self, client: Any, adapter: str, path: str) -> None:
        super().__init__(client, adapter, path, use_async=True)

    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        try:
            response = await self.client.post(self.url, **self.arguments(request, timeout, headers, query))
            return self.read(response, {**query, **headers})
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, {**query, **headers})

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncGenerator[AsyncEventStream]:
        """`_Transport.stream`, awaited."""
        from toolfan.event_streams import AsyncEventStream

        added = {**query, **headers}
        try:
            response = await self.client.post(self.url, **self.stream_arguments(request, timeout, headers, query))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            head, decoder = self.head(response, added)
            found = self._events(response, decoder, timeout, added)
            async with aclosing(found):
                yield AsyncEventStream(found, request_id=head.request_id, headers=head.headers)
        finally:
            await response.aclose()

    async def _events(
        self, response: Any, decoder: EventDecoder, timeout: float | None, added: Mapping[str, str]
    ) -> AsyncGenerator[JSON]:
        import anyio
        from toolfan.event_streams import events_async

        # Each generator is closed here: left to the event loop, it would still be at it after the stream.
        async with aclosing(response.aiter_bytes()) as chunks:
            try:
                async with aclosing(events_async(chunks, decoder)) as found:
                    async for event in found:
                        yield self.checked(event, response, added)
            except Exception as exc:  # noqa: BLE001 - translated, not swallowed
                self.failure(exc, timeout, added)
            # Only a connection that was read to its end serves again.
            with anyio.move_on_after(END_SECONDS), suppress(Exception):
                async for _ in chunks:
                    pass

    async def close(self) -> None:
        await self.client.close()
