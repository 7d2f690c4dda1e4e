"""A body in an encoding that the SDK's client does not undo: the error names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from every_provider import PROVIDERS, client_of
from loopback import USER, http
from odd_streams import Weather
from toolfan import BadResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import FaultServer

SQUEEZED = b"\x1f\x9d\x90\x8b\x02\x80data\x03"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
def test_it_is_named(faulty: Callable[..., FaultServer], provider: str, streams: bool) -> None:
    if (provider, streams) == ("bedrock", True):
        pytest.skip("its streams are no text")
    server = faulty(http(SQUEEZED, content_encoding="compress"))
    with client_of(provider, server.url) as client:
        ask = client.stream if streams else client.create
        with pytest.raises(BadResponse) as caught:
            list(ask(messages=USER, tools=(Weather,)))
    assert "(application/json, Content-Encoding: compress)" in str(caught.value)
