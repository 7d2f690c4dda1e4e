"""Errors of Google's SDKs, and of the HTTP and gRPC libraries below them, to toolfan's.

By duck typing and class names: the libraries differ between the SDKs' majors (httpx, httpx2, requests, aiohttp, grpc),
and importing any of them here would cost those who do not use it.

Knows: how these errors look.  Must not know: adapters, bodies, retries.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, cast

from toolfan.errors import AuthenticationError, BadResponse, ProviderError, ToolfanError, UsageError
from toolfan.logins import logins_of, proxy_logins
from toolfan.masking import shows_secret
from toolfan.redaction import known_secrets, longest_first, public_headers, sent_secrets
from toolfan.translation import (
    broken,
    error_from_body,
    error_from_status,
    excerpt,
    named,
    not_connected,
    not_sent,
    provider_words,
    timed_out,
)
from toolfan.unread import error_of_unread, start_of_unread

# Their texts show the header, so the key.
_HEADER = frozenset({"LocalProtocolError", "InvalidHeader", "UnicodeEncodeError"})
_CLIENTS = ("_httpx_client", "_async_httpx_client")
_TIMEOUT = frozenset({"Timeout", "TimeoutException", "TimeoutError"})
_UNREADABLE = frozenset(
    {"JSONDecodeError", "UnicodeDecodeError", "ParseError", "DecodingError", "ContentDecodingError", "DecodeError"}
)
_BROKEN = frozenset({"TransportError", "RequestException", "ClientError", "OSError"})
_PROTOCOL = frozenset({"RemoteProtocolError", "BadHttpMessage", "ClientResponseError", "ChunkedEncodingError"})
# Functions of vertexai, google-api-core and toolfan that are given what came.
_READERS = frozenset({"_parse_response", "from_grpc_error", "read_answer"})
_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL", "InvalidSchema", "MissingSchema"})


def translated(exc: Exception, *, adapter: str, timeout: float | None, secrets: Iterable[str] = ()) -> ToolfanError:
    """What `exc`, caught around an SDK's send, is to toolfan; `timeout` is in seconds."""
    known = tuple(secrets)
    names = _names(exc)
    if names & _HEADER or (isinstance(exc, ValueError) and "in headers" in str(exc)):  # the latter is aiohttp's word
        return AuthenticationError(
            "a header of the request holds a character that HTTP forbids; nothing was sent",
            adapter=adapter,
            hint="Check the API key or token: a line break at its end is the usual cause.",
        )
    if isinstance(exc, ToolfanError):
        return exc
    if "TooManyRedirects" in names:
        return BadResponse(
            f"the server redirects, again and again: {named(exc, known)}",
            adapter=adapter,
            retryable=False,
            hint="Check the base URL: another service may have answered.",
        )
    if unread := _unread(exc, names, adapter, known):
        return unread
    if names & _PROTOCOL:  # before the code: aiohttp gives such errors a 400 of its own
        return broken(adapter, exc, known)
    code = getattr(exc, "code", None)
    if isinstance(code, int) and code > 200:
        return _of_status(exc, int(code), adapter, known)
    if callable(code):  # a bare gRPC error
        status = {"status": cast("Any", code)().name, "message": str(getattr(exc, "details", lambda: "")())}
        return error_from_body(status, adapter=adapter, secrets=known)
    if _is_of_grpc(exc):  # statuses that HTTP has not, and what gRPC cannot name
        status = {"status": _status_word(exc) or type(exc).__name__, "message": str(getattr(exc, "message", "") or exc)}
        return error_from_body(status, adapter=adapter, secrets=known)
    if names & _TIMEOUT:
        return timed_out(adapter, timeout, exc)
    return _without_status(exc, names, adapter, known)


def _unread(exc: Exception, names: set[str], adapter: str, known: tuple[str, ...]) -> ProviderError | None:
    """The error of a status whose body could not be read, if that is what `exc` is."""
    # The SDKs' own errors say all; aiohttp's of a head that is no HTTP have a status that nobody sent.
    told = bool(names & {"ClientResponseError", "BadHttpMessage"}) or hasattr(exc, "code")
    if told or not names & (_UNREADABLE | _PROTOCOL | _BROKEN):
        return None
    return error_of_unread(exc, adapter=adapter, secrets=known)


def _without_status(exc: Exception, names: set[str], adapter: str, known: tuple[str, ...]) -> ToolfanError:
    if names & _ADDRESS:
        return UsageError(
            f"the base URL cannot be used: {excerpt(str(exc), known)}", adapter=adapter, hint="Check base_url."
        )
    if type(exc).__module__.startswith("google.auth.") and "TransportError" not in names:
        return AuthenticationError(
            f"Google's credentials cannot be used: {named(exc, known)}",
            adapter=adapter,
            hint="Run `gcloud auth application-default login`, or pass credentials to the client.",
        )
    # The words of aiohttp, and of Google's reader of streams.
    if names & _UNREADABLE or str(exc).startswith("Can only parse array") or "decode content-encoding" in str(exc):
        return _unreadable(adapter, exc, known)
    if names & _BROKEN:
        return broken(adapter, exc, known)
    return _unreadable(adapter, exc, known) if _was_answered(exc) else not_sent(adapter, exc, known)


def cause(exc: Exception, secrets: Iterable[str] = ()) -> BaseException | None:
    """The cause to raise the translated error from; None for an error whose text shows a secret, or a header."""
    if isinstance(exc, ToolfanError):
        return exc.__cause__
    return None if _names(exc) & _HEADER or shows_secret(exc, tuple(secrets)) else exc


