"""Errors of botocore, and of the HTTP library below it, to toolfan's.

Knows: how these errors look.  Must not know: requests, retries, policy, what codes mean (`failures` does).
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from http.client import responses
from typing import TYPE_CHECKING, Any

from toolfan.errors import NOT_BEGUN, AuthenticationError, BadResponse, ToolfanError, UsageError
from toolfan.secrets.credentials import login_of, proxy_logins, query_of
from toolfan.secrets.held import Secrets
from toolfan.secrets.redaction import blotted, known_secrets, longest_first, public_headers, sent_secrets
from toolfan.translation.error_bodies import body_of, error_of_code, unread_answer, unread_words
from toolfan.translation.statuses import broken, excerpt, innermost, named, not_connected, provider_words, timed_out

from .failures import code_told, error_of, error_of_login, with_own_setting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolfan.translation.error_bodies import Unread

_ASKED = frozenset({"Converse", "ConverseStream"})
_FETCHERS = ("botocore.credentials", "botocore.tokens")
_SDK = ("botocore.endpoint", "botocore.httpsession")  # others of its modules fetch credentials
_OF_CREDENTIALS = ("access_key", "secret_key", "token")
_TIMEOUT = frozenset({"ReadTimeoutError", "ConnectTimeoutError"})
_CREDENTIALS = frozenset(
    {"NoCredentialsError", "NoAuthTokenError", "PartialCredentialsError", "CredentialRetrievalError", "SSOError"}
    | {"TokenRetrievalError", "LoginError", "UnauthorizedSSOTokenError"}
)
_CONNECTION = frozenset({"HTTPClientError", "ConnectionError", "IncompleteReadError", "HTTPError", "OSError"})
# Of botocore's readers of bodies and of frames, and of what they are built on.
_UNREADABLE = frozenset(
    {"ResponseParserError", "ParserError", "ChecksumError", "FlexibleChecksumError", "JSONDecodeError"}
    | {"UnicodeDecodeError", "RecursionError", "error"}
)
_OF_A_READER = frozenset({"AttributeError", "KeyError", "TypeError", "ValueError"})
_CHECKED = (
    "boto3 checks all fields of a request, also those of extra_body: mend what it names. "
    "What the model alone knows goes into additionalModelRequestFields={...}."
)
_ADDRESS = frozenset({"EndpointProviderError", "UnknownEndpointError", "InvalidEndpointConfigurationError"})


def translated(
    exc: Exception,
    *,
    adapter: str,
    timeout: float | None,
    secrets: Iterable[str] = (),
    reading: bool = False,
    sent: bool = False,
) -> ToolfanError:
    """What `exc`, caught around the SDK's call, is to toolfan.

    `timeout` is the deadline in seconds; `reading` tells that the answer had begun, `sent` that the request was made
    and handed on.
    """
    if isinstance(exc, ToolfanError):
        return exc
    error = with_own_setting(_translated(exc, adapter, timeout, Secrets(secrets), reading=reading, sent=sent))
    if not sent and _is_of_login(exc):
        error.requests = NOT_BEGUN
    elif type(exc).__name__ == "ParamValidationError":
        error.hint = _CHECKED
    return error


def _translated(
    exc: Exception, adapter: str, timeout: float | None, known: Iterable[str], *, reading: bool, sent: bool
) -> ToolfanError:
    answer = getattr(exc, "response", None)
    names = {base.__name__ for base in type(exc).__mro__}
    if "ClientError" in names and isinstance(answer, Mapping):
        error = answer.get("Error") or {}
        status, headers, request_id = about(answer, known)
        message = error.get("Message") or answer.get("message")
        if (operation := _of_another(exc)) is not None:
            return error_of_login(operation, error.get("Code"), message, adapter=adapter, status=status, secrets=known)
        return error_of(
            error.get("Code"),
            message,
            adapter=adapter,
            status=status,
            headers=headers,
            request_id=request_id,
            secrets=known,
        )
    if names & _TIMEOUT:
        return timed_out(adapter, timeout, exc)
    if names & _CREDENTIALS:
        return AuthenticationError(
            f"the credentials of AWS cannot be used: {named(exc, known)}",
            adapter=adapter,
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run `aws sso login`.",
        )
    if names & _ADDRESS:
        return UsageError(
            f"the endpoint cannot be used: {excerpt(str(exc), known)}",
            adapter=adapter,
            hint="Check region and endpoint_url.",
        )
    if (came := unread_answer(exc, secrets=known, of=_SDK)) is not None and came.is_error:
        return _of_unread(came, exc, adapter, known)
    if names & _UNREADABLE or (reading and names & _OF_A_READER):
        return BadResponse(
            f"the answer cannot be read: {named(exc, known)[:200]}",
            adapter=adapter,
            hint="Check endpoint_url: a proxy or another service may have answered.",
        )
    below = getattr(exc, "kwargs", {}).get("error") or exc.__cause__ or exc.__context__  # urllib3's, below botocore
    if names & {"ProtocolError", "ConnectionClosedError"} or type(below).__name__ == "InvalidHeader":
        return broken(adapter, exc, known, below)
    return (
        not_connected(adapter, exc, known)
        if names & _CONNECTION
        else error_of_code(exc, adapter=adapter, secrets=known, sent=sent)
    )


def _of_another(exc: Exception) -> str | None:
    """What was asked of AWS before the request, and was refused: a role of STS, mostly; None if it was the request."""
    operation = getattr(exc, "operation_name", None)
    return None if operation in _ASKED or not isinstance(operation, str) else operation


def _is_of_login(exc: Exception) -> bool:
    """Whether it was raised while credentials were fetched, or since there are none."""
    if _of_another(exc) or {base.__name__ for base in type(exc).__mro__} & _CREDENTIALS:
        return True
    frames = (frame.f_globals.get("__name__") for frame, _ in traceback.walk_tb(exc.__traceback__))
    return any(name in _FETCHERS for name in frames)


def with_words(parsed: Mapping[str, Any], content: bytes) -> Any:
    """What botocore read of an error, with what it does not look for: `{"error": ...}` of a gateway, or events."""
    told = parsed.get("Error") or {}
    said, body = told.get("Message") or parsed.get("message"), body_of(content)
    framed = isinstance(body, Mapping) and said == content.decode("utf-8", "replace")
    reason = responses.get((parsed.get("ResponseMetadata") or {}).get("HTTPStatusCode", 0))
    if not body or (said and not framed and said != reason):  # of a page it tells the reason of the status alone
        return parsed
    code = None
    if framed or (isinstance(body, Mapping) and str(told.get("Code")).isdigit()):  # it finds none: tells the status
        code = code_told(innermost(body.get("error")) or body)
    code = code or told.get("Code")
    return {**parsed, "Error": {**told, "Code": code, "Message": provider_words(body)}}


def _of_unread(came: Unread, exc: Exception, adapter: str, secrets: Iterable[str]) -> ToolfanError:
    """The error of an answer that botocore failed to read: a body that is no object, or nested too deep."""
    return error_of(
        code_told({"code": came.headers.get("x-amzn-errortype")}) or code_told(came.body),
        unread_words(came, exc),
        adapter=adapter,
        status=came.status,
        headers=came.headers,
        request_id=came.headers.get("x-amzn-requestid"),
        secrets=secrets,
    )


def about(answer: Mapping[str, Any], secrets: Iterable[str] = ()) -> tuple[int | None, Mapping[str, str], str | None]:
    """HTTP status, headers and request id of an answer, as botocore tells them."""
    told = answer.get("ResponseMetadata") or {}
    known = Secrets(secrets)
    headers = public_headers((told.get("HTTPHeaders") or {}).items(), known)
    request_id = blotted(told.get("RequestId"), known) or headers.get("x-amzn-requestid")
    return told.get("HTTPStatusCode"), headers, request_id


def credentials_of(client: Any) -> Secrets:
    """What a client of boto3 signs with, as far as it has it, and what its proxies' addresses and its own hold.

    Nothing is fetched.
    """
    signer = getattr(client, "_request_signer", None)
    own = getattr(getattr(signer, "_credentials", None), "__dict__", {})
    bearer = getattr(getattr(signer, "_auth_token", None), "_frozen_token", None)
    found = {name.strip("_"): value for name, value in own.items() if name.strip("_") in _OF_CREDENTIALS}
    meta = getattr(client, "meta", None)
    proxies = getattr(getattr(meta, "config", None), "proxies", None) or {}
    endpoint = str(getattr(meta, "endpoint_url", None) or "")
    logins = (login_of(url) for url in (endpoint, *proxies.values()) if isinstance(url, str))
    known = known_secrets({**found, "bearer_token": getattr(bearer, "token", None)})
    return longest_first(known, proxy_logins(), sent_secrets(query_of(endpoint)), *logins)
