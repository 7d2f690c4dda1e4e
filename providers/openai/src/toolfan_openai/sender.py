"""What the sync and the async sender share: the arguments of the SDK's `post`, the reading of answers and errors.

Knows: the SDK's client.  Must not know: what is in a body, retries, policy, how errors are told (`border` does).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.adapter import JSON, WireRequest, WireResponse
from toolfan.errors import ProviderError, ToolfanError
from toolfan.redaction import known_secrets, public_headers, shows_secret, without_echo_of
from toolfan.wire import decode_json, encode_json

from .border import WORDS, request_id, request_of, secrets_of, tells_error, translated, without_echo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan.framing import EventDecoder


class Sender:
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
        self._known: tuple[Any, tuple[str, ...], tuple[str, ...]] = (None, (), ())

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

    def _secrets(self, added: Mapping[str, str], request: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What must not be shown of this request, and the keys among it; found once for requests with the same head."""
        head = [pair for pair in request.headers.raw if pair[0] != b"Content-Length"]
        about = (self.client.api_key, request.url.query, head)
        known, secrets, keys = self._known
        if known != about:
            secrets = secrets_of(self.client, added, request)
            keys = known_secrets({"api_key": self.client.api_key, **dict(request.headers.items())})
            self._known = about, secrets, keys
        return secrets, keys

    def read(self, response: Any, added: Mapping[str, str]) -> WireResponse:
        sent, keys = self._secrets(added, response.request)
        kept = public_headers(response.headers.items(), sent)
        try:
            body = decode_json(
                response.content, adapter=self.adapter, content_type=kept.get("content-type"), secrets=sent
            )
        except ProviderError as exc:
            exc.request_id = request_id(kept)
            raise
        body = without_echo_of(keys, body, response.content, WORDS)
        return WireResponse(without_echo(body, sent), request_id(kept), kept)

    def stream_arguments(
        self, request: WireRequest, timeout: float | None, headers: Mapping[str, str], query: Mapping[str, str]
    ) -> dict[str, Any]:
        """`arguments` by which the SDK hands out the answer unread."""
        return {**self.arguments(request, timeout, headers, query), "stream": True, "stream_cls": self.stream_class}

    def head(self, response: Any, added: Mapping[str, str]) -> tuple[WireResponse, EventDecoder]:
        """What the head of a streamed answer says, and the decoder of its events."""
        from toolfan.framing import EventDecoder  # loaded, as all that is for streams, for those who stream

        sent, _ = self._secrets(added, response.request)
        kept = public_headers(response.headers.items(), sent)
        decoder = EventDecoder(adapter=self.adapter, content_type=kept.get("content-type"), secrets=sent)
        return WireResponse({}, request_id(kept), kept), decoder

    def checked(self, event: JSON, response: Any, added: Mapping[str, str]) -> JSON:
        """The event; if it is an error, without the secrets of the request."""
        if tells_error(event):
            return without_echo(event, self._secrets(added, response.request)[0])  # type: ignore[no-any-return]
        return event

    def failure(self, exc: Exception, timeout: float | None, added: Mapping[str, str]) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        ours = timeout is not None and self._shorter_timeout(timeout) is not None
        secrets = secrets_of(self.client, added, request_of(exc))
        error = translated(exc, adapter=self.adapter, timeout=timeout if ours else None, secrets=secrets)
        cause = exc.__cause__ if isinstance(exc, ToolfanError) else exc
        raise error from None if cause is None or shows_secret(cause, secrets) else cause
