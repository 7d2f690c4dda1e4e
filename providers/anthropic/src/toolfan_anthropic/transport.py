"""Thin senders over `anthropic.Anthropic`, `AsyncAnthropic` and the clients for Vertex AI.

They go through the SDK's public generic call, `client.post`, which keeps auth, base URL, hooks and error classes and
skips the walk through every message and tool.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

import time
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.sockets import Limit, end_at_the_deadline, limit

from .connecting import check_key
from .sender import PATH, Sender

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Mapping

    from toolfan.adapter import JSON, AsyncTransport, Transport, WireRequest, WireResponse
    from toolfan.event_streams import AsyncEventStream, EventStream

END_SECONDS = 0.05
"""How long more is waited for when the message has come to its end."""


def make_transport(client: object, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender over `client`.  Raises UsageError if it is none of the SDK's clients that it serves."""
    import anthropic

    names = {cls.__name__ for cls in type(client).__mro__ if cls.__module__.partition(".")[0] == "anthropic"}
    is_sync = isinstance(client, anthropic.Anthropic) or "AnthropicVertex" in names
    is_async = isinstance(client, anthropic.AsyncAnthropic) or "AsyncAnthropicVertex" in names
    shown = type(client).__name__
    if not is_sync and not is_async:
        raise UsageError(
            f"{shown} is no client of the anthropic SDK that this adapter serves",
            adapter=adapter,
            hint="Pass anthropic.Anthropic(), AsyncAnthropic() or those for Vertex AI.",
        )
    if is_async is not use_async:
        raise UsageError(
            f"{shown} is not {'async' if use_async else 'sync'}",
            adapter=adapter,
            hint="Use wrap_async()." if is_async else "Use wrap().",
        )
    for name in ("api_key", "auth_token"):
        if isinstance(key := getattr(client, name, None), str):
            check_key(key, "the client", adapter=adapter)
    return _AsyncTransport(client, adapter) if is_async else _Transport(client, adapter)


class _Transport(Sender):
    def __init__(self, client: Any, adapter: str) -> None:
        super().__init__(client, adapter, use_async=False)
        self._http: Any = getattr(client, "_client", None)
        # Middleware, and what fetches a token, may wait for something else.
        others = ("_middleware", "_token_cache", "credentials")
        self._bounded = end_at_the_deadline(self._http) and self.sends_bytes
        self._bounded &= not any(getattr(client, name, None) for name in others)
        self._bounded &= type(self._http).__module__.partition(".")[0] in ("anthropic", "httpx", "httpx2")

    @property
    def keeps_deadline(self) -> bool:
        """Whether all that a request waits for are sockets that end at the deadline."""
        return self._bounded and not any(self._http.event_hooks.values())

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        try:
            response = self.client.post(PATH, **self.arguments(request, timeout, headers, query))
            return self.read(response, {**query, **headers})
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, {**query, **headers})

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The events of one streamed answer; leaving the context closes the connection, unless all was read."""
        from toolfan.event_streams import EventStream, events

        added = {**query, **headers}
        try:
            response = self.client.post(PATH, **self.arguments(request, timeout, headers, query))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            head, decoder = self.head(response, added)
            found = self._events(events(response.iter_bytes(), decoder), response, timeout, added)
            with closing(found):
                yield EventStream(found, request_id=head.request_id, headers=head.headers)
        finally:
            response.close()

    def _events(
        self, found: Iterator[JSON], response: Any, timeout: float | None, added: Mapping[str, str]
    ) -> Generator[JSON]:
        try:
            for event in found:
                yield self.checked(event, response, added)
                if event.get("type") == "message_stop":
                    break
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        if self.keeps_deadline:
            yield from self._read_on(found)

    def _read_on(self, found: Iterator[JSON]) -> list[JSON]:
        """To the end of the answer, for a moment: only a connection that was read to its end serves again."""
        rest: list[JSON] = []
        token = limit.set(Limit(time.monotonic() + END_SECONDS))
        try:
            with suppress(Exception):  # the message is whole
                rest.extend(found)
        finally:
            limit.reset(token)
        return rest

    def close(self) -> None:
        self.client.close()


class _AsyncTransport(Sender):
    def __init__(self, client: Any, adapter: str) -> None:
        super().__init__(client, adapter, use_async=True)

    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        try:
            response = await self.client.post(PATH, **self.arguments(request, timeout, headers, query))
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
            response = await self.client.post(PATH, **self.arguments(request, timeout, headers, query))
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
        self, response: Any, decoder: Any, timeout: float | None, added: Mapping[str, str]
    ) -> AsyncGenerator[JSON]:
        import anyio
        from toolfan.event_streams import events_async

        found = events_async(response.aiter_bytes(), decoder)
        try:
            async for event in found:
                yield self.checked(event, response, added)
                if event.get("type") == "message_stop":
                    break
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        rest: list[JSON] = []
        # Only a connection that was read to its end serves again.
        with anyio.move_on_after(END_SECONDS), suppress(Exception):
            async for event in found:
                rest.append(event)
        for event in rest:
            yield event

    async def close(self) -> None:
        await self.client.close()
