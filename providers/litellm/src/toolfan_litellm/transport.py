"""Thin senders over LiteLLM's `completion` and `acompletion`.

LiteLLM is given a copy of the body, for it changes messages and tools in place; its retries and its handling of MCP
tools, which would send requests of their own, are off.

Knows: the arguments and the answers of these functions.  Must not know: what is in a body, retries, policy, how errors
are told (`border` does).
"""

from __future__ import annotations

import math
from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic_core import from_json
from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.errors import BadResponse, ToolfanError, Unsupported, UsageError
from toolfan.framing.decoder import DONE
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.secrets.held import Hidden
from toolfan.secrets.masking import raise_from, shows_secret
from toolfan.secrets.redaction import looks_secret, public_headers
from toolfan.signals import raise_what_a_signal_did
from toolfan.wire import encode_json

from .border import request_id, secrets_of, translated
from .ending import Ending, readers_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable, Mapping

    from toolfan.adapter import AsyncTransport, Transport


def make_transport(client: object, *, use_async: bool, adapter: str) -> Transport | AsyncTransport:
    """A sender over `client`, which has LiteLLM's two functions.  Raises UsageError if it does not."""
    if not all(callable(getattr(client, name, None)) for name in ("completion", "acompletion")):
        raise UsageError(
            f"{type(client).__name__} has no completion and acompletion",
            adapter=adapter,
            hint="Pass the module litellm, or toolfan_litellm.LiteLLMClient().",
        )
    return (_AsyncTransport if use_async else _Transport)(client, adapter)


class _Sender:
    def __init__(self, client: Any, adapter: str) -> None:
        self.client, self.adapter = client, adapter

    def arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> dict[str, Any]:
        if query:
            raise Unsupported("LiteLLM sends no extra query", adapter=self.adapter, hint="Leave extra_query out.")
        arguments = from_json(encode_json(request.body))
        arguments |= {"num_retries": 0, "max_retries": 0, "drop_params": False, "_skip_mcp_handler": True}
        if timeout is not None:
            arguments["timeout"] = _coarse(timeout)
        if headers:
            arguments["extra_headers"] = Hidden(headers)
        return arguments  # type: ignore[no-any-return]

    def read(self, answer: Any, added: Mapping[str, str]) -> WireResponse:
        body, headers = _dumped(answer), self.headers(answer, secrets_of(self.client, added))
        for choice in body.get("choices") or ():
            message = choice.get("message", {})
            message.setdefault("content", None)
            # LiteLLM keeps there what its own message has no field for; in a stream the refusal stands in its place.
            refusal = message.get("provider_specific_fields", {}).pop("refusal", None)
            if refusal is not None:
                message.setdefault("refusal", refusal)
            if not message.get("provider_specific_fields", True):
                del message["provider_specific_fields"]
        return WireResponse(body, request_id(headers), headers)

    def headers(self, answer: Any, secrets: Iterable[str]) -> dict[str, str]:
        told = getattr(answer, "_response_headers", None)
        if not told:
            hidden = getattr(answer, "_hidden_params", None) or {}
            told = hidden.get("additional_headers") or {}
        named = ((str(name).removeprefix("llm_provider-"), str(value)) for name, value in told.items())
        return public_headers(named, secrets)

    def ended(self, stream: Any, ending: Ending, added: Mapping[str, str]) -> list[JSON]:
        """`DONE` if the stream came to its end.  Raises BadResponse if a page of HTML came in its place."""
        if ending.came:
            return [DONE]
        kind = self.headers(stream, secrets_of(self.client, added)).get("content-type", "")
        if kind.startswith("text/html"):
            raise BadResponse(
                f"the answer ({kind}) is no stream of events",
                adapter=self.adapter,
                hint="Check the base URL: a proxy or another service may have answered.",
            )
        return []

    def failure(
        self, exc: Exception, timeout: float | None, added: Mapping[str, str], *, begun: bool = False
    ) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        raise_what_a_signal_did(exc)
        secrets = secrets_of(self.client, added)
        keyless = not getattr(self.client, "api_key", None)
        error = translated(exc, adapter=self.adapter, timeout=timeout, secrets=secrets, keyless=keyless, begun=begun)
        cause = exc.__cause__ if isinstance(exc, ToolfanError) else exc
        raise_from(error, None if cause is None or shows_secret(cause, secrets) else cause)


