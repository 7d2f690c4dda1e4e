"""What `connect` makes of settings and of AWS's environment; which clients are taken."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from bedrock_wire import answer, shared_session, use
from loopback import USER, http
from pydantic import BaseModel, field_validator

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "bedrock:us.amazon.nova-lite-v1:0"


def get_weather(location: str) -> str:
    """The weather."""
    return location


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of AWS is configured, and nobody asks the machine for a role."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_without_credentials_it_says_what_to_set() -> None:
    with pytest.raises(toolfan.ConfigError, match=r"AWS_ACCESS_KEY_ID.*AWS_PROFILE"):
        toolfan.connect(MODEL, region="us-east-1")


def test_without_a_region_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    with pytest.raises(toolfan.ConfigError, match="AWS_DEFAULT_REGION"):
        toolfan.connect(MODEL)


def test_half_a_key_pair_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-id")
    with pytest.raises(toolfan.ConfigError, match="PartialCredentials") as caught:
        toolfan.connect(MODEL, region="us-east-1")
    assert "planted-id" not in str(caught.value)


def test_a_profile_that_does_not_exist_is_refused() -> None:
    with pytest.raises(toolfan.ConfigError, match="nobody"):
        toolfan.connect(MODEL, region="us-east-1", aws_profile="nobody")


def test_it_connects_with_a_profile_of_aws(
    faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(
        "[work]\naws_access_key_id = planted-id\naws_secret_access_key = planted-secret\n", encoding="utf-8"
    )
    server = faulty(http(json.dumps(answer(use("t1", "get_weather", {"location": "Oslo"})))))
    settings = {"aws_profile": "work", "region": "eu-north-1", "endpoint_url": server.url.removesuffix("/v1")}
    with toolfan.connect(MODEL, **settings) as client:
        [call] = client.create(messages=USER, tools=[get_weather])
        assert call.run() == "Oslo"
    assert "/eu-north-1/bedrock/aws4_request" in server.requests[0][2]["authorization"]


@pytest.mark.parametrize("use_async", [False, True])
def test_a_client_that_is_closed_between_two_requests_sends_no_more(
    faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, *, use_async: bool
) -> None:
    """boto3 itself connects anew."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    said = http(json.dumps(answer(use("t1", "Closing", {"location": "Oslo"}))))
    server = faulty(said, said)
    settings = {"region": "eu-north-1", "endpoint_url": server.url.removesuffix("/v1")}
    client: Any = (toolfan.connect_async if use_async else toolfan.connect)(MODEL, **settings)

    class Closing(BaseModel):
        location: str

        @field_validator("location")
        @classmethod
        def refused(cls, location: str) -> str:
            closed = client.aclose if use_async else client.close
            if use_async:
                with contextlib.suppress(StopIteration):
                    closed().send(None)
            else:
                closed()
            raise ValueError(location)

    async def asked() -> Any:
        return await client.create(messages=USER, tools=[Closing])

    with pytest.raises(toolfan.UsageError, match="the client was closed") as caught:
        asyncio.run(asked()) if use_async else client.create(messages=USER, tools=[Closing])
    assert (caught.value.requests, len(server.requests)) == (1, 1)


def test_a_key_of_bedrocks_own_is_enough_and_not_shown(
    faulty: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "planted-token")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = faulty(http(json.dumps({"message": "no"}), 403, x_amzn_errortype="AccessDeniedException"))
    # Newer versions of botocore send it over TLS alone.
    with (
        toolfan.connect(MODEL, endpoint_url=server.url.removesuffix("/v1")) as client,
        pytest.raises((toolfan.UsageError, toolfan.PermissionDenied)) as caught,
    ):
        client.create(messages=USER, tools=[get_weather])
    assert "planted-token" not in f"{caught.value!r} {caught.value} {client!r}"
    assert [headers["authorization"] for _, _, headers, _ in server.requests] in ([], ["Bearer planted-token"])


def test_clients_of_other_services_are_refused(bedrock: Callable[..., Any]) -> None:
    with pytest.raises(toolfan.UsageError, match="a client of s3"):
        toolfan.wrap(shared_session().client("s3"))
    with pytest.raises(toolfan.UsageError, match="object"):
        toolfan.wrap(object(), adapter="bedrock")


@pytest.mark.parametrize("wrap", [toolfan.wrap, toolfan.wrap_async])
@pytest.mark.parametrize("module", ["aiobotocore.client", "my.client"])
def test_a_client_that_is_to_be_awaited_is_refused(bedrock: Callable[..., Any], wrap: Any, module: str) -> None:
    """One of aiobotocore is botocore's below; only what its calls return tells it apart, or its class's module."""
    sdk = bedrock()[0]

    async def called(*given: Any) -> None:
        raise AssertionError(given)

    bases = (type(sdk),)
    sdk.__class__ = type("BedrockRuntime", bases, {"__module__": module, "_make_api_call": called})
    with pytest.raises(toolfan.UsageError, match=r'aiobotocore.*boto3\.client\("bedrock-runtime"\), which wrap_async'):
        wrap(sdk)


def test_the_variables_of_keys_are_told_to_the_doctor() -> None:
    adapter: Any = toolfan.load_adapter("bedrock")
    assert "AWS_ACCESS_KEY_ID" in adapter.key_variables(adapter.settings_model())
    assert adapter.key_variables(adapter.settings_model(aws_profile="work")) == ()
