"""What an error inside a 200 says of itself decides what comes of it: words for it, however they are spelled."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, http
from pydantic import BaseModel
from toolfan import (
    AuthenticationError,
    ContentFiltered,
    PermissionDenied,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    Unavailable,
)
from toolfan.translation.error_words import STATUSES, status_of
from toolfan.translation.statuses import error_from_body

KINDS: dict[str, tuple[type[toolfan.ProviderError], int | None]] = {
    "unauthorized": (AuthenticationError, 401),
    "Unauthorized": (AuthenticationError, 401),
    "invalid-token": (AuthenticationError, 401),
    "forbidden": (PermissionDenied, 403),
    "AccessDeniedException": (PermissionDenied, 403),
    "payment_required": (QuotaExhausted, 402),
    "insufficient_credits": (QuotaExhausted, 402),
    "bad_request": (RequestRejected, 400),
    "BadRequestError": (RequestRejected, 400),
    "invalid_request": (RequestRejected, 400),
    "validation_error": (RequestRejected, 400),
    "ValidationException": (RequestRejected, 400),
    "unprocessable_entity": (RequestRejected, 422),
    "model_not_found": (RequestRejected, 404),
    "too_many_requests": (RateLimited, 429),
    "Too Many Requests": (RateLimited, 429),
    "too_many_requests_error": (RateLimited, 429),
    "quota_exceeded": (RateLimited, 429),
    "ServiceUnavailable": (Unavailable, 503),
    "InsufficientQuota": (QuotaExhausted, 429),
    "ContentFilter": (ContentFiltered, 400),
    "content_policy_violation_error": (ContentFiltered, 400),
    "InternalServerError": (Unavailable, 500),
    "unknown_error": (Unavailable, 500),
    # As they always were.
    "insufficient_quota": (QuotaExhausted, 429),
    "content_filter": (ContentFiltered, 400),
    "RESOURCE_EXHAUSTED": (RateLimited, 429),
    "Throttling.RateQuota": (RateLimited, 429),
    "overloaded_error": (Unavailable, 529),
    # These say nothing.
    "api": (Unavailable, None),
    "error": (Unavailable, None),
    "exception": (Unavailable, None),
    "E1234": (Unavailable, None),
    "---": (Unavailable, None),
}


@pytest.mark.parametrize("field", ["code", "status", "type"])
@pytest.mark.parametrize("word", KINDS)
def test_a_word_tells_what_the_error_is(word: str, field: str) -> None:
    error = error_from_body({field: word, "message": "no"}, adapter="acme")
    assert (type(error), error.status, error.code) == (*KINDS[word], word)


def test_no_two_words_differ_in_their_spelling_alone() -> None:
    assert [word for word, status in STATUSES.items() if status_of(word) != status] == []


@pytest.mark.parametrize("vague", ["internal_server_error", "InternalError", "unknown_error"])
@pytest.mark.parametrize(
    ("beside", "kind", "status"),
    [
        ({"type": "invalid_request_error"}, RequestRejected, 400),
        ({"type": "rate_limit_error"}, RateLimited, 429),
        ({"raw_status_code": 503}, Unavailable, 503),
        ({"type": "nothing known"}, Unavailable, 500),
    ],
)
def test_what_says_only_that_it_failed_leaves_it_to_what_says_more(
    vague: str, beside: dict[str, Any], kind: type[toolfan.ProviderError], status: int
) -> None:
    error = error_from_body({"code": vague, "message": "no", **beside}, adapter="acme")
    assert (type(error), error.status) == (kind, status)


class Weather(BaseModel):
    location: str


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "unauthorized", "message": "no"}},
        {"error": {"code": "forbidden", "message": "no", "type": "api_error"}},
        {"error": "no", "status": "Forbidden"},
    ],
    ids=json.dumps,
)
def test_what_asking_again_does_not_mend_is_not_asked_again(faulty: Any, body: Any) -> None:
    server = faulty(http(json.dumps(body)))
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk, pytest.raises(toolfan.ProviderError) as caught:
        toolfan.from_openai(sdk, model="m").create(messages=USER, tools=(Weather,))
    assert isinstance(caught.value, AuthenticationError | PermissionDenied)
    assert len(server.requests) == 1
