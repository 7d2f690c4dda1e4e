"""Clients from settings, and which clients are taken."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
import toolfan
from anthropic_asking import GOOD, VALUES, Search, Weather, whole
from loopback import KEY, USER
from toolfan_anthropic.settings import AnthropicSettings

ADAPTER = toolfan.load_adapter("anthropic")


def test_a_profile_names_key_and_address(monkeypatch: pytest.MonkeyPatch, faulty: Any):
    monkeypatch.setenv("HOUSE_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "tok-of-someone-else")
    server = faulty(whole(GOOD))
    base_url = server.url.removesuffix("/v1")
    with toolfan.connect("anthropic:claude-x", base_url=base_url, api_key_env="HOUSE_KEY") as client:
        assert list(client.create(messages=USER, tools=(Weather, Search))) == VALUES
    headers = str(server.requests[0][2])
    assert KEY in headers
    assert "tok-of-someone-else" not in headers


def test_a_stranger_is_sent_no_key_of_anthropics(monkeypatch: pytest.MonkeyPatch, faulty: Any):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    server = faulty(whole(GOOD))
    with toolfan.connect("anthropic:claude-x", base_url=server.url.removesuffix("/v1")) as client:
        client.create(messages=USER, tools=(Weather, Search))
    assert KEY not in str(server.requests[0][2])


@pytest.mark.parametrize("use_async", [False, True])
def test_without_a_key_or_with_none_that_can_be_sent_nothing_is_made(monkeypatch: pytest.MonkeyPatch, use_async: bool):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(toolfan.ConfigError, match="ANTHROPIC_API_KEY is not set"):
        ADAPTER.connect(AnthropicSettings(), use_async=use_async)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f"{KEY}\n")
    with pytest.raises(toolfan.ConfigError, match="line break") as caught:
        ADAPTER.connect(AnthropicSettings(), use_async=use_async)
    assert KEY not in str(caught.value)


def test_an_address_in_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "not an address")
    with pytest.raises(toolfan.ConfigError, match="ANTHROPIC_BASE_URL"):
        ADAPTER.connect(AnthropicSettings(), use_async=False)


def test_a_client_that_was_connected_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with toolfan.connect("anthropic:claude-x") as client:
        sdk: Any = client.sdk_client
        assert sdk.max_retries == 0
        assert not sdk.is_closed()
    assert sdk.is_closed()


@pytest.mark.parametrize("use_async", [False, True])
def test_a_client_of_the_other_kind_is_refused(use_async: bool):
    kind: Any = anthropic.Anthropic if use_async else anthropic.AsyncAnthropic
    with pytest.raises(toolfan.UsageError, match=f"{kind.__name__} is not {'async' if use_async else 'sync'}"):
        ADAPTER.transport(kind(api_key=KEY), use_async=use_async)


def test_clients_for_bedrock_are_refused():
    bedrock: Any = pytest.importorskip("anthropic.lib.bedrock")
    sdk = bedrock.AnthropicBedrock(aws_region="r", aws_access_key="a", aws_secret_key="b")
    with pytest.raises(toolfan.UsageError, match="AnthropicBedrock is no client of the anthropic SDK that") as caught:
        toolfan.wrap(sdk)
    assert 'pass boto3.client("bedrock-runtime"). `pip install "toolfan[bedrock]"` brings boto3' in str(caught.value)
    mantle = getattr(anthropic, "AnthropicBedrockMantle", None)
    if mantle is not None:
        with pytest.raises(toolfan.UsageError, match=r'pass boto3\.client\("bedrock-runtime"\)'):
            toolfan.wrap(mantle(aws_region="r", aws_access_key="a", aws_secret_key="b"))


class Around:
    """As some tracers wrap a client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class Shown(Around):
    """As wrapt's proxies show it."""

    @property
    def __class__(self) -> Any:
        return type(self._client)


def test_what_is_around_a_client_is_told_from_a_client():
    """Whether it is async is not to be seen, unless it shows the class of what it holds."""
    own = anthropic.Anthropic(api_key=KEY)
    with pytest.raises(toolfan.UsageError, match=r"Around is no client .* pass the client that it was made from"):
        toolfan.wrap(Around(own), adapter="anthropic")
    assert toolfan.wrap(Shown(own)).adapter.name == "anthropic"
    with pytest.raises(toolfan.UsageError, match=r"no client .* Pass anthropic\.Anthropic"):
        toolfan.wrap(object(), adapter="anthropic")


def test_a_key_that_no_header_can_carry_is_refused():
    with pytest.raises(toolfan.ConfigError, match="the client has a line break"):
        toolfan.wrap(anthropic.Anthropic(api_key=f"{KEY}\n"))
