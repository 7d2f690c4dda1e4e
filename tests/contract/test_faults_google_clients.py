"""Lines of section 6 that are about clients: their credentials, timeouts, event loops, and requests of their own."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib.metadata
import importlib.util
from typing import TYPE_CHECKING, Any

import pytest
import tenacity
import toolfan
from fault_asking import SEARCH, TOOLS, WEATHER, Fails, Good
from google_asking import (
    GENAI,
    HTTP,
    KINDS,
    WARNINGS,
    GoogleAsker,
    by_row,
    genai_client,
    generative_model,
    grpc_client,
)
from loopback import KEY, ONCE, USER
from toolfan import AuthenticationError, ConnectionFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
ASYNC = ("gemini async", "vertex async", "async grpc")
RETRYING = {"attempts": 4, "initial_delay": 0.01, "max_delay": 0.01}


def name(google: GoogleAsker, fault: str, about: str) -> str:
    """A model that plays this fault, for this kind of client alone."""
    return f"{fault}@{about}-{google.kind.replace(' ', '-')}"


def anonymous(google: GoogleAsker) -> None:
    """GenerativeModel sends and then cannot refresh; google-genai sends nothing, as it has no token to send."""
    from google.auth.credentials import AnonymousCredentials

    nobody, model = AnonymousCredentials(), name(google, "401", "anonymous")  # type: ignore[no-untyped-call]
    if google.kind == "rest":
        sdk = generative_model(model, google.address, "rest", nobody)
        Fails(AuthenticationError, 1, retryable=False).check(google("", client=google.wrapped(sdk), model=model))
        return
    with genai_client(google.kind, google.address, nobody) as sdk:
        client = google.wrapped(sdk, model=model)
        with pytest.raises(AuthenticationError, match="credentials cannot be used") as caught:
            google.run(lambda: client.create(messages=USER, tools=TOOLS))
    assert caught.value.retryable is False
    assert google.server.requests(model) == 0


def client_timeout(google: GoogleAsker) -> None:
    """The client's own, shorter than the deadline: known by its class, told as what it is, and asked again after it."""
    model = name(google, "hang-before-headers", "timeout")
    if google.kind == "rest":
        sdk = generative_model(model, google.address, "rest")
        session = sdk._prediction_client.transport._session
        session.request = functools.partial(_timed, session.request)
    else:
        sdk = genai_client(google.kind, google.address, timeout=300)
    asked = google("", client=google.wrapped(sdk, model=model), model=model)
    Fails(ConnectionFailed, 3, says="a timeout of the client's own passed").check(asked)
    if google.kind in GENAI:
        google.run(sdk.aio.aclose if google.runner else sdk.close)


