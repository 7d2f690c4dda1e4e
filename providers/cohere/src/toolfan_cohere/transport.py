"""Thin senders over `cohere.ClientV2` and `AsyncClientV2`.

They go through the HTTP client of the SDK that `chat` itself goes through: it keeps auth, base URL and headers, and
hands out the answer unread.  `chat` would lose what it does not know, and passes over events that it cannot read.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import WireRequest, WireResponse
from toolfan.errors import ProviderError, ToolfanError, UsageError
from toolfan.event_streams import AsyncEventStream, EventStream, events, events_async
from toolfan.framing import EventDecoder
from toolfan.redaction import blotted, public_headers, shows_secret, without_echo_of
from toolfan.sockets import end_at_the_deadline, in_time, interrupt
from toolfan.wire import decode_json, encode_json

from .border import keys_of, of_status, request_id, secrets_of, translated
from .connecting import check_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from toolfan.adapter import JSON, AsyncTransport, Transport

PATH = "v2/chat"
_WORDS = frozenset({"message"})  # what is below is the model's
_OTHERS = frozenset({"AwsClient", "AwsClientV2", "OciClient", "OciClientV2"})


def make_transport(client: Any, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender over `client`.  Raises UsageError if it is no client for Cohere's own service, or of the other kind."""
    bases = {(base.__module__.partition(".")[0], base.__name__) for base in type(client).__mro__}
    names = {name for module, name in bases if module == "cohere"}
    if not names & {"BaseCohere", "AsyncBaseCohere"} or names & _OTHERS:
        raise UsageError(
            f"{type(client).__module__}.{type(client).__name__} is no client of Cohere's own service",
            adapter=adapter,
            hint="Pass cohere.ClientV2(); models on Amazon Bedrock are served by the adapter bedrock.",
        )
    if ("AsyncBaseCohere" in names) is not use_async:
        hint = "Use wrap()." if use_async else "Use wrap_async()."
        raise UsageError(
            f"{type(client).__name__} is not {'async' if use_async else 'sync'}", adapter=adapter, hint=hint
        )
    if isinstance(key := getattr(client._client_wrapper, "_token", None), str):
        check_key(key, "the client", adapter=adapter)
    return (_AsyncTransport if use_async else _Transport)(client, adapter)


