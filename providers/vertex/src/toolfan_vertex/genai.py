"""Senders over google.genai.Client, for Vertex AI and the Gemini API alike; google-genai 1.66 to 3.x.

The body goes through `http_options.extra_body`, which the SDK merges into its own request unread: what the codec wrote
is what is sent.  `should_return_http_response` gives the answer as text, so that digits, key order and ids stay.  Both
are public.  The Client is held: without it the SDK closes the connection under `client.models`.

A stream has no such public door: generate_content_stream cuts the bytes into events itself, and fails at comments,
`data:` without a blank, U+2028 in a text and a JSON array.  So the answer is taken unread from the SDK's inner client,
by the two methods that generate_content_stream calls, and cut by toolfan.  Should a later version have them no more,
generate_content_stream serves, with its faults, and fields that it does not know are lost.

Knows: the SDK's generate_content and its inner client.  Must not know: what is in a body.
"""

from __future__ import annotations

import math
import re
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.drivers.sockets import end_at_the_deadline, interrupt
from toolfan.errors import BadResponse, ProviderError, Unsupported, UsageError
from toolfan.http.event_streams import AsyncEventStream, EventStream, events, events_async
from toolfan.http.keyless import KeylessDecoder
from toolfan.secrets.held import Hidden
from toolfan.secrets.redaction import blotted, without_echo_of
from toolfan.translation.error_bodies import unread_answer
from toolfan.wire import decode_json, encode_json, kind_of, merge_extra_body, unlisted

from . import redirects
from .border import keys_of, raise_translated, secrets_of
from .parsed import came, dumped
from .statuses import plain_headers, request_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

# The SDK refuses some of them, sync and async in different words; others would lead elsewhere.
_NOT_IN_A_NAME = re.compile(r"[\s\x00-\x1f\x7f?#&\\\ud800-\udfff]|\.\.")

_WORDS = frozenset({"content"})  # what is below is the model's


class _Sender:
    def __init__(self, client: Any, adapter: str) -> None:
        self._client, self._adapter = client, adapter
        redirects.watch(client)

    secrets = property(lambda self: keys_of(self._client))

    def _arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> JSON:
        if query:
            raise Unsupported("google-genai sends no extra query", adapter=self._adapter, hint="Leave extra_query out.")
        if not request.model:
            raise UsageError("no model is named", adapter=self._adapter, hint='Write model="gemini-2.5-flash".')
        if odd := _NOT_IN_A_NAME.search(request.model):
            raise UsageError(
                f"model is {request.model!r}, and its name is part of an address, which holds no {odd[0]!r}",
                adapter=self._adapter,
                hint='Check the name of the model, such as model="gemini-2.5-flash".',
            )
        encode_json(request.body)  # refuses what is no JSON; the SDK would send NaN
        own = getattr(getattr(self._client, "_api_client", None), "_http_options", None)
        body = merge_extra_body(request.body, getattr(own, "extra_body", None) or {}, adapter=self._adapter)
        # One attempt: retries are toolfan's.  Without this the async client repeats a lost connection after up to
        # ten seconds; old versions (1.66) with aiohttp do so whatever is asked.
        options: JSON = {"extra_body": body, "headers": Hidden(headers), "retry_options": {"attempts": 1}}
        limits = [getattr(own, "timeout", None), timeout and max(1, math.ceil(timeout * 1000))]
        if any(limits):
            options["timeout"] = min(filter(None, limits))  # in milliseconds
        config = {
            "http_options": options,
            "should_return_http_response": True,
            "automatic_function_calling": {"disable": True},
        }
        # The SDK wants some contents; those of the body replace them.
        return {"model": request.model, "contents": ".", "config": config}

    def _answer(self, came: Any, content: str | bytes, sent: Mapping[str, str]) -> WireResponse:
        secrets = secrets_of(self._client, sent)
        headers = plain_headers(came, secrets)
        about: JSON = {"content_type": kind_of(headers), "secrets": secrets}
        try:
            body = unlisted(decode_json(content, adapter=self._adapter, **about))
            if not isinstance(body, dict):
                raise BadResponse(
                    f"the answer is a {type(body).__name__}, not an object",
                    adapter=self._adapter,
                    hint="Check the base URL: a proxy or another service may have answered.",
                )
        except ProviderError as exc:
            exc.request_id = request_id(headers)
            raise
        if body.get("error") or not body.get("candidates"):
            body = blotted(body, secrets)
        body = without_echo_of(keys_of(self._client), body, content, _WORDS)
        return WireResponse(body, request_id(headers), headers)

    def _success(self, exc: Exception, timeout: float | None, sent: Mapping[str, str]) -> WireResponse:
        """The answer of a success other than 200, which the SDK takes for an error; all else goes to `_failure`."""
        came = unread_answer(exc, of=("google.genai",)) if type(exc).__name__ == "APIError" else None
        if came is None or not 200 < came.status < 300:
            self._failure(exc, timeout, sent)
        return self._answer(came.headers, came.content or b"", sent)

    @property
    def _hands_out_unread(self) -> bool:
        """Whether this version of the SDK has what `_unread` calls."""
        inner = getattr(self._client, "_api_client", None)
        return all(hasattr(inner, name) for name in ("_build_request", "_request", "_async_request"))

    def _unread(self, arguments: JSON) -> tuple[Any, JSON]:
        """What the SDK's inner client sends for a stream, and with which options."""
        from google.genai import _transformers

        inner, options = self._client._api_client, arguments["config"]["http_options"]
        model = _transformers.t_model(inner, arguments["model"])
        return inner._build_request("post", f"{model}:streamGenerateContent?alt=sse", {}, options), options

    def _head(self, answer: Any, sent: Mapping[str, str]) -> tuple[Mapping[str, str], KeylessDecoder]:
        secrets = secrets_of(self._client, sent)
        headers = plain_headers(answer.headers, secrets)
        return headers, KeylessDecoder(
            adapter=self._adapter,
            content_type=kind_of(headers),
            secrets=secrets,
            keys=keys_of(self._client),
            words=_WORDS,
        )

    def _checked(self, event: JSON, sent: Mapping[str, str]) -> JSON:
        """The event; if it is an error, without the secrets of the request."""
        if event.get("error"):
            return {**event, "error": blotted(event["error"], secrets_of(self._client, sent))}
        return event

    def _parsed(self, arguments: JSON) -> JSON:
        """The arguments of generate_content_stream."""
        from google.genai.types import GenerateContentConfig

        config = {key: value for key, value in arguments["config"].items() if key != "should_return_http_response"}
        if "automatic_continuation" in GenerateContentConfig.model_fields:
            config["automatic_continuation"] = False  # it would send further requests
        return {**arguments, "config": config}

    def _failure(self, exc: Exception, timeout: float | None, sent: Mapping[str, str]) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        secrets = secrets_of(self._client, sent)
        raise_translated(exc, adapter=self._adapter, timeout=timeout, secrets=secrets, client=self._client)


