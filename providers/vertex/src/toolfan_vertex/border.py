"""Errors of Google's SDKs, and of the HTTP and gRPC libraries below them, to toolfan's.

By duck typing and class names: the libraries differ between the SDKs' majors (httpx, httpx2, requests, aiohttp, grpc),
and importing any of them here would cost those who do not use it.

Knows: how these errors look.  Must not know: adapters, bodies, retries.
"""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.errors import NOT_BEGUN, AuthenticationError, BadResponse, ProviderError, ToolfanError, UsageError
from toolfan.secrets.credentials import login_of, logins_of, proxy_logins, query_of
from toolfan.secrets.held import Secrets
from toolfan.secrets.masking import raise_from, shows_secret, text_of
from toolfan.secrets.redaction import known_secrets, longest_first, sent_secrets
from toolfan.signals import raise_what_a_signal_did
from toolfan.translation.error_bodies import error_of_code, start_of_unread, unread_answer
from toolfan.translation.statuses import broken, error_from_body, excerpt, named, timed_out, unless_closed

from .statuses import of_size, of_status, of_unread, status_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Their texts show the header, so the key.
_HEADER = frozenset({"LocalProtocolError", "InvalidHeader", "UnicodeEncodeError"})
_CLIENTS = ("_httpx_client", "_async_httpx_client")
_TIMEOUT = frozenset({"Timeout", "TimeoutException", "TimeoutError"})
_UNREADABLE = frozenset(
    {"JSONDecodeError", "UnicodeDecodeError", "ParseError", "DecodingError", "ContentDecodingError", "DecodeError"}
)
_BROKEN = frozenset({"TransportError", "RequestException", "ClientError", "OSError"})
_SESSION = "google.auth.transport.requests"
_FETCHERS = frozenset({"before_request", "refresh"})
_PROTOCOL = frozenset({"RemoteProtocolError", "BadHttpMessage", "ClientResponseError", "ChunkedEncodingError"})
# Functions of vertexai, google-api-core and toolfan that are given what came.
_READERS = frozenset({"_parse_response", "from_grpc_error", "read_answer"})
_SDKS = ("google.genai", "google.api_core", "google.cloud", "vertexai")
# gRPC's word for bytes that are no message of the service; its async half hands on None, at which Google's code fails.
_NO_MESSAGE = ("Exception deserializing response!", "'NoneType' has no attribute 'serialize'")
_NOT_DECODED = "decode content-encoding"  # of aiohttp
_NO_WORDS = ": unknown error"  # of google-api-core: the body is not of the form that it looks for
_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL", "InvalidSchema", "MissingSchema"})


def translated(exc: Exception, *, adapter: str, timeout: float | None, secrets: Iterable[str] = ()) -> ToolfanError:
    """What `exc`, caught around an SDK's send, is to toolfan; `timeout` is in seconds."""
    known = Secrets(secrets)
    names = _names(exc)
    if _is_of_own_header(exc) or (
        isinstance(exc, ValueError) and "in headers" in text_of(exc)
    ):  # the latter is aiohttp's word
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
    if any(word in text_of(exc) for word in _NO_MESSAGE):
        return _unreadable(adapter, "its bytes are no message of generateContent")
    if too_large := of_size(exc, adapter):
        return too_large
    if stumbled := _stumbled(exc, names, adapter, known):
        return stumbled
    if names & _PROTOCOL:  # before the code: aiohttp gives such errors a 400 of its own
        return _unread(adapter, exc, known) if _NOT_DECODED in text_of(exc) else broken(adapter, exc, known)
    if isinstance(code := _status(exc), int):
        return of_status(exc, int(code), adapter, known)
    if code is not None:  # a bare gRPC error
        return _of_rpc(exc, adapter, known)
    if _is_of_grpc(exc):  # statuses that HTTP has not, and what gRPC cannot name
        status = {"status": status_word(exc) or type(exc).__name__, "message": str(getattr(exc, "message", "") or exc)}
        return error_from_body(status, adapter=adapter, secrets=known)
    if names & _TIMEOUT:
        return timed_out(adapter, timeout, exc)
    return _without_status(exc, names, adapter, known)


def _stumbled(exc: Exception, names: set[str], adapter: str, known: Iterable[str]) -> ProviderError | None:
    """The error of a status that came before an SDK, or what is below it, failed to read the rest; if `exc` is that."""
    # The SDKs' own errors say all; aiohttp's of a head that is no HTTP have a status that nobody sent.  And when the
    # time is over while an answer still comes, nobody knows what it would have said.
    if names & ({"ClientResponseError", "BadHttpMessage"} | _TIMEOUT):
        return None
    if (_status(exc) is not None or _is_of_grpc(exc)) and not str(exc).endswith(_NO_WORDS):
        return None
    below = names & (_UNREADABLE | _PROTOCOL | _BROKEN)
    came = unread_answer(exc, secrets=known, of=("",) if below else _SDKS)
    if came is not None and came.is_error:
        return of_unread(came, exc, adapter, known)
    rpc = _rpc_error(exc)
    return None if rpc is None else _of_rpc(rpc, adapter, known)


def _status(exc: BaseException) -> Any:
    """The status that an error carries: of HTTP a number, of gRPC a function.  google-genai takes 1xx for one, too."""
    code = getattr(exc, "code", None)
    return code if callable(code) or (isinstance(code, int) and code > 200) else None


def _rpc_error(exc: Exception) -> Any:
    """gRPC's own error below one of Google's code, which fails where the details of the status cannot be read."""
    below = exc.__context__
    is_rpc = below is not None and "RpcError" in {base.__name__ for base in type(below).__mro__}
    return below if is_rpc and callable(getattr(below, "code", None)) else None


