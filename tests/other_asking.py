"""Asking the fault server through the public entry point and the SDKs of Bedrock, Cohere and LiteLLM, in four ways.

Fixture: `others`.  A conftest.py imports it where it is wanted.

Knows: the SDKs' clients, the fault server.  Must not know: any row of the catalogue of faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import tenacity
import toolfan
from fault_asking import Asker
from loopback import KEY
from stream_asking import StreamAsker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolfan_local.faults import FaultServer

DIALECTS = {"bedrock": "bedrock", "cohere": "cohere", "litellm": "openai"}
"""Of each adapter what the server is asked in."""
SDKS = {"bedrock": "boto3", "cohere": "cohere", "litellm": "litellm"}
"""LiteLLM has an environment of its own; it is not imported to find out: that takes seconds."""
PROVIDERS = [name for name, sdk in SDKS.items() if find_spec(sdk) and find_spec(f"toolfan_{name}")]


class Other(Asker):
    """An `Asker` over the SDK of another provider."""

    def __init__(self, adapter: str, server: FaultServer, sdk: Any, runner: asyncio.Runner | None) -> None:
        super().__init__(server, sdk, runner)
        self.adapter = adapter

    @property
    def dialect(self) -> str:
        """The dialect that the server is asked in."""
        return DIALECTS[self.adapter]

    def client(self, *, base_url: str | None = None, wait: Any = None, **options: Any) -> Any:
        assert base_url is None
        wrap: Any = toolfan.wrap_async if self.runner else toolfan.wrap
        return wrap(self.sdk, wait=wait or tenacity.wait_none(), **options)

    def create(self, client: Any, **options: Any) -> Any:
        if self.adapter == "litellm":
            options["model"] = f"openai/{options['model']}"
        return super().create(client, **options)


class OtherStream(Other, StreamAsker):
    """The same, streamed."""


def sdk_of(adapter: str, url: str, stack: contextlib.ExitStack, runner: asyncio.Runner | None) -> Any:
    """The provider's own client of this server."""
    if adapter == "bedrock":
        import boto3

        about = {"region_name": "us-east-1", "aws_access_key_id": "planted-id", "aws_secret_access_key": KEY}
        return stack.enter_context(contextlib.closing(boto3.client("bedrock-runtime", endpoint_url=url, **about)))
    if adapter == "litellm":
        from toolfan_litellm import LiteLLMClient

        return LiteLLMClient(api_key=KEY, base_url=f"{url}/v1")
    import cohere

    if runner is None:
        return stack.enter_context(cohere.ClientV2(api_key=KEY, base_url=url))
    sdk = cohere.AsyncClientV2(api_key=KEY, base_url=url)
    stack.callback(lambda: runner.run(sdk.__aexit__(None, None, None)))
    return sdk


@pytest.fixture(scope="session")
def others(faults: FaultServer) -> Iterator[Callable[[str, str], Other]]:
    """`others(adapter, mode)`: what asks through this provider's SDK, "sync" or "async"."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def make(adapter: str, mode: str) -> Other:
            runner = stack.enter_context(asyncio.Runner()) if mode == "async" else None
            return Other(adapter, faults, sdk_of(adapter, faults.base_url, stack, runner), runner)

        yield make


def streamed(asker: Asker) -> StreamAsker:
    """The same client, asked for streams."""
    if isinstance(asker, Other):
        return OtherStream(asker.adapter, asker.server, asker.sdk, asker.runner)
    return StreamAsker(asker.server, asker.sdk, asker.runner)
