"""Senders over vertexai.generative_models.GenerativeModel: REST and gRPC, sync and async.

A stream is asked for one step below generate_content, of the client inside the model: the generator that
generate_content gives cannot end a connection that is left early.  Over REST its bytes are read by `rest_chunks`, and
the head of the answer is told; what else the SDK gives has neither headers nor a request id.

Knows: the SDK's generate_content and what it leaves to be done.  Must not know: codecs; how JSON becomes the SDK's
objects (`protobuf` does).
"""

from __future__ import annotations

import inspect
import sys
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.errors import Unsupported, UsageError
from toolfan.framing.decoder import DONE
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.secrets.redaction import blotted_beside

from .border import keys_of_model, raise_translated
from .ending import ended_with, in_time, limited, noted_over_rest, served_for, twin_of
from .protobuf import GENAI_HINT, Arguments, read_answer, system_parts
from .rest_chunks import RestChunks, is_rest
from .statuses import plain_headers, request_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping

    from toolfan.secrets.held import Secrets

_WORDS = frozenset({"content"})  # what is below is the model's


class _Sender:
    _client_attribute: str
    _method: str

    def __init__(self, model: Any, adapter: str) -> None:
        self._model = model
        self._adapter = adapter
        self._arguments = Arguments(adapter)

    @property
    def secrets(self) -> Secrets:
        """What no error may show."""
        return keys_of_model(self._model)

    def _checked(self, request: WireRequest, headers: Mapping[str, str], query: Mapping[str, str]) -> JSON:
        """The arguments of generate_content.  Raises UsageError for what GenerativeModel cannot carry."""
        for name, given in (("headers", headers), ("query", query)):
            if given:
                raise Unsupported(f"GenerativeModel sends no extra {name}", adapter=self._adapter, hint=GENAI_HINT)
        own = getattr(self._model, "_model_name", None)
        if request.model and own and request.model.rpartition("/")[2] != str(own).rpartition("/")[2]:
            raise UsageError(
                f"model={request.model!r}, but this GenerativeModel is {own}",
                adapter=self._adapter,
                hint="Leave model out, or pass a GenerativeModel of that model.",
            )
        if getattr(self._model, "_tools", None):
            raise UsageError(
                "this GenerativeModel has tools of its own, which the request would replace",
                adapter=self._adapter,
                hint="Make it without tools=, and give all tools to toolfan.",
            )
        if getattr(self._model, "_tool_config", None) is not None:
            raise UsageError(
                "this GenerativeModel has a tool_config of its own, which the request would replace",
                adapter=self._adapter,
                hint='Make it without tool_config=, and write tool_choice=: "required" for the mode ANY, a list of the '
                "tools for allowed_function_names.",
            )
        return self._arguments.of(request.body, self._model)

    def _failure(self, exc: Exception, timeout: float | None) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        secrets = keys_of_model(self._model)
        raise_translated(exc, adapter=self._adapter, timeout=timeout, secrets=secrets)

    def _kept(self, body: JSON) -> JSON:
        """The answer, or a chunk of it, without the token, should the service have sent it back."""
        kept: JSON = blotted_beside(body, keys_of_model(self._model), _WORDS)
        return kept

    def _over_rest(
        self, chunks: Any, parse: Callable[[Any], Any], secrets: Iterable[str]
    ) -> tuple[RestChunks | None, Mapping[str, str]]:
        """What reads the chunks from their bytes, if they come over REST, and the headers of the answer."""
        if not is_rest(chunks):
            return None, {}
        headers = plain_headers(chunks._response.headers, secrets)
        return RestChunks(chunks, parse, adapter=self._adapter, headers=headers, secrets=secrets), headers

    def _instructed(self, system: JSON | None) -> Any:
        """The model with the request's system instruction after its own; the model itself stays as it is.

        generate_content has no argument for it, so a shallow copy carries it; both share one connection.
        """
        if not system:
            return self._model
        if not (hasattr(self._model, "_system_instruction") and hasattr(self._model, self._client_attribute)):
            raise UsageError(
                "this version of GenerativeModel takes no system instruction per request",
                adapter=self._adapter,
                hint="Make it with system_instruction=..., and leave system messages out.",
            )
        own = self._model._system_instruction or []
        twin = twin_of(self._model)
        twin._system_instruction = [*(own if isinstance(own, list | tuple) else [own]), *system_parts(system)]
        return twin

    def _streamed(self, arguments: JSON, system: JSON | None, limit: Any) -> tuple[Any, Callable[[Any], Any]]:
        """The stream's chunks, or what is to be awaited for them; and what makes a GenerationResponse of one.

        Over gRPC the limit is for the whole stream, over REST for each read.  Where the model does not have what
        this needs, generate_content serves, without a timeout, and a stream that is left early ends when it is
        forgotten.
        """
        model = self._instructed(system)
        if all(hasattr(model, name) for name in ("_prepare_request", "_parse_response", self._client_attribute)):
            client = getattr(model, self._client_attribute)
            chunks = client.stream_generate_content(request=model._prepare_request(**arguments), timeout=limit)
            return chunks, model._parse_response
        return getattr(model, self._method)(**arguments, stream=True), lambda chunk: chunk


