"""Sockets that end at the deadline, for the clients that toolfan makes.

The timeouts of HTTP libraries are for each read: a server that sends a byte now and then is waited for without end.
Here every read and write is given what is left of the whole deadline, so that the thread that waits ends too.

Knows: the network backends of httpx, httpx2 and their httpcore, by shape.  Must not know: any provider, requests.
"""

from __future__ import annotations

import contextvars
import time
from typing import Any

end: contextvars.ContextVar[float | None] = contextvars.ContextVar("toolfan_deadline_end", default=None)
"""When the request that runs in this context must have ended, on the monotonic clock; None for never."""


def _within(timeout: float | None) -> float | None:
    """The shorter of `timeout` and what is left.  Raises TimeoutError if nothing is."""
    until = end.get()
    if until is None:
        return timeout
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline passed")
    return left if timeout is None or left < timeout else timeout


class _Stream:
    """A network stream each of whose operations ends at the deadline."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout=_within(timeout))  # type: ignore[no-any-return]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout=_within(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> _Stream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname=server_hostname, timeout=_within(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend:
    """A network backend whose streams end at the deadline."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, *args: Any, timeout: float | None = None, **options: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(*args, timeout=_within(timeout), **options))

    def connect_unix_socket(self, *args: Any, timeout: float | None = None, **options: Any) -> _Stream:
        return _Stream(self._inner.connect_unix_socket(*args, timeout=_within(timeout), **options))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def end_at_the_deadline(http_client: Any) -> None:
    """Make the connections of this sync httpx or httpx2 client end at the deadline of the request they serve.

    A client of another shape is left as it is: its requests are then bounded and counted as those of any client.
    """
    transports = [getattr(http_client, "_transport", None), *(getattr(http_client, "_mounts", None) or {}).values()]
    for transport in transports:
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if backend is not None and not isinstance(backend, _Backend):
            pool._network_backend = _Backend(backend)  # type: ignore[union-attr]
