"""Thin senders over a `bedrock-runtime` client of boto3; the async one runs it in threads, since boto3 has no async.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.drivers.pooled_sockets import noted
from toolfan.errors import ProviderError, ToolfanError, Unsupported, UsageError
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.secrets.masking import raise_from, shows_secret
from toolfan.secrets.redaction import (
    blotted,
    blotted_beside,
    known_secrets,
    longest_first,
    sent_secrets,
    without_echo_of,
)
from toolfan.signals import raise_what_a_signal_did
from toolfan.wire import decode_json, encode_json, kind_of

from .blobs import stubbed, to_json, to_sdk
from .border import about, credentials_of, translated
from .failures import with_own_setting
from .hooks import Asked, asked_now, tell
from .reading import Whole, events_of
from .sessions import note_connections_of
from .threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping

    from toolfan.adapter import AsyncTransport, Transport
    from toolfan.secrets.held import Secrets

_WORDS = frozenset({"output", "contentBlockStart", "contentBlockDelta"})  # what is below is the model's
_METHODS = {"Converse": "converse", "ConverseStream": "converse_stream"}


def make_transport(client: Any, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender over `client`.  Raises UsageError if it is no `bedrock-runtime` client of boto3's own."""
    model = getattr(getattr(client, "meta", None), "service_model", None)
    service = getattr(model, "service_name", None)
    if service != "bedrock-runtime":
        kind = f"a client of {service}" if service else f"{type(client).__module__}.{type(client).__name__}"
        raise UsageError(
            f"{kind} is no client of Bedrock's runtime",
            adapter=adapter,
            hint='Pass boto3.client("bedrock-runtime").',
        )
    modules = {base.__module__.partition(".")[0] for base in client.__class__.__mro__}
    if "aiobotocore" in modules or iscoroutinefunction(getattr(client, "_make_api_call", None)):
        raise UsageError(
            f"{type(client).__name__} is a client of aiobotocore (aioboto3), which this adapter does not call",
            adapter=adapter,
            hint='Pass boto3.client("bedrock-runtime"), which wrap_async() serves, too.',
        )
    return (_AsyncTransport if use_async else _Transport)(client, adapter)


def _told(body: Any, secrets: Iterable[str]) -> Any:
    """The body of an answer; without secrets where it is none, or tells an error."""
    good = isinstance(body, dict) and body.get("output") and not (body.get("Error") or body.get("error"))
    return body if good else blotted(body, secrets)


