"""Asking Cohere in each of four ways."""

from __future__ import annotations

from typing import Any

import wrapped_ways

MODEL = "command-a-03-2025"


def asked(way: str, client: Any, **options: Any) -> Any:
    """The Calls of one request in this way."""
    return wrapped_ways.asked(way, client, close=_close, **{"model": MODEL, **options})


async def _close(client: Any) -> None:
    await client._client_wrapper.httpx_client.httpx_client.aclose()