def _is_cut(exc: Exception) -> bool:
    """Whether this is the SDK's word for a JSON array that nothing closed."""
    return isinstance(exc, ValueError) and str(exc).startswith("Unfinished stream")


class GenerativeModelTransport(_Sender):
    """Blocking sends, over the transport that vertexai.init() chose."""

    _client_attribute = "_prediction_client"
    _method = "generate_content"

    def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        """One generateContent."""
        arguments, served = self._checked(request, headers, query), served_for(self._model)
        try:
            with noted_over_rest(self._model, served, timeout):
                model = in_time(self._instructed(request.body.get("systemInstruction")), timeout, served)
                return WireResponse(self._kept(read_answer(model.generate_content(**arguments))))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout)
        finally:
            served.over()

    @contextmanager
    def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> Generator[EventStream]:
        """The chunks of one streamed generateContent; leaving the context closes the connection."""
        arguments, served = self._checked(request, headers, query), served_for(self._model)
        try:
            with noted_over_rest(self._model, served, timeout):
                limit, system = limited(timeout, served), request.body.get("systemInstruction")
                chunks, parse = self._streamed(arguments, system, limit)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            served.over()
            self._failure(exc, timeout)
        except BaseException:
            served.leave()  # Ctrl-C, before the first chunk came
            raise
        try:
            secrets = keys_of_model(self._model)
            unread, headers = self._over_rest(chunks, parse, secrets)
            found = self._events(chunks, parse, timeout) if unread is None else self._read(unread, timeout)
            # Over REST, cancelling waits for a thread that reads.
            stop = getattr(chunks, "cancel", None) if unread is None else ended_with(served, unread.interrupt)
            about: JSON = {"headers": headers, "interrupt": stop, "secrets": secrets}
            yield EventStream(found, request_id=request_id(headers), **about)
        finally:
            if hasattr(chunks, "cancel"):
                chunks.cancel()
            served.over()

    def _read(self, unread: RestChunks, timeout: float | None) -> Iterator[JSON]:
        try:
            for chunk in unread:
                yield self._kept(chunk)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout)

    def _events(self, chunks: Iterable[Any], parse: Callable[[Any], Any], timeout: float | None) -> Iterator[JSON]:
        try:
            for chunk in chunks:
                yield self._kept(read_answer(parse(chunk)))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            if _is_cut(exc):
                return
            self._failure(exc, timeout)
        yield DONE  # an array that was closed, or a status of gRPC

    def close(self) -> None:
        """Does nothing: toolfan never makes a GenerativeModel."""


class AsyncGenerativeModelTransport(_Sender):
    """Awaited sends over gRPC; over REST only with async credentials."""

    _client_attribute = "_prediction_async_client"
    _method = "generate_content_async"

    async def send(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> WireResponse:
        """One generateContent; `timeout` only appears in errors."""
        arguments = self._checked(request, headers, query)
        self._refuse_fallback()
        try:
            model = self._instructed(request.body.get("systemInstruction"))
            return WireResponse(self._kept(read_answer(await model.generate_content_async(**arguments))))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout)

    def _refuse_fallback(self) -> None:
        """Asked for REST without async credentials, vertexai would send over gRPC to an address made for REST."""
        if self._client_attribute in vars(self._model):
            return
        config = getattr(sys.modules.get("google.cloud.aiplatform.initializer"), "global_config", None)
        if getattr(config, "_api_transport", None) == "rest" and not getattr(config, "_async_rest_credentials", None):
            raise UsageError(
                "an async GenerativeModel over REST would fall back to gRPC",
                adapter=self._adapter,
                hint='Use vertexai.init(api_transport="grpc"), or google.genai.Client(vertexai=True).',
            )

    @asynccontextmanager
    async def stream(
        self, request: WireRequest, *, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> AsyncGenerator[AsyncEventStream]:
        """`GenerativeModelTransport.stream`, awaited."""
        arguments = self._checked(request, headers, query)
        self._refuse_fallback()
        try:
            limit, system = limited(timeout), request.body.get("systemInstruction")
            opening, parse = self._streamed(arguments, system, limit)
            chunks = await opening
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout)
        try:
            secrets = keys_of_model(self._model)
            unread, headers = self._over_rest(chunks, parse, secrets)
            events = self._events(chunks, parse, timeout) if unread is None else self._read(unread, timeout)
            async with aclosing(events) as found:
                yield AsyncEventStream(found, request_id=request_id(headers), headers=headers, secrets=secrets)
        finally:
            if hasattr(chunks, "cancel"):
                cancelled = chunks.cancel()
                if inspect.isawaitable(cancelled):
                    await cancelled

    async def _read(self, unread: RestChunks, timeout: float | None) -> AsyncGenerator[JSON]:
        try:
            async for chunk in unread:
                yield self._kept(chunk)
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            self._failure(exc, timeout)

    async def _events(
        self, chunks: AsyncIterable[Any], parse: Callable[[Any], Any], timeout: float | None
    ) -> AsyncGenerator[JSON]:
        try:
            async for chunk in chunks:
                yield self._kept(read_answer(parse(chunk)))
        except Exception as exc:  # noqa: BLE001 - translated, not swallowed
            if _is_cut(exc):
                return
            self._failure(exc, timeout)
        yield DONE

    async def close(self) -> None:
        """Does nothing: toolfan never makes a GenerativeModel."""
