"""What stays open of a transport that was closed, and what was sent for it that nobody asked for.

Knows: `connect`, `transport`, event loops, a service that keeps connections.  Must not know: laws, HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from typing import TYPE_CHECKING, Any

from .failing import request

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from toolfan.adapter import ParallelToolsAdapter, WireRequest

    from .listening import Service

_PATIENCE = 0.5
"""Seconds until what is closed must be closed."""
_MOMENT = 0.005


def left_open(adapter: ParallelToolsAdapter, settings: BaseModel, model: str, service: Service) -> list[dict[str, Any]]:
    """How many connections are open after one transport, and after two that are kept, were closed, sync and async.

    What an SDK shares among all its clients stays open after the first, but does not become more.  `made`: the requests
    that came while the two were made, `requests`: those that came later.
    """
    try:
        asked = request(adapter, model)
    except Exception:  # noqa: BLE001 - laws of requests tell of it
        return []
    found: list[dict[str, Any]] = []
    kept: list[Any] = []  # what is thrown away closes its sockets
    with asyncio.Runner() as runner:
        for use_async in (False, True):
            service.heard.clear()
            about: dict[str, Any] = {"kind": "async" if use_async else "sync", "error": "", "open": []}
            found.append(about)
            try:
                transports = [
                    adapter.transport(adapter.connect(settings, use_async=use_async), use_async=use_async)
                    for _ in range(2)
                ]
            except Exception:  # noqa: BLE001 - laws of their own tell of it
                about |= {"made": service.requests(), "requests": []}
                continue
            about["made"] = service.requests()
            service.heard.clear()
            kept += transports
            about |= _closed(transports, asked, service, runner.run if use_async else _itself)
            about["requests"] = service.requests()
    return found


def _closed(
    transports: list[Any], asked: WireRequest, service: Service, done: Callable[[Any], object]
) -> dict[str, Any]:
    """`error`: what closing raised; `open`: the connections that each of the transports left."""
    told: dict[str, Any] = {"error": "", "open": []}
    before = service.connections
    for transport in transports:
        with contextlib.suppress(Exception):  # the request is refused
            done(transport.send(asked, timeout=5.0, headers={}, query={}))
        try:
            done(transport.close())
        except Exception as exc:  # noqa: BLE001 - it is what is told
            told["error"] = f"{type(exc).__name__}: {exc}"[:300]
        gc.collect()  # urllib3's pools close their connections when nobody has their answers any more
        end = time.monotonic() + _PATIENCE
        while service.connections > before and time.monotonic() < end:
            time.sleep(_MOMENT)
            if done is not _itself:
                done(asyncio.sleep(0))
        told["open"].append(service.connections - before)
        if not told["open"][-1]:
            break
    return told


def _itself(given: object) -> object:
    """What a sync transport does is done."""
    return given