class _Sender:
    """What the sync and the async sender share."""

    def __init__(self, client: Any, adapter: str) -> None:
        self.client, self.adapter = client, adapter
        self.http: Any = client._client_wrapper.httpx_client

    def arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> JSON:
        options: JSON = {
            "max_retries": 0,
            "additional_headers": dict(headers),
            "additional_query_parameters": dict(query),
        }
        own = self.client._client_wrapper.get_timeout()
        if timeout is not None and (own is None or timeout < own):
            options["timeout_in_seconds"] = timeout
        content = encode_json(request.body)
        about = {"content-type": "application/json"}
        return {"method": "POST", "content": content, "headers": about, "request_options": options}

    def head(self, response: Any, added: Mapping[str, str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """Secrets that the answer may hold, and its headers."""
        secrets = secrets_of(self.client, added)
        return secrets, public_headers(response.headers.items(), secrets)

    def read(self, response: Any, added: Mapping[str, str]) -> WireResponse:
        secrets, headers = self.head(response, added)
        if not 200 <= response.status_code < 300:
            raise of_status(response, response.content, adapter=self.adapter, secrets=secrets)
        try:
            body = decode_json(
                response.content, adapter=self.adapter, content_type=headers.get("content-type"), secrets=secrets
            )
        except ProviderError as exc:
            exc.request_id = request_id(headers)
            raise
        error = isinstance(body, dict) and not isinstance(body.get("message"), dict)
        if error:
            body = blotted(body, secrets)
        body = without_echo_of(keys_of(self.client), body, response.content, _WORDS)
        return WireResponse(body, request_id(headers), headers)

    def decoder(self, response: Any, added: Mapping[str, str]) -> tuple[EventDecoder, Mapping[str, str]]:
        secrets, headers = self.head(response, added)
        kind = headers.get("content-type")
        return EventDecoder(adapter=self.adapter, content_type=kind, secrets=secrets), headers

    def checked(self, event: JSON, added: Mapping[str, str]) -> JSON:
        """The event; if it may hold an error, without the secrets of the request."""
        if event.get("type") in (None, "message-end"):
            return blotted(event, secrets_of(self.client, added))  # type: ignore[no-any-return]
        return event

    def failure(self, exc: Exception, timeout: float | None, added: Mapping[str, str]) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        secrets = secrets_of(self.client, added)
        error = translated(exc, adapter=self.adapter, timeout=timeout, secrets=secrets)
        if isinstance(exc, ToolfanError):
            raise error
        raise error from None if shows_secret(exc, secrets) else exc


class _Transport(_Sender):
    def __init__(self, client: Any, adapter: str) -> None:
        super().__init__(client, adapter)
        # A function that fetches the key may wait for something else.
        plain = isinstance(getattr(client._client_wrapper, "_token", None), str)
        self._bounded = end_at_the_deadline(self.http.httpx_client) and plain
        self._bounded &= type(self.http.httpx_client).__module__.partition(".")[0] in ("httpx", "httpx2")

    @property
    def keeps_deadline(self) -> bool:
        """Whether all that a request waits for are sockets that end at the deadline."""
        return self._bounded and not any(self.http.httpx_client.event_hooks.values())

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        added = {**query, **headers}
        try:
            return self.read(self.http.request(PATH, **self.arguments(request, timeout, headers, query)), added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The events of one streamed answer; leaving the context closes the connection."""
        added = {**query, **headers}
        opened = self.http.stream(PATH, **self.arguments(request, timeout, headers, query))
        try:
            response = opened.__enter__()
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            if not 200 <= response.status_code < 300:
                self._read_failure(response, timeout, added)
            decoder, kept = self.decoder(response, added)
            with closing(self._events(response, decoder, timeout, added)) as found:
                yield EventStream(
                    found, request_id=request_id(kept), headers=kept, interrupt=lambda: interrupt(response)
                )
        finally:
            opened.__exit__(None, None, None)

    def _read_failure(self, response: Any, timeout: float | None, added: Mapping[str, str]) -> None:
        try:
            response.read()
            self.read(response, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    def _events(
        self, response: Any, decoder: EventDecoder, timeout: float | None, added: Mapping[str, str]
    ) -> Generator[JSON]:
        try:
            for event in events(in_time(response.iter_bytes()), decoder):
                yield self.checked(event, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    def close(self) -> None:
        self.http.httpx_client.close()


class _AsyncTransport(_Sender):
    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        added = {**query, **headers}
        try:
            response = await self.http.request(PATH, **self.arguments(request, timeout, headers, query))
            return self.read(response, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncGenerator[AsyncEventStream]:
        """`_Transport.stream`, awaited."""
        added = {**query, **headers}
        opened = self.http.stream(PATH, **self.arguments(request, timeout, headers, query))
        try:
            response = await opened.__aenter__()
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            if not 200 <= response.status_code < 300:
                await self._read_failure(response, timeout, added)
            decoder, kept = self.decoder(response, added)
            async with aclosing(self._events(response, decoder, timeout, added)) as found:
                yield AsyncEventStream(found, request_id=request_id(kept), headers=kept)
        finally:
            await opened.__aexit__(None, None, None)

    async def _read_failure(self, response: Any, timeout: float | None, added: Mapping[str, str]) -> None:
        try:
            await response.aread()
            self.read(response, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    async def _events(
        self, response: Any, decoder: EventDecoder, timeout: float | None, added: Mapping[str, str]
    ) -> AsyncGenerator[JSON]:
        try:
            async for event in events_async(response.aiter_bytes(), decoder):
                yield self.checked(event, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    async def close(self) -> None:
        await self.http.httpx_client.aclose()
