"""Asking the fault server through the public entry point and the real SDK, sync and async; what must always hold.

Fixture: `ask`, once for each client.  A conftest.py imports it where it is wanted.

Knows: the fault server, results and errors as values.  Must not know: any row of the catalogue of faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import pickle
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import openai
import pytest
import tenacity
import toolfan
from loopback import KEY, USER, until
from pydantic import BaseModel
from toolfan_local.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOKEN = "tok-planted-0815"
"""Goes out as a header with every request, beside the SDK's key: neither may ever be shown."""
SLACK = 5
"""How many times the deadline a machine under load may take."""
_numbers = itertools.count()


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


TOOLS = (Weather, GoogleSearch)
WEATHER = Weather(location="Toronto", units="metric")
SEARCH = GoogleSearch(query="who won the super bowl")
GOOD = (WEATHER, SEARCH)
"""What the fault server's good answer says."""


@dataclass(frozen=True)
class Asked:
    """What became of one `create()`: the calls or the error; `model` is the name that the server counted under."""

    model: str
    calls: toolfan.Calls[Any] | None
    error: toolfan.ToolfanError | None
    seconds: float

    @property
    def result(self) -> toolfan.Calls[Any]:
        """The calls, which must have come."""
        assert self.error is None, self.error
        assert self.calls is not None
        return self.calls

    @property
    def raised(self) -> toolfan.ToolfanError:
        """The error, which must have come."""
        assert self.error is not None, self.calls
        return self.error


class Asker:
    """Asks a fault server, or another one at `base_url`, and checks what holds of every outcome."""

    adapter = "openai"

    def __init__(self, server: FaultServer, sdk: Any, runner: asyncio.Runner | None) -> None:
        self.server, self.sdk, self.runner = server, sdk, runner

    @property
    def mode(self) -> str:
        return "async" if self.runner else "sync"

    def client(self, *, base_url: str | None = None, wait: Any = None, **options: Any) -> Any:
        """A toolfan client of this mode."""
        sdk = self.sdk.with_options(base_url=base_url) if base_url else self.sdk
        wrap: Any = toolfan.wrap_async if self.runner else toolfan.wrap
        return wrap(sdk, adapter=self.adapter, wait=wait or tenacity.wait_none(), **options)

    def __call__(
        self,
        fault: str,
        *,
        client: Any = None,
        base_url: str | None = None,
        wait: Any = None,
        deadline: float | None = 30.0,
        **options: Any,
    ) -> Asked:
        """Ask for the fault of this name, under a model name of its own."""
        client = client or self.client(base_url=base_url, wait=wait)
        options = {"messages": USER, "tools": TOOLS, "extra_headers": {"x-house-token": TOKEN}, **options}
        model = f"{fault}@{self.mode}-{next(_numbers)}"
        calls, error, started = None, None, time.monotonic()
        try:
            calls = self.create(client, model=model, deadline=deadline, **options)
        except toolfan.ToolfanError as exc:
            error = exc
        asked = Asked(model, calls, error, time.monotonic() - started)
        if deadline is not None:
            assert asked.seconds < SLACK * deadline, "control did not return within the deadline"
        if base_url is None:
            told = error.requests if error else asked.result.requests
            with contextlib.suppress(AssertionError):  # on a busy machine the server hears of the last one later
                until(lambda: self.server.requests(model) >= told)
            assert told == self.server.requests(model), "a request that is not counted"
        check(asked, self.adapter)
        return asked

    def create(self, client: Any, **options: Any) -> Any:
        """What `client.create(...)` gives."""

        async def awaited() -> Any:
            return await client.create(**options)

        return self.runner.run(awaited()) if self.runner else client.create(**options)


def check(asked: Asked, adapter: str = "openai") -> None:
    """What holds of every result and every error of this adapter."""
    if asked.error is not None:
        check_error(asked.error, adapter)
        calls = asked.error.calls
    else:
        calls = asked.result
    if calls is not None:
        assert [outcome.index for outcome in calls.outcomes] == list(range(len(calls.outcomes)))
        assert len({outcome.id for outcome in calls.outcomes}) == len(calls.outcomes)
        check_secrets([repr(calls), str(calls.headers), *(str(bad.error) for bad in calls.failed)], pickle.dumps(calls))


def check_error(error: toolfan.ToolfanError, adapter: str = "openai") -> None:
    """It pickles, copies, compares by content, says where it comes from, and holds no secret."""
    pickled = pickle.dumps(error)
    for again in (pickle.loads(pickled), copy.deepcopy(error)):
        assert again == error
        assert (type(again), str(again), again.args) == (type(error), str(error), error.args)
    assert isinstance(error.retryable, bool)
    if isinstance(error, toolfan.ProviderError | toolfan.CallError):
        assert (error.adapter, error.attempts >= 1 or error.requests == 0) == (adapter, True)
    else:
        assert error.requests == 0
    told = [str(error), repr(error), str(error.args), str(vars(error)), "".join(traceback.format_exception(error))]
    check_secrets(told, pickled)


def check_secrets(told: Sequence[str], pickled: bytes) -> None:
    for secret in (KEY, TOKEN):
        assert [text for text in told if secret in text] == []
        assert secret.encode() not in pickled


@dataclass(frozen=True)
class Good:
    """These calls came, after so many requests, each counted."""

    requests: int = 1
    values: Sequence[Any] = GOOD

    def check(self, asked: Asked) -> None:
        calls = asked.result
        assert list(calls) == list(self.values)
        assert calls.failed == ()
        assert calls.requests == self.requests


@dataclass(frozen=True)
class Fails:
    """This error came, after so many requests; `says` is part of its message; the others are its attributes."""

    error: type[toolfan.ToolfanError]
    requests: int = 1
    retryable: bool = True
    says: str = ""
    more: dict[str, Any] = field(default_factory=dict)

    def check(self, asked: Asked) -> None:
        error = asked.raised
        assert type(error) is self.error, error
        assert (error.requests, error.retryable) == (self.requests, self.retryable)
        assert self.says in str(error)
        assert {name: getattr(error, name) for name in self.more} == self.more


@dataclass(frozen=True)
class Case:
    """One line of the catalogue: its title, the fault that plays it, what must come of it, options to ask with."""

    row: str
    fault: str
    expected: Good | Fails
    options: dict[str, Any] = field(default_factory=dict)


def titles(cases: Sequence[Any]) -> list[str]:
    """The rows of some cases."""
    return [case.row for case in cases]


def by_fault(cases: Sequence[Any]) -> Any:
    """One test for each case, named after its fault."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.fault)


@pytest.fixture(scope="session")
def faults() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@contextlib.contextmanager
def asking(mode: str, server: FaultServer) -> Iterator[Asker]:
    """An `Asker` over a client of the real SDK, which is closed at the end."""
    options = {"api_key": KEY, "base_url": server.openai_url}
    if mode == "sync":
        with openai.OpenAI(**options) as sdk:
            yield Asker(server, sdk, None)
    else:
        with asyncio.Runner() as runner:
            async_sdk = openai.AsyncOpenAI(**options)
            yield Asker(server, async_sdk, runner)
            runner.run(async_sdk.close())


@pytest.fixture(scope="session", params=["sync", "async"])
def ask(request: pytest.FixtureRequest, faults: FaultServer) -> Iterator[Asker]:
    with asking(request.param, faults) as asker:
        yield asker