def _is_secret(argument: str) -> bool:
    return looks_secret(argument) and argument != "prompt_cache_key"  # a word of the user's, for requests alike


def _added(request: WireRequest, headers: Mapping[str, str]) -> Mapping[str, str]:
    """What was added to the request: headers, and keys among LiteLLM's arguments (`extra_body={"api_key": ...}`)."""
    body = request.body.items()
    given = {name: value for name, value in body if isinstance(value, str) and _is_secret(name)}
    return Hidden({**given, **headers})


def _coarse(seconds: float) -> float:
    """Up to a quarter more: LiteLLM makes another client, with connections that stay open, for each other timeout.

    It ends what a deadline has left behind, soon enough that the next requests find threads; the deadline itself is
    kept by toolfan.
    """
    seconds = max(seconds, 0.25)
    step = 2.0 ** (math.floor(math.log2(seconds)) - 2)
    return math.ceil(seconds / step) * step


def _dumped(answer: Any) -> JSON:
    return answer.model_dump(mode="json", exclude_none=True)  # type: ignore[no-any-return]


class _Transport(_Sender):
    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        arguments, added = self.arguments(request, timeout, headers, query), _added(request, headers)
        try:
            return self.read(self.client.completion(**arguments), added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The chunks of one streamed completion; leaving the context closes the connection."""
        arguments, added = self.arguments(request, timeout, headers, query), _added(request, headers)
        try:
            stream = self.client.completion(**arguments)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            secrets = secrets_of(self.client, added)
            head = self.headers(stream, secrets)
            with closing(self._events(stream, timeout, added)) as found:
                yield EventStream(found, request_id=request_id(head), headers=head, secrets=secrets)
        finally:
            # LiteLLM's sync stream has no close() of its own, and the Router's does not close what it reads.
            for one in [stream, *readers_of(stream)]:
                inner: Any = getattr(one, "completion_stream", None)
                if hasattr(inner, "close"):
                    inner.close()

    def _events(self, stream: Any, timeout: float | None, added: Mapping[str, str]) -> Generator[JSON]:
        ending = Ending(stream)
        try:
            for chunk in stream:
                yield ending.read(_dumped(chunk))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added, begun=True)
        yield from self.ended(stream, ending, added)

    def close(self) -> None:
        """Nothing: the connections are LiteLLM's, for all its callers."""


class _AsyncTransport(_Sender):
    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        arguments, added = self.arguments(request, timeout, headers, query), _added(request, headers)
        try:
            return self.read(await self.client.acompletion(**arguments), added)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncGenerator[AsyncEventStream]:
        """`_Transport.stream`, awaited."""
        arguments, added = self.arguments(request, timeout, headers, query), _added(request, headers)
        try:
            stream = await self.client.acompletion(**arguments)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added)
        try:
            secrets = secrets_of(self.client, added)
            head = self.headers(stream, secrets)
            async with aclosing(self._events(stream, timeout, added)) as found:
                yield AsyncEventStream(found, request_id=request_id(head), headers=head, secrets=secrets)
        finally:
            if hasattr(stream, "aclose"):
                await stream.aclose()

    async def _events(self, stream: Any, timeout: float | None, added: Mapping[str, str]) -> AsyncGenerator[JSON]:
        ending = Ending(stream)
        try:
            async for chunk in stream:
                yield ending.read(_dumped(chunk))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self.failure(exc, timeout, added, begun=True)
        for event in self.ended(stream, ending, added):
            yield event

    async def close(self) -> None:
        """Nothing: the connections are LiteLLM's, for all its callers."""
