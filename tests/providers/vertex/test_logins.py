"""Tokens of Google's that cannot be had: nothing is sent, and nothing counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import tenacity
import toolfan
from google.auth import exceptions
from google.oauth2.credentials import Credentials
from google_asking import WARNINGS, genai_client, generative_model
from loopback import USER, http
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
WAYS = ("create", "stream", "create_async", "stream_async")
FAULTS = (
    (exceptions.RefreshError("invalid_grant"), toolfan.AuthenticationError),
    (exceptions.DefaultCredentialsError("none"), toolfan.AuthenticationError),
    (exceptions.TransportError("nobody there"), toolfan.ConnectionFailed),
)


class Weather(BaseModel):
    location: str


class Ended(Credentials):
    """Credentials that are to be refreshed, and cannot be."""

    expired = property(lambda self: self.token != "good")
    valid = property(lambda self: self.token == "good")

    def __init__(self, fault: Exception, token: str = "ended") -> None:
        super().__init__(token)  # type: ignore[no-untyped-call]
        self.fault = fault

    def refresh(self, request: Any) -> None:
        raise self.fault


def ask(way: str, sdk: Any) -> Any:
    given: dict[str, Any] = {"messages": USER, "tools": (Weather,)}
    options: dict[str, Any] = {"model": None if hasattr(sdk, "start_chat") else "m", "wait": tenacity.wait_none()}

    async def awaited() -> Any:
        client = toolfan.wrap_async(sdk, **options)
        return await (client.create(**given) if way == "create_async" else client.stream(**given).until_done())

    if way.endswith("async"):
        return asyncio.run(awaited())
    client = toolfan.wrap(sdk, **options)
    return client.create(**given) if way == "create" else client.stream(**given).until_done()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_nothing_was_sent_to_vertex_ai(
    faulty: Callable[..., FaultServer], way: str, fault: Exception, kind: type[toolfan.ProviderError]
) -> None:
    server = faulty(http("{}"))
    sdk = genai_client("vertex", server.url.removesuffix("/v1"), Ended(fault))
    with pytest.raises(kind) as caught:
        ask(way, sdk)
    assert (type(caught.value), caught.value.requests, caught.value.attempts) == (kind, 0, 0)
    assert not server.requests


@pytest.mark.parametrize("way", ["create", "stream"])
@pytest.mark.parametrize(("fault", "kind"), FAULTS, ids=lambda one: getattr(one, "__name__", ""))
def test_nor_by_a_generative_model(
    faulty: Callable[..., FaultServer], way: str, fault: Exception, kind: type[toolfan.ProviderError]
) -> None:
    server = faulty(http("{}"))
    with pytest.raises(kind) as caught:
        ask(way, generative_model("m", server.url.removesuffix("/v1"), "rest", Ended(fault)))
    assert (caught.value.requests, server.requests) == (0, [])


def test_another_token_that_cannot_be_had_after_a_401_was_for_a_request(faulty: Callable[..., FaultServer]) -> None:
    server = faulty(http("{}", 401))
    credentials = Ended(exceptions.RefreshError("invalid_grant"), "good")
    with pytest.raises(toolfan.AuthenticationError) as caught:
        ask("create", generative_model("m", server.url.removesuffix("/v1"), "rest", credentials))
    assert (caught.value.requests, len(server.requests)) == (1, 1)
