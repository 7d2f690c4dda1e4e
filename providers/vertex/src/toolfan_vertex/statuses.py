"""An error status of Google's services to toolfan's error: what its body, its details and its headers say.

Knows: Google's error bodies, as dicts and as attributes of the SDKs' errors.  Must not know: which exception was
raised, adapters, retries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from toolfan.errors import BadResponse, ProviderError, RequestRejected, ToolfanError
from toolfan.secrets.held import Secrets
from toolfan.secrets.masking import text_of
from toolfan.secrets.redaction import public_headers
from toolfan.translation.error_bodies import body_of, unread_words
from toolfan.translation.statuses import error_from_status, innermost, not_connected, provider_words
from toolfan.wire import unlisted

if TYPE_CHECKING:
    from toolfan.translation.error_bodies import Unread


# gRPC's words; it says RESOURCE_EXHAUSTED with them, as for a quota.
_TOO_LARGE = re.compile(r"(?i)(client: |server: |grpc: )?(received|sent) message larger than max(?: \([^)]*\))?")


_JSON = ("{", "[")  # some messages are JSON themselves
# What google-api-core writes before the words of the service.
_OWN_WORDS = re.compile(r"^(GET|POST) https?://\S+: ")


def of_size(exc: Exception, adapter: str) -> ProviderError | None:
    """The error of a message that is larger than this side of a gRPC channel, or the other one, takes; or None."""
    found = _TOO_LARGE.search(text_of(exc))
    if found is None:
        return None
    ours, received = (found[1] or "client: ").lower() == "client: ", found[2].lower() == "received"
    what, code = "answer" if received is ours else "request", "RESOURCE_EXHAUSTED"
    if not ours:
        said, hint = f"the {what} is larger than the service's gRPC takes", "Ask for less, or send less."
        return RequestRejected(f"{said}: {found[0]}", status=429, hint=hint, adapter=adapter, code=code)
    option = "grpc.max_receive_message_length" if received else "grpc.max_send_message_length"
    kind = BadResponse if received else RequestRejected
    return kind(
        f"the {what} is larger than this client's own gRPC channel takes: {found[0]}",
        retryable=False,
        hint=f"Raise the limit: make the channel of the client with options=[({option!r}, -1)].",
        adapter=adapter,
        code=code,
    )


def of_status(exc: Exception, status: int, adapter: str, secrets: Iterable[str]) -> ToolfanError:
    """The error of an SDK's own exception for this status."""
    details = getattr(exc, "details", None)
    said = provider_words(details) if hasattr(exc, "details") else str(exc)
    message = _OWN_WORDS.sub("", str(getattr(exc, "message", None) or said))
    if "failed to connect" in message.lower():  # gRPC's word for a refused connection, as a 503
        return not_connected(adapter, exc, secrets)
    headers = plain_headers(getattr(getattr(exc, "response", None), "headers", None), secrets)
    code, about = status_word(exc) or _told_word(exc), _details(exc)
    body = body_of(message.encode()) if not message.lstrip().startswith(_JSON) else None
    if isinstance(body, Mapping):  # framed as events, which the SDKs hand on as they came
        word = _legal_word(innermost(body.get("error")).get("status"))
        code, about, message = word or code, _details_of(body), provider_words(body)
    return _error(status, message, headers, adapter, code=code, details=about, secrets=secrets)


def of_unread(came: Unread, exc: Exception, adapter: str, secrets: Iterable[str]) -> ProviderError:
    """The error of an answer that an SDK failed to read; what can be read of its body counts."""
    body = came.body
    error = innermost(body.get("error") if isinstance(body, Mapping) else body)
    words, code, details = unread_words(came, exc), _legal_word(error.get("status")), _details_of(body)
    return _error(came.status, words, came.headers, adapter, code=code, details=details, secrets=secrets)


def _error(
    status: int, message: str, headers: Mapping[str, str], adapter: str, *, details: Any, **about: Any
) -> ProviderError:
    about |= {"headers": headers, "request_id": request_id(headers), "details": details}
    if _names_a_bad_key(details):
        about["code"] = "API_KEY_INVALID"
    return error_from_status(status, message, adapter=adapter, **about)


def _names_a_bad_key(details: Any) -> bool:
    """The Gemini API answers a wrong key with 400; only the reason (google.api.ErrorReason) tells."""
    items = details if isinstance(details, list | tuple) else ()
    return any(isinstance(item, Mapping) and item.get("reason") == "API_KEY_INVALID" for item in items)


def status_word(exc: Exception) -> str | None:
    """Google's word for the status of an exception, if it has one."""
    return _legal_word(getattr(exc, "status", None) or getattr(getattr(exc, "grpc_status_code", None), "name", None))


def _told_word(exc: Exception) -> str | None:
    """Google's word in the body of an answer over REST, which google-api-core leaves there."""
    content = getattr(getattr(exc, "response", None), "_content", None)
    body = unlisted(body_of(content)) if isinstance(content, bytes) else None
    error = innermost(body.get("error")) if isinstance(body, Mapping) else {}
    return _legal_word(error.get("status"))


def _legal_word(word: Any) -> str | None:
    return word if isinstance(word, str) and re.fullmatch(r"[A-Z_]+", word) else None


def _details(exc: Exception) -> Any:
    details = getattr(exc, "details", None)
    whole = isinstance(details, Mapping) or (
        isinstance(details, list) and details and isinstance(details[0], Mapping) and "error" in details[0]
    )
    return _details_of(details) if whole else details  # google-genai keeps the whole body there


def _details_of(body: Any) -> Any:
    """The details of an error body; that of a stream that was to be an array is in one."""
    body = body[0] if isinstance(body, list) and body else body
    error = body.get("error") if isinstance(body, Mapping) else None
    return error.get("details") or error.get("errors") if isinstance(error, Mapping) else None


def _items(headers: Any) -> Iterable[tuple[str, str]]:
    items = headers.items() if isinstance(headers, Mapping) or hasattr(headers, "items") else ()
    return ((str(key), str(value)) for key, value in items)


def plain_headers(headers: Any, secrets: Iterable[str] = ()) -> dict[str, str]:
    """Response headers with lower-case names, without cookies and secrets."""
    return public_headers(_items(headers), Secrets(secrets))


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the service, or a gateway before it, gave the request."""
    return headers.get("x-request-id") or headers.get("x-goog-request-id")
