"""LiteLLM's errors, and those below them, to toolfan's.

LiteLLM makes an error of one of its own classes, with an HTTP status, of whatever it meets: 500 of a connection that
failed, of a key that is missing, of an answer that it cannot read.  What it met stands in the chain of causes, and is
told by class names: the libraries differ by vendor.  Of an answer with an error status it tells the headers.

Knows: how these errors look.  Must not know: requests, retries, policy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from toolfan.errors import AuthenticationError, BadResponse, ProviderError, ToolfanError, Unavailable, UsageError
from toolfan.secrets.credentials import login_of, proxy_logins, query_of
from toolfan.secrets.redaction import blotted, known_secrets, longest_first, public_headers, sent_secrets
from toolfan.translation.error_bodies import error_of_code
from toolfan.translation.statuses import (
    broken,
    error_from_body,
    error_from_status,
    excerpt,
    named,
    not_connected,
    timed_out,
)

if TYPE_CHECKING:
    from toolfan.secrets.held import Secrets

_TIMEOUT = frozenset({"Timeout", "APITimeoutError", "TimeoutException", "TimeoutError"})
_CONNECTION = frozenset({"TransportError", "OSError", "APIConnectionError", "ClientConnectionError"})
_READERS = ("httpx", "httpcore", "h11", "aiohttp", "httpx2")
_UNREADABLE = frozenset({"JSONDecodeError", "DecodingError", "UnicodeDecodeError", "RecursionError"})
_NO_ANSWER = (
    "Empty or invalid response from LLM endpoint",
    "LiteLLM: provider returned",  # "... 'choices' that is not a list"
    "for integer string conversion: value has",  # of a number in the answer; of one in a request it says no more
)
"""What is said of a good status with no answer behind it that can be read; no class tells it."""
_SDK = "litellm"
_ENDED_BADLY = "raised a streaming error - finish_reason: error"
"""What LiteLLM says of a finish reason that is an error; the chunk stands behind it."""
_CODES = {"ContentPolicyViolationError": "content_policy_violation", "BudgetExceededError": "insufficient_quota"}
_NO_CODE = 422
"""What LiteLLM says of an error object without a code."""
_FALLBACK = {"BudgetExceededError": 429}
_DENIED = 401
_MADE_UP = (_DENIED, 500)
"""What LiteLLM says when nobody answered."""
_NO_CREDENTIALS = "OpenAIError"
"""What the openai SDK raises when it finds no key; its errors of answers and connections have classes of their own."""
_UNFORESEEN = (LookupError, TypeError, AttributeError)
"""What reading an answer of another shape runs into; what LiteLLM finds missing beforehand it says in other classes."""
_TRACEBACK = "Traceback (most recent call last)"


def secrets_of(client: Any, added: Mapping[str, str]) -> Secrets:
    """What must not be shown: the client's key, those that LiteLLM itself reads, and what was added to the request."""
    module: Any = sys.modules.get("litellm")
    own = {name: value for name, value in vars(module).items() if name.endswith("_key")} if module else {}
    key = known_secrets({"api_key": getattr(client, "api_key", None)})
    address = str(getattr(client, "base_url", None) or getattr(client, "api_base", None) or "")
    sent = (sent_secrets(added), sent_secrets(query_of(address)), login_of(address), proxy_logins())
    return longest_first(key, known_secrets(own), known_secrets(os.environ), *sent)


def translated(
    exc: Exception, *, adapter: str, timeout: float | None, secrets: Iterable[str], keyless: bool, begun: bool
) -> ToolfanError:
    """What `exc`, caught around LiteLLM's call, is to toolfan; `timeout` in seconds is the deadline.

    `keyless`: the client has no key of its own.  `begun`: something of the answer had come.
    """
    if isinstance(exc, ToolfanError):
        return exc
    names = {base.__name__ for base in type(exc).__mro__}
    below = {base.__name__ for one in list(_chain(exc))[1:] for base in type(one).__mro__}
    status = getattr(exc, "status_code", None) or next((_FALLBACK[name] for name in names & _FALLBACK.keys()), None)
    if (names | below) & _TIMEOUT and status in (None, 408, 500):
        return timed_out(adapter, timeout, exc)
    if _is_unreadable(exc, below):
        told = _met(exc) if _TRACEBACK in str(exc) else exc
        return BadResponse(
            f"the answer cannot be read: {named(told, secrets)}", adapter=adapter, hint="Check the base URL."
        )
    if (error := _in_an_answer(exc)) is not None:
        return error_from_body(blotted(error, secrets), adapter=adapter)
    if (failed := _ended_badly(exc, adapter, secrets)) is not None:
        return failed
    if begun and isinstance(met := _met(exc), _UNFORESEEN):
        return _no_answer(met, adapter, secrets)
    if _answered(exc) is None:
        if "UnsupportedParamsError" in names:
            return UsageError(
                f"LiteLLM refuses the request: {named(exc, secrets)}", adapter=adapter, hint="Leave the option out."
            )
        if (below | ({*names} - {"APIConnectionError"})) & _CONNECTION:
            return _not_connected(exc, adapter, secrets)
    if status in _MADE_UP and not any(map(_answered, _chain(exc))):
        nobodys = _of_nobody(exc, adapter, secrets, keyless=keyless, begun=begun)
        if nobodys is not None:
            return nobodys
    if not isinstance(status, int) or status < 300:
        return error_of_code(exc, adapter=adapter, sdk=_SDK, secrets=secrets)
    return _of_status(exc, status, names, adapter, secrets)


