"""The status and the start of an answer whose body could not be read: libraries raise the fault and drop the answer.

No HTTP library or SDK hands it out then; it stands in the frames that the exception passed.

Knows: exceptions, their frames and responses by their shape.  Must not know: SDK classes.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from .redaction import public_headers
from .translation import error_from_status, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .errors import ProviderError

_LONGEST_CHAIN = 8


def error_of_unread(exc: BaseException, *, adapter: str, secrets: Iterable[str] = ()) -> ProviderError | None:
    """The error of the status that came before `exc` did; None if none came, or none of 400 and more."""
    response = _response(exc)
    status = _status(response)
    if status is None or status < 400:
        return None
    headers = public_headers(((str(name), str(value)) for name, value in response.headers.items()), secrets)
    return error_from_status(
        status,
        f"its body cannot be read ({type(exc).__name__})",
        adapter=adapter,
        headers=headers,
        request_id=headers.get("x-request-id"),
        secrets=secrets,
    )


def start_of_unread(exc: BaseException, *, secrets: Iterable[str] = ()) -> str:
    """The content type and the start of an answer that came whole and could not be read; nothing if it is not found."""
    response = _response(exc)
    content = getattr(response, "_content", None)  # `content` would wait for what has not come
    if not isinstance(content, bytes):
        return ""
    kind, known = str(response.headers.get("content-type") or ""), tuple(secrets)
    start = excerpt(content[:20_000].decode("utf-8", "replace"), known)[:200]
    told = f"it starts with {start!r}" if start else "it is empty"
    return f"{excerpt(kind, known)[:100]}: {told}" if kind else told


def _response(exc: BaseException) -> Any:
    one: BaseException | None = exc
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            break
        found = getattr(one, "response", None)
        for frame, _ in traceback.walk_tb(one.__traceback__):
            # `r` is the name in requests.
            found = next((it for name in ("response", "r") if _status(it := frame.f_locals.get(name))), found)
        if _status(found) is not None:
            return found
        one = one.__cause__ or one.__context__
    return None


def _status(response: Any) -> int | None:
    """httpx and requests say `status_code`, aiohttp `status`."""
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    return status if isinstance(status, int) and hasattr(getattr(response, "headers", None), "items") else None
