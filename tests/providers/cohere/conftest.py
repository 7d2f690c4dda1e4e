"""Makes the modules beside the tests importable, and starts servers and clients of the cohere SDK for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loopback import KEY, faulty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["cohere_client", "faulty"]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


@pytest.fixture
def cohere_client(faulty: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """`cohere_client(*answers)`: a real client of the SDK, and the server that gives it these answers."""
    import cohere

    clients: list[Any] = []

    def make(*answers: Any, use_async: bool = False, **options: Any) -> tuple[Any, Any]:
        server = faulty(*answers)
        made = cohere.AsyncClientV2 if use_async else cohere.ClientV2
        client = made(**{"api_key": KEY, "base_url": server.url.removesuffix("/v1"), **options})
        if not use_async:
            clients.append(client)
        return client, server

    yield make
    for client in clients:
        client._client_wrapper.httpx_client.httpx_client.close()
