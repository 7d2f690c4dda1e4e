"""What ends a blocking request of a GenerativeModel that nobody waits for any more.

Over REST it is the connection, which requests keeps in a pool of urllib3; over gRPC a timeout alone can.

Knows: the client inside a model, sessions of requests.  Must not know: requests and answers.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from toolfan.drivers.pooled_sockets import Served, note_connections, noted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

LATER = 1.0
"""Seconds after the deadline, which is told first, when a request that nobody waits for any more is ended."""
_CLIENT = "_prediction_client"


@contextmanager
def noted_over_rest(model: Any, served: Served, timeout: float | None) -> Generator[None]:
    """What this thread sends meanwhile, over REST, is the request of `served`; see `pooled_sockets`."""
    session = getattr(getattr(getattr(model, _CLIENT, None), "transport", None), "_session", None)
    adapters: Any = getattr(session, "adapters", {})  # none over gRPC
    for adapter in adapters.values():
        proxies = getattr(adapter, "proxy_manager", {})
        note_connections([getattr(adapter, "poolmanager", None), *list(proxies.values())])
    with noted(served, timeout):
        yield


def ended_with(served: Served, interrupt: Callable[[], None]) -> Callable[[], None]:
    """What ends the request of `served` from another thread; by `interrupt` if its connection was not found."""

    def end() -> None:
        if not served.leave():
            interrupt()

    return end


def in_time(model: Any, timeout: float | None) -> Any:
    """The model with a timeout, for which generate_content has no argument: a shallow copy over the same client."""
    client = getattr(model, _CLIENT, None)
    if timeout is None or client is None:
        return model
    twin = copy.copy(model)
    with suppress(AttributeError):  # of another form in other versions
        setattr(twin, _CLIENT, _InTime(client, timeout + LATER))
    return twin


class _InTime:
    """The client inside a model, whose whole answers are waited for no longer than this."""

    def __init__(self, client: Any, timeout: float) -> None:
        self._client, self._timeout = client, timeout

    def generate_content(self, *given: Any, **named: Any) -> Any:
        return self._client.generate_content(*given, **{"timeout": self._timeout, **named})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