def _is_unreadable(exc: Exception, below: set[str]) -> bool:
    """Whether a good status came, or none that LiteLLM tells, and nothing that could be read behind it."""
    good = any(str(getattr(one, "status_code", "")).startswith("2") for one in _chain(exc))
    return any(words in str(exc) for words in _NO_ANSWER) or bool(
        below & _UNREADABLE and (good or _answered(exc) is None)
    )


def _of_nobody(
    exc: Exception, adapter: str, secrets: Iterable[str], *, keyless: bool, begun: bool
) -> ToolfanError | None:
    """The error of what LiteLLM met by itself; None if it does not tell what that was."""
    met = _met(exc)
    kind, said = type(met).__name__, excerpt(str(met).partition(_TRACEBACK)[0], secrets)
    if isinstance(met, _UNFORESEEN) or kind == "ValidationError":
        return _no_answer(met, adapter, secrets)
    if begun:
        return None
    missing = _missing(exc) if keyless else []
    if keyless and (kind == _NO_CREDENTIALS or any("KEY" in name for name in missing)):
        unset = f"Not set for this vendor: {', '.join(missing)}. " if missing else ""
        return AuthenticationError(
            f"LiteLLM found no key, and sent nothing: {said}",
            adapter=adapter,
            hint=f"{unset}Set what LiteLLM reads for this vendor, or name a variable with api_key_env.",
        )
    if met is exc or getattr(exc, "status_code", None) == _DENIED:
        return None
    return error_of_code(met, adapter=adapter, sdk=_SDK, secrets=secrets)


def _met(exc: BaseException) -> BaseException:
    """What LiteLLM met, as far as it keeps it."""
    others = (one for one in _chain(exc) if not type(one).__module__.startswith("litellm"))
    return next((one for one in others if type(one) is not Exception), exc)


def _no_answer(met: BaseException, adapter: str, secrets: Iterable[str]) -> BadResponse:
    said = excerpt(str(met).partition(_TRACEBACK)[0], secrets)
    return BadResponse(
        f"LiteLLM could read no answer: {type(met).__name__}: {said}",
        adapter=adapter,
        hint="Check the base URL: another service may have answered.",
    )


def _not_connected(exc: BaseException, adapter: str, secrets: Iterable[str]) -> ProviderError:
    """The error of a connection; what came through it, if that is no HTTP, is told by the library that read it."""
    readers = (one for one in _chain(exc) if type(one).__module__.partition(".")[0] in _READERS)
    read = (one for one in readers if "Connect" not in type(one).__name__)  # TLS has words of its own
    found = (broken(adapter, one, secrets) for one in read)
    return next((one for one in found if isinstance(one, BadResponse)), None) or not_connected(adapter, exc, secrets)


def _ended_badly(exc: BaseException, adapter: str, secrets: Iterable[str]) -> Unavailable | None:
    """The error of a stream whose finish reason is one; None for any other error."""
    said = next((str(one) for one in _chain(exc) if _ENDED_BADLY in str(one)), None)
    if said is None:
        return None
    chunk = excerpt(said.partition(_TRACEBACK)[0].partition(_ENDED_BADLY)[2].lstrip(", "), secrets)
    what = f"the answer ended with the finish reason error: {chunk}"
    return Unavailable(what, adapter=adapter, hint="The same request may succeed later.")


def _missing(exc: Exception) -> list[str]:
    """The environment variables of this vendor, as far as LiteLLM knows them, that are not set."""
    model = f"{getattr(exc, 'llm_provider', None)}/{getattr(exc, 'model', None)}"
    try:
        return list(sys.modules["litellm"].validate_environment(model)["missing_keys"])
    except Exception:  # noqa: BLE001 - it is for the hint alone
        return []


def _of_status(exc: Exception, status: int, names: set[str], adapter: str, secrets: Iterable[str]) -> ToolfanError:
    headers = public_headers(dict(_answered(exc) or {}).items(), secrets)
    code = next((_CODES[name] for name in _CODES if name in names), None) or _code(exc)
    return error_from_status(
        status,
        str(getattr(exc, "message", None) or exc).partition(_TRACEBACK)[0],
        adapter=adapter,
        code=code,
        headers=headers,
        request_id=request_id(headers),
        secrets=secrets,
    )


def _in_an_answer(exc: Exception) -> Any:
    """The error object that came in a good answer or in a stream, as far as LiteLLM tells it; None if none did."""
    for one in _chain(exc):
        body, status = getattr(one, "body", None), getattr(one, "status_code", None)
        if body is not None and status is None:  # openai's error of an event
            return body
        if type(one) is Exception and hasattr(one, "status_code"):  # which LiteLLM makes of a body with an error
            return {"message": getattr(one, "message", ""), "code": None if status == _NO_CODE else status}
        if isinstance(status, int) and 200 <= status < 300:
            return {"message": str(one)}
    return None


def _code(exc: Exception) -> str | None:
    """The service's own word: LiteLLM keeps it in the error, or only in the one that it was made of."""
    for one in _chain(exc):
        body = getattr(one, "body", None)
        for found in (body.get("code"), body.get("type")) if isinstance(body, Mapping) else ():
            if isinstance(found, str) and not found.isdigit():
                return found
    return None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the service gave the request."""
    return next((headers[name] for name in ("x-request-id", "request-id") if name in headers), None)


def _answered(exc: BaseException) -> Mapping[str, str] | None:
    """The headers of the answer that the error is; None if there was no answer, or LiteLLM does not tell them."""
    found = getattr(exc, "litellm_response_headers", None) or getattr(getattr(exc, "response", None), "headers", None)
    return found or None


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """The error, and what it was made of."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__
