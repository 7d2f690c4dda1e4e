"""No error of a stranger's codec or transport shows the key, though neither masks anything itself."""

from __future__ import annotations

import asyncio
import os
import traceback
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from pydantic import BaseModel, SecretStr
from toolfan.adapter import WireResponse
from toolfan.config.settings import secrets_in
from toolfan.http.event_streams import AsyncEventStream, EventStream
from toolfan.secrets.known import hide
from toolfan.testing.delegation import Through
from toolfan_local import LocalAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "acme-live-51f0c7a9b3d24e68"


class Weather(BaseModel):
    location: str


class Holding:
    """A client with its key where SDKs have it."""

    def __init__(self) -> None:
        self.api_key = KEY
        self.key_name = "provider"


class Closed:
    """A client that nobody can ask for its key."""


def said_by_the_service() -> Any:
    return {"error": {"message": f"invalid key {KEY}", "code": "rate_limit_exceeded"}}


def said_with_more() -> Any:
    """The codec cuts it within the key."""
    return {"error": {"message": f"{'x' * 480} {KEY} is wrong"}}


def broken_off() -> Any:
    try:
        raise OSError(f"GET /?x={KEY} failed")
    except OSError as exc:
        raise toolfan.ConnectionFailed(f"not reached: {exc}", adapter="local", hint=f"Is {KEY} right?") from exc


def replaced() -> Any:
    """The key is in what the error was raised beside."""
    try:
        raise OSError(KEY)
    except OSError:
        raise toolfan.Unavailable("down", adapter="local", request_id=KEY, code=KEY, retryable=False)  # noqa: B904


def refused() -> Any:
    raise toolfan.UsageError(f"{KEY} cannot be used", adapter="local")


FAULTS = (said_by_the_service, said_with_more, broken_off, replaced, refused)


class Sender:
    def __init__(self, fault: Callable[[], Any]) -> None:
        self.fault = fault

    def send(self, request: Any, **given: Any) -> WireResponse:
        return WireResponse(self.fault())

    @contextmanager
    def stream(self, request: Any, **given: Any) -> Any:
        yield EventStream(self.events())

    def events(self) -> Any:
        yield {"text": "It "}
        yield self.fault()

    def close(self) -> None: ...


class AsyncSender(Sender):
    async def send(self, request: Any, **given: Any) -> WireResponse:  # type: ignore[override]
        return super().send(request)

    @asynccontextmanager
    async def stream(self, request: Any, **given: Any) -> Any:  # type: ignore[override]
        yield AsyncEventStream(self.slowly())

    async def slowly(self) -> Any:
        for event in self.events():
            yield event


class Stranger(Through):
    """`told`: what its transports have for `secrets`, if anything."""

    def __init__(self, fault: Callable[[], Any], **told: Any) -> None:
        super().__init__(LocalAdapter())
        self.fault, self.told = fault, told

    def transport(self, client: object, *, use_async: bool) -> Any:
        sender = (AsyncSender if use_async else Sender)(self.fault)
        vars(sender).update(self.told)
        return sender


ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Rain?"}], "tools": (Weather,), "max_attempts": 1}
ONCE: dict[str, Any] = {"stop": lambda _: True}


def whole(client: Any, adapter: Any, **more: Any) -> None:
    toolfan.wrap(client, adapter=adapter, model="m", **ONCE).create(**ASKED, **more)


def streamed(client: Any, adapter: Any, **more: Any) -> None:
    with toolfan.wrap(client, adapter=adapter, model="m", **ONCE).stream(**ASKED, **more) as stream:
        list(stream)


def whole_async(client: Any, adapter: Any, **more: Any) -> None:
    asyncio.run(toolfan.wrap_async(client, adapter=adapter, model="m", **ONCE).create(**ASKED, **more))


def streamed_async(client: Any, adapter: Any, **more: Any) -> None:
    async def ask() -> None:
        async with toolfan.wrap_async(client, adapter=adapter, model="m", **ONCE).stream(**ASKED, **more) as stream:
            [one async for one in stream]

    asyncio.run(ask())


WAYS = (whole, streamed, whole_async, streamed_async)


