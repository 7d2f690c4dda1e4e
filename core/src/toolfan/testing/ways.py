"""The ways in which an adapter asks a service: whole and streamed, sync and async.

Knows: `connect`, `transport`, event loops.  Must not know: laws, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import BaseModel

    from toolfan.adapter import ParallelToolsAdapter, WireRequest

_PATIENCE = 0.3
"""Seconds after the deadline in which an async request is left to end by itself, before it is cancelled."""
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Way:
    """One way; `ask` sends a request with `timeout`, `headers` and `query`, reads the answer, and raises what comes."""

    name: str
    streams: bool
    use_async: bool
    ask: Callable[..., None]


def ways(adapter: ParallelToolsAdapter, settings: BaseModel) -> Iterator[Way]:
    """Each way that the adapter has; with a client of each kind that can be made."""
    for use_async in (False, True):
        try:
            transport: Any = adapter.transport(adapter.connect(settings, use_async=use_async), use_async=use_async)
        except Exception:  # noqa: BLE001 - laws of their own tell of it
            continue
        yield from (_awaited if use_async else _blocking)(adapter, transport)


def _blocking(adapter: ParallelToolsAdapter, transport: Any) -> Iterator[Way]:
    def send(request: WireRequest, timeout: float = 5.0, **added: Any) -> None:
        adapter.parse_response(transport.send(request, timeout=timeout, **_given(added)).body)

    def stream(request: WireRequest, timeout: float = 5.0, **added: Any) -> None:
        with transport.stream(request, timeout=timeout, **_given(added)) as events:
            parser = adapter.stream_parser()
            for event in events:
                parser.feed(event)
            parser.close()

    yield Way("send", False, False, send)
    if adapter.capabilities.streaming:
        yield Way("stream", True, False, stream)
    with contextlib.suppress(Exception):
        transport.close()


def _awaited(adapter: ParallelToolsAdapter, transport: Any) -> Iterator[Way]:
    """The same, all in one event loop; toolfan cancels what is late, and so does this."""

    async def send(request: WireRequest, timeout: float = 5.0, **added: Any) -> None:
        async with asyncio.timeout(timeout + _PATIENCE):
            answer = await transport.send(request, timeout=timeout, **_given(added))
        adapter.parse_response(answer.body)

    async def stream(request: WireRequest, timeout: float = 5.0, **added: Any) -> None:
        async with (
            asyncio.timeout(timeout + _PATIENCE),
            transport.stream(request, timeout=timeout, **_given(added)) as events,
        ):
            parser = adapter.stream_parser()
            async for event in events:
                parser.feed(event)
            parser.close()

    with asyncio.Runner() as runner:
        yield Way("async send", False, True, lambda *given, **more: runner.run(send(*given, **more)))
        if adapter.capabilities.streaming:
            yield Way("async stream", True, True, lambda *given, **more: runner.run(stream(*given, **more)))
        with contextlib.suppress(Exception):
            runner.run(transport.close())


def _given(added: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"headers": _NOTHING, "query": _NOTHING, **added}
