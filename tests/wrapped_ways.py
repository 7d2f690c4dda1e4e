"""Asking with any SDK's client in each of four ways: whole and streamed, blocking and awaited.

Knows: toolfan's clients.  Must not know: any SDK, what is asked for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import toolfan
from loopback import ONCE, USER
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

WAYS = ("whole", "streamed", "async whole", "async streamed")


class Weather(BaseModel):
    location: str
    days: int = 1


def asked(way: str, client: Any, close: Callable[[Any], Awaitable[None]] | None = None, **options: Any) -> Any:
    """The Calls of one request in this way; of a stream after all was read.  `close` ends an awaited client."""
    arguments = {"messages": USER, "tools": [Weather], **options}
    if not way.startswith("async"):
        toolfan_client = toolfan.wrap(client, stop=ONCE)
        if way == "whole":
            return toolfan_client.create(**arguments)
        with toolfan_client.stream(**arguments) as stream:
            list(stream)
            return stream.calls

    async def main() -> Any:
        toolfan_client = toolfan.wrap_async(client, stop=ONCE)
        try:
            if way == "async whole":
                return await toolfan_client.create(**arguments)
            async with toolfan_client.stream(**arguments) as stream:
                _ = [item async for item in stream]
                return stream.calls
        finally:
            if close is not None:
                await close(client)

    return asyncio.run(main())