class _Sender:
    """What the sync and the async sender share."""

    def __init__(self, client: Any, adapter: str) -> None:
        self.client, self.adapter = client, adapter
        note_connections_of(client)
        tell(client)
        self._closed = False

    def call(self, operation: str, request: WireRequest, asked: Asked, query: Mapping[str, str]) -> Any:
        """The SDK's answer.  Raises ToolfanError."""
        if self._closed:  # boto3 would connect anew
            raise UsageError("the client was closed", adapter=self.adapter, hint="Make another one.")
        if query:
            raise Unsupported("boto3 sends no extra query", adapter=self.adapter, hint="Leave extra_query out.")
        encode_json(request.body)  # refuses what is no JSON
        shape = self.client.meta.service_model.operation_model(operation).input_shape
        token = asked_now.set(asked)
        try:
            with noted(asked.served, asked.timeout):
                return getattr(self.client, _METHODS[operation])(modelId=request.model, **to_sdk(request.body, shape))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            asked.served.over()
            self.failure(exc, asked)
        finally:
            asked_now.reset(token)

    def answer(self, request: WireRequest, asked: Asked, query: Mapping[str, str]) -> WireResponse:
        """The whole answer."""
        try:
            answer = self.call("Converse", request, asked, query)
        finally:
            asked.served.over()
        secrets = self._secrets(asked)
        _, headers, request_id = about(answer, secrets)
        if asked.content is None:
            return WireResponse(stubbed(answer), request_id, headers)
        try:
            body = decode_json(asked.content, adapter=self.adapter, content_type=kind_of(headers), secrets=secrets)
        except ProviderError as exc:
            exc.request_id = request_id
            with_own_setting(exc)
            raise
        kept = without_echo_of(self.keys(asked), _told(body, secrets), asked.content, _WORDS)
        return WireResponse(kept, request_id, headers)

    def end(self) -> None:
        """Close the client; nothing more is sent."""
        self._closed = True
        self.client.close()

    @property
    def secrets(self) -> Secrets:
        """What no error may show."""
        return credentials_of(self.client)

    def _secrets(self, asked: Asked) -> Secrets:
        """What must not be shown: the credentials, and what was added to the request."""
        return longest_first(self.keys(asked), sent_secrets(asked.headers), sent_secrets(asked.sent))

    def keys(self, asked: Asked) -> Secrets:
        """The secrets that a good answer is kept without."""
        return longest_first(known_secrets({**asked.headers, **asked.sent}), credentials_of(self.client))

    def events(self, stream: Any, asked: Asked, headers: Mapping[str, str]) -> Generator[JSON]:
        keys, secrets = self.keys(asked), self._secrets(asked)
        try:
            for event in events_of(stream, adapter=self.adapter, content_type=kind_of(headers), secrets=secrets):
                told = _told(event, secrets) if isinstance(event, Whole) else to_json(event)
                yield blotted_beside(told, keys, _WORDS)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, asked, reading=True)

    def failure(self, exc: Exception, asked: Asked, *, reading: bool = False) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        raise_what_a_signal_did(exc)
        known: Any = {"timeout": asked.timeout, "secrets": (secrets := self._secrets(asked)), "reading": reading}
        error = translated(exc, adapter=self.adapter, sent=bool(asked.sent), **known)
        if isinstance(exc, ToolfanError):
            raise error
        raise_from(error, None if shows_secret(exc, secrets) else exc)


class _Transport(_Sender):
    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        return self.answer(request, Asked(timeout, headers), query)

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The events of one streamed answer; leaving the context closes the connection."""
        asked = Asked(timeout, headers)
        try:
            answer = self.call("ConverseStream", request, asked, query)
            secrets = self._secrets(asked)
            _, kept, request_id = about(answer, secrets)
            with closing(answer["stream"]) as stream:
                yield EventStream(
                    self.events(stream, asked, kept),
                    request_id=request_id,
                    headers=kept,
                    interrupt=lambda: asked.leave(stream),
                    secrets=secrets,
                )
        finally:
            asked.served.over()

    def close(self) -> None:
        self.end()


def _uncounted(change: int) -> None:
    del change


class _AsyncTransport(_Sender):
    on_abandon: Callable[[int], None] = staticmethod(_uncounted)
    """Told what is left behind; the client of toolfan's that sends with this sets it."""

    async def _in_thread(
        self, work: Callable[[], Any], asked: Asked, discard: Callable[[Any], object] | None = None
    ) -> Any:
        leave = asked.served.leave
        return await in_thread(work, adapter=self.adapter, on_abandon=self.on_abandon, leave=leave, discard=discard)

    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        asked = Asked(timeout, headers)
        answer = await self._in_thread(partial(self.answer, request, asked, query), asked)
        assert isinstance(answer, WireResponse)
        return answer

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncGenerator[AsyncEventStream]:
        """`_Transport.stream`, awaited."""
        asked = Asked(timeout, headers)

        def close(answer: Any) -> None:
            answer["stream"].close()
            asked.served.over()

        opening = partial(self.call, "ConverseStream", request, asked, query)
        answer = await self._in_thread(opening, asked, discard=close)
        secrets = self._secrets(asked)
        _, kept, request_id = about(answer, secrets)
        events = self._each(self.events(answer["stream"], asked, kept), asked)
        try:
            async with aclosing(events):
                yield AsyncEventStream(events, request_id=request_id, headers=kept, secrets=secrets)
        finally:
            asked.leave(answer["stream"])  # closing waits for a thread that reads
            await self._in_thread(partial(close, answer), asked)

    async def _each(self, events: Iterator[JSON], asked: Asked) -> AsyncGenerator[JSON]:
        while (event := await self._in_thread(partial(next, events, None), asked)) is not None:
            yield event

    async def close(self) -> None:
        self.end()
