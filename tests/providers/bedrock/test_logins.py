"""Credentials that cannot be had: nothing is sent, nothing counted, and what AWS's login says is not the provider's."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
import tenacity
import toolfan
from bedrock_wire import answer, use
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    UnauthorizedSSOTokenError,
)
from loopback import USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import FaultServer

WAYS = ("create", "stream", "create_async", "stream_async")
GOOD = http(json.dumps(answer(use("t1", "Weather", {"location": "Oslo"}))))


class Weather(BaseModel):
    location: str


def refused(code: str, status: int, operation: str = "AssumeRole") -> ClientError:
    told: Any = {"Error": {"Code": code, "Message": "of the login"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, operation)


@contextlib.contextmanager
def sdk_with(url: str, *faults: Exception) -> Iterator[Any]:
    """A client whose credentials have ended, and each attempt to fetch others but the last of which fails so."""
    left, now = list(faults), datetime.now(UTC)
    keys = {"access_key": "planted-id", "secret_key": "planted-secret", "token": "planted-token"}

    def fetch() -> dict[str, str]:
        if left:
            raise left.pop(0)
        return {**keys, "expiry_time": (now + timedelta(hours=1)).isoformat()}

    session = botocore.session.get_session()
    ended = {**keys, "expiry_time": (now + timedelta(seconds=5)).isoformat()}
    session._credentials = RefreshableCredentials.create_from_metadata(ended, fetch, "sts-assume-role")
    sdk = boto3.Session(botocore_session=session, region_name="us-east-1")
    client = sdk.client("bedrock-runtime", endpoint_url=url.removesuffix("/v1"))
    yield client
    client.close()


def ask(way: str, sdk: Any) -> toolfan.Calls[Any]:
    given: dict[str, Any] = {"messages": USER, "response_model": Iterable[Weather]}
    options: dict[str, Any] = {"model": "m", "wait": tenacity.wait_none()}

    async def awaited() -> toolfan.Calls[Any]:
        client = toolfan.wrap_async(sdk, **options)
        if way == "create_async":
            return await client.create(**given)
        return await client.stream(**given).until_done()

    if way.endswith("async"):
        return asyncio.run(awaited())
    client = toolfan.wrap(sdk, **options)
    return client.create(**given) if way == "create" else client.stream(**given).until_done()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (NoCredentialsError(), toolfan.AuthenticationError),
        (CredentialRetrievalError(provider="sts", error_msg="boom"), toolfan.AuthenticationError),
        (UnauthorizedSSOTokenError(), toolfan.AuthenticationError),
        (refused("AccessDenied", 403), toolfan.AuthenticationError),
        (refused("ExpiredTokenException", 400), toolfan.AuthenticationError),
        (refused("ValidationError", 400), toolfan.AuthenticationError),
        (refused("Throttling", 400), toolfan.Unavailable),
        (refused("TooManyRequestsException", 429, "GetRoleCredentials"), toolfan.Unavailable),
        (refused("InternalFailure", 500), toolfan.Unavailable),
        (EndpointConnectionError(endpoint_url="https://sts.invalid"), toolfan.ConnectionFailed),
    ],
    ids=lambda one: getattr(one, "__name__", None) or getattr(one, "operation_name", None) or type(one).__name__,
)
def test_nothing_was_sent(
    faulty: Callable[..., FaultServer], way: str, fault: Exception, kind: type[toolfan.ProviderError]
) -> None:
    server = faulty(GOOD)
    with sdk_with(server.url, *[fault] * 9) as sdk, pytest.raises(kind) as caught:
        ask(way, sdk)
    assert (type(caught.value), caught.value.requests, caught.value.attempts, caught.value.status) == (kind, 0, 0, None)
    assert not server.requests
    if isinstance(fault, ClientError):
        assert f"{fault.operation_name}, which was asked for before" in caught.value.message


def test_observers_are_told_of_no_request(faulty: Callable[..., FaultServer]) -> None:
    class Watching:
        def __init__(self) -> None:
            self.told: list[int] = []

        @toolfan.hookimpl
        def toolfan_after_failure(self, error: toolfan.ProviderError) -> None:
            self.told.append(error.requests)

    toolfan.observe(watching := Watching())
    try:
        with sdk_with(faulty(GOOD).url, NoCredentialsError()) as sdk, pytest.raises(toolfan.AuthenticationError):
            ask("create", sdk)
    finally:
        toolfan.unobserve(watching)
    assert watching.told == [0]


@pytest.mark.parametrize("way", ["create", "create_async"])
def test_a_login_that_was_throttled_is_asked_for_again_and_only_the_request_counts(
    faulty: Callable[..., FaultServer], way: str
) -> None:
    with sdk_with(faulty(GOOD).url, refused("Throttling", 400)) as sdk:
        calls = ask(way, sdk)
    assert (list(calls), calls.requests) == ([Weather(location="Oslo")], 1)


def test_the_same_word_of_the_service_itself_is_the_providers(faulty: Callable[..., FaultServer]) -> None:
    denied = http(json.dumps({"message": "no", "__type": "AccessDeniedException"}), 403)
    with sdk_with(faulty(denied).url) as sdk, pytest.raises(toolfan.PermissionDenied) as caught:
        ask("create", sdk)
    assert (caught.value.requests, caught.value.status) == (1, 403)
