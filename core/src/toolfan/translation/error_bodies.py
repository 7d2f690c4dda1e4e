"""The status and the start of an answer that a library could not read: it raises the fault and drops the answer.

No HTTP library or SDK hands it out then; it stands in the frames that the exception passed.

Knows: exceptions, their frames and responses by their shape.  Must not know: SDK classes.
"""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from ..errors import RequestRejected, UsageError
from ..secrets.held import Secrets
from ..secrets.masking import text_of
from ..secrets.redaction import public_headers
from ..signals import chain
from ..values import dataclass
from .error_words import UNREAD
from .raisers import may_be_sent
from .statuses import error_from_status, excerpt, named, provider_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..errors import ProviderError, ToolfanError

# HTTP libraries, and what of ours reads their answers; what a function of the user's calls `response` may be a token's.
_BELOW = ("httpx", "requests", "toolfan.http.post_sender", "toolfan.http.transport", "toolfan.http.async_transport")
_LOCALS = ("response", "r", "http_response")  # `r` in requests, `http_response` in botocore


_FIELD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:(data|error)\s*:|(?:event|id|retry)\s*:|:|$)")
"""Of server-sent events."""
_UNUSABLE = re.compile(
    r"event loop is closed|(client|session|channel|connector) (has been|is) closed|different (event )?loop",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Unread:
    """An answer that came: `headers` are public ones with lower-case names; `content` is None if it did not end."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None

    @property
    def is_error(self) -> bool:
        """Whether the status is no success and no redirect."""
        return not 200 <= self.status < 400

    @property
    def body(self) -> Any:
        """`body_of` the content."""
        return body_of(self.content)


def body_of(content: bytes | None) -> Any:
    """An error body as JSON, or else as a text; None if there is none.

    Of a body that is framed as events, as gateways answer who asked for a stream: the event that tells the error.
    """
    if not content:
        return None
    try:
        return from_json(content)
    except ValueError:
        return _event_of(content) or content.decode("utf-8", "replace")


def _event_of(content: bytes) -> Any:
    from ..framing.decoder import DONE, EventDecoder  # loaded for bodies that are no JSON

    fields = [_FIELD.match(line) for line in content.splitlines()]
    if not all(fields) or not any(field and field[1] for field in fields):
        return None  # a text, in which some JSON may stand
    decoder = EventDecoder(adapter="")
    events = [event for event in (*decoder.feed(content), *decoder.close()) if event != DONE]
    return next((event for event in events if event.get("error")), events[-1] if events else None)


def unread_answer(exc: BaseException, *, secrets: Iterable[str] = (), of: tuple[str, ...] = ("",)) -> Unread | None:
    """What came before `exc` was raised; None if nothing did.

    `of` are the starts of the names of those modules whose exceptions and frames count: what others asked for, a token
    perhaps, is no answer of the provider's.
    """
    response = _response(exc, of)
    status = _status(response)
    if status is None:
        return None
    headers = public_headers(((str(name), str(value)) for name, value in response.headers.items()), secrets)
    return Unread(status, headers, _content(response))


def error_of_unread(exc: BaseException, *, adapter: str, secrets: Iterable[str] = ()) -> ProviderError | None:
    """The error of the status that came before `exc` did; None if none came, or a success or a redirect."""
    came = unread_answer(exc, secrets=secrets)
    return _of_status(came, exc, adapter, secrets) if came is not None and came.is_error else None


def _of_status(came: Unread, exc: BaseException, adapter: str, secrets: Iterable[str]) -> ProviderError:
    return error_from_status(
        came.status,
        unread_words(came, exc),
        adapter=adapter,
        headers=came.headers,
        request_id=came.headers.get("x-request-id"),
        secrets=secrets,
    )


def was_answered(exc: BaseException) -> bool:
    """Whether an HTTP library had an answer when `exc` was raised, by a hook of the user's perhaps."""
    return _status(_response(exc, _BELOW)) is not None


def error_of_code(
    exc: BaseException, *, adapter: str, sdk: str = "", secrets: Iterable[str] = (), sent: bool | None = None
) -> ToolfanError:
    """The error of an exception that no connection raised, by how far the request had come.

    That of the status, if it came with one of an error; RequestRejected, if a good answer had come, which counts; else
    one that says whether it may have been sent.  `sdk` is the name of the SDK's package; `sent`: whether the request
    was handed on to what sends it, where that is known.
    """
    came = unread_answer(exc, secrets=secrets, of=_BELOW)
    if came is None:
        return _not_sent(adapter, exc, secrets, handed_on=may_be_sent(exc, sdk) if sent is None else sent)
    if came.is_error:
        return _of_status(came, exc, adapter, secrets)
    return RequestRejected(
        f"an answer came ({came.status}), and code that handles it failed: {named(exc, secrets)}",
        adapter=adapter,
        status=came.status,
        request_id=came.headers.get("x-request-id"),
        hint="Mend what raised it: a hook of the client, for example. The provider may charge for the answer.",
    )


def _not_sent(adapter: str, cause: BaseException, secrets: Iterable[str], *, handed_on: bool) -> ToolfanError:
    """The error of an exception that no connection raised: of the SDK, or of your own code that it ran.

    UsageError for a client that was closed or belongs to an event loop that has ended; else RequestRejected, which
    counts a request if it was `handed_on` to what sends it.
    """
    if isinstance(cause, RuntimeError) and _UNUSABLE.search(text_of(cause)):
        return UsageError(
            f"the client cannot be used: {excerpt(str(cause), secrets)}",
            adapter=adapter,
            hint="It was closed, or belongs to an event loop that has ended; make one for each loop.",
        )
    what = "the request may have been sent, or not" if handed_on else "the SDK did not send the request"
    whose = "a transport, a hook or what is around a method" if handed_on else "a token provider or a hook"
    return RequestRejected(
        f"{what}: {named(cause, secrets)}",
        adapter=adapter,
        requests=int(handed_on),
        hint=f"Mend what raised it: {whose} of the client, for example.",
    )


def unread_words(came: Unread, exc: BaseException) -> str:
    """What the answer says, as far as it can be read; else why it cannot, unless nobody tried (`raise_for_status`)."""
    if came.content is not None:
        return provider_words(came.body)
    return "" if type(exc).__name__ == "HTTPStatusError" else f"{UNREAD} ({type(exc).__name__})"


def start_of_unread(exc: BaseException, *, secrets: Iterable[str] = ()) -> str:
    """The content type and the start of an answer that came whole and could not be read; nothing if it is not found."""
    response = _response(exc, ("",))
    content = _content(response)
    if content is None:
        return ""
    kind, known = str(response.headers.get("content-type") or ""), Secrets(secrets)
    start = excerpt(content[:20_000].decode("utf-8", "replace"), known)[:200]
    told = f"it starts with {start!r}" if start else "it is empty"
    return f"{excerpt(kind, known)[:100]}: {told}" if kind else told


def _response(exc: BaseException, of: tuple[str, ...]) -> Any:
    for one in chain(exc):
        found = getattr(one, "response", None) if type(one).__module__.startswith(of) else None
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if str(frame.f_globals.get("__name__")).startswith(of):
                found = next((it for name in _LOCALS if _status(it := frame.f_locals.get(name)) is not None), found)
        if _status(found) is not None:
            return found
    return None


def _status(response: Any) -> int | None:
    """httpx and requests say `status_code`, aiohttp `status`."""
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    return status if isinstance(status, int) and hasattr(getattr(response, "headers", None), "items") else None


def _content(response: Any) -> bytes | None:
    """What was read of it already: `content` would wait for what has not come.  aiohttp says `_body`."""
    content = getattr(response, "_content", None)
    content = content if isinstance(content, bytes) else getattr(response, "_body", None)
    return content if isinstance(content, bytes) else None
