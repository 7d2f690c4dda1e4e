"""What a failed request was: HTTP status, error code and headers to a ProviderError.  Transports share it.

All words of others pass `excerpt`, which hides secrets: the `secrets` that a transport knows, and what looks like one.

Knows: HTTP, error bodies of every kind.  Must not know: SDK classes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import from_json

from ..errors import (
    AuthenticationError,
    BadResponse,
    ConnectionFailed,
    ContentFiltered,
    DeadlineExceeded,
    PermissionDenied,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ToolfanError,
    Unavailable,
)
from ..secrets.held import Secrets
from ..secrets.masking import masked, masked_start, text_of
from ..wire import json_text
from .construction import asked_proxies
from .error_words import FILTER_CODES, QUOTA_CODES, UNREAD, is_of_key, is_vague, known_word, says_little, status_of
from .retry_after import is_of_a_minute, retry_after_seconds, retry_info_seconds, spent_quota

_NEVER_AGAIN = (AuthenticationError, PermissionDenied, QuotaExhausted, ContentFiltered)
_LATER = (408, 425, 499)  # 425: too early; 499: someone between, or the service itself, closed the request
_DEEPEST = 8
_HINTS: dict[type[ProviderError], str] = {
    AuthenticationError: "Check the API key or the credentials.",
    PermissionDenied: "Check what this key, project or account may use.",
    QuotaExhausted: "Check the plan and the billing of the account; waiting does not help.",
    RateLimited: "Ask less often, or later.",
    ContentFiltered: "Change the prompt.",
    RequestRejected: "The provider's words say what to change in the request.",
    BadResponse: "It was not followed: make the address it leads to, without the path of the request, the base URL.",
}
_STATUS_HINTS: dict[int, str] = {
    404: "Check the name of the model, and the path of the base URL.",
    405: "Check the path of the base URL.",
    407: "Check the login of the proxy: that of the client, or in HTTPS_PROXY and its like.",
    409: "Another request was in the way.",
    421: "Check the host of the base URL: the server that was reached does not serve it.",
    413: "The request is too large: send fewer or shorter messages, tools or files.",
}
_OF_A_DAY = "The quota of this day is used up: wait for the next one, or have it raised."
_NOWHERE = "Check the base URL: another service may have answered."
_NO_WORDS = "The provider does not say why: check the request, the name of the model and the base URL."
# A code that names what was not found, unless that may be the model or the address.
_OTHER_NOT_FOUND = re.compile("(?!model|resource|deployment|endpoint|route|path|url|page)[a-z]+_.*not_found")
_AGAIN = "The same request may succeed later."
# The status of a proxy that was asked to connect: httpx and aiohttp say it first, requests and boto3 after words.
_PROXY_LOGIN = re.compile(r"(?:^|Tunnel connection failed: )407\b")
# What h11, http.client, urllib3 and aiohttp say of an answer that is no HTTP; the next one would be none either.
_MALFORMED = re.compile(
    r"illegal|malformed|too (long|much data|many headers)|more than [0-9]+ (bytes|headers)|bad ?status ?line|"
    r"bad content-length|invalid (header|status|http|char)|expected http|content-length contained multiple|"
    r"(multiple|conflicting|duplicate|only) (content-length|transfer-encoding)|(length|encoding) can't be present with",
    re.IGNORECASE,
)


def error_from_status(
    status: int,
    message: str,
    *,
    adapter: str,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    details: Any = None,
    secrets: Iterable[str] = (),
    meant: int | None = None,
) -> ProviderError:
    """The ProviderError of an HTTP status and the provider's own error code; `message` is the provider's text.

    `headers` have lower-case names; `details` are Google's, as dicts (REST) or protos (gRPC); `meant` is the status
    that the code stands for, where the provider is known to send others with it.
    """
    came, status = status, meant or status
    known, kind = Secrets(secrets), _kind(status, known_word(code or ""), message)
    waits = (retry_after, retry_info_seconds(details), retry_after_seconds(headers or {}))
    wait = next((seconds for seconds in waits if seconds is not None), None)
    spent = spent_quota(details, message) if kind in (RateLimited, PermissionDenied) else ""
    if spent:
        kind = QuotaExhausted
    elif kind is PermissionDenied and is_of_a_minute(details):
        kind = RateLimited
    moved = 300 <= status < 400
    retryable = (kind.retryable_by_default and not moved and status != 501) or status in (408, 409)
    wish = (headers or {}).get("x-should-retry", "").lower()
    if wish == "false" or (wish == "true" and status != 400 and kind not in _NEVER_AGAIN):
        retryable = wish == "true"
    if leads := (headers or {}).get("location") if moved else None:
        message = f"a redirect to {leads}"
    code = None if code is None else excerpt(code, known)
    said = excerpt(message, known)
    named = f" ({code})" if code and code != str(came) else ""
    return kind(
        f"the provider answered {came}{named}{f': {said}' if said else ''}",
        adapter=adapter,
        status=came,
        code=code,
        request_id=request_id and masked(request_id, known),
        retry_after=wait,
        hint=_OF_A_DAY
        if spent == "day"
        else _hint(kind, status, retryable, code=code or "", silent=not said or said.startswith(UNREAD), leads=leads),
        retryable=retryable,
    )


def _hint(
    kind: type[ProviderError], status: int, retryable: bool, *, code: str, silent: bool, leads: str | None
) -> str | None:
    if kind is Unavailable:
        if status == 501:
            return "Check the name of the model and the base URL: the service cannot do this."
        return _AGAIN if retryable else "The provider says that sending it again does not help."
    if kind is RequestRejected and status in _STATUS_HINTS and not _OTHER_NOT_FOUND.fullmatch(code.lower()):
        return f"{_STATUS_HINTS[status]} {_AGAIN}" if retryable else _STATUS_HINTS[status]
    if kind is RequestRejected and silent:
        return _NO_WORDS
    if kind is BadResponse:
        return None if status < 300 else _HINTS[kind] if leads else _NOWHERE
    return _HINTS.get(kind)


def _kind(status: int, code: str, message: str) -> type[ProviderError]:
    if code in FILTER_CODES:
        return ContentFiltered
    if code in QUOTA_CODES:
        return QuotaExhausted
    if status == 401 or (status == 400 and is_of_key(code, message)):
        return AuthenticationError
    if status == 403:
        return PermissionDenied
    if status == 402:
        return QuotaExhausted
    if status == 429:
        return RateLimited
    if status in _LATER or status >= 500:
        return Unavailable
    if status < 400:
        return BadResponse
    return RequestRejected


def provider_words(body: Any, depth: int = 0) -> str:
    """What an error body says: OpenAI's and Google's kind, FastAPI's `detail`, problem+json, a list, a text."""
    if isinstance(body, str):
        return body
    if depth < _DEEPEST and isinstance(body, Mapping):
        if isinstance(said := body.get("msg"), str) and isinstance(where := body.get("loc"), list | tuple):
            return f"{'.'.join(map(str, where))}: {said}"
        for name in ("message", "detail", "error", "errors", "error_description", "error_msg", "msg", "title"):
            if body.get(name):
                return _with_words_behind(provider_words(body[name], depth + 1), body, depth)
    if depth < _DEEPEST and isinstance(body, list | tuple):
        return "; ".join(provider_words(item, depth + 1) for item in body[:20])
    return "" if body is None else json_text(body)


