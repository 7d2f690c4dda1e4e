"""Words that providers write for what went wrong.

Knows: codes, words.  Must not know: requests, statuses of an answer that came, what is to be done about it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

UNREAD = "its body cannot be read"
"""How the words begin that stand where there are none of the provider's."""
# Codes of a 429 that no waiting mends.  Source: OpenAI's error code guide; OpenAI-compatible servers use the same.
# `budget_exceeded` is LiteLLM's, and `arrearage` DashScope's, with a 400; `exceeded_current_quota_error` is Moonshot
# AI's, 1113 Z.ai's (GLM).
QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated", "budget_exceeded"}
    | {"arrearage", "exceeded_current_quota_error", "1113"}
)
# `data_inspection_failed` is DashScope's, 1301 Z.ai's.
FILTER_CODES = frozenset(
    {"bio_policy", "content_filter", "content_policy_violation", "image_content_policy_violation", "moderation_blocked"}
    | {"data_inspection_failed", "1301"}
)
# What some say of a key with a 400: the Gemini API, xAI.
_OF_A_KEY = re.compile(
    r"(?<![\w.])((incorrect|invalid) api[ _-]?key|api[ _-]?key (is )?(not valid|invalid))\b", re.IGNORECASE
)
# What is wrong with the prompt.  Source: ResponseErrorCode in OpenAI's API reference, without what may pass.
_PROMPT_FAULTS = (
    "bio_policy context_length_exceeded data_residency_mismatch empty_image_file failed_to_download_image "
    "image_content_policy_violation image_file_not_found image_file_too_large image_parse_error image_too_large "
    "image_too_small invalid_base64_image invalid_image invalid_image_format invalid_image_mode invalid_image_url "
    "invalid_prompt unsupported_image_media_type"
)
# Source: the error codes of Alibaba Cloud's Model Studio (DashScope).
_THROTTLED = "throttling throttling.allocationquota throttling.burstrate throttling.ratequota throttling.user"
# The phrases of HTTP's own statuses (RFC 9110), and those of older editions.
_PHRASES = {
    "bad_request": 400,
    "unauthorized": 401,
    "payment_required": 402,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "conflict": 409,
    "gone": 410,
    "content_too_large": 413,
    "payload_too_large": 413,
    "request_entity_too_large": 413,
    "unprocessable_content": 422,
    "unprocessable_entity": 422,
    "too_many_requests": 429,
    "internal_server_error": 500,
    "not_implemented": 501,
    "bad_gateway": 502,
    "service_unavailable": 503,
    "gateway_timeout": 504,
}
# What many services write, none of them alone.
_COMMON = {
    "invalid_request": 400,
    "invalid_parameter": 400,
    "missing_parameter": 400,
    "unknown_parameter": 400,
    "validation_error": 400,
    "validation_failed": 400,
    "authentication_failed": 401,
    "authentication_required": 401,
    "expired_api_key": 401,
    "incorrect_api_key": 401,
    "invalid_credentials": 401,
    "invalid_token": 401,
    "missing_api_key": 401,
    "token_expired": 401,
    "insufficient_balance": 402,
    "insufficient_credits": 402,
    "insufficient_funds": 402,
    "access_denied": 403,
    "insufficient_permissions": 403,
    "model_not_found": 404,
    "quota_exceeded": 429,
    "rate_limit": 429,
    "rate_limit_reached": 429,
    "throttled": 429,
    "overloaded": 529,
    "internal_error": 500,
    "unknown_error": 500,
}
STATUSES: Mapping[str, int] = {
    **_PHRASES,
    **_COMMON,
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "invalidapikey": 401,
    "invalidparameter": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "invalid_argument": 400,
    **dict.fromkeys(_PROMPT_FAULTS.split(), 400),
    **dict.fromkeys(FILTER_CODES, 400),
    **dict.fromkeys(QUOTA_CODES, 429),
    "arrearage": 402,
    "api_key_invalid": 401,  # Google's (google.api.ErrorReason), with a 400
    "failed_precondition": 400,
    "unauthenticated": 401,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limited": 429,  # Mistral's
    **dict.fromkeys(_THROTTLED.split(), 429),
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "billing_error": 402,
    "request_too_large": 413,
    "timeout_error": 504,
    "server_error": 500,
    "internal": 500,
    "unknown": 500,
    "data_loss": 500,
    "unimplemented": 501,
    "aborted": 409,
    "out_of_range": 400,
    "api_error": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
}
"""The HTTP status that an error word stands for: inside a 200 or a stream there is none."""


_BY_LETTERS = {word.replace("_", "").replace(".", ""): word for word in STATUSES}
_VAGUE = ("internal_server_error", "internal_error", "unknown_error")


def known_word(word: str) -> str:
    """The word as it stands here, however it is spelled; one that does not, in small letters.

    `too_many_requests`, `Too Many Requests`, `TooManyRequestsException` and `too_many_requests_error` say one thing.
    """
    letters = re.sub("exception$", "error", re.sub("[^a-z0-9]", "", word.lower()))
    return _BY_LETTERS.get(letters) or _BY_LETTERS.get(letters.removesuffix("error"), word.lower())


def status_of(word: str) -> int:
    """The HTTP status that a provider's word stands for, in any spelling; 0 for one that is not known."""
    return STATUSES.get(known_word(word), 0)


def is_vague(word: str) -> bool:
    """Whether it says no more than that something failed: another word, or a status beside it, says what."""
    return known_word(word) in _VAGUE


def says_little(word: str) -> bool:
    """Whether a code leaves the kind of its error to the status."""
    return known_word(word) not in FILTER_CODES | QUOTA_CODES


def is_of_key(word: str, message: str) -> bool:
    """Whether a request was rejected for its key, as some services say with a 400; what they echo comes later."""
    return status_of(word) == 401 or _OF_A_KEY.search(message[:200]) is not None
