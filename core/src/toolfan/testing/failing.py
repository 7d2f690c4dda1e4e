"""What an adapter's transports make of a service that fails.

Knows: `connect`, `transport`, the ways to ask.  Must not know: laws, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING, Any

from toolfan.adapter import ToolRequest
from toolfan.errors import ProviderError
from toolfan.toolset import ToolSet

from .listening import Failure, Service, failures, listening
from .specimens import SPECIMENS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolfan.adapter import ParallelToolsAdapter, WireRequest

_GIVEN: Mapping[str, Any] = {"timeout": 5.0, "headers": {}, "query": {}}


def failed(adapter: ParallelToolsAdapter, model: str, settings: Mapping[str, Any], field: str, key: str) -> list[Any]:
    """What came of each failure, asked in each way that the adapter has; `field` is the setting of the address."""
    first, *_ = known = failures(key)
    told: list[Any] = []
    with listening(first, key) as service:
        given = adapter.settings_model.model_validate({**settings, field: service.address})
        for use_async in (False, True):
            try:
                transport: Any = adapter.transport(adapter.connect(given, use_async=use_async), use_async=use_async)
            except Exception:  # noqa: BLE001 - another law tells of it
                continue
            ways = _awaited(adapter, model, transport) if use_async else _ways(adapter, model, transport)
            for how, ask in ways:
                told += [_came(service, failure, how, ask, key) for failure in known]
    return told


def request(adapter: ParallelToolsAdapter, model: str, *, stream: bool = False) -> WireRequest:
    """What the adapter makes of a plain request."""
    messages = ({"role": "user", "content": "x"},)
    return adapter.build_request(ToolRequest(model, messages, ToolSet([SPECIMENS["Weather"]]), stream=stream))


def _came(service: Service, failure: Failure, how: str, ask: Any, key: str) -> Mapping[str, Any]:
    service.failure = failure
    said: dict[str, Any] = {"where": f"{how}, {failure.name}", "error": "", "known": False, "shown": "", "text": ""}
    try:
        ask()
    except Exception as exc:  # noqa: BLE001 - it is what is told
        text = "".join(traceback.format_exception(exc))
        shown = [what for what, said in (("its text", str(exc)), ("what it was raised from", text)) if key in said]
        shown += ["its attributes"] if key in repr(vars(exc)) else []
        said |= {"error": type(exc).__name__, "known": isinstance(exc, ProviderError), "text": str(exc)}
        said["shown"] = (shown or [""])[0]
    return said


def _ways(adapter: ParallelToolsAdapter, model: str, transport: Any) -> Iterator[tuple[str, Any]]:
    """The sync ways, each a function that asks and reads."""

    def send() -> None:
        adapter.parse_response(transport.send(request(adapter, model), **_GIVEN).body)

    def stream() -> None:
        with transport.stream(request(adapter, model, stream=True), **_GIVEN) as events:
            parser = adapter.stream_parser()
            for event in events:
                parser.feed(event)
            parser.close()

    yield "send", send
    if adapter.capabilities.streaming:
        yield "stream", stream
    with contextlib.suppress(Exception):
        transport.close()


def _awaited(adapter: ParallelToolsAdapter, model: str, transport: Any) -> Iterator[tuple[str, Any]]:
    """The async ways, the same; all in one event loop."""

    async def send() -> None:
        answer = await transport.send(request(adapter, model), **_GIVEN)
        adapter.parse_response(answer.body)

    async def stream() -> None:
        async with transport.stream(request(adapter, model, stream=True), **_GIVEN) as events:
            parser = adapter.stream_parser()
            async for event in events:
                parser.feed(event)
            parser.close()

    with asyncio.Runner() as runner:
        yield "async send", lambda: runner.run(send())
        if adapter.capabilities.streaming:
            yield "async stream", lambda: runner.run(stream())
        with contextlib.suppress(Exception):
            runner.run(transport.close())
