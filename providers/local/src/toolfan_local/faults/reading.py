"""HTTP/1.1 requests off a connection.

Knows request lines, header fields and bodies with a length or in chunks, each bounded; not paths, not dialects.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan_local.faults.wire import Wire

MOST_BYTES = 64 * 1024 * 1024
_LINE = 65536


class Unreadable(Exception):
    """What came is no request that can be answered; the message says why."""


@dataclass(frozen=True)
class Request:
    """One request as it came; `fields` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    fields: Mapping[str, str]
    body: bytes

    @property
    def last(self) -> bool:
        """Whether the client wants the connection closed after the answer."""
        return self.fields.get("connection", "").lower() == "close"


def read_request(wire: Wire) -> Request | None:
    """The next request; None when the peer has closed. Raises Unreadable, and OSError when the connection breaks."""
    line = wire.reader.readline(_LINE)
    if not line.strip():
        return None
    try:
        method, target, _ = line.decode("latin-1").split()
        parsed = http.client.parse_headers(wire.reader)
        fields = {name.lower(): value for name, value in parsed.items()}
        parts = urlsplit(target)
        if fields.get("expect", "").lower() == "100-continue":
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _body(wire, fields)
    except (ValueError, http.client.HTTPException) as exc:
        raise Unreadable(f"not an HTTP request: {exc}") from exc
    return Request(method, unquote(parts.path), dict(parse_qsl(parts.query)), fields, body)


def _body(wire: Wire, fields: Mapping[str, str]) -> bytes:
    if "chunked" not in fields.get("transfer-encoding", "").lower():
        return _exactly(wire, int(fields.get("content-length") or 0))
    body = bytearray()
    while size := int(wire.reader.readline(_LINE).split(b";")[0], 16):
        body += _exactly(wire, size)
        wire.reader.readline(_LINE)
        if len(body) > MOST_BYTES:
            raise ValueError("the body is too long")
    while wire.reader.readline(_LINE).strip():
        pass
    return bytes(body)


def _exactly(wire: Wire, size: int) -> bytes:
    if not 0 <= size <= MOST_BYTES:
        raise ValueError("the body is too long")
    data = wire.reader.read(size)
    if len(data) != size:
        raise ValueError("the body ended early")
    return data
