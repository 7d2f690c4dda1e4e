"""Exceptions of httpx, and of what lies above and below it, to toolfan's errors.

By class names: SDK and user bring httpx, httpx2 or both, an adapter of aiohttp to them, and classes of the SDK's own
over them (APIStatusError, APIConnectionError and APITimeoutError are the names in SDKs that Stainless generates).

Knows: how these exceptions look.  Must not know: requests, retries, policy, any one provider.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from ..errors import AuthenticationError, BadResponse, ToolfanError, UsageError
from ..secrets.held import Secrets
from ..translation.error_bodies import error_of_code, error_of_unread, was_answered
from ..translation.statuses import broken, excerpt, named, not_connected, own_timeout, timed_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STATUS = frozenset({"APIStatusError", "HTTPStatusError"})  # the latter of a hook that calls raise_for_status()
_TIMEOUT = frozenset({"TimeoutException", "TimeoutError"})
_HEADER = frozenset({"LocalProtocolError", "UnicodeEncodeError"})
_ADDRESS = frozenset({"UnsupportedProtocol", "InvalidURL"})
_CONNECTION = frozenset(
    {"APIConnectionError", "TransportError", "OSError", "EndOfStream", "BrokenResourceError", "ClosedResourceError"}
)
_UNREAD = _CONNECTION | {"DecodingError", "RemoteProtocolError"}


def error_of_http(
    exc: Exception,
    *,
    adapter: str,
    timeout: float | None,
    secrets: Iterable[str] = (),
    sdk: str = "",
    of_status: Callable[[Any, str], ToolfanError],
) -> ToolfanError:
    """What `exc`, caught around a request, is to toolfan.

    `timeout` is the deadline in seconds; None if it was not what ended the request.  `of_status(response, message)`
    makes the error of an answer with an error status; `message` is what the exception says, or nothing.  `sdk` is the
    name of the SDK's package.
    """
    known = Secrets(secrets)
    if isinstance(exc, ToolfanError):
        return exc
    outer = _names(exc)
    if outer & _STATUS:
        return of_status(getattr(exc, "response", None), getattr(exc, "message", "") if "APIError" in outer else "")
    # Some versions of SDKs wrap whatever was raised, also by code of the user's.
    cause = exc.__cause__ if "APIConnectionError" in outer and isinstance(exc.__cause__, Exception) else exc
    names = _names(cause)
    if "APITimeoutError" in outer or names & _TIMEOUT:
        return own_timeout(adapter, cause, known) if timeout is None else timed_out(adapter, timeout, exc)
    if names & _HEADER and ("header" in str(cause).lower() or "header" in _raised_in(cause)):
        return AuthenticationError(
            "a header of the request holds a character that HTTP forbids; nothing was sent",
            adapter=adapter,
            hint="Check the API key or token, and extra_headers: a line break at the end is the usual cause.",
        )
    if names & _UNREAD and (unread := error_of_unread(cause, adapter=adapter, secrets=known)):
        return unread
    if "HTTPStatusError" in names:
        return of_status(getattr(cause, "response", None), "")
    return _without_answer(cause, names, adapter, known, sdk)


def _without_answer(cause: Exception, names: set[str], adapter: str, secrets: Iterable[str], sdk: str) -> ToolfanError:
    if "DecodingError" in names:  # the body is not compressed as its header says
        return BadResponse(
            f"the answer cannot be decompressed: {named(cause, secrets)}",
            adapter=adapter,
            hint="A proxy may have changed the answer, or cut it.",
        )
    if names & _ADDRESS and not was_answered(cause):
        return UsageError(
            f"the base URL cannot be used: {excerpt(str(cause), secrets)}", adapter=adapter, hint="Check base_url."
        )
    if "RemoteProtocolError" in names:
        return broken(adapter, cause, secrets)
    if names & _CONNECTION:
        return not_connected(adapter, cause, secrets)
    return error_of_code(cause, adapter=adapter, sdk=sdk, secrets=secrets)


def _raised_in(exc: BaseException) -> str:
    """The function of httpx that raised it; nothing if another's did, such as a hook that writes a log."""
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
    return frames[-1].f_code.co_name if frames and str(frames[-1].f_globals.get("__name__")).startswith("httpx") else ""


def _names(exc: BaseException) -> set[str]:
    return {base.__name__ for base in type(exc).__mro__}