def _of_rpc(exc: Any, adapter: str, known: Iterable[str]) -> ProviderError:
    status = {"status": exc.code().name, "message": str(getattr(exc, "details", lambda: "")())}
    return error_from_body(status, adapter=adapter, secrets=known)


def _without_status(exc: Exception, names: set[str], adapter: str, known: Iterable[str]) -> ToolfanError:
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
    if names & _UNREADABLE or text_of(exc).startswith("Can only parse array") or _NOT_DECODED in text_of(exc):
        return _unread(adapter, exc, known)
    if names & _BROKEN:
        return broken(adapter, exc, known)
    return _unread(adapter, exc, known) if _was_answered(exc) else error_of_code(exc, adapter=adapter, secrets=known)


def raise_translated(
    exc: Exception, *, adapter: str, timeout: float | None, secrets: Iterable[str], client: Any = None
) -> NoReturn:
    """Raises what `exc` is to toolfan, from its `cause`; `client` is google-genai's, which may be closed by now."""
    raise_what_a_signal_did(exc)
    error = translated(exc, adapter=adapter, timeout=timeout, secrets=secrets)
    if _is_of_login(exc):
        error.requests = NOT_BEGUN
    inner = getattr(client, "_api_client", None)
    raise_from(unless_closed(error, *(getattr(inner, name, None) for name in _CLIENTS)), cause(exc, secrets))


def _is_of_login(exc: Exception) -> bool:
    """Whether a token was to be had, before the request; another one is fetched after a 401."""
    if not type(exc).__module__.startswith("google.auth.") or unread_answer(exc, of=(_SESSION,)) is not None:
        return False
    if "TransportError" not in _names(exc):
        return True
    # The async session of google.auth says so of the request itself, too.
    return any(frame.f_code.co_name in _FETCHERS for frame, _ in traceback.walk_tb(exc.__traceback__))


def cause(exc: Exception, secrets: Iterable[str] = ()) -> BaseException | None:
    """The cause to raise the translated error from; None for an error whose text shows a secret, or a header."""
    if isinstance(exc, ToolfanError):
        return exc.__cause__
    return None if _is_of_own_header(exc) or shows_secret(exc, secrets) else exc


def keys_of(client: Any) -> Secrets:
    """What a google-genai client authenticates with, as far as it tells."""
    inner = getattr(client, "_api_client", None)
    token = getattr(getattr(inner, "_credentials", None), "token", None)
    keys = known_secrets({"api_key": getattr(inner, "api_key", None), "token": token})
    address = _address(inner)
    logins = [login_of(address), *(logins_of(getattr(inner, name, None)) for name in _CLIENTS)]
    return longest_first(keys, known_secrets(query_of(address)), *logins)


def _address(inner: Any) -> str:
    """The base URL of a google-genai client, whose login and query go out with every request."""
    return str(getattr(getattr(inner, "_http_options", None), "base_url", None) or "")


def keys_of_model(model: Any) -> Secrets:
    """What a GenerativeModel authenticates with, as far as it has it: no client is made, and no token fetched."""
    config = getattr(sys.modules.get("google.cloud.aiplatform.initializer"), "global_config", None)
    clients = (vars(model).get(name) for name in ("_prediction_client", "_prediction_async_client"))
    holders = [config, *(getattr(client, "transport", None) for client in clients)]
    names = ("_credentials", "_async_rest_credentials")
    tokens = (getattr(getattr(holder, name, None), "token", None) for holder in holders for name in names)
    key = known_secrets({"api_key": getattr(config, "_api_key", None)})
    added = sent_secrets(dict(getattr(config, "_request_metadata", None) or ()))
    return longest_first(key, added, proxy_logins(), *(known_secrets({"token": token}) for token in tokens))


def secrets_of(client: Any, headers: Mapping[str, str]) -> Secrets:
    """`keys_of`, and the headers added to the client or to one call."""
    inner, key = getattr(client, "_api_client", None), keys_of(client)
    options = getattr(inner, "_http_options", None)
    of_http = (getattr(options, name, None) or {} for name in ("client_args", "async_client_args"))
    clients = (getattr(inner, name, None) for name in _CLIENTS)
    some = [
        getattr(options, "headers", None),
        headers,
        query_of(_address(inner)),
        *(arguments.get("headers") for arguments in of_http),
    ]
    some += [getattr(client, "headers", None) for client in clients]
    return longest_first(key, *(sent_secrets(dict(sent)) for sent in some if sent))


def _names(exc: Exception) -> set[str]:
    return {base.__name__ for base in type(exc).__mro__}


def _is_of_own_header(exc: Exception) -> bool:
    """Whether a header of the request was refused; of one in the answer requests hands on what urllib3 raised."""
    return bool(_names(exc) & _HEADER) and not isinstance(exc.args[0] if exc.args else None, Exception)


def _is_of_grpc(exc: Exception) -> bool:
    """Whether an error is of gRPC, or of what Google has over it; not its word for a channel that was closed."""
    return type(exc).__module__.startswith(("grpc", "google.api_core.")) and type(exc).__name__ != "UsageError"


def _was_answered(exc: Exception) -> bool:
    """Whether something came, and the SDK then failed to read it: the errors of its own code do not tell."""
    return any(frame.f_code.co_name in _READERS for frame, _ in traceback.walk_tb(exc.__traceback__))


def _unread(adapter: str, exc: Exception, secrets: Iterable[str]) -> BadResponse:
    came = start_of_unread(exc, secrets=secrets)
    return _unreadable(adapter, f"{named(exc, secrets)[:200]}{f' ({came})' if came else ''}")


def _unreadable(adapter: str, why: str) -> BadResponse:
    hint = "Check the base URL: a proxy or another service may have answered."
    return BadResponse(f"the answer cannot be read: {why}", adapter=adapter, hint=hint)
