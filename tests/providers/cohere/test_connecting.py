"""What `connect` makes of settings and of the environment; which clients are taken."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import cohere
import pytest
import toolfan
from cohere_wire import answer, call
from loopback import KEY, USER, http

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "cohere:command-a-03-2025"
ANSWER = http(json.dumps(answer(call("w1", "get_weather", {"location": "Oslo"}))))


def get_weather(location: str) -> str:
    """The weather."""
    return location


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CO_API_KEY", "CO_API_URL", "COHERE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_key_it_says_what_to_set() -> None:
    with pytest.raises(toolfan.ConfigError, match="CO_API_KEY"):
        toolfan.connect(MODEL)


def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", f"{KEY}\n")
    with pytest.raises(toolfan.ConfigError, match="line break") as caught:
        toolfan.connect(MODEL)
    assert KEY not in str(caught.value)
    with pytest.raises(toolfan.ConfigError, match="line break"):
        toolfan.wrap(cohere.ClientV2(api_key=f"{KEY}\n"))


def test_it_connects_with_the_key_that_is_named(faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_KEY", KEY)
    server = faulty(ANSWER)
    settings = {"base_url": server.url.removesuffix("/v1"), "api_key_env": "HOUSE_KEY"}
    with toolfan.connect(MODEL, **settings) as client:
        [made] = client.create(messages=USER, tools=[get_weather])
        assert made.run() == "Oslo"

    async def main() -> None:
        async with toolfan.connect_async(MODEL, **settings) as client:
            assert len(await client.create(messages=USER, tools=[get_weather])) == 1

    asyncio.run(main())
    assert [headers["authorization"] for _, _, headers, _ in server.requests] == [f"Bearer {KEY}"] * 2


def test_a_stranger_is_sent_no_key_of_coheres(faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", KEY)
    server = faulty(ANSWER)
    with toolfan.connect(MODEL, base_url=server.url.removesuffix("/v1")) as client:
        client.create(messages=USER, tools=[get_weather])
    assert KEY not in str(server.requests[0][2])


def test_a_redirect_is_not_followed(faulty: Callable[..., Any]) -> None:
    other = faulty(ANSWER)
    server = faulty(http("", 307, location=f"{other.url}/v2/chat"))
    with (
        toolfan.connect(MODEL, base_url=server.url.removesuffix("/v1")) as client,
        pytest.raises(toolfan.BadResponse, match="redirect"),
    ):
        client.create(messages=USER, tools=[get_weather])
    assert other.requests == []


def test_clients_of_the_other_kind_and_of_other_services_are_refused() -> None:
    with pytest.raises(toolfan.UsageError, match="not async"):
        toolfan.wrap_async(cohere.ClientV2(api_key=KEY))
    with pytest.raises(toolfan.UsageError, match="wrap_async"):
        toolfan.wrap(cohere.AsyncClientV2(api_key=KEY))
    with pytest.raises(toolfan.UsageError, match="object"):
        toolfan.wrap(object(), adapter="cohere")


def test_what_serves_models_on_bedrock_is_told() -> None:
    pytest.importorskip("boto3")  # without which the SDK makes no such client
    sdk = cohere.BedrockClientV2(aws_region="r", aws_access_key="a", aws_secret_key="b")
    with pytest.raises(toolfan.UsageError, match=r"BedrockClientV2 is no client of Cohere's own service") as caught:
        toolfan.wrap(sdk)
    assert 'boto3.client("bedrock-runtime"); `pip install "toolfan[bedrock]"` brings boto3' in str(caught.value)


def test_the_older_client_serves_too(faulty: Callable[..., Any]) -> None:
    server = faulty(ANSWER)
    client = toolfan.wrap(cohere.Client(api_key=KEY, base_url=server.url.removesuffix("/v1")))
    assert len(client.create(model="command-a-03-2025", messages=USER, tools=[get_weather])) == 1
    assert server.requests[0][1] == "/v2/chat"


def test_the_variable_of_the_key_is_told_to_the_doctor() -> None:
    adapter: Any = toolfan.load_adapter("cohere")
    of = lambda **given: adapter.key_variables(adapter.settings_model(**given))  # noqa: E731
    assert of() == ("CO_API_KEY",)
    assert of(base_url="http://127.0.0.1:9") == ()
    assert of(base_url="http://127.0.0.1:9", api_key_env="HOUSE_KEY") == ("HOUSE_KEY",)