def _timed(request: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return request(*args, **{**options, "timeout": 0.3})


def async_over_rest(google: GoogleAsker) -> None:
    """Refused before anything is sent, where vertexai would send over gRPC to an address made for REST."""
    model = name(google, "good", "async-rest")
    client = toolfan.wrap_async(generative_model(model, google.address, "rest"))
    with pytest.raises(UsageError, match=r"would fall back to gRPC.*google\.genai\.Client\(vertexai=True\)") as caught:
        asyncio.run(client.create(messages=USER, tools=TOOLS))
    assert (caught.value.adapter, caught.value.retryable) == ("vertex", False)
    assert google.server.requests(model) == 0


def second_run(google: GoogleAsker) -> None:
    """A function that makes the client gives one to each event loop; one that was passed belongs to the first."""
    model = name(google, "good", "loops")
    client = toolfan.wrap_async(functools.partial(_async_sdk, google, model), adapter=google.adapter, model=model)
    made = [asyncio.run(_ask_and_close(client)) for _ in range(3)]
    assert len(set(map(id, made))) == 3
    assert google.server.requests(model) == 3
    passed = toolfan.wrap_async(_async_sdk(google, model), adapter=google.adapter, model=model)
    asyncio.run(_ask_and_close(passed))
    with pytest.raises(UsageError, match=r"another event loop\b.*Pass a function that makes") as caught:
        asyncio.run(_ask_and_close(passed))
    assert caught.value.requests == 0
    assert google.server.requests(model) == 4


def _async_sdk(google: GoogleAsker, model: str) -> Any:
    """A client that is bound to the event loop in which it first sends, as the SDKs' own are."""
    if google.kind in GENAI:
        return genai_client(google.kind, google.address)
    made = generative_model(model, google.address, "grpc")

    class Local(type(made)):  # type: ignore[misc]
        @functools.cached_property
        def _prediction_async_client(self) -> Any:
            return grpc_client(google.address, use_async=True)

    made.__class__ = Local
    return made


async def _ask_and_close(client: toolfan.AsyncClient) -> Any:
    try:
        assert list(await client.create(messages=USER, tools=TOOLS)) == [WEATHER, SEARCH]
        return client.sdk_client
    finally:
        sdk = client.sdk_client
        await (sdk.aio.aclose() if hasattr(sdk, "aio") else sdk._prediction_async_client.transport.close())


def temporary_client(google: GoogleAsker) -> None:
    """The client is held, though nobody else does."""
    model = name(google, "good", "temporary")
    client = google.wrapped(genai_client(google.kind, google.address), model=model)
    gc.collect()
    for _ in range(2):
        Good().check(google("", client=client, model=model))
    google.run(client.sdk_client.aio.aclose if google.runner else client.sdk_client.close)


CHECKS: dict[str, tuple[Callable[[GoogleAsker], None], Sequence[str]]] = {
    "401 with AnonymousCredentials (REST)": (anonymous, ("rest", "vertex", "vertex async")),
    "client timeout over REST": (client_timeout, HTTP),
    "async over REST": (async_over_rest, ("rest",)),
    "second `asyncio.run`": (second_run, ASYNC),
    "temporary Client": (temporary_client, GENAI),
}


@by_row(CHECKS)
def test_a_line_of_the_catalogue(google: GoogleAsker, row: str) -> None:
    CHECKS[row][0](google)


@pytest.mark.parametrize("google", ["gemini async", "vertex async"], indirect=True)
def test_connect_makes_an_async_client_for_each_event_loop(
    google: GoogleAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", KEY)
    settings = {"project": "p", "location": "l", "access_token_env": "PLANTED"}
    if google.adapter == "gemini":
        settings = {"api_key_env": "PLANTED"}
    model = name(google, "good", "connected")
    client = toolfan.connect_async(f"{google.adapter}:{model}", base_url=google.address, **settings)
    made = [asyncio.run(_ask_and_close(client)) for _ in range(3)]
    assert len(set(map(id, made))) == 3
    assert google.server.requests(model) == 3


@pytest.mark.parametrize("google", ["rest"], indirect=True)
def test_async_over_rest_with_credentials_for_it_is_sent(google: GoogleAsker, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("aiohttp", reason="google-cloud-aiplatform sends REST asynchronously through aiohttp")
    from google.auth.aio.credentials import AnonymousCredentials
    from google.cloud.aiplatform import initializer

    model = name(google, "good", "async-rest-too")
    sdk = generative_model(model, google.address, "rest")
    monkeypatch.setattr(initializer.global_config, "_async_rest_credentials", AnonymousCredentials())
    asyncio.run(_ask_and_close(toolfan.wrap_async(sdk)))
    assert google.server.requests(model) == 1


@pytest.mark.parametrize("google", KINDS, indirect=True)
@pytest.mark.parametrize("fault", ["429", "503"])
def test_no_sdk_repeats_a_request_by_itself(google: GoogleAsker, fault: str) -> None:
    model = name(google, fault, "once")
    assert google("", client=google.client(model, stop=ONCE), model=model).raised.requests == 1
    five = google.client(model, stop=tenacity.stop_after_attempt(5))
    assert google("", client=five, model=model).raised.requests == 5


@pytest.mark.parametrize("google", HTTP, indirect=True)
def test_a_broken_connection_is_no_reason_either(google: GoogleAsker) -> None:
    """But to google-genai before 2.33, async and with aiohttp: one more request, after up to ten seconds."""
    model = name(google, "reset-on-request", "once")
    client = google.client(model, stop=ONCE)
    with pytest.raises(ConnectionFailed) as caught:
        google.run(lambda: client.create(messages=USER, tools=TOOLS))
    assert caught.value.requests == 1
    assert google.server.requests(model) == (2 if _repeats(google.kind) else 1)


def _repeats(kind: str) -> bool:
    if kind not in GENAI or "async" not in kind or importlib.util.find_spec("aiohttp") is None:
        return False
    return tuple(map(int, importlib.metadata.version("google-genai").split(".")[:2])) < (2, 33)


@pytest.mark.parametrize("google", ["rest"], indirect=True)
def test_a_generative_model_over_rest_fetches_another_token_after_a_401(google: GoogleAsker) -> None:
    """Twice at most, and sends again each time: by itself, so that toolfan counts one request."""
    from google.oauth2.credentials import Credentials

    class Fresh(Credentials):
        def refresh(self, request: Any) -> None:
            self.token = "another"

    refused, mended = name(google, "401", "fresh"), name(google, "401-once", "fresh")
    sdk = generative_model(refused, google.address, "rest", Fresh(token="old"))  # type: ignore[no-untyped-call]
    with pytest.raises(AuthenticationError) as caught:
        google.wrapped(sdk).create(messages=USER, tools=TOOLS)
    assert (caught.value.requests, google.server.requests(refused)) == (1, 3)
    sdk = generative_model(mended, google.address, "rest", Fresh(token="old"))  # type: ignore[no-untyped-call]
    assert google.wrapped(sdk).create(messages=USER, tools=TOOLS).requests == 1
    assert google.server.requests(mended) == 2


@pytest.mark.parametrize("google", GENAI, indirect=True)
@pytest.mark.parametrize("fault", ["429", "503"])
def test_retries_that_a_client_was_made_with_are_off(google: GoogleAsker, fault: str) -> None:
    model = name(google, fault, "own-retries")
    sdk = genai_client(google.kind, google.address, retry_options=RETRYING)
    assert google("", client=google.wrapped(sdk, model=model, stop=ONCE), model=model).raised.requests == 1
    google.run(sdk.aio.aclose if google.runner else sdk.close)