class GenaiTransport(_Sender):
    """Blocking sends."""

    def __init__(self, client: Any, adapter: str) -> None:
        super().__init__(client, adapter)
        end_at_the_deadline(getattr(getattr(client, "_api_client", None), "_httpx_client", None))

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        """One generateContent; `timeout` in seconds is the SDK's, between two bytes."""
        arguments = self._arguments(request, timeout, headers, query)
        try:
            with redirects.none_followed():
                response = self._client.models.generate_content(**arguments)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            return self._success(exc, timeout, headers)
        return self._answer(*came(response), headers)

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The chunks of one streamGenerateContent; leaving the context closes the connection, unless all was read."""
        arguments = self._arguments(request, timeout, headers, query)
        if not self._hands_out_unread:
            with closing(self._parsed_events(arguments, timeout, headers)) as parsed:
                yield EventStream(parsed)
            return
        try:
            with redirects.none_followed():
                answer = self._client._api_client._request(*self._unread(arguments), stream=True)
            response = answer.response_stream
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, headers)
        try:
            head, decoder = self._head(answer, headers)
            with closing(self._events(response, decoder, timeout, headers)) as found:
                stop = (lambda: interrupt(response)) if hasattr(response, "extensions") else None
                about: JSON = {"headers": head, "interrupt": stop, "secrets": decoder.secrets}
                yield EventStream(found, request_id=request_id(head), **about)
        finally:
            response.close()

    def _events(
        self, response: Any, decoder: KeylessDecoder, timeout: float | None, sent: Mapping[str, str]
    ) -> Generator[JSON]:
        # With a client certificate the SDK sends through requests.
        chunks = response.iter_bytes() if hasattr(response, "iter_bytes") else response.iter_content(None)
        try:
            for event in events(chunks, decoder):
                yield self._checked(event, sent)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, sent)

    def _parsed_events(self, arguments: JSON, timeout: float | None, sent: Mapping[str, str]) -> Generator[JSON]:
        try:
            chunks = iter(self._client.models.generate_content_stream(**self._parsed(arguments)))
            with redirects.none_followed():
                chunk = next(chunks, None)
            while chunk is not None:
                yield dumped(chunk)
                chunk = next(chunks, None)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, sent)

    def close(self) -> None:
        """Closes the client."""
        self._client.close()


class AsyncGenaiTransport(_Sender):
    """Awaited sends."""

    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        """One generateContent; see `GenaiTransport.send`."""
        arguments = self._arguments(request, timeout, headers, query)
        try:
            with redirects.none_followed():
                response = await self._client.aio.models.generate_content(**arguments)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            return self._success(exc, timeout, headers)
        return self._answer(*came(response), headers)

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncGenerator[AsyncEventStream]:
        """`GenaiTransport.stream`, awaited."""
        arguments = self._arguments(request, timeout, headers, query)
        if not self._hands_out_unread:
            async with aclosing(self._parsed_events(arguments, timeout, headers)) as parsed:
                yield AsyncEventStream(parsed)
            return
        try:
            with redirects.none_followed():
                answer = await self._client._api_client._async_request(*self._unread(arguments), stream=True)
            response = answer.response_stream
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, headers)
        try:
            head, decoder = self._head(answer, headers)
            async with aclosing(self._events(response, decoder, timeout, headers)) as found:
                about: JSON = {"headers": head, "secrets": decoder.secrets}
                yield AsyncEventStream(found, request_id=request_id(head), **about)
        finally:
            if hasattr(response, "aclose"):
                await response.aclose()
            else:
                response.close()

    async def _events(
        self, response: Any, decoder: KeylessDecoder, timeout: float | None, sent: Mapping[str, str]
    ) -> AsyncGenerator[JSON]:
        # Where aiohttp is installed, the SDK sends through it.
        chunks = response.aiter_bytes() if hasattr(response, "aiter_bytes") else response.content.iter_any()
        try:
            async for event in events_async(chunks, decoder):
                yield self._checked(event, sent)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, sent)

    async def _parsed_events(
        self, arguments: JSON, timeout: float | None, sent: Mapping[str, str]
    ) -> AsyncGenerator[JSON]:
        try:
            with redirects.none_followed():
                chunks = aiter(await self._client.aio.models.generate_content_stream(**self._parsed(arguments)))
                chunk = await anext(chunks, None)
            while chunk is not None:
                yield dumped(chunk)
                chunk = await anext(chunks, None)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, sent)

    async def close(self) -> None:
        """Closes the client, both halves of it."""
        await self._client.aio.aclose()
        self._client.close()