def keys_of(client: Any) -> tuple[str, ...]:
    """What a google-genai client authenticates with, as far as it tells."""
    inner = getattr(client, "_api_client", None)
    token = getattr(getattr(inner, "_credentials", None), "token", None)
    keys = known_secrets({"api_key": getattr(inner, "api_key", None), "token": token})
    return longest_first(keys, *(logins_of(getattr(inner, name, None)) for name in _CLIENTS))


def keys_of_model(model: Any) -> tuple[str, ...]:
    """What a GenerativeModel authenticates with, as far as it has it: no client is made, and no token fetched."""
    config = getattr(sys.modules.get("google.cloud.aiplatform.initializer"), "global_config", None)
    clients = (vars(model).get(name) for name in ("_prediction_client", "_prediction_async_client"))
    holders = [config, *(getattr(client, "transport", None) for client in clients)]
    names = ("_credentials", "_async_rest_credentials")
    tokens = (getattr(getattr(holder, name, None), "token", None) for holder in holders for name in names)
    key = known_secrets({"api_key": getattr(config, "_api_key", None)})
    added = sent_secrets(dict(getattr(config, "_request_metadata", None) or ()))
    return longest_first(key, added, proxy_logins(), *(known_secrets({"token": token}) for token in tokens))


def secrets_of(client: Any, headers: Mapping[str, str]) -> tuple[str, ...]:
    """`keys_of`, and the headers added to the client or to one call."""
    inner, key = getattr(client, "_api_client", None), keys_of(client)
    options = getattr(inner, "_http_options", None)
    of_http = (getattr(options, name, None) or {} for name in ("client_args", "async_client_args"))
    clients = (getattr(inner, name, None) for name in _CLIENTS)
    some = [getattr(options, "headers", None), headers, *(arguments.get("headers") for arguments in of_http)]
    some += [getattr(client, "headers", None) for client in clients]
    return longest_first(key, *(sent_secrets(dict(sent)) for sent in some if sent))


def _names(exc: Exception) -> set[str]:
    return {base.__name__ for base in type(exc).__mro__}


def _is_of_grpc(exc: Exception) -> bool:
    """Whether an error is of gRPC, or of what Google has over it; not its word for a channel that was closed."""
    return type(exc).__module__.startswith(("grpc", "google.api_core.")) and type(exc).__name__ != "UsageError"


def _was_answered(exc: Exception) -> bool:
    """Whether something came, and the SDK then failed to read it: the errors of its own code do not tell."""
    if any(frame.f_code.co_name in _READERS for frame, _ in traceback.walk_tb(exc.__traceback__)):
        return True
    return exc.__context__ is not None and "RpcError" in {base.__name__ for base in type(exc.__context__).__mro__}


def _unreadable(adapter: str, exc: Exception, secrets: tuple[str, ...]) -> BadResponse:
    came = start_of_unread(exc, secrets=secrets)
    return BadResponse(
        f"the answer cannot be read: {named(exc, secrets)[:200]}{f' ({came})' if came else ''}",
        adapter=adapter,
        hint="Check the base URL: a proxy or another service may have answered.",
    )


def _of_status(exc: Exception, status: int, adapter: str, secrets: tuple[str, ...]) -> ToolfanError:
    details = getattr(exc, "details", None)
    spelt = provider_words(details) if isinstance(details, Mapping | list) else ""
    message = str(getattr(exc, "message", None) or spelt or exc)
    if "failed to connect" in message.lower():  # gRPC's word for a refused connection, as a 503
        return not_connected(adapter, exc, secrets)
    headers = plain_headers(getattr(getattr(exc, "response", None), "headers", None), secrets)
    details = _details(exc)
    error = error_from_status(
        status,
        message,
        adapter=adapter,
        code=_status_word(exc),
        headers=headers,
        request_id=request_id(headers),
        details=details,
        secrets=secrets,
    )
    return _bad_key(error) if _names_a_bad_key(details) else error


def _names_a_bad_key(details: Any) -> bool:
    """The Gemini API answers a wrong key with 400; only the reason (google.api.ErrorReason) tells."""
    items = details if isinstance(details, list | tuple) else ()
    return any(isinstance(item, Mapping) and item.get("reason") == "API_KEY_INVALID" for item in items)


def _bad_key(error: ProviderError) -> AuthenticationError:
    return AuthenticationError(
        error.message,
        adapter=error.adapter,
        status=error.status,
        code="API_KEY_INVALID",
        request_id=error.request_id,
        hint="Check the API key.",
    )


def _status_word(exc: Exception) -> str | None:
    word = getattr(exc, "status", None) or getattr(getattr(exc, "grpc_status_code", None), "name", None)
    return word if isinstance(word, str) and re.fullmatch(r"[A-Z_]+", word) else None


def _details(exc: Exception) -> Any:
    details = getattr(exc, "details", None)
    if isinstance(details, list) and details and isinstance(details[0], Mapping) and "error" in details[0]:
        details = details[0]  # the error of a stream that was to be an array
    if isinstance(details, Mapping):  # google-genai keeps the whole body here
        error = details.get("error")
        return error.get("details") if isinstance(error, Mapping) else None
    return details


def _items(headers: Any) -> Iterable[tuple[str, str]]:
    items = headers.items() if isinstance(headers, Mapping) or hasattr(headers, "items") else ()
    return ((str(key), str(value)) for key, value in items)


def plain_headers(headers: Any, secrets: Iterable[str] = ()) -> dict[str, str]:
    """Response headers with lower-case names, without cookies and secrets."""
    return public_headers(_items(headers), tuple(secrets))


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the service, or a gateway before it, gave the request."""
    return headers.get("x-request-id") or headers.get("x-goog-request-id")
