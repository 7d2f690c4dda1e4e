"""Thin senders over `openai.OpenAI`, `AsyncOpenAI` and the Azure clients.

They go through the SDK's public generic call, `client.post`, which keeps auth, base URL, hooks and error classes and
skips the walk through every message and tool.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import aclosing, asynccontextmanager, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, AsyncTransport, Transport, WireRequest, WireResponse
from toolfan.errors import ProviderError, ToolfanError, UsageError
from toolfan.redaction import public_headers, shows_secret
from toolfan.sockets import Limit, end_at_the_deadline, limit
from toolfan.wire import decode_json, encode_json

from .border import FAILURES, request_id, request_of, secrets_of, translated, without_echo
from .connecting import check_key

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator, Mapping

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


class _Sender:
    """What the sync and the async sender share: the arguments of `post`, the reading of answers and errors."""

    def __init__(self, client: Any, adapter: str, path: str, *, use_async: bool) -> None:
        import openai

        self.client, self.adapter, self.path = client, adapter, path
        # openai 3 is built on httpx2; `cast_to` must be the very class.
        if int(openai.__version__.split(".")[0]) >= 3:
            from httpx2 import Response
        else:
            from httpx import Response  # type: ignore[assignment]
        self.response_class: Any = Response
        # A client that may rewrite the body (Azure makes its URL from it; subclasses; providers) is given a dict.
        module = type(client).__module__
        self.sends_bytes = module == "openai" or module.startswith("openai._client")
        self.sends_bytes &= type(client).__name__ in ("OpenAI", "AsyncOpenAI") and not getattr(
            client, "_provider", None
        )
        self.stream_class: Any = (openai.AsyncStream if use_async else openai.Stream)[object]
        self._joined: tuple[Any, str] = (None, path)
        self._known: tuple[Any, tuple[str, ...]] = (None, ())

    @property
    def url(self) -> str:
        """Where to post.

        The whole address, which spares the SDK the joining; Azure's client is given the path, by which it knows that
        a deployment belongs into the address.
        """
        if not self.sends_bytes:
            return self.path
        base = self.client.base_url
        joined_base, url = self._joined
        if base is not joined_base:  # it may be set anew at any time
            url = str(base.copy_with(raw_path=base.raw_path + self.path.lstrip("/").encode()))
            self._joined = base, url
        return url

    def arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> dict[str, Any]:
        # A redirect would turn the POST into a GET.
        options: dict[str, Any] = {"max_retries": 0, "follow_redirects": False}
        if timeout is not None and (shorter := self._shorter_timeout(timeout)) is not None:
            options["timeout"] = shorter
        if headers:
            options["headers"] = dict(headers)
        if query:
            options["params"] = dict(query)
        return {"cast_to": self.response_class, "options": options, **self._payload(request)}

    def _payload(self, request: WireRequest) -> dict[str, Any]:
        body, tools_json = request.body, request.tools_json
        # Also for those that send a dict: what is no JSON is refused here.
        rest = encode_json(body if tools_json is None else {key: body[key] for key in body if key != "tools"})
        if not self.sends_bytes:
            return {"body": body}
        return {"content": rest if tools_json is None else b'%b,"tools":%b}' % (rest[:-1], tools_json)}

    def _shorter_timeout(self, seconds: float) -> Any:
        """The SDK's timeout is for each read, the deadline for all; None if the client's own is shorter already."""
        import openai

        own = self.client.timeout
        read = own if own is None or isinstance(own, int | float) else own.read
        if read is not None and read <= seconds + 1:
            return None
        connect = getattr(own, "connect", None)
        return openai.Timeout(seconds, connect=seconds if connect is None else min(connect, seconds))

    def _secrets(self, added: Mapping[str, str], request: Any) -> tuple[str, ...]:
        """What must not be shown of this request; found once for requests with the same head."""
        head = [pair for pair in request.headers.raw if pair[0] != b"Content-Length"]
        about = (self.client.api_key, request.url.query, head)
        known, secrets = self._known
        if known != about:
            secrets = secrets_of(self.client, added, request)
            self._known = about, secrets
        return secrets

    def read(self, response: Any, added: Mapping[str, str]) -> WireResponse:
        sent = self._secrets(added, response.request)
        kept = public_headers(response.headers.items(), sent)
        try:
            body = decode_json(
                response.content, adapter=self.adapter, content_type=kept.get("content-type"), secrets=sent
            )
        except ProviderError as exc:
            exc.request_id = request_id(kept)
            raise
        return WireResponse(without_echo(body, sent), request_id(kept), kept)

    def stream_arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> dict[str, Any]:
        """`arguments` by which the SDK hands out the answer unread."""
        return {**self.arguments(request, timeout, headers, query), "stream": True, "stream_cls": self.stream_class}

    def head(self, response: Any, added: Mapping[str, str]) -> tuple[WireResponse, EventDecoder]:
        """What the head of a streamed answer says, and the decoder of its events."""
        from toolfan.framing import EventDecoder  # loaded, as all that is for streams, for those who stream

        sent = self._secrets(added, response.request)
        kept = public_headers(response.headers.items(), sent)
        decoder = EventDecoder(adapter=self.adapter, content_type=kept.get("content-type"), secrets=sent)
        return WireResponse({}, request_id(kept), kept), decoder

    def checked(self, event: JSON, response: Any, added: Mapping[str, str]) -> JSON:
        """The event; if it is an error, without the secrets of the request."""
        if "error" in event or event.get("type") in FAILURES:
            return without_echo(event, self._secrets(added, response.request))  # type: ignore[no-any-return]
        return event

    def failure(self, exc: Exception, timeout: float | None, added: Mapping[str, str]) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        ours = timeout is not None and self._shorter_timeout(timeout) is not None
        secrets = secrets_of(self.client, added, request_of(exc))
        error = translated(exc, adapter=self.adapter, timeout=timeout if ours else None, secrets=secrets)
        cause = exc.__cause__ if isinstance(exc, ToolfanError) else exc
        raise error from None if cause is None or shows_secret(cause, secrets) else cause


class _Transport(_Sender):
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
                yield EventStream(found, request_id=head.request_id, headers=head.headers)
        finally:
            response.close()

    def _events(
        self, response: Any, decoder: EventDecoder, timeout: float | None, added: Mapping[str, str]
    ) -> Generator[JSON]:
        from toolfan.event_streams import events

        chunks = response.iter_bytes()
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


class _AsyncTransport(_Sender):
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

        chunks = response.aiter_bytes()
        try:
            async for event in events_async(chunks, decoder):
                yield self.checked(event, response, added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        # Only a connection that was read to its end serves again.
        with anyio.move_on_after(END_SECONDS), suppress(Exception):
            async for _ in chunks:
                pass

    async def close(self) -> None:
        await self.client.close()
