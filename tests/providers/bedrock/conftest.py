"""Makes the modules beside the tests importable, and starts servers and clients of boto3 for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from loopback import faulty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bedrock", "faulty"]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


@pytest.fixture
def bedrock(faulty: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """`bedrock(*answers)`: a real client of boto3, and the server that it sends to, which gives these answers."""
    from bedrock_wire import shared_session

    clients = []

    def make(*answers: Any, **options: Any) -> tuple[Any, Any]:
        server = faulty(*answers)
        clients.append(
            shared_session().client("bedrock-runtime", endpoint_url=server.url.removesuffix("/v1"), **options)
        )
        return clients[-1], server

    yield make
    for client in clients:
        client.close()
