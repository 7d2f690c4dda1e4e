"""What a transport over HTTP needs beside its SDK's client: reading answers, finding errors, hiding secrets.

A provider whose SDK hands out answers of httpx's kind subclasses `HttpSender` and gives it to `HttpTransport` or
`AsyncHttpTransport` (`transport`); one whose SDK has a generic `post`, `PostSender` (`post_sender`).

Knows: answers of httpx's kind, headers, JSON.  Must not know: SDK classes, what is in a body, retries, policy.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from ..adapter import JSON, WireResponse
from ..errors import ProviderError, ToolfanError
from ..secrets.credentials import login_of, logins_of, query_of
from ..secrets.held import Secrets
from ..secrets.redaction import blotted, known_secrets, longest_first, public_headers, sent_secrets, without_echo_of
from ..wire import decode_json, kind_of, unlisted

if TYPE_CHECKING:
    from ..adapter import WireRequest
    from ..framing.decoder import EventDecoder

Pairs = Mapping[str, str]
END_SECONDS = 0.05
"""How long the end of a stream is waited for when all its events have come."""


class HttpSender(ABC):
    """One client of an SDK, sync or async, and how its service answers.

    An answer has httpx's `status_code`, `headers`, `content`, `request`, `iter_bytes` and `close`, or the async ones.
    """

    words: frozenset[str] = frozenset()
    """Fields of answers and events with what the model says, which may be anything: also a key that it was told."""
    answer_fields: frozenset[str] = frozenset()
    """Fields of which a whole answer has one: of what has none, more is hidden, since an error will show it."""
    named_events: bool = False
    """Whether the name of an event of a stream is its `type`, where a server leaves that out."""
    request_ids: tuple[str, ...] = ("x-request-id",)
    """Headers with the id that the service, or a gateway before it, gave the request; the first one counts."""

    def __init__(self, client: Any, adapter: str) -> None:
        self.client, self.adapter = client, adapter
        self._known: tuple[Any, Secrets, Secrets] = (None, Secrets(), Secrets())

    @abstractmethod
    def send(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        """The answer, read; of an async client awaitable.  `timeout` in seconds, None for none."""

    def rest(self, answer: Any) -> Any:
        """Of an async client whose `send` gives the answer unread, awaitable: the answer, read; else None.

        So no frame of a sender's is held while an answer is waited for.
        """
        return None

    @abstractmethod
    def open(self, request: WireRequest, timeout: float | None, headers: Pairs, query: Pairs) -> Any:
        """A context, of an async client an async one, with the answer, unread."""

    @abstractmethod
    def close(self) -> Any:
        """Closes the client; of an async one awaitable."""

    @property
    @abstractmethod
    def http(self) -> Any:
        """The client of httpx, or of its kind, below."""

    @property
    def address(self) -> str:
        """Where all requests go, with the login and the query that it may have."""
        return ""

    def credentials(self) -> dict[str, Any]:
        """What the client authenticates with, by names."""
        return {}

    def always_sent(self) -> tuple[Pairs, ...]:
        """Headers, and parts of the query, that the client adds to every request."""
        return ()

    def limits(self, timeout: float) -> bool:
        """Whether this deadline ends a request, and no shorter timeout of the client's own."""
        return timeout > 0

    def tells_error(self, body: JSON) -> bool:
        """Whether a body, or an event of a stream, is an error."""
        return bool(body.get("error"))

    def is_last(self, event: JSON) -> bool:
        """Whether no event of interest follows, though the service sends no `[DONE]`."""
        return not event

    def error_code(self, status: int, about: Mapping[str, Any]) -> Any:
        """The service's own word for an error; `about` is the error object, or what came in its place."""
        code = about.get("code") or about.get("error_code") or about.get("type")
        named = about.get("status")  # Google's word, beside the status as a number
        if isinstance(code, int) and status and isinstance(named, str):
            return named
        # LiteLLM and vLLM repeat the status, as a text or a number, beside a word that says more.
        return about["type"] if str(code) == str(status) and isinstance(about.get("type"), str) else code

    def request_id(self, headers: Pairs) -> str | None:
        """The id of the request; `headers` have lower-case names."""
        return next((headers[name] for name in self.request_ids if headers.get(name)), None)

    def secrets(self, added: Pairs, request: Any = None) -> Secrets:
        """What must not be shown: keys, and what was added to requests.  `added`: headers and query of one call.

        What was added under a harmless name and stands in the body as well is shown: a model's name, a tool's.
        """
        address = self.address
        keys = longest_first(known_secrets(self.credentials()), logins_of(self.http), login_of(address))
        own = query_of(address)
        if request is None:
            return longest_first(keys, *(sent_secrets(dict(sent)) for sent in (added, own, *self.always_sent())))
        # With all that was added on the way, and the token that a provider gave for it.
        sent = {**_query(request), **dict(request.headers.items())}
        body, named = _body(request), known_secrets(sent)
        every = longest_first(sent_secrets(sent), sent_secrets(own))
        return longest_first(keys, named, known_secrets(own), (one for one in every if one.encode() not in body))

    def keys(self) -> Secrets:
        """What must not be shown, whatever is sent: keys and passwords."""
        address = self.address
        named = map(known_secrets, (self.credentials(), query_of(address), *self.always_sent()))
        return longest_first(logins_of(self.http), login_of(address), *named)

    def _secrets(self, response: Any) -> tuple[Secrets, Secrets]:
        """Secrets, and the keys among them, of an answer's request; found once for requests with the same head."""
        request = response.request
        head = [pair for pair in request.headers.raw if pair[0] != b"Content-Length"]
        credentials = self.credentials()
        about = (credentials, request.url.query, head)
        known, secrets, keys = self._known
        if known != about:
            secrets = self.secrets({}, request)
            sent = {**_query(request), **dict(request.headers.items())}
            named = known_secrets({**credentials, **sent}), known_secrets(query_of(self.address))
            keys = longest_first(*named, logins_of(self.http), login_of(self.address))
            self._known = about, secrets, keys
        return secrets, keys

    def read(self, response: Any) -> WireResponse:
        """The decoded answer.  Raises the ProviderError of its status, BadResponse if it is no JSON object."""
        secrets, keys = self._secrets(response)
        if not 200 <= response.status_code < 300:
            raise self.of_status(response, "", secrets)
        headers, content = public_headers(response.headers.items(), secrets), response.content
        try:
            body = decode_json(content, adapter=self.adapter, content_type=kind_of(headers), secrets=secrets)
        except ProviderError as exc:
            exc.request_id = self.request_id(headers)
            raise
        body = without_echo_of(keys, unlisted(body), content, self.words)
        if not isinstance(body, dict) or self.tells_error(body) or not self._is_answer(body):
            body = blotted(body, secrets)
        return WireResponse(body, self.request_id(headers), headers)

    def _is_answer(self, body: JSON) -> bool:
        return not self.answer_fields or any(map(body.get, self.answer_fields))

    def head(self, response: Any) -> tuple[WireResponse, EventDecoder]:
        """What the head of a streamed answer says, and the decoder of its events."""
        from .keyless import KeylessDecoder  # loaded, as all that is for streams, for those who stream

        secrets, keys = self._secrets(response)
        headers = public_headers(response.headers.items(), secrets)
        about: JSON = {"adapter": self.adapter, "secrets": secrets, "named": self.named_events}
        decoder = KeylessDecoder(**about, content_type=kind_of(headers), keys=keys, words=self.words)
        return WireResponse({}, self.request_id(headers), headers), decoder

    def checked(self, event: JSON, response: Any) -> JSON:
        """The event; if it is an error, without the secrets of the request, should the service have echoed them."""
        return blotted(event, self._secrets(response)[0]) if self.tells_error(event) else event

    def of_status(self, response: Any, message: str, secrets: Iterable[str]) -> ProviderError:
        """The error of an answer with an error status; `message` counts where its body cannot be read."""
        from ..translation.statuses import error_from_status, innermost, provider_words  # loaded when something fails

        headers = public_headers(response.headers.items(), secrets)
        body = _error_body(response, message)
        error = body.get("error") if isinstance(body, Mapping) else None
        about = innermost(error) or (body if isinstance(body, Mapping) else {})
        code = self.error_code(response.status_code, about)
        return error_from_status(
            response.status_code,
            provider_words(about or body),
            adapter=self.adapter,
            code=None if code is None else str(code),
            headers=headers,
            request_id=self.request_id(headers),
            details=about.get("details") or about.get("errors"),
            secrets=secrets,
        )

    def failure(self, exc: Exception, timeout: float | None, added: Pairs) -> NoReturn:
        """Raises what `exc` is to toolfan, from it; from nothing if its text shows a secret."""
        from ..secrets.masking import raise_from, shows_secret
        from ..signals import raise_what_a_signal_did
        from ..translation.statuses import unless_closed
        from .exceptions import error_of_http

        raise_what_a_signal_did(exc)
        secrets = self.secrets(added, _request_of(exc))
        error = error_of_http(
            exc,
            adapter=self.adapter,
            timeout=timeout if timeout is not None and self.limits(timeout) else None,
            secrets=secrets,
            sdk=_package(type(self.client)),
            of_status=lambda response, message: self.of_status(response, message, secrets),
        )
        error = unless_closed(error, self.http)
        cause = exc.__cause__ if isinstance(exc, ToolfanError) else exc
        raise_from(error, None if cause is None or shows_secret(cause, secrets) else cause)


def _package(kind: type) -> str:
    """The SDK's, also of a subclass of the user's."""
    packages = [base.__module__.partition(".")[0] for base in kind.__mro__]
    return next((name for name in reversed(packages) if name not in sys.stdlib_module_names), "")


def _query(request: Any) -> dict[str, str]:
    return dict(request.url.params.items()) if request.url.query else {}


def _body(request: Any) -> bytes:
    try:
        return request.content  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001 - of a client that streams its requests
        return b""


def _request_of(exc: Exception) -> Any:
    """The request that failed, if there was one already."""
    try:
        return getattr(exc, "request", None)
    except RuntimeError:  # httpx's word for an error without one
        return None


def _error_body(response: Any, message: str) -> Any:
    from ..translation.error_bodies import body_of

    try:
        content: bytes = response.content
    except Exception:  # noqa: BLE001 - of a hook that left it unread
        content = message.encode()
    body = body_of(content)
    listed = isinstance(body, list) and len(body) == 1 and isinstance(body[0], Mapping)
    return body[0] if listed else body  # so Google's compatible endpoint