def _with_words_behind(said: str, error: Mapping[str, Any], depth: int) -> str:
    """And what the service behind a gateway said (OpenRouter), or the model wrote (Groq), where that is handed on."""
    raw = told.get("raw") if isinstance(told := error.get("metadata"), Mapping) else None
    if isinstance(raw, str) and raw.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            raw = from_json(raw)
    behind, written = provider_words(raw, depth + 1), error.get("failed_generation")
    said = f"{said}: {behind}" if behind not in said else said
    return f"{said} (the model wrote: {written})" if written and isinstance(written, str) else said


def innermost(error: Any) -> Mapping[str, Any]:
    """The error object: some stand in a list, or in another one that says nothing else."""
    for _ in range(_DEEPEST):
        if isinstance(error, list | tuple):
            error = next((one for one in error if isinstance(one, Mapping)), None)
        elif isinstance(error, Mapping) and error.get("error") and not any(map(error.get, ("code", "status", "type"))):
            error = error["error"]
    return error if isinstance(error, Mapping) else {}


def error_from_body(
    error: Any, *, adapter: str, request_id: str | None = None, secrets: Iterable[str] = ()
) -> ProviderError:
    """The ProviderError of an error object that came inside a 200 or a stream; its own code decides.

    That is its `code`, `status` or `type`: a number, or a word that stands for one, in any spelling (`unauthorized`,
    `TooManyRequests`, `invalid_request_error`).  Without one it is Unavailable, which is asked again.
    """
    details, known = innermost(error), Secrets(secrets)
    message = provider_words(error)
    words = [str(word) for word in (details.get("code"), details.get("status"), details.get("type")) if word]
    # The latter is Mistral's.  What is vague decides only where nothing else does.
    for word in sorted((*words, str(details.get("raw_status_code"))), key=is_vague):
        number = int(word) if re.fullmatch("[0-9]{3}", word) else status_of(word)
        if 400 <= number < 600:
            named = sorted((one for one in words if not (one.isdigit() and says_little(one))), key=says_little)
            named += [other for other in words if other != word]
            about: dict[str, Any] = {"request_id": request_id, "details": details.get("details"), "secrets": known}
            return error_from_status(number, message, adapter=adapter, code=next(iter(named), None), **about)
    return Unavailable(
        f"the provider answered with an error: {excerpt(message, known)}",
        adapter=adapter,
        code=excerpt(words[0], known) if words else None,
        request_id=request_id,
        hint=_AGAIN,
    )


