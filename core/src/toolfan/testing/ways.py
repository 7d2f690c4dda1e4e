"""The ways in which an adapter asks a service: whole and streamed, sync and async.

Knows: `connect`, `transport`, whether a sender says which event is the last, event loops.  Must not know: laws, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from toolfan.errors import Unsupported
from toolfan.http.sender import HttpSender
from toolfan.secrets.known import secrets_known

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping

    from pydantic import BaseModel

    from toolfan.adapter import ParallelToolsAdapter, Turn, WireRequest

_PATIENCE = 0.3
"""Seconds after the deadline in which an async request is left to end by itself, before it is cancelled."""
_TICK = 0.01
ADDRESSES = ("base_url", "endpoint_url")
"""The settings that name the service's address."""
_NOTHING: Mapping[str, str] = {}
Heeds: TypeAlias = "Callable[[Any], object]"


@dataclass(frozen=True)
class Got:
    """What was read from what a transport gave, and what that told of the answer's head."""

    turn: Turn
    request_id: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Way:
    """One way; `ask` sends a request with `timeout`, `headers` and `query`, reads the answer, and raises what comes.

    `on_event` is called with each event of a stream.  `both` sends two requests at once over one transport.
    """

    name: str
    streams: bool
    use_async: bool
    ask: Callable[..., Got]
    both: Callable[[WireRequest, WireRequest], list[Got]]
    turns: list[float] = field(default_factory=list)
    """When the event loop gave turns to others while `ask` was last at work; and when that began and ended."""
    run: Callable[[Coroutine[Any, Any, Any]], Any] | None = None
    """Of an async way: does this in its event loop, where `begin`, given what `ask` is, gives what is awaited."""
    begin: Callable[..., Coroutine[Any, Any, Got]] | None = None
    secrets: Callable[[], Iterable[str]] = tuple
    """What toolfan takes out of what a transport raises, of a client that a user made."""
    is_last: Callable[[Any], bool] | None = None
    """The `is_last` that the adapter's author wrote into a sender of toolfan's transports; None without one."""


def is_addressed(adapter: ParallelToolsAdapter) -> bool:
    """Whether a setting leads to the service."""
    return any(name in adapter.settings_model.model_fields for name in ADDRESSES)


def settings_at(adapter: ParallelToolsAdapter, question: Mapping[str, Any], address: str) -> BaseModel:
    """The settings of the question, with the service at this address."""
    known, settings = adapter.settings_model.model_fields, dict(question["settings"])
    if "api_key_env" in known and question["key_variable"]:
        settings["api_key_env"] = question["key_variable"]  # one that is not named may not be for every address
    settings |= dict.fromkeys([name for name in ADDRESSES if name in known][:1], address)
    return adapter.settings_model.model_validate(settings)


def _ignored(event: object) -> None:
    """Nobody waits for it."""


def ways(adapter: ParallelToolsAdapter, settings: BaseModel, unmade: dict[str, str] | None = None) -> Iterator[Way]:
    """Each way that the adapter has; with a client of each kind that can be made.

    What is raised for others is put into `unmade`, but for an async one that the adapter does not have.
    """
    for use_async in (False, True):
        try:
            client = adapter.connect(settings, use_async=use_async)
            transport: Any = adapter.transport(client, use_async=use_async)
        except Exception as exc:  # noqa: BLE001 - it is what is told
            if unmade is not None and not (use_async and isinstance(exc, Unsupported)):
                kind = "async" if use_async else "sync"
                unmade[kind] = f"{kind}: no client; {type(exc).__name__}: {exc}"[:300]
            continue
        known = partial(secrets_known, transport, client, _NOTHING, ())
        for way in (_awaited if use_async else _blocking)(adapter, transport):
            yield replace(way, secrets=known, is_last=_own_end(transport))


def _own_end(transport: Any) -> Callable[[Any], bool] | None:
    sender = getattr(transport, "sender", None)
    if not isinstance(sender, HttpSender) or type(sender).is_last is HttpSender.is_last:
        return None
    return sender.is_last


def _blocking(adapter: ParallelToolsAdapter, transport: Any) -> Iterator[Way]:
    def send(request: WireRequest, timeout: float = 5.0, **added: Any) -> Got:
        answer = transport.send(request, timeout=timeout, **_given(added))
        return _got(adapter.parse_response(answer.body), answer)

    def stream(request: WireRequest, timeout: float = 5.0, on_event: Heeds = _ignored, **added: Any) -> Got:
        with transport.stream(request, timeout=timeout, **_given(added)) as events:
            parser = adapter.stream_parser()
            for event in events:
                on_event(event)
                parser.feed(event)
            return _got(parser.close(), events)

    with ThreadPoolExecutor(2) as pool:
        yield Way("send", False, False, send, lambda *two: [*pool.map(send, two)])
        if adapter.capabilities.streaming:
            yield Way("stream", True, False, stream, lambda *two: [*pool.map(stream, two)])
    with contextlib.suppress(Exception):
        transport.close()


def _awaited(adapter: ParallelToolsAdapter, transport: Any) -> Iterator[Way]:
    """The same, all in one event loop; toolfan cancels what is late, and so does this."""

    async def send(request: WireRequest, timeout: float = 5.0, **added: Any) -> Got:
        async with asyncio.timeout(timeout + _PATIENCE):
            answer = await transport.send(request, timeout=timeout, **_given(added))
        return _got(adapter.parse_response(answer.body), answer)

    async def stream(request: WireRequest, timeout: float = 5.0, on_event: Heeds = _ignored, **added: Any) -> Got:
        async with (
            asyncio.timeout(timeout + _PATIENCE),
            transport.stream(request, timeout=timeout, **_given(added)) as events,
        ):
            parser = adapter.stream_parser()
            async for event in events:
                on_event(event)
                parser.feed(event)
            return _got(parser.close(), events)

    async def together(ask: Callable[[WireRequest], Awaitable[Got]], one: WireRequest, other: WireRequest) -> list[Got]:
        return [*await asyncio.gather(ask(one), ask(other))]

    turns: list[float] = []

    async def beside(asked: Awaitable[Got]) -> Got:
        turns[:] = [time.monotonic()]
        ticking = asyncio.create_task(_ticking(turns))
        try:
            return await asked
        finally:
            turns.append(time.monotonic())
            ticking.cancel()

    with asyncio.Runner() as runner:
        kinds = (("async send", send), ("async stream", stream))
        for name, ask in kinds if adapter.capabilities.streaming else kinds[:1]:

            def alone(*given: Any, ask: Callable[..., Coroutine[Any, Any, Got]] = ask, **more: Any) -> Got:
                return runner.run(beside(ask(*given, **more)))

            def both(one: WireRequest, other: WireRequest, ask: Any = ask) -> list[Got]:
                return runner.run(together(ask, one, other))

            yield Way(name, ask is stream, True, alone, both, turns, runner.run, ask)
        with contextlib.suppress(Exception):
            runner.run(transport.close())


async def _ticking(turns: list[float]) -> None:
    while True:
        turns.append(time.monotonic())
        await asyncio.sleep(_TICK)


def _given(added: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"headers": _NOTHING, "query": _NOTHING, **added}


def _got(turn: Turn, answer: Any) -> Got:
    """`stream` may give an iterator that tells nothing of the head."""
    return Got(turn, getattr(answer, "request_id", None), getattr(answer, "headers", None) or _NOTHING)
