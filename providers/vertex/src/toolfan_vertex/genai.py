"""Senders over google.genai.Client, for Vertex AI and the Gemini API alike; google-genai 1.66 to 3.x.

The body goes through `http_options.extra_body`, which the SDK merges into its own request unread: what the codec wrote
is what is sent.  `should_return_http_response` gives the answer as text, so that digits, key order and ids stay.  Both
are public.  The Client is held: without it the SDK closes the connection under `client.models`.

Knows: the SDK's generate_content.  Must not know: what is in a body.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.errors import BadResponse, ProviderError, Unsupported, UsageError
from toolfan.redaction import blotted
from toolfan.wire import decode_json, encode_json, merge_extra_body

from . import redirects
from .border import cause, plain_headers, request_id, secrets_of, translated

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Sender:
    def __init__(self, client: Any, adapter: str) -> None:
        self._client = client
        self._adapter = adapter
        redirects.watch(client)

    def stream(self, *_: Any, **__: Any) -> NoReturn:
        """Raises Unsupported: there are no streams yet."""
        raise Unsupported("streams are not available yet", adapter=self._adapter, hint="Leave stream out.")

    def _arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> JSON:
        if query:
            raise Unsupported("google-genai sends no extra query", adapter=self._adapter, hint="Leave extra_query out.")
        if not request.model:
            raise UsageError("no model is named", adapter=self._adapter, hint='Write model="gemini-2.5-flash".')
        encode_json(request.body)  # refuses what is no JSON; the SDK would send NaN
        own = getattr(getattr(self._client, "_api_client", None), "_http_options", None)
        body = merge_extra_body(request.body, getattr(own, "extra_body", None) or {}, adapter=self._adapter)
        # One attempt: retries are toolfan's.  Without this the async client repeats a lost connection after up to
        # ten seconds; old versions (1.66) with aiohttp do so whatever is asked.
        options: JSON = {"extra_body": body, "headers": dict(headers), "retry_options": {"attempts": 1}}
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

    def _answer(self, response: Any, sent: Mapping[str, str]) -> WireResponse:
        http = response.sdk_http_response
        secrets = secrets_of(self._client, sent)
        headers = plain_headers(http.headers, secrets)
        try:
            body = decode_json(
                http.body or "", adapter=self._adapter, content_type=headers.get("content-type"), secrets=secrets
            )
        except ProviderError as exc:
            exc.request_id = request_id(headers)
            raise
        if not isinstance(body, dict):
            raise BadResponse(
                f"the answer is a {type(body).__name__}, not an object",
                adapter=self._adapter,
                request_id=request_id(headers),
                hint="Check the base URL: a proxy or another service may have answered.",
            )
        if body.get("error") and not body.get("candidates"):
            body = {**body, "error": blotted(body["error"], secrets)}
        return WireResponse(body, request_id(headers), headers)

    def _failure(self, exc: Exception, timeout: float | None, sent: Mapping[str, str]) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        secrets = secrets_of(self._client, sent)
        raise translated(exc, adapter=self._adapter, timeout=timeout, secrets=secrets) from cause(exc, secrets)


class GenaiTransport(_Sender):
    """Blocking sends."""

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        """One generateContent; `timeout` in seconds is the SDK's, between two bytes."""
        arguments = self._arguments(request, timeout, headers, query)
        try:
            with redirects.none_followed():
                response = self._client.models.generate_content(**arguments)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout, headers)
        return self._answer(response, headers)

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
            self._failure(exc, timeout, headers)
        return self._answer(response, headers)

    async def close(self) -> None:
        """Closes the client, both halves of it."""
        await self._client.aio.aclose()
        self._client.close()