def timed_out(adapter: str, seconds: float | None, cause: BaseException | None = None) -> DeadlineExceeded:
    """The error of a request that took longer than it was given."""
    given = f" of {seconds:g} s" if seconds is not None else ""
    detail = f" ({type(cause).__name__})" if cause else ""
    return DeadlineExceeded(
        f"no complete answer came within the deadline{given}{detail}", adapter=adapter, hint="Raise deadline=."
    )


def not_connected(adapter: str, cause: BaseException, secrets: Iterable[str] = ()) -> ProviderError:
    """The error of a connection that could not be made, or broke; that of a 407, where a proxy refuses the login."""
    told = f"{text_of(cause)}\n{text_of(cause.__cause__ or cause.__context__)}"  # botocore's error says no more itself
    if "Proxy" in type(cause).__name__ and _PROXY_LOGIN.search(told):
        return error_from_status(407, f"the proxy refuses to connect: {named(cause, secrets)}", adapter=adapter)
    hint = f"Check the network and the base URL{asked_proxies()}."
    return ConnectionFailed(f"the connection failed: {named(cause, secrets)}", adapter=adapter, hint=hint)


def own_timeout(adapter: str, cause: BaseException, secrets: Iterable[str] = ()) -> ProviderError:
    """The error of a client whose own timeout, between two bytes, was over before the deadline."""
    if type(cause).__name__.startswith(("Connect", "Pool")):
        return not_connected(adapter, cause, secrets)
    return ConnectionFailed(
        f"the connection failed: the client's own timeout passed: {named(cause, secrets)}",
        adapter=adapter,
        hint="Raise the timeout of the SDK's client, if the service needs longer.",
    )


def unless_closed(error: ToolfanError, *clients: Any) -> ToolfanError:
    """`error`; for a connection that failed since another thread closed the client below it, what says so."""
    if not isinstance(error, ConnectionFailed) or not any(getattr(one, "is_closed", False) is True for one in clients):
        return error
    return ConnectionFailed(
        "the client was closed while a request of it ran",
        adapter=error.adapter,
        retryable=False,
        hint="Close a client when nothing of it runs any more.",
    )


def broken(
    adapter: str, cause: BaseException, secrets: Iterable[str] = (), below: BaseException | None = None
) -> ProviderError:
    """The error of a connection that an HTTP library gave up; `below` is why, if `cause` says nothing of it.

    ConnectionFailed if it broke off; BadResponse, not retryable, if what came is no HTTP.
    """
    told = next((one for one in (cause, below) if one and _MALFORMED.search(text_of(one))), None)
    if told is None:
        return not_connected(adapter, cause, secrets)
    return BadResponse(
        f"the answer is no HTTP that can be read: {named(told, secrets)}",
        adapter=adapter,
        retryable=False,
        hint="Check the base URL: another service may have answered.",
    )


def named(cause: BaseException, secrets: Iterable[str] = ()) -> str:
    """The class and the text of an exception, without secrets."""
    said = excerpt(text_of(cause), secrets)
    return f"{type(cause).__name__}: {said}" if said else type(cause).__name__


def instead(body: Any, field: str) -> str:
    """What came in place of an answer with this field, behind a colon; nothing where it is: that is the model's."""
    found = body.get(field) if isinstance(body, Mapping) else None
    return "" if found else f": {excerpt(json_text(body))}"


def excerpt(text: str, secrets: Iterable[str] = ()) -> str:
    """The start of what someone else wrote, on one line, without secrets."""
    flat = (masked_start if len(text) > 20_000 else masked)(" ".join(text[:20_000].split()), secrets)
    return flat if len(flat) <= 500 else f"{flat[:500]}..."
