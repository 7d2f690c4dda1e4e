"""What the sync and the async sender share: the arguments of the SDK's `post`, the reading of answers and errors.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.errors import ProviderError, ToolfanError
from toolfan.redaction import public_headers, shows_secret, without_echo_of
from toolfan.wire import decode_json, encode_json

from .border import WORDS, keys_of, request_id, request_of, secrets_of, translated, without_echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.framing import EventDecoder

PATH = "/v1/messages"


class Sender:
    """The arguments of `post`, the reading of answers and errors."""

    def __init__(self, client: Any, adapter: str, *, use_async: bool) -> None:
        import anthropic

        self.client, self.adapter = client, adapter
        # httpx or httpx2, by the version of the SDK; `cast_to` must be the very class.
        names = (cls.__module__.partition(".")[0] for cls in anthropic.DefaultHttpxClient.__mro__)
        library = import_module(next(name for name in names if name.startswith("httpx")))
        self.response_class: Any = library.Response
        # A client that may rewrite the body (Vertex AI takes the model out of it) is given a dict.
        self.sends_bytes = type(client) in (anthropic.Anthropic, anthropic.AsyncAnthropic)
        self.stream_class: Any = (anthropic.AsyncStream if use_async else anthropic.Stream)[object]

    def arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> dict[str, Any]:
        """Of `post`, so that the SDK hands out the answer itself, unread if a stream was asked for."""
        # A redirect would turn the POST into a GET.
        options: dict[str, Any] = {"max_retries": 0, "follow_redirects": False}
        if timeout is not None and (shorter := self._shorter_timeout(timeout)) is not None:
            options["timeout"] = shorter
        if headers:
            options["headers"] = dict(headers)
        if query:
            options["params"] = dict(query)
        given = {"cast_to": self.response_class, "options": options, **self._payload(request)}
        return {**given, "stream": True, "stream_cls": self.stream_class} if request.body.get("stream") else given

    def _payload(self, request: WireRequest) -> dict[str, Any]:
        body, tools_json = request.body, request.tools_json
        # Also for those that send a dict: what is no JSON is refused here.
        rest = encode_json(body if tools_json is None else {key: body[key] for key in body if key != "tools"})
        if not self.sends_bytes:
            return {"body": body}
        return {"content": rest if tools_json is None else b'%b,"tools":%b}' % (rest[:-1], tools_json)}

    def _shorter_timeout(self, seconds: float) -> Any:
        """The SDK's timeout is for each read, the deadline for all; None if the client's own is shorter already."""
        import anthropic

        own = self.client.timeout
        read = own if own is None or isinstance(own, int | float) else own.read
        if read is not None and read <= seconds + 1:
            return None
        connect = getattr(own, "connect", None)
        return anthropic.Timeout(seconds, connect=seconds if connect is None else min(connect, seconds))

    def read(self, response: Any, added: Mapping[str, str]) -> WireResponse:
        """The decoded answer.  Raises BadResponse if it is no JSON object."""
        sent = secrets_of(self.client, added, response.request)
        kept = public_headers(response.headers.items(), sent)
        try:
            body = decode_json(
                response.content, adapter=self.adapter, content_type=kept.get("content-type"), secrets=sent
            )
        except ProviderError as exc:
            exc.request_id = request_id(kept)
            raise
        body = without_echo_of(keys_of(self.client, response.request), body, response.content, WORDS)
        return WireResponse(without_echo(body, sent), request_id(kept), kept)

    def head(self, response: Any, added: Mapping[str, str]) -> tuple[WireResponse, EventDecoder]:
        """What the head of a streamed answer says, and the decoder of its events."""
        from toolfan.framing import EventDecoder  # loaded, as all that is for streams, for those who stream

        sent = secrets_of(self.client, added, response.request)
        kept = public_headers(response.headers.items(), sent)
        decoder = EventDecoder(adapter=self.adapter, content_type=kept.get("content-type"), secrets=sent)
        return WireResponse({}, request_id(kept), kept), decoder

    def checked(self, event: JSON, response: Any, added: Mapping[str, str]) -> JSON:
        """The event; if it is an error, without the secrets of the request."""
        if "error" not in event:
            return event
        return without_echo(event, secrets_of(self.client, added, response.request))  # type: ignore[no-any-return]

    def failure(self, exc: Exception, timeout: float | None, added: Mapping[str, str]) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        ours = timeout is not None and self._shorter_timeout(timeout) is not None
        secrets = secrets_of(self.client, added, request_of(exc))
        error = translated(exc, adapter=self.adapter, timeout=timeout if ours else None, secrets=secrets)
        cause = exc.__cause__ if isinstance(exc, ToolfanError) else exc
        raise error from None if cause is None or shows_secret(cause, secrets) else cause
