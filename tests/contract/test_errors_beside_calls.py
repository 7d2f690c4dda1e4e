"""An error beside calls in a whole answer, at every provider: it is raised, and brings the calls that came whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from every_provider import GOOD, PROVIDERS, client_of
from loopback import USER, FaultServer, http
from odd_streams import Weather
from tenacity import stop_after_attempt, wait_none
from toolfan import AuthenticationError, PermissionDenied, ProviderError, QuotaExhausted, RateLimited, Unavailable

Start = Callable[..., FaultServer]
ERRORS: dict[str, dict[str, Any]] = {
    "openai": {"error": {"code": 429, "message": "slow"}},
    "openai-responses": {"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "slow"}},
    "anthropic": {"error": {"type": "rate_limit_error", "message": "slow"}},
    "bedrock": {"Error": {"Code": "ThrottlingException", "Message": "slow"}},
    "cohere": {"error": {"code": 429, "message": "slow"}},
    "gemini": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow"}},
}

THROTTLED, DENIED = "ThrottlingException", "AccessDeniedException"
INSTEAD: dict[str, list[tuple[dict[str, Any], type[ProviderError]]]] = {
    "bedrock": [
        ({"__type": THROTTLED, "message": "words"}, RateLimited),
        ({"__type": f"com.amazon.coral.service#{DENIED}:http://x/", "Message": "words"}, PermissionDenied),
        ({"Output": {"__type": f"com.amazon#{THROTTLED}", "message": "words"}, "Version": "1.0"}, RateLimited),
        ({"code": "UnrecognizedClientException", "message": "words"}, AuthenticationError),
        ({"error": {"code": DENIED, "message": "words"}}, PermissionDenied),
        ({"error": {"message": "words", "code": 401}}, AuthenticationError),
        ({"error": "words"}, Unavailable),
        ({"message": "words"}, Unavailable),
    ],
    "cohere": [
        ({"error": {"message": "words", "code": 401}}, AuthenticationError),
        ({"message": "words", "code": 429}, RateLimited),
        ({"message": "words: invalid api token"}, AuthenticationError),
        ({"error": "words: no API key supplied"}, AuthenticationError),
        ({"message": "words: Please add or update your payment method"}, QuotaExhausted),
        ({"message": "words: You are using a Trial key, which is limited to 40 API calls / minute"}, RateLimited),
        ({"message": "words"}, Unavailable),
    ],
}


def raised(faulty: Start, provider: str, body: Any) -> ProviderError:
    """What comes of this answer."""
    with client_of(provider, faulty(http(json.dumps(body))).url) as client, pytest.raises(ProviderError) as caught:
        client.create(messages=USER, tools=(Weather,))
    return caught.value


@pytest.mark.parametrize("provider", ERRORS)
def test_the_error_brings_what_came_whole(faulty: Start, provider: str) -> None:
    error = raised(faulty, provider, {**GOOD[provider], **ERRORS[provider]})
    assert type(error) is RateLimited
    assert "slow" in str(error)
    assert list(error.calls or ()) == [Weather(location="A")]
    assert error.turn is not None
    assert [call.id for call in error.turn.calls] == ["a"]
    alone = raised(faulty, provider, ERRORS[provider])
    assert (type(alone), alone.calls, alone.turn) == (RateLimited, None, None)


@pytest.mark.parametrize("provider", ERRORS)
def test_they_count_the_request_that_failed_after_it(faulty: Start, provider: str) -> None:
    server = faulty(http(json.dumps({**GOOD[provider], **ERRORS[provider]})), http("{}", 403))
    twice = client_of(provider, server.url, stop=stop_after_attempt(2), wait=wait_none())
    with twice as client, pytest.raises(PermissionDenied) as caught:
        client.create(messages=USER, tools=(Weather,))
    assert list(caught.value.calls or ()) == [Weather(location="A")]
    assert caught.value.calls is not None
    assert (caught.value.calls.attempts, caught.value.calls.requests) == (1, 2) == (1, caught.value.requests)


@pytest.mark.parametrize("reason", ["ERROR", "TIMEOUT", "timeout"])
def test_cohere_tells_it_by_the_finish_reason(faulty: Start, reason: str) -> None:
    error = raised(faulty, "cohere", {**GOOD["cohere"], "finish_reason": reason})
    assert (type(error), error.retryable) == (Unavailable, True)
    assert reason in str(error)
    assert list(error.calls or ()) == [Weather(location="A")]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_an_error_the_calls_are_the_result(faulty: Start, provider: str) -> None:
    with client_of(provider, faulty(http(json.dumps(GOOD[provider]))).url) as client:
        assert list(client.create(messages=USER, tools=(Weather,))) == [Weather(location="A")]


@pytest.mark.parametrize(("provider", "body", "kind"), [(name, *one) for name in INSTEAD for one in INSTEAD[name]])
def test_an_error_in_the_place_of_an_answer_is_that_of_its_code(
    faulty: Start, provider: str, body: Any, kind: type[ProviderError]
) -> None:
    error = raised(faulty, provider, body)
    assert type(error) is kind, error
    assert error.retryable is (kind in (RateLimited, Unavailable))
    assert "words" in str(error)
    assert error.calls is None
