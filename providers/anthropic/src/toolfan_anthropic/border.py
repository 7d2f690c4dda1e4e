"""Errors of the anthropic SDK, and of the HTTP libraries below it, to toolfan's.

The libraries by class names: the SDK brings httpx or, from its version 1, httpx2.

Knows: how these errors look.  Must not know: requests, retries, policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import from_json
from toolfan.errors import AuthenticationError, BadResponse, ToolfanError, UsageError
from toolfan.redaction import blotted, known_secrets, longest_first, public_headers, sent_secrets
from toolfan.translation import (
    broken,
    error_from_status,
    excerpt,
    named,
    not_connected,
    not_sent,
    provider_words,
    timed_out,
)
from toolfan.unread import error_of_unread

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = frozenset({"content"})
"""Fields of an answer that hold what the model says."""
_HEADER = frozenset({"LocalProtocolError", "UnicodeEncodeError"})
_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL"})
_CONNECTION = frozenset({"TransportError", "OSError", "EndOfStream", "BrokenResourceError", "ClosedResourceError"})


def request_of(exc: Exception) -> Any:
    """The request that failed, if there was one already."""
    try:
        return getattr(exc, "request", None)
    except RuntimeError:  # httpx's word for an error without one
        return None


def keys_of(client: Any, request: Any = None) -> tuple[str, ...]:
    """What the client and the request are authenticated with."""
    keys = {name: getattr(client, name, None) for name in ("api_key", "auth_token", "access_token")}
    return known_secrets(keys | (dict(request.headers.items()) if request is not None else {}))


def secrets_of(client: Any, added: Mapping[str, str], request: Any = None) -> tuple[str, ...]:
    """What the client and the request are authenticated with, and what was added to the request, as far as is known.

    `added` are the headers and the query of one call.
    """
    keys = keys_of(client)
    if request is not None:  # with all that was added on the way
        query = sent_secrets(dict(request.url.params.items())) if request.url.query else ()
        return longest_first(keys, sent_secrets(dict(request.headers.items())), query)
    http = dict(getattr(getattr(client, "_client", None), "headers", {}))
    some = (added, http, getattr(client, "_custom_headers", {}), getattr(client, "_custom_query", {}))
    return longest_first(keys, *map(sent_secrets, some))


def translated(exc: Exception, *, adapter: str, timeout: float | None, secrets: Iterable[str]) -> ToolfanError:
    """What `exc`, caught around the SDK's call, is to toolfan.

    `timeout` is the deadline in seconds; None if it was not what ended the request.
    """
    import anthropic

    known = tuple(secrets)
    if isinstance(exc, ToolfanError):
        return exc
    if isinstance(exc, anthropic.APIStatusError):
        return _of_status(exc.response, adapter, known, fallback=exc.message)
    wrapped = isinstance(exc, anthropic.APIConnectionError)
    cause = exc.__cause__ if wrapped and isinstance(exc.__cause__, Exception) else exc
    names = {base.__name__ for base in type(cause).__mro__}
    if isinstance(exc, anthropic.APITimeoutError) or names & {"TimeoutException", "TimeoutError"}:
        return not_connected(adapter, cause, known) if timeout is None else timed_out(adapter, timeout, exc)
    if names & _HEADER and "header" in str(cause).lower():
        return AuthenticationError(
            "a header of the request holds a character that HTTP forbids; nothing was sent",
            adapter=adapter,
            hint="Check the API key or token, and extra_headers: a line break at the end is the usual cause.",
        )
    broke = names & _CONNECTION or names & {"DecodingError", "RemoteProtocolError"}
    if broke and (known_status := error_of_unread(cause, adapter=adapter, secrets=known)):
        return known_status
    if "DecodingError" in names:  # the body is not compressed as its header says
        return BadResponse(
            f"the answer cannot be decompressed: {named(cause, known)}",
            adapter=adapter,
            hint="A proxy may have changed the answer, or cut it.",
        )
    if names & _ADDRESS:
        return UsageError(
            f"the base URL cannot be used: {excerpt(str(cause), known)}", adapter=adapter, hint="Check base_url."
        )
    if "HTTPStatusError" in names:  # of a hook that calls raise_for_status()
        return _of_status(cast("Any", cause).response, adapter, known, fallback="")
    if "RemoteProtocolError" in names:
        return broken(adapter, cause, known)
    if wrapped or names & _CONNECTION:
        return not_connected(adapter, cause, known)
    return not_sent(adapter, cause, known)


def _of_status(response: Any, adapter: str, secrets: tuple[str, ...], *, fallback: str) -> ToolfanError:
    headers = public_headers(response.headers.items(), secrets)
    try:
        content: bytes = response.content
    except Exception:  # noqa: BLE001 - of a hook that left it unread
        content = fallback.encode()
    try:
        body = from_json(content)
    except ValueError:
        body = content.decode("utf-8", "replace")
    error = body.get("error") if isinstance(body, Mapping) else None
    about: Mapping[str, Any] = error if isinstance(error, Mapping) else body if isinstance(body, Mapping) else {}
    code = about.get("type")
    return error_from_status(
        response.status_code,
        provider_words(about or body),
        adapter=adapter,
        code=None if code is None else str(code),
        headers=headers,
        request_id=request_id(headers),
        secrets=secrets,
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the service gave the request."""
    return headers.get("request-id") or headers.get("x-request-id")


def without_echo(body: Any, secrets: tuple[str, ...]) -> Any:
    """The body or event; if it is an error, without the secrets of the request, should a server have echoed them."""
    return blotted(body, secrets) if isinstance(body, dict) and body.get("error") else body
