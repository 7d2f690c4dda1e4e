"""Makes the modules beside the tests importable, and starts servers and clients of boto3 for them."""

from __future__ import annotations

import functools
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

SECRET = "planted/secret+4711key"


@functools.cache
def shared_session() -> Any:
    """One session for many tests: reading the service model takes longer than a call."""
    import boto3

    return boto3.Session(aws_access_key_id="planted-id", aws_secret_access_key=SECRET, region_name="us-east-1")


@pytest.fixture
def bedrock(faulty: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """`bedrock(*answers)`: a real client of boto3, and the server that it sends to, which gives these answers."""
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
