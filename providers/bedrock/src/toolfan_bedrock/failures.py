"""What AWS's error codes mean.

Knows: codes of Bedrock and of AWS's front door.  Must not know: the SDK, bodies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from toolfan.errors import AuthenticationError, ProviderError, QuotaExhausted, RateLimited, Unavailable
from toolfan.secrets.held import Secrets
from toolfan.translation.statuses import error_from_body, error_from_status, excerpt, innermost, provider_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolfan.errors import ToolfanError

_FOR_NOW = re.compile("(?i)throttl|toomanyrequests|limitexceeded|slowdown|idpcommunicationerror")

E = TypeVar("E", bound="ToolfanError")

# Source: the errors of Converse in botocore's model of bedrock-runtime, and the common errors of the AWS API reference.
# The code counts, whatever the status: a throttled request is a 400 in places, and errors inside a stream have none.
_STATUSES = {
    "accessdeniedexception": 403,
    "internalserverexception": 500,
    "modelerrorexception": 424,
    "modelnotreadyexception": 429,
    "modelstreamerrorexception": 424,
    "modeltimeoutexception": 408,
    "resourcenotfoundexception": 404,
    "servicequotaexceededexception": 400,
    "serviceunavailableexception": 503,
    "throttlingexception": 429,
    "toomanyrequestsexception": 429,
    "unknownoperationexception": 404,
    "validationexception": 400,
}
_CREDENTIALS = (
    "expiredtoken",
    "expiredtokenexception",
    "incompletesignature",
    "invalidclienttokenid",
    "invalidsignatureexception",
    "missingauthenticationtoken",
    "missingauthenticationtokenexception",
    "unrecognizedclientexception",
)
# Where the status says too little: a wrong key is a 403, a used-up quota a 400, a model that failed a 424.
_KINDS: dict[str, tuple[type[ProviderError], str]] = {
    **dict.fromkeys(_CREDENTIALS, (AuthenticationError, "Check the credentials of AWS, and the machine's clock.")),
    "modelerrorexception": (Unavailable, "The same request may succeed later."),
    "modelstreamerrorexception": (Unavailable, "The same request may succeed later."),
    "servicequotaexceededexception": (QuotaExhausted, "Have the quota raised; waiting does not help."),
}


def error_of(
    code: Any,
    message: Any,
    *,
    adapter: str,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    secrets: Iterable[str] = (),
) -> ProviderError:
    """The ProviderError of an error code; `status` None where the error came inside an answer."""
    word = str(code or "")
    meant = _STATUSES.get(word.lower())
    if not status or status < 300:
        status = meant or 500
    error = error_from_status(
        status,
        provider_words(message),
        adapter=adapter,
        code=word or None,
        headers=headers,
        request_id=request_id,
        secrets=secrets,
        meant=meant,
    )
    kind, hint = _KINDS.get(word.lower(), (None, ""))
    if isinstance(error, RateLimited) and re.search(r"per day", error.message):
        kind, hint = QuotaExhausted, "The quota of this day is used up: wait for the next one, or have it raised."
    if kind is None:
        return with_own_setting(error)
    return kind(
        error.message,
        adapter=adapter,
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        hint=hint,
    )


def error_of_login(
    operation: str, code: Any, message: Any, *, adapter: str, status: int | None, secrets: Iterable[str] = ()
) -> ProviderError:
    """The error of what was asked of AWS before the request: it has no status of the provider's."""
    word, known = str(code or ""), Secrets(secrets)
    answered = f"{operation}, which was asked for before the request, was refused"
    told = f"{answered} ({word or status}): {excerpt(provider_words(message), known)}"
    if (status or 0) >= 500 or _FOR_NOW.search(word):
        return Unavailable(told, adapter=adapter, code=word or None, hint="The same request may succeed later.")
    return AuthenticationError(
        told, adapter=adapter, code=word or None, hint="Check the credentials of AWS, and the role that they assume."
    )


def code_told(body: Any) -> str | None:
    """AWS's word for an error, of an error body or object: without its namespace, and what it tells behind a colon."""
    words = (_about(body).get(key) for key in ("__type", "code", "Code"))
    word = next((word for word in words if isinstance(word, str)), "").split(":", 1)[0].rsplit("#", 1)[-1]
    return word if re.fullmatch("[A-Za-z]+", word) else None


def error_told(body: Mapping[str, Any], *, adapter: str) -> ProviderError | None:
    """The ProviderError of an error in a 200: beside an output, or in its place; None if the body tells none."""
    error = next((body[key] for key in ("Error", "error") if body.get(key)), None)
    if error is None and body.get("output"):
        return None
    about = _about(innermost(error) if error else body)
    if code := code_told(about):
        return error_of(code, about.get("message") or about.get("Message"), adapter=adapter)
    if error or isinstance(body.get("message"), str):
        return with_own_setting(error_from_body(error or body, adapter=adapter))
    return None


def with_own_setting(error: E) -> E:
    """The error, whose hint calls the address of the service as boto3 does."""
    if error.hint:
        error.hint = error.hint.replace("the base URL", "endpoint_url")
    return error


def _about(body: Any) -> Mapping[str, Any]:
    """What tells the error; AWS's front door has it in {"Output": {"__type": "..."}, "Version": "1.0"}."""
    about = body if isinstance(body, Mapping) else {}
    inner = about.get("Output")
    return inner if isinstance(inner, Mapping) else about
