"""Azure OpenAI, subclasses, other HTTP clients, and `connect`."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, Bench, call, completion, raw
from pydantic import BaseModel
from toolfan import ConfigError


class A(BaseModel):
    x: int = 0


def options(bench: Bench, **more: Any) -> dict[str, Any]:
    return {"azure_endpoint": bench.server.base_url, "api_version": "2024-10-21", "api_key": KEY, **more}


ANSWER = raw(completion(call("A", {"x": 4})))
CREATE: dict[str, Any] = {"model": "dep", "messages": USER, "response_model": A, "temperature": 0}


def check(bench: Bench, *, model: str = "dep") -> None:
    (request,) = bench.server.requests
    assert request.path == f"/openai/deployments/{model}/chat/completions"
    assert request.query == {"api-version": "2024-10-21"}
    assert request.body["messages"] == USER
    assert request.body["temperature"] == 0
    assert [tool["function"]["name"] for tool in request.body["tools"]] == ["A"]


@pytest.mark.parametrize("deployment", [None, "fixed"])
def test_azure_sync(bench: Bench, deployment: str | None) -> None:
    bench.serve(ANSWER)
    with openai.AzureOpenAI(**options(bench, azure_deployment=deployment)) as sdk:
        assert list(toolfan.from_openai(sdk).create(**CREATE)) == [A(x=4)]
    check(bench, model=deployment or "dep")


@pytest.mark.parametrize("deployment", [None, "fixed"])
def test_azure_async(bench: Bench, deployment: str | None) -> None:
    bench.serve(ANSWER)

    async def main() -> list[Any]:
        async with openai.AsyncAzureOpenAI(**options(bench, azure_deployment=deployment)) as sdk:
            return list(await toolfan.wrap_async(sdk).create(**CREATE))

    assert asyncio.run(main()) == [A(x=4)]
    check(bench, model=deployment or "dep")


def test_azure_with_a_token_provider(bench: Bench) -> None:
    bench.serve(ANSWER)
    with openai.AzureOpenAI(**options(bench, api_key=None, azure_ad_token_provider=lambda: "token")) as sdk:
        assert list(toolfan.from_openai(sdk).create(**CREATE)) == [A(x=4)]
    check(bench)


@pytest.mark.parametrize("use_async", [False, True])
def test_connect_to_azure(bench: Bench, monkeypatch: pytest.MonkeyPatch, use_async: bool) -> None:
    bench.serve(ANSWER, api_key=KEY)
    monkeypatch.setenv("HOUSE_KEY", KEY)
    settings: Any = options(bench, api_key_env="HOUSE_KEY")
    del settings["api_key"]
    plain = {name: value for name, value in CREATE.items() if name != "model"}

    async def main() -> list[Any]:
        async with toolfan.connect_async("openai:dep", **settings) as client:
            return list(await client.create(**plain))

    if use_async:
        assert asyncio.run(main()) == [A(x=4)]
    else:
        with toolfan.connect("openai:dep", **settings) as client:
            assert list(client.create(**plain)) == [A(x=4)]
    check(bench)


def as_before(kind: Any) -> Any:
    """The SDK's class as it was: it took the token of the environment even where it was given a key."""

    class Before(kind):  # type: ignore[misc]
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self._azure_ad_token = os.environ.get("AZURE_OPENAI_AD_TOKEN")

    return Before


@pytest.mark.parametrize("use_async", [False, True])
def test_a_token_of_the_environment_does_not_go_in_place_of_the_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, use_async: bool
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "SOMEBODYS-TOKEN")
    for name in ("AzureOpenAI", "AsyncAzureOpenAI"):
        monkeypatch.setattr(openai, name, as_before(getattr(openai, name)))
    test_connect_to_azure(bench, monkeypatch, use_async)  # its server knows the key alone


def test_azure_without_a_version_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match="needs api_version"):
        toolfan.connect("openai:dep", azure_endpoint="https://name.example")


def test_connect_to_a_compatible_server_sends_no_key_of_openais(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = bench.serve(ANSWER, api_key="none")
    with toolfan.connect("openai:house", base_url=server.openai_url, options={"temperature": 0}) as client:
        assert list(client.create(messages=USER, response_model=A)) == [A(x=4)]
    assert bench.bodies[0]["model"] == "house"
    assert bench.bodies[0]["temperature"] == 0


def test_connect_closes_what_it_made(bench: Bench) -> None:
    bench.serve(ANSWER)
    with toolfan.connect("openai:m", base_url=bench.server.openai_url) as client:
        sdk: Any = client.sdk_client
        assert not sdk.is_closed()
        assert sdk.max_retries == 0
    assert sdk.is_closed()


class Rewriting(openai.OpenAI):
    """A subclass that changes every request, as gateways do."""

    def _prepare_options(self, options: Any) -> Any:
        options = super()._prepare_options(options)
        options.json_data = {**options.json_data, "user": "added"}
        return options


def test_a_subclass_still_sees_the_body(bench: Bench) -> None:
    bench.serve(ANSWER)
    with Rewriting(api_key=KEY, base_url=bench.server.openai_url) as sdk:
        assert list(toolfan.from_openai(sdk).create(**CREATE)) == [A(x=4)]
    assert bench.bodies[0]["user"] == "added"


def test_a_client_with_the_older_http_client(bench: Bench) -> None:
    httpx = pytest.importorskip("httpx")
    bench.serve(ANSWER)
    with (
        httpx.Client() as http_client,
        openai.OpenAI(api_key=KEY, base_url=bench.server.openai_url, http_client=http_client) as sdk,
    ):
        calls = toolfan.from_openai(sdk).create(**CREATE)
    assert list(calls) == [A(x=4)]
    assert calls.headers["content-type"] == "application/json"


def test_headers_and_query_of_the_sdk_client_are_kept(bench: Bench) -> None:
    bench.serve(ANSWER)
    with openai.OpenAI(
        api_key=KEY, base_url=bench.server.openai_url, default_headers={"X-A": "1"}, default_query={"q": "2"},
        organization="org", project="proj",
    ) as sdk:  # fmt: skip
        toolfan.from_openai(sdk).create(**CREATE, extra_headers={"X-B": "3"}, extra_query={"r": "4"})
    (request,) = bench.server.requests
    sent = {name: request.headers.get(name) for name in ("x-a", "x-b", "openai-organization", "openai-project")}
    assert sent == {"x-a": "1", "x-b": "3", "openai-organization": "org", "openai-project": "proj"}
    assert request.query == {"q": "2", "r": "4"}
    assert request.headers["content-type"] == "application/json"


def test_one_request_although_the_sdk_would_retry(bench: Bench) -> None:
    for status in (429, 500):
        bench.serve({"error": {"status": status}, "times": "always"})
        client = bench.client(max_retries=5)
        with pytest.raises(toolfan.ProviderError):
            client.create(**CREATE)
        assert len(bench.server.requests) == 1
