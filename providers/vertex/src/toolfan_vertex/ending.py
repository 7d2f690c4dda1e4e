"""What ends a blocking request of a GenerativeModel that nobody waits for any more.

Over REST it is the connection, which requests keeps in a pool of urllib3; over gRPC it is the call (see `grpc_calls`).

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
"""Seconds after the deadline, which is told first, when a request that nobody waits for any more ends by itself."""
_CLIENT = "_prediction_client"


def served_for(model: Any) -> Served:
    """What will serve one blocking request of this model, and can be ended from another thread."""
    kind, client = None, None
    with suppress(Exception):  # told when it is asked
        kind, client = getattr(_transport(model), "kind", None), getattr(model, _CLIENT)
    # What a program puts in its place may calculate with the timeout, which is to be a number there.
    if kind != "grpc" or not type(client).__module__.startswith("google."):
        return Served()
    from .grpc_calls import ServedCall

    return ServedCall()


def limited(timeout: float | None, served: Served | None = None) -> Any:
    """The timeout, in seconds or as google-api-core's object, of a request; it passes after that of who waits."""
    seconds = None if timeout is None else timeout + LATER
    if served is None or type(served) is Served:
        return seconds
    from .grpc_calls import Ending

    return Ending(seconds, served)


def _transport(model: Any) -> Any:
    return getattr(getattr(model, _CLIENT, None), "transport", None)


@contextmanager
def noted_over_rest(model: Any, served: Served, timeout: float | None) -> Generator[None]:
    """What this thread sends meanwhile, over REST, is the request of `served`; see `pooled_sockets`."""
    session = getattr(_transport(model), "_session", None)
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


def twin_of(model: Any) -> Any:
    """A shallow copy; of a proxy, which cannot be copied, one of the model in it."""
    kind = model.__class__
    if kind is type(model):
        return copy.copy(model)
    twin = kind.__new__(kind)
    vars(twin).update(vars(model))
    return twin


def in_time(model: Any, timeout: float | None, served: Served) -> Any:
    """The model with a timeout, for which generate_content has no argument: a shallow copy over the same client."""
    client = getattr(model, _CLIENT, None)
    if timeout is None or client is None:
        return model
    twin = twin_of(model)
    with suppress(AttributeError):  # of another form in other versions
        setattr(twin, _CLIENT, _InTime(client, limited(timeout, served)))
    return twin


class _InTime:
    """The client inside a model, whose whole answers are waited for no longer than this."""

    def __init__(self, client: Any, timeout: Any) -> None:
        self._client, self._timeout = client, timeout

    def generate_content(self, *given: Any, **named: Any) -> Any:
        return self._client.generate_content(*given, **{"timeout": self._timeout, **named})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
