"""Connections of urllib3 that end when nobody waits for their request any more: those of boto3 and requests.

Nothing ends a thread that reads; shutting down its socket does.  So the pools of a client note which connection serves
a request of toolfan's, until it goes back, where others take it: under the lock under which it is shut down.

Knows: pools of urllib3 and their managers, by shape.  Must not know: any provider, sessions of SDKs.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from .sockets import limit

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_NOTE = "_toolfan_serves"
_METHODS = ("_get_conn", "_validate_conn", "_put_conn")
"""Of a pool: taking a connection, the last step before it is written to, giving it back."""


class Served:
    """The connection that serves one request; `leave` ends it from another thread."""

    __slots__ = ("_connection", "_keeps", "_known", "_left", "_lock", "_process", "_socket", "end")

    def __init__(self) -> None:
        self.end: float | None = None  # when it must have ended, on the monotonic clock
        self._lock = threading.RLock()  # collecting garbage may close what is noted here, in the same thread
        self._process = os.getpid()
        self._left = self._known = False
        self._connection: int | None = None  # its id
        self._socket: Any = None
        self._keeps: Any = None

    def by(self, connection: Any) -> None:
        """From now on `connection` serves the request.  Raises ConnectionAbortedError if nobody waits for that."""
        with self._lock:
            if self._left:
                connection.close()
                raise ConnectionAbortedError("nobody waits for the answer any more")
            self._drop()
            self._connection, sock = id(connection), connection.sock
            if isinstance(sock, socket.socket):
                # While this file is open, the number of a closed socket is not another one's.
                self._socket, self._keeps, self._known = sock, sock.makefile("rb", buffering=0), True
            setattr(connection, _NOTE, self)

    def returned(self, connection: Any) -> bool:
        """`connection` goes back to its pool.  Whether it was shut down."""
        with self._lock:
            setattr(connection, _NOTE, None)
            if self._connection != id(connection):
                return False
            self._drop()
            return self._left

    def over(self) -> None:
        """The request has ended, in the thread that calls this."""
        with self._lock:
            self._drop()

    def leave(self) -> bool:
        """End the request, from any thread.  Whether its socket is, or was, known."""
        with self._lock:
            self._left = True
            if self._socket is not None and self._process == os.getpid():  # after a fork it is another one's, too
                # Not by the method of TLS sockets: that drops the cipher first, and another thread may be writing.
                with contextlib.suppress(OSError):  # the server was faster
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
            return self._known

    def _drop(self) -> None:
        keeps, self._connection, self._socket, self._keeps = self._keeps, None, None, None
        if keeps is not None:
            keeps.close()


class _Asking(threading.local):
    """What this thread sends for.  No variable of a context: those are copied into threads that a hook starts."""

    served: Served | None = None


_asking = _Asking()


@contextlib.contextmanager
def noted(served: Served, timeout: float | None) -> Generator[None]:
    """What this thread sends meanwhile is the request of `served`, which the limit of this context can end."""
    until = limit.get()
    served.end = None if timeout is None else time.monotonic() + timeout
    if until is not None:
        until.served = served
        if not until.end:  # it was left before
            served.leave()
    outer, _asking.served = _asking.served, served
    try:
        yield
    finally:
        _asking.served = outer


def note_connections(managers: Iterable[Any]) -> None:
    """Have the pools of these managers of urllib3 note who serves what; any of another shape stays as it is."""
    for manager in managers:
        classes, pools = getattr(manager, "pool_classes_by_scheme", None), getattr(manager, "pools", None)
        noting = {scheme: _noting(kind) for scheme, kind in classes.items()} if isinstance(classes, dict) else classes
        if noting != classes:
            manager.pool_classes_by_scheme = noting
            # Pools from before serve those who use them, and end with them; old versions would close them at once.
            if pools and getattr(pools, "dispose_func", None) is None:
                manager.clear()


@functools.lru_cache(maxsize=64)  # a program may make classes without end
def _noting(kind: Any) -> Any:
    """`kind`, a class of pools, with notes; itself if it has them, or is of another form in other versions."""
    if hasattr(kind, _NOTE) or not all(callable(getattr(kind, name, None)) for name in _METHODS):
        return kind

    def get(self: Any, *args: Any, **options: Any) -> Any:
        connection, served = kind._get_conn(self, *args, **options), _asking.served
        _give_back(connection)
        if served is not None and isinstance(connection, http.client.HTTPConnection):
            served.by(connection)
        return connection

    def validate(self: Any, connection: Any) -> None:
        served = _hurry(connection)
        kind._validate_conn(self, connection)
        if served is not None:
            if connection.sock is None:  # without TLS it connects when it is written to
                connection.connect()
            served.by(connection)

    def tunnel(self: Any, connection: Any) -> None:  # it connects, before the last step
        _hurry(connection)
        kind._prepare_proxy(self, connection)

    def put(self: Any, connection: Any) -> None:
        _give_back(connection)
        kind._put_conn(self, connection)

    about = {"__module__": kind.__module__, _NOTE: True, "_prepare_proxy": tunnel}
    return type(kind.__name__, (kind,), about | dict(zip(_METHODS, (get, validate, put), strict=True)))


def _hurry(connection: Any) -> Served | None:
    """What is being made cannot be shut down: connecting, and then writing, has no more time than is left."""
    served: Served | None = getattr(connection, _NOTE, None)
    if served is not None and served.end is not None:
        own, left = connection.timeout, max(served.end - time.monotonic(), 0.001)
        connection.timeout = min(own, left) if isinstance(own, int | float) else left
    return served


def _give_back(connection: Any) -> None:
    """It serves nobody from now on; one that was shut down is closed, and connects anew."""
    served = getattr(connection, _NOTE, None)
    if served is not None and served.returned(connection):
        connection.close()
