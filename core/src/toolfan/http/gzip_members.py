"""The bytes of a gzip body that has several members, one after another: httpx reads the first one alone.

A server that compresses each piece of a stream by itself writes them.

Knows: gzip, the header that tells of it.  Must not know: what the bytes mean, sockets, SDKs.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

_MAGIC = b"\x1f\x8b"
_SLICE = 65_536
"""Bytes read at once: after each member zlib copies all that is left of them."""


class DecodingError(Exception):
    """The body is not compressed as its header says; called as httpx's, in whose place it is raised."""


def plain_bytes(response: Any) -> Iterator[bytes]:
    """The bytes of an answer of httpx's, or like one, as they come.  Raises DecodingError."""
    return _unpacked(response.iter_raw()) if _has_members(response) else response.iter_bytes()


def plain_bytes_async(response: Any) -> AsyncGenerator[bytes, None]:
    """`plain_bytes`, awaited."""
    return _unpacked_async(response.aiter_raw()) if _has_members(response) else response.aiter_bytes()


def _has_members(response: Any) -> bool:
    packed = response.headers.get("content-encoding") or ""
    return bool(packed.strip().lower() == "gzip" and hasattr(response, "iter_raw") and not response.is_stream_consumed)


def _unpacked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    members = _Members()
    for chunk in chunks:
        yield from members.feed(chunk)


async def _unpacked_async(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    members = _Members()
    async for chunk in chunks:
        for found in members.feed(chunk):
            yield found


class _Members:
    """Members, while their bytes come."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        self._rest = b""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What this chunk says.  After a member only another one counts: some fill the body up with zeros."""
        for start in range(0, len(chunk), _SLICE):
            rest, self._rest = self._rest + chunk[start : start + _SLICE], b""
            while rest:
                if self._member.eof:
                    if rest == _MAGIC[:1]:
                        self._rest = rest
                        break
                    if rest[:2] != _MAGIC:
                        return
                    self._member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
                try:
                    found = self._member.decompress(rest)
                except zlib.error as exc:
                    raise DecodingError(str(exc)) from exc
                if found:
                    yield found
                rest = self._member.unused_data
