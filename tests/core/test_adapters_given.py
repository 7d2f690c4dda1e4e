"""Adapters that are passed as objects, and what of a plugin's goes wrong once it was admitted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from pydantic import BaseModel
from toolfan import AdapterBroken, ConnectionFailed, UsageError
from toolfan.config.targets import resolve
from toolfan_local import LocalAdapter, LocalClient

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = [{"role": "user", "content": "The weather in Oslo?"}]
KEY = "sk-live-0123456789abcdef0123456789abcdef"


class Weather(BaseModel):
    location: str


class Odd(LocalAdapter):
    def __init__(self, **members: Any) -> None:
        super().__init__()
        for name, value in members.items():
            object.__setattr__(self, name, value)


class Lacking:
    name = "lacking"

    def build_request(self, request: Any) -> Any: ...


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        (LocalAdapter, "adapter is the class LocalAdapter, no adapter"),
        (Lacking(), "adapter is Lacking, no adapter: it lacks capabilities, parse_response, transport"),
        (Odd(api="1"), "adapter is Odd, whose api is '1': this toolfan speaks 1"),
        (Odd(api=2), "adapter is Odd, whose api is 2: this toolfan speaks 1"),
        (Odd(capabilities={"streaming": True}), "adapter is Odd, whose capabilities are a dict"),
    ],
)
def test_an_object_that_is_no_adapter_is_refused(adapter: Any, message: str) -> None:
    for wrap in (toolfan.wrap, toolfan.wrap_async):
        with pytest.raises(UsageError, match=message) as caught:
            wrap(LocalClient(), adapter=adapter)
        assert "It is an adapter's name, or an adapter." in str(caught.value)


def test_an_adapter_that_is_one_is_taken() -> None:
    calls = toolfan.wrap(LocalClient(), adapter=Odd()).create(messages=USER, tools=(Weather,))
    assert list(calls) == [Weather(location="Oslo")]


@pytest.mark.parametrize("made", [None, {}, "local"])
def test_settings_that_make_no_adapter_are_the_plugins_fault(monkeypatch: pytest.MonkeyPatch, made: Any) -> None:
    monkeypatch.setattr(LocalAdapter, "configured", lambda self, settings: made, raising=False)
    kind = type(made).__name__
    with pytest.raises(AdapterBroken, match=rf"configured\(\) of the adapter local returned {kind}, no adapter"):
        resolve("local", profile=None, model=None, settings={})


class Unclosable:
    """A transport that fails when it sends, and when it is closed."""

    def send(self, request: Any, **options: Any) -> Any:
        raise ConnectionFailed("no way", adapter="local")

    def close(self) -> None:
        raise OSError(f"cannot close {KEY}")


class UnclosableAsync(Unclosable):
    async def send(self, request: Any, **options: Any) -> Any:
        raise ConnectionFailed("no way", adapter="local")

    async def close(self) -> None:  # type: ignore[override]
        raise OSError(f"cannot close {KEY}")


@pytest.fixture
def unclosable(monkeypatch: pytest.MonkeyPatch) -> None:
    def transport(self: Any, client: object, *, use_async: bool) -> Any:
        return UnclosableAsync() if use_async else Unclosable()

    monkeypatch.setattr(LocalAdapter, "transport", transport)


def ask(*, use_async: bool, fails: bool) -> None:
    """A client in a `with` block, in which a request fails, or none is made."""
    options: dict[str, Any] = {"messages": USER, "tools": (Weather,)}

    async def awaited() -> None:
        async with toolfan.connect_async("local", wait=lambda _: 0) as client:
            if fails:
                await client.create(**options)
            else:
                with pytest.raises(ConnectionFailed):
                    await client.create(**options)

    if use_async:
        asyncio.run(awaited())
        return
    with toolfan.connect("local", wait=lambda _: 0) as client:
        if fails:
            client.create(**options)
        else:
            with pytest.raises(ConnectionFailed):
                client.create(**options)


@pytest.mark.usefixtures("unclosable")
@pytest.mark.parametrize("use_async", [False, True])
def test_what_fails_at_the_end_does_not_hide_what_failed_before(use_async: bool) -> None:
    with pytest.raises(ConnectionFailed, match="no way") as caught:
        ask(use_async=use_async, fails=True)
    (note,) = caught.value.__notes__
    assert note.startswith("toolfan: closing the client failed, too: OSError: cannot close")
    assert KEY not in note


@pytest.mark.usefixtures("unclosable")
@pytest.mark.parametrize("use_async", [False, True])
def test_alone_it_is_raised(use_async: bool) -> None:
    with pytest.raises(OSError, match="cannot close"):
        ask(use_async=use_async, fails=False)


class Keywords:
    @toolfan.hookimpl
    def toolfan_after_turn(self, **told: Any) -> None: ...


class Places:
    @toolfan.hookimpl
    def toolfan_after_turn(self, *told: Any) -> None: ...


class Named:
    @toolfan.hookimpl
    def toolfan_after_turn(self, turn: Any, **_: Any) -> None: ...


class Counts:
    @toolfan.hookimpl
    def toolfan_after_turn(self) -> None: ...


@pytest.fixture
def quietly() -> Iterator[list[object]]:
    """Observers that are registered until the test ends."""
    known: list[object] = []
    yield known
    for plugin in known:
        toolfan.unobserve(plugin)


@pytest.mark.parametrize(("kind", "warned"), [(Keywords, True), (Places, True), (Named, False), (Counts, False)])
def test_a_hook_that_names_nothing_is_told_so(
    quietly: list[object], caplog: pytest.LogCaptureFixture, kind: type, warned: bool
) -> None:
    with caplog.at_level(logging.WARNING, "toolfan"):
        quietly.append(kind())
        toolfan.observe(quietly[0])
    said = f"toolfan_after_turn of {kind.__name__} is told nothing: a hook gets the arguments that it names"
    assert (said in caplog.text) is warned
