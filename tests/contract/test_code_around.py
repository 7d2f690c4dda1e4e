"""Code around an SDK's method, as tracers put it there, and hooks: whether the request was sent is told as far as it is
known."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import GOOD, PROVIDERS, client_of
from google_asking import genai_client
from loopback import KEY, ONCE, USER, http
from odd_streams import Weather

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = {
    "openai": ("openai", "OpenAI", "post"),
    "openai-responses": ("openai", "OpenAI", "post"),
    "anthropic": ("anthropic", "Anthropic", "post"),
    "cohere": ("cohere.core.http_client", "HttpClient", "request"),
    "bedrock": ("botocore.client", "BaseClient", "_make_api_call"),
    "gemini": ("google.genai.models", "Models", "generate_content"),
}
ASKED: dict[str, Any] = {"messages": USER, "tools": (Weather,)}


def refused(client: toolfan.Client, said: str) -> toolfan.RequestRejected:
    """The error of a request that code of the user's own made fail."""
    with pytest.raises(toolfan.RequestRejected, match=said) as caught:
        client.create(**ASKED)
    return caught.value


class Own(Exception):
    """Of code that is neither toolfan's nor the SDK's."""


def around(monkeypatch: pytest.MonkeyPatch, provider: str, wrapper: Callable[..., Any]) -> None:
    module, kind, name = METHODS[provider]
    owner = getattr(importlib.import_module(module), kind)
    inner = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args, **options: wrapper(lambda: inner(*args, **options)))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_fails_after_the_answer_is_no_request_that_was_not_sent(
    faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    server = faulty(http(json.dumps(GOOD[provider])))

    def counts(request: Callable[[], Any]) -> Any:
        request()
        raise Own("no usage")

    around(monkeypatch, provider, counts)
    with client_of(provider, server.url) as client:
        error = refused(client, "may have been sent, or not: Own: no usage")
    assert (error.requests, len(server.requests)) == (1, 1)
    assert isinstance(error.__cause__, Own)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_code_around_that_fails_at_the_answer_itself(
    faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, provider: str
) -> None:
    """The standard library raises, for the code that called it."""
    server = faulty(http(json.dumps(GOOD[provider])))

    def logs(request: Callable[[], Any]) -> Any:
        return json.dumps(request().__class__)

    around(monkeypatch, provider, logs)
    with client_of(provider, server.url) as client:
        error = refused(client, "may have been sent, or not: TypeError")
    assert (error.requests, len(server.requests)) == (1, 1)


def test_a_step_before_sending_is_known_also_below_such_code(
    faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whatever the user's code was handling when it asked does not count."""
    import openai

    def key() -> str:
        raise Own("no key")

    server = faulty(http(json.dumps(GOOD["openai"])))
    around(monkeypatch, "openai", lambda request: request())
    with openai.OpenAI(api_key=key, base_url=server.url) as sdk:
        client = toolfan.from_openai(sdk, model="m")
        errors = [refused(client, "did not send the request: Own: no key")]
        try:
            raise Own("something earlier")
        except Own:
            errors.append(refused(client, "did not send the request: Own: no key"))
    assert ([error.requests for error in errors], server.requests) == ([0, 0], [])


def test_a_hook_that_raises_for_the_status_leaves_no_words(faulty: Callable[..., Any]) -> None:
    """At google-genai too, which a hook of an HTTP client of the user's keeps from reading the body."""
    url = faulty(http('{"error": {"message": "bad field"}}', 400)).url.removesuffix("/v1")
    hooks = {"response": [lambda response: response.raise_for_status()]}
    with importlib.import_module("httpx").Client(event_hooks=hooks) as own:
        client = toolfan.wrap(genai_client("gemini", url, httpx_client=own), model="m", stop=ONCE)
        with pytest.raises(toolfan.RequestRejected, match=r"^the provider answered 400 \[") as caught:
            client.create(**ASKED)
    assert str(caught.value.hint).startswith("The provider does not say why")


def test_an_answer_to_an_earlier_request_is_not_told_of_this_one(faulty: Callable[..., Any]) -> None:
    sdk_http = importlib.import_module("httpx")
    earlier = sdk_http.post(faulty(http("{}", 429)).url, trust_env=False)
    with client_of("openai", "http://127.0.0.1:9/v1") as client:
        try:
            earlier.raise_for_status()
        except sdk_http.HTTPStatusError:
            with pytest.raises(toolfan.ConnectionFailed):
                client.create(**ASKED)


@pytest.mark.parametrize(("event", "requests"), [("before-call", 0), ("before-send", 0), ("after-call", 1)])
def test_hooks_of_botocore(faulty: Callable[..., Any], event: str, requests: int) -> None:
    import boto3

    def fails(**_: Any) -> None:
        raise Own("my hook")

    server = faulty(http(json.dumps(GOOD["bedrock"])))
    session = boto3.Session(aws_access_key_id="planted-id", aws_secret_access_key=KEY, region_name="us-east-1")
    sdk = session.client("bedrock-runtime", endpoint_url=server.url.removesuffix("/v1"))
    sdk.meta.events.register(f"{event}.bedrock-runtime.Converse", fails)
    said = "may have been sent, or not" if requests else "did not send the request"
    error = refused(toolfan.wrap(sdk, model="m"), f"{said}: Own: my hook")
    assert (error.requests, len(server.requests)) == (requests, requests)
    sdk.close()
