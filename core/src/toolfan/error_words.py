"""Words that providers write for what went wrong.

Knows: codes.  Must not know: requests, statuses of an answer that came, what is to be done about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Codes of a 429 that no waiting mends.  Source: OpenAI's error code guide; OpenAI-compatible servers use the same.
# `budget_exceeded` is LiteLLM's, with a 400.
QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated", "budget_exceeded"}
)
FILTER_CODES = frozenset(
    {"bio_policy", "content_filter", "content_policy_violation", "image_content_policy_violation", "moderation_blocked"}
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
STATUSES: Mapping[str, int] = {
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "invalidapikey": 401,
    "invalidparameter": 400,
    "arrearage": 402,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "not_found": 404,
    "invalid_argument": 400,
    **dict.fromkeys(_PROMPT_FAULTS.split(), 400),
    **dict.fromkeys(FILTER_CODES, 400),
    **dict.fromkeys(QUOTA_CODES, 429),
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
