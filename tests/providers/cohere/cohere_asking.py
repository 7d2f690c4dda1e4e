"""Asking Cohere in each of four ways."""

from __future__ import annotations

import asyncio
from typing import Any

import toolfan
from loopback import ONCE, USER
from pydantic import BaseModel

MODEL = "command-a-03-2025"
WAYS = ("whole", "streamed", "async whole", "async streamed")


class Weather(BaseModel):
    location: str
    days: int = 1


def asked(way: str, client: Any, **options: Any) -> Any:
    """The Calls of one request in this way; of a stream after all was read."""
    arguments = {"model": MODEL, "messages": USER, "tools": [Weather], **options}
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
            await client._client_wrapper.httpx_client.httpx_client.aclose()

    return asyncio.run(main())