def shown(exc: BaseException) -> str:
    """All that an error shows, and what it holds of those that led to it."""
    seen, one = "".join(traceback.format_exception(exc)), exc
    for led in (one.__cause__, one.__context__):
        seen += f"{led!r} {vars(led) if led else ''} {led and led.__context__!r}"
    return f"{seen} {vars(exc)} {exc.args}"


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("client", "told", "more"),
    [
        (Holding, {}, {}),
        (Closed, {"secrets": (KEY,)}, {}),
        (Closed, {"secrets": (SecretStr(KEY), f"Bearer {KEY}", "", None)}, {}),
        (Closed, {}, {"extra_headers": {"x-api-key": KEY}}),
    ],
)
def test_no_error_shows_a_key_that_can_be_known(
    ask: Any, fault: Any, client: Any, told: dict[str, Any], more: dict[str, Any]
) -> None:
    with pytest.raises(toolfan.ToolfanError) as caught:
        ask(client(), Stranger(fault, **told), **more)
    text = shown(caught.value)
    assert KEY[:12] not in text
    assert "***" in text or fault is replaced


def test_words_that_are_no_secrets_stay() -> None:
    with pytest.raises(toolfan.ProviderError) as caught:
        whole(Holding(), Stranger(lambda: {"error": {"message": "no such model: provider", "code": "none"}}))
    assert caught.value.message == "the provider answered with an error: no such model: provider"


def test_a_transport_that_tells_is_believed() -> None:
    """What its client holds under such a name may be something else."""
    body = {"error": {"message": f"{KEY} and other-secret"}}
    with pytest.raises(toolfan.ProviderError, match=f"{KEY} and \\*\\*\\*"):
        whole(Holding(), Stranger(lambda: body, secrets=("other-secret",)))


def test_a_cause_that_shows_nothing_is_kept() -> None:
    def fault() -> Any:
        raise toolfan.ConnectionFailed("not reached", adapter="local") from OSError("no route")

    with pytest.raises(toolfan.ConnectionFailed) as caught:
        whole(Holding(), Stranger(fault))
    assert str(caught.value.__cause__) == "no route"


def test_observers_are_told_without_the_key() -> None:
    told = []

    class Watching:
        @toolfan.hookimpl
        def toolfan_after_failure(self, error: BaseException) -> None:
            told.append(shown(error))

    watching = Watching()
    toolfan.observe(watching)
    try:
        for ask in WAYS:
            with pytest.raises(toolfan.ToolfanError):
                ask(Holding(), Stranger(said_by_the_service))
    finally:
        toolfan.unobserve(watching)
    assert len(told) == len(WAYS)
    assert not any(KEY in one for one in told)


@pytest.mark.parametrize("end", ["", "...", "'}", '"'])
def test_the_start_of_a_key_that_was_cut_is_hidden(end: str) -> None:
    exc = toolfan.Unavailable(f"invalid key {KEY[:15]}{end}")
    exc.add_note(f"sent {KEY}")
    hide(exc, (KEY,))
    assert exc.message == f"invalid key ***{end}"
    assert exc.args == (exc.message,)
    assert exc.__notes__ == ["sent ***"]
    hide(exc := toolfan.Unavailable(f"{KEY[:15]} goes on"), (KEY,))
    assert exc.message == f"{KEY[:15]} goes on"


class Refusing(Through):
    def transport(self, client: Any, *, use_async: bool) -> Any:
        raise toolfan.UsageError(f"a client of {client.api_key} is none of ours", adapter=self.name)


@pytest.mark.parametrize("wrapped", [toolfan.wrap, toolfan.wrap_async])
def test_a_client_that_is_refused_shows_no_key(wrapped: Any) -> None:
    with pytest.raises(toolfan.UsageError, match=r"a client of \*\*\* is none of ours"):
        wrapped(Holding(), adapter=Refusing(LocalAdapter()))


@pytest.mark.parametrize("connected", [toolfan.connect, toolfan.connect_async])
def test_an_adapter_that_cannot_connect_shows_no_key(monkeypatch: pytest.MonkeyPatch, connected: Any) -> None:
    def connect(self: Any, settings: Any, *, use_async: bool) -> object:
        raise toolfan.ConfigError(f"{os.environ[settings.api_key_env]} is malformed", adapter=self.name)

    monkeypatch.setattr(type(toolfan.load_adapter("openai")), "connect", connect)
    monkeypatch.setenv("ACME_KEY", KEY)
    with pytest.raises(toolfan.ConfigError, match=r"^\*\*\* is malformed"):
        connected("openai:m", api_key_env="ACME_KEY")


class Settings(BaseModel):
    api_key_env: str = "ACME_KEY"
    region_env: str | None = "ACME_REGION"
    token: SecretStr = SecretStr("token-1234")
    base_url: str = "http://localhost/abcdef"


def test_settings_name_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", KEY)
    monkeypatch.setenv("ACME_REGION", "eu-north-1")
    assert set(secrets_in(Settings())) == {KEY, "token-1234"}
    monkeypatch.delenv("ACME_KEY")
    assert list(secrets_in(Settings(region_env=None))) == ["token-1234"]
