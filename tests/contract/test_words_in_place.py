"""JSON that is no answer: the error shows what came instead, bounded and without secrets, at every provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from every_provider import GOOD, PROVIDERS, client_of
from loopback import KEY, USER, FaultServer, http
from odd_streams import Weather
from toolfan import BadResponse

Start = Callable[..., FaultServer]
TOKEN = "a-house-token-0815"
"""Goes out as a header with every request, and is like no key."""
BODIES: dict[str, dict[str, Any]] = {
    "a login": {"choices": None, "base": {"state": 1004, "said": "login fail: planted words"}},
    "a firewall": {"reply": "Forbidden by WAF: planted words"},
    "a status": {"status": "error", "reason": "planted words"},
}
each_provider = pytest.mark.parametrize("provider", PROVIDERS)


def raised(faulty: Start, provider: str, body: Any) -> BadResponse:
    """What comes of this answer."""
    server = faulty(http(body if isinstance(body, str) else json.dumps(body)))
    with client_of(provider, server.url) as client, pytest.raises(BadResponse) as caught:
        client.create(messages=USER, tools=(Weather,), extra_headers={"x-house": TOKEN})
    return caught.value


@each_provider
@pytest.mark.parametrize("shape", BODIES)
def test_what_came_is_shown(faulty: Start, provider: str, shape: str) -> None:
    error = raised(faulty, provider, BODIES[shape])
    assert "planted words" in str(error)
    assert (error.retryable, bool(error.hint)) == (True, True)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_also_a_message_that_stands_alone(faulty: Start, provider: str) -> None:
    assert "Forbidden by WAF" in str(raised(faulty, provider, {"message": "Forbidden by WAF"}))


@each_provider
def test_it_is_bounded(faulty: Start, provider: str) -> None:
    error = raised(faulty, provider, {"reply": "planted words", "more": ["x" * 1000] * 1000})
    assert "planted words" in str(error)
    assert len(str(error)) < 1000


@each_provider
def test_no_secret_is_shown(faulty: Start, provider: str) -> None:
    said = f"planted words {KEY} {TOKEN}"
    for field in ("reply", "text", "delta", "part", "arguments"):
        error = raised(faulty, provider, {field: said, "list": [said], KEY: TOKEN, "Bearer": f"key={TOKEN}"})
        told = repr(error) + str(error) + str(vars(error))
        assert "planted words" in told
        assert KEY not in told
        assert TOKEN not in told


def test_the_answer_of_another_interface_hides_them_too(faulty: Start) -> None:
    """What stands there is the model's, which may say what it was told."""
    for provider, other in (("openai-responses", "openai"), ("openai", "openai-responses"), ("anthropic", "openai")):
        body = json.dumps(GOOD[other]).replace("Weather", f"{KEY} {TOKEN}")
        told = str(raised(faulty, provider, body))
        assert KEY not in told
        assert TOKEN not in told
