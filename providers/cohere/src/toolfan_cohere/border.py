"""Failures of Cohere's service, of its SDK and of httpx below it, to toolfan's errors.

Knows: how these look.  Must not know: requests, retries, policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from toolfan.errors import AuthenticationError, BadResponse, ProviderError, ToolfanError, UsageError
from toolfan.redaction import known_secrets, longest_first, public_headers, sent_secrets
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TIMEOUT = frozenset({"TimeoutException", "TimeoutError"})
_HEADER = frozenset({"LocalProtocolError", "UnicodeEncodeError"})
_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL"})
_CONNECTION = frozenset({"TransportError", "OSError", "EndOfStream", "BrokenResourceError", "ClosedResourceError"})
_BLOCKED = 498
"""Cohere's own status for an input or output that it blocks."""


def keys_of(client: Any) -> tuple[str, ...]:
    """What the client authenticates with."""
    return known_secrets({"api_key": getattr(getattr(client, "_client_wrapper", None), "_token", None)})


def secrets_of(client: Any, added: Mapping[str, str]) -> tuple[str, ...]:
    """What the client authenticates with and adds to requests, and what was added to this one, as far as is known."""
    wrapper, key = getattr(client, "_client_wrapper", None), keys_of(client)
    http = getattr(getattr(getattr(wrapper, "httpx_client", None), "httpx_client", None), "headers", {})
    some = (added, dict(http), getattr(wrapper, "_headers", None) or {})
    return longest_first(key, *map(sent_secrets, some))


def of_status(response: Any, content: bytes, *, adapter: str, secrets: tuple[str, ...]) -> ProviderError:
    """The error of an answer that is none of a success."""
    headers = public_headers(response.headers.items(), secrets)
    try:
        body = from_json(content)
    except ValueError:
        body = content.decode("utf-8", "replace")
    return error_from_status(
        response.status_code,
        provider_words(body),
        adapter=adapter,
        code="content_filter" if response.status_code == _BLOCKED else None,
        headers=headers,
        request_id=request_id(headers),
        secrets=secrets,
    )


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the service, or a gateway before it, gave the request."""
    return headers.get("x-request-id") or headers.get("x-debug-trace-id")


def translated(exc: Exception, *, adapter: str, timeout: float | None, secrets: Iterable[str]) -> ToolfanError:
    """What `exc`, caught around the SDK's call, is to toolfan; `timeout` is the deadline in seconds."""
    known = tuple(secrets)
    if isinstance(exc, ToolfanError):
        return exc
    names = {base.__name__ for base in type(exc).__mro__}
    if names & _TIMEOUT:
        return timed_out(adapter, timeout, exc)
    if names & _HEADER and "header" in str(exc).lower():
        return AuthenticationError(
            "a header of the request holds a character that HTTP forbids; nothing was sent",
            adapter=adapter,
            hint="Check the API key and extra_headers: a line break at the end is the usual cause.",
        )
    if "DecodingError" in names:
        return BadResponse(
            f"the answer cannot be decompressed: {named(exc, known)}",
            adapter=adapter,
            hint="A proxy may have changed the answer, or cut it.",
        )
    if names & _ADDRESS:
        return UsageError(
            f"the base URL cannot be used: {excerpt(str(exc), known)}", adapter=adapter, hint="Check base_url."
        )
    if "RemoteProtocolError" in names:
        return broken(adapter, exc, known)
    return not_connected(adapter, exc, known) if names & _CONNECTION else not_sent(adapter, exc, known)
