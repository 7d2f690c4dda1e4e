"""The sync transport over an `HttpSender`, beside the async one: requests, streamed answers, deadlines, a stream's end.

Knows: senders, sockets, bytes.  Must not know: SDK classes, what is in a body, retries, policy.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..drivers.sockets import Limit, end_at_the_deadline, in_time, interrupt, limit
from ..secrets.held import Hidden
from .async_transport import AsyncHttpTransport
from .sender import END_SECONDS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from ..adapter import JSON, WireRequest, WireResponse
    from ..framing.decoder import EventDecoder
    from ..secrets.held import Secrets
    from .event_streams import EventStream
    from .sender import HttpSender, Pairs

__all__ = ["END_SECONDS", "AsyncHttpTransport", "HttpTransport"]


class HttpTransport:
    """A sync transport.  `waits`: whether a request may wait for something else than sockets, a token for example."""

    def __init__(self, sender: HttpSender, *, waits: bool = False) -> None:
        self.sender = sender
        known = ("httpx", "httpx2", _package(sender.client))  # a subclass of a user's may wait for anything
        self._bounded = end_at_the_deadline(sender.http) and not waits and _package(sender.http) in known
        self._connections = getattr(sender.http, "_transport", None)

    @property
    def keeps_deadline(self) -> bool:
        """Whether all that a request waits for are sockets that end at the deadline."""
        if not self._bounded:
            return False
        http = self.sender.http  # whose parts may be changed at any time
        plain = http.auth is None or type(http.auth).__name__ == "BasicAuth"
        return plain and http._transport is self._connections and not any(http.event_hooks.values())

    @property
    def secrets(self) -> Secrets:
        """What no error may show."""
        return self.sender.keys()

    def send(self, request: WireRequest, *, timeout: float | None, headers: Pairs, query: Pairs) -> WireResponse:
        """The decoded answer.  Raises ToolfanError."""
        sender = self.sender
        try:
            return sender.read(sender.send(request, timeout, headers, query))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            sender.failure(exc, timeout, Hidden({**query, **headers}))

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Pairs, query: Pairs
    ) -> Generator[EventStream]:
        """The events of one streamed answer; leaving the context closes the connection, unless all was read."""
        from .event_streams import EventStream

        sender, added = self.sender, Hidden({**query, **headers})
        with ExitStack() as stack:
            try:
                response = stack.enter_context(sender.open(request, timeout, headers, query))
                if not 200 <= response.status_code < 300:
                    response.read()
                    sender.read(response)
            except Exception as exc:  # noqa: BLE001 - translated, not swallowed
                sender.failure(exc, timeout, added)
            head, decoder = sender.head(response)
            found = stack.enter_context(closing(self._events(response, decoder, timeout, added)))
            yield EventStream(
                found,
                request_id=head.request_id,
                headers=head.headers,
                interrupt=lambda: interrupt(response),
                secrets=decoder.secrets,
            )

    def _events(self, response: Any, decoder: EventDecoder, timeout: float | None, added: Pairs) -> Generator[JSON]:
        from .event_streams import events
        from .gzip_members import plain_bytes

        sender, chunks = self.sender, in_time(plain_bytes(response))
        found = events(chunks, decoder)
        try:
            for event in found:
                yield sender.checked(event, response)
                if sender.is_last(event):
                    break
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            sender.failure(exc, timeout, added)
        if self.keeps_deadline:
            yield from _read_on(found, chunks)

    def close(self) -> None:
        """Closes the client."""
        self.sender.close()


def _package(client: Any) -> str:
    return type(client).__module__.partition(".")[0]


def _read_on(found: Iterator[JSON], chunks: Iterator[bytes]) -> list[JSON]:
    """To the end of the answer, for a moment: only a connection that was read to its end serves again."""
    rest: list[JSON] = []
    token = limit.set(Limit(time.monotonic() + END_SECONDS))
    try:
        with suppress(Exception):  # all events of interest have come
            rest.extend(found)
            deque(chunks, maxlen=0)
    finally:
        limit.reset(token)
    return rest
