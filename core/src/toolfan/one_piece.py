"""Requests that leave in one piece: HTTP libraries write the head and the body one after the other, as two packets.

Knows: the network backends of httpx, httpx2 and their httpcore, by shape.  Must not know: any provider, what is in a
request, deadlines.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable

MOST = 256 * 1024
"""Bytes of a body that are joined with their head; joining costs a copy."""

own: contextvars.ContextVar[bool] = contextvars.ContextVar("toolfan_own_request", default=False)
"""Whether the async request that runs in this context is toolfan's: those of others leave as they did before."""


def is_head(buffer: bytes) -> bool:
    """Whether this is the whole head of a request that has a body, and nothing more."""
    return buffer[:5] == b"POST " and buffer[-4:] == b"\r\n\r\n"


async def _held() -> None:
    """Awaited in place of a write."""


class _Stream:
    """An async network stream; the head of a request waits for the body."""

    __slots__ = ("_head", "_inner")

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._head = b""

    # No coroutines of their own around the inner ones: each holds its frame while it waits.
    def read(self, max_bytes: int, timeout: float | None = None) -> Awaitable[bytes]:
        return self._inner.read(max_bytes, timeout=timeout)  # type: ignore[no-any-return]

    def write(self, buffer: bytes, timeout: float | None = None) -> Awaitable[None]:
        head, self._head = self._head, b""
        if head and len(buffer) > MOST:
            return self._both(head, buffer, timeout)
        if not head and own.get() and is_head(buffer):
            self._head = buffer
            return _held()
        return self._inner.write(head + buffer, timeout=timeout)  # type: ignore[no-any-return]

    async def _both(self, head: bytes, body: bytes, timeout: float | None) -> None:
        await self._inner.write(head, timeout=timeout)
        await self._inner.write(body, timeout=timeout)

    def aclose(self) -> Awaitable[None]:
        return self._inner.aclose()  # type: ignore[no-any-return]

    async def start_tls(self, *args: Any, **options: Any) -> _Stream:
        return _Stream(await self._inner.start_tls(*args, **options))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend:
    """An async network backend with such streams."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def connect_tcp(self, *args: Any, **options: Any) -> _Stream:
        return _Stream(await self._inner.connect_tcp(*args, **options))

    async def connect_unix_socket(self, *args: Any, **options: Any) -> _Stream:
        return _Stream(await self._inner.connect_unix_socket(*args, **options))

    def sleep(self, seconds: float) -> Awaitable[None]:
        return self._inner.sleep(seconds)  # type: ignore[no-any-return]


def send_in_one_piece(http_client: Any) -> None:
    """Let the coming connections of this async httpx or httpx2 client write the head of a request with its body.

    Other clients, and those with a transport of the user's own, stay as they are.
    """
    for transport in (
        getattr(http_client, "_transport", None),
        *(getattr(http_client, "_mounts", None) or {}).values(),
    ):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        known = type(transport).__module__.partition(".")[0] in ("httpx", "httpx2")
        if known and pool is not None and backend is not None and not isinstance(backend, _Backend):
            pool._network_backend = _Backend(backend)
