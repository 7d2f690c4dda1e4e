"""Asking the fault servers through the public entry point and Google's real SDKs; what must always hold.

Fixture: `google`, once for each kind of client that a test names: `google.genai.Client` for the Gemini API and for
Vertex AI, sync and async; `GenerativeModel` over REST, gRPC and async gRPC.  A conftest.py imports it where it is
wanted.

Knows: the SDKs' clients, the fault servers.  Must not know: any row of the catalogue of faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import tenacity
import toolfan
from fault_asking import SLACK, TOKEN, TOOLS, Asked, check
from loopback import KEY, USER, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from toolfan_local.faults import FaultServer

GENAI = ("gemini", "gemini async", "vertex", "vertex async")
GRPC = ("grpc", "async grpc")
GENERATIVE_MODEL = ("rest", *GRPC)
HTTP = (*GENAI, "rest")
KINDS = (*GENAI, *GENERATIVE_MODEL)
WARNINGS = [  # the SDK warns of its removal when a model is made; proto-plus, grpc and aiohttp of past and future
    "ignore:This feature is deprecated as of June 24, 2025:UserWarning",
    "ignore::DeprecationWarning:google.*",
    "ignore:Inheritance class AiohttpClientSession:DeprecationWarning",
]
_numbers = itertools.count()


def token() -> Any:
    """Credentials with a planted token, which nothing refreshes."""
    from google.oauth2.credentials import Credentials

    return Credentials(token=TOKEN)  # type: ignore[no-untyped-call]


def genai_client(kind: str, base_url: str, credentials: Any = None, **options: Any) -> Any:
    """A google.genai.Client of this kind, with a planted key or token."""
    from google import genai

    http_options = {"base_url": base_url, **options}
    if kind.startswith("gemini"):
        return genai.Client(vertexai=False, api_key=KEY, http_options=http_options)
    place = {"project": "p", "location": "us-central1", "credentials": credentials or token()}
    return genai.Client(vertexai=True, http_options=http_options, **place)


def generative_model(name: str, endpoint: str, transport: str, credentials: Any = None) -> Any:
    """A GenerativeModel of this name that sends to this endpoint over "rest" or "grpc"."""
    vertexai = pytest.importorskip("vertexai", reason="google-cloud-aiplatform is not installed")
    from vertexai.generative_models import GenerativeModel

    place = {"project": "p", "location": "us-central1", "credentials": credentials or token()}
    vertexai.init(api_endpoint=endpoint, api_transport=transport, **place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return GenerativeModel(name)


def grpc_client(target: str, *, use_async: bool) -> Any:
    """What sends for a GenerativeModel over plain gRPC; for async sends it belongs to the running event loop."""
    import grpc
    from google.cloud import aiplatform_v1 as v1
    from google.cloud.aiplatform_v1.services.prediction_service import transports

    if use_async:
        over: Any = transports.PredictionServiceGrpcAsyncIOTransport(channel=grpc.aio.insecure_channel(target))
        return v1.PredictionServiceAsyncClient(transport=over)
    over = transports.PredictionServiceGrpcTransport(channel=grpc.insecure_channel(target))
    return v1.PredictionServiceClient(transport=over)


def need(kind: str) -> None:
    """Skips, saying so, where the SDK of this kind of client is not installed."""
    module, name = ("vertexai", "google-cloud-aiplatform")
    if kind in GENAI:
        module, name = ("google.genai", "google-genai")
    pytest.importorskip(module, reason=f"{name} is not installed")


class GoogleClients:
    """Makes toolfan clients of one kind; async ones live in the event loop of `runner`."""

    def __init__(self, kind: str, address: str, stack: contextlib.ExitStack) -> None:
        self.kind, self.address = kind, address
        self.adapter = "gemini" if kind.startswith("gemini") else "vertex"
        self.runner = stack.enter_context(asyncio.Runner()) if "async" in kind else None
        self._sdk = self.run(self._made, stack)

    def _made(self, stack: contextlib.ExitStack) -> Any:
        """What sends: the client of google-genai, or the one inside GenerativeModels."""
        if self.kind in GENAI:
            sdk = genai_client(self.kind, self.address)
            stack.callback(self.run, sdk.aio.aclose if self.runner else sdk.close)
            return sdk
        if self.kind == "rest":
            return generative_model("any", self.address, "rest")._prediction_client
        sdk = grpc_client(self.address, use_async=self.runner is not None)
        stack.callback(self.run, sdk.transport.close)
        return sdk

    def run(self, work: Any, *args: Any) -> Any:
        """`work(*args)`, awaited in the event loop of this kind of client where it has one."""

        async def awaited() -> Any:
            found = work(*args)
            return await found if inspect.isawaitable(found) else found

        return self.runner.run(awaited()) if self.runner else work(*args)

    def client(self, model: str, **options: Any) -> Any:
        """A toolfan client that asks this model, and waits for nothing that the provider does not wish."""
        sdk = self._sdk
        if self.kind in GENERATIVE_MODEL:
            sdk = generative_model(model, self.address, "rest" if self.kind == "rest" else "grpc")
            setattr(sdk, f"_prediction_{'async_' if self.runner else ''}client", self._sdk)
        return self.wrapped(sdk, model=model, **options)

    def wrapped(self, sdk: Any, **options: Any) -> Any:
        """A toolfan client over this client of an SDK."""
        wrap = toolfan.wrap_async if self.runner else toolfan.wrap
        return wrap(sdk, **{"adapter": self.adapter, "wait": tenacity.wait_none(), **options})


class GoogleAsker(GoogleClients):
    """Asks a fault server with one kind of client, and checks what holds of every outcome."""

    def __init__(self, kind: str, server: Any, stack: contextlib.ExitStack) -> None:
        self.server = server
        self.streams = False
        super().__init__(kind, server.target if kind in GRPC else server.base_url, stack)

    def __call__(
        self, fault: str, *, client: Any = None, model: str | None = None, deadline: float = 30.0, **options: Any
    ) -> Asked:
        """Ask for the fault of this name, under a model name of its own."""
        model = model or f"{fault}@{self.kind.replace(' ', '-')}-{next(_numbers)}"
        client = client or self.client(model)
        options = {"messages": USER, "tools": TOOLS, **options}
        before = self.server.requests(model)
        calls, error, started = None, None, time.monotonic()
        try:
            calls = self.run(lambda: self._created(client, deadline=deadline, **options))
        except toolfan.ToolfanError as exc:
            error = exc
        asked = Asked(model, calls, error, time.monotonic() - started)
        assert asked.seconds < SLACK * deadline, "control did not return within the deadline"
        told = error.requests if error else asked.result.requests
        with contextlib.suppress(AssertionError):  # on a busy machine the server hears of the last one later
            until(lambda: self.server.requests(model) - before >= told)
        assert told == self.server.requests(model) - before, "a request that is not counted"
        check(asked, self.adapter)
        return asked

    @contextlib.contextmanager
    def streaming(self) -> Iterator[None]:
        """Meanwhile every answer is asked for as a stream."""
        self.streams = True
        try:
            yield
        finally:
            self.streams = False

    def _created(self, client: Any, **options: Any) -> Any:
        """What `create()` gives; the calls of a stream, all of which must have been delivered."""
        if not self.streams:
            return client.create(**options)
        return (self._streamed_async if self.runner else self._streamed)(client, **options)

    def _streamed(self, client: Any, **options: Any) -> Any:
        stream = client.stream(**options)
        return _delivered([*stream], stream.calls)

    async def _streamed_async(self, client: Any, **options: Any) -> Any:
        stream = client.stream(**options)
        return _delivered([outcome async for outcome in stream], stream.calls)


def _delivered(outcomes: list[Any], calls: Any) -> Any:
    """The calls; each came out of the stream as it is in them, the last time it came."""
    last = {outcome.index: outcome for outcome in outcomes}
    assert tuple(last[index] for index in sorted(last)) == calls.outcomes
    return calls


def by_row(checks: dict[str, tuple[Any, Sequence[str]]]) -> Any:
    """One test for each row and kind of client that it concerns."""
    pairs = [(row, kind) for row, (_, kinds) in checks.items() for kind in kinds]
    return pytest.mark.parametrize(("row", "google"), pairs, indirect=["google"])


@pytest.fixture(scope="session")
def grpc_faults() -> Iterator[Any]:
    from toolfan_local.faults.grpc_server import GrpcFaultServer

    with GrpcFaultServer() as server:
        yield server


@pytest.fixture(scope="session")
def google(request: pytest.FixtureRequest, faults: FaultServer) -> Iterator[GoogleAsker]:
    need(request.param)
    server = request.getfixturevalue("grpc_faults") if request.param in GRPC else faults
    with contextlib.ExitStack() as stack:
        yield GoogleAsker(request.param, server, stack)
