"""Asking one question in four ways: whole and streamed, blocking and awaited, with the real SDK.

Knows: clients, scripted servers.  Must not know: what is asked for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import openai
import tenacity
import toolfan
from loopback import KEY, USER

if TYPE_CHECKING:
    from loopback import Bench

MODES = ["create", "stream", "create_async", "stream_async"]
ERROR = {"error": {"status": 503, "message": "later"}}


def ask(bench: Bench, mode: str, *answers: Any, **options: Any) -> toolfan.Calls[Any]:
    """The calls, asked for in this way; requests that fail are sent again at once."""
    bench.serve(*answers)
    options = {"model": "m", "messages": USER, **options}

    async def awaited() -> toolfan.Calls[Any]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            client = toolfan.from_openai(sdk, wait=tenacity.wait_none())
            if mode == "create_async":
                return await client.create(**options)
            return await client.stream(**options).until_done()

    if mode.endswith("async"):
        return asyncio.run(awaited())
    client = toolfan.from_openai(bench.sdk(), wait=tenacity.wait_none())
    return client.create(**options) if mode == "create" else client.stream(**options).until_done()
