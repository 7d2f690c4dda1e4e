"""Sockets that end at the deadline.

The timeouts of HTTP libraries are for each read: a server that sends a byte now and then is waited for without end.
Here every read and write is given what is left of the whole deadline, so that the thread that waits ends too; and where
all connections of a client are of this kind, a request needs no second thread to return on time.

Knows: the network backends of httpx, httpx2 and their httpcore, and answers of urllib3, by shape.  Must not know: any
provider, requests.
"""

from __future__ import annotations

import contextlib
import contextvars
import socket
import time
from typing import TYPE_CHECKING, Any

from ..values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


_MOST = 256 * 1024
"""Bytes of a body that are joined with their head; joining costs a copy."""


@dataclass(slots=True)
class Limit:
    """When a request must have ended, on the monotonic clock.

    `on_abandon` is set where the request runs in the thread that asked: then looking up the host, which knows no
    timeout, is left to a worker, and `on_abandon` is told of one that was left behind.  `stream` is what is waited for,
    `served` tells which connection of urllib3 serves the request (see `pooled_sockets`).
    """

    end: float
    on_abandon: Callable[[int], None] | None = None
    stream: Any = None
    served: Any = None

    def leave(self) -> None:
        """End the request at once, from another thread: after Ctrl-C nobody waits for it any more."""
        stream = self.stream
        self.pass_by()
        with contextlib.suppress(Exception):  # it is not connected yet, or has ended
            _shut_down(stream)

    def pass_by(self) -> None:
        """The deadline passed, as another thread finds: end what does not end by itself then."""
        self.end = 0.0
        if self.served is not None:
            self.served.leave()


limit: contextvars.ContextVar[Limit | None] = contextvars.ContextVar("toolfan_deadline", default=None)
"""The limit of the request that runs in this context; None for none."""


def _within(timeout: float | None, stream: Any = None) -> float | None:
    """The shorter of `timeout` and what is left.  Raises TimeoutError if nothing is.  `stream` is what waits."""
    until = limit.get()
    if until is None:
        return timeout
    until.stream = stream
    left = until.end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline passed")
    return left if timeout is None or left < timeout else timeout


def in_time(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of an answer, as they come.  Raises TimeoutError at the first one that comes after the deadline.

    This ends an answer that drips without end through sockets of which nothing is known.
    """
    for chunk in chunks:
        _within(None)
        yield chunk


def interrupt(response: Any) -> None:
    """End a read of this answer that another thread is waiting for, by shutting down the connection under it."""
    stream = response.extensions.get("network_stream")
    with contextlib.suppress(Exception):  # an answer that comes from elsewhere than a socket
        _shut_down(stream)


def _shut_down(stream: Any) -> None:
    """Not by the method of TLS sockets: that drops the cipher first, and what another thread writes then is plain."""
    socket.socket.shutdown(stream.get_extra_info("socket"), socket.SHUT_RDWR)


def interrupt_urllib3(response: Any) -> None:
    """`interrupt` for an answer of urllib3's, which boto3 and requests read.

    An answer with `Connection: close` has taken the socket away from its connection: its own reader alone holds it.
    """
    with contextlib.suppress(Exception):  # read to its end, or of another form in other versions
        connection = getattr(response, "_connection", None)
        own = getattr(connection, "sock", None) or response._fp.fp.raw._sock
        own.shutdown(socket.SHUT_RDWR)


def _is_head(buffer: bytes) -> bool:
    """Whether this is the whole head of a request that has a body, and nothing more."""
    return buffer[:5] == b"POST " and buffer[-4:] == b"\r\n\r\n"


class _Stream:
    """A network stream each of whose operations ends at the deadline.

    HTTP libraries write the head and the body of a request one after the other, in two packets; here they leave in one.
    """

    __slots__ = ("_head", "_inner")

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._head = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        until = limit.get()
        data = self._inner.read(max_bytes, timeout=_within(timeout, self._inner))
        if until is not None:
            until.stream = None  # it may be the end of the answer: then the connection serves others
        return data  # type: ignore[no-any-return]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        head, self._head = self._head, b""
        if head and len(buffer) > _MOST:
            self._inner.write(head, timeout=_within(timeout, self._inner))
        elif head:
            buffer = head + buffer
        elif limit.get() is not None and _is_head(buffer):
            self._head = buffer
            return
        self._inner.write(buffer, timeout=_within(timeout, self._inner))

    def close(self) -> None:
        self._inner.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> _Stream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname=server_hostname, timeout=_within(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend:
    """A network backend whose streams end at the deadline.  `complete`: the pool has no older connection."""

    def __init__(self, inner: Any, *, complete: bool) -> None:
        self._inner = inner
        self.complete = complete

    def connect_tcp(self, *args: Any, timeout: float | None = None, **options: Any) -> _Stream:
        left, until = _within(timeout), limit.get()

        def connect() -> Any:
            stream = self._inner.connect_tcp(*args, timeout=left, **options)
            if until is not None and time.monotonic() >= until.end:  # nobody waits for it any more
                stream.close()
                raise TimeoutError("the deadline passed")
            return stream

        if until is None or until.on_abandon is None:
            return _Stream(connect())
        from . import workers  # not for async clients

        remaining = max(0.0, until.end - time.monotonic())
        return _Stream(workers.connecting.run(connect, remaining, until.on_abandon))

    def connect_unix_socket(self, *args: Any, timeout: float | None = None, **options: Any) -> _Stream:
        return _Stream(self._inner.connect_unix_socket(*args, timeout=_within(timeout), **options))

    def sleep(self, seconds: float) -> None:
        """Between tries to connect, of a transport with `retries`."""
        self._inner.sleep(_within(seconds))


def end_at_the_deadline(http_client: Any) -> bool:
    """Make the connections of this sync httpx or httpx2 client end at the deadline of the request they serve.

    Returns whether all of them will: not those that were open before, nor those of a transport of the user's own.
    """
    transports = [getattr(http_client, "_transport", None), *(getattr(http_client, "_mounts", None) or {}).values()]
    wrapped = [_wrapped(transport) for transport in transports if transport is not None]
    return transports[0] is not None and all(wrapped)


def _wrapped(transport: Any) -> bool:
    pool = getattr(transport, "_pool", None)
    backend = getattr(pool, "_network_backend", None)
    if pool is None or backend is None:
        return False
    if not isinstance(backend, _Backend):
        backend = pool._network_backend = _Backend(backend, complete=not getattr(pool, "connections", True))
    known = type(transport).__module__.partition(".")[0] in ("httpx", "httpx2")
    # Over HTTP/2 threads share a connection, and wait for each other's reads.
    return known and bool(backend.complete) and not getattr(pool, "_http2", False)
