"""One connection, byte by byte: whole answers, and all the ways of not giving one.

Knows sockets and the framing of HTTP/1.1; not requests, not dialects, not which fault does what.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_SECONDS = 600.0
"""The longest that a connection waits for anything: no hang is for ever."""

_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # close at once, with RST
_REASONS = {529: "Site is overloaded"}


class Gone(Exception):
    """The connection is over: the peer left, or the server is closing."""


def reason(status: int) -> str:
    """The phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _REASONS.get(status, "Unknown")


def head(status: int, fields: Mapping[str, str]) -> bytes:
    """The status line and the header, with Date unless `fields` has one."""
    lines = {"date": formatdate(usegmt=True)} | {name.lower(): value for name, value in fields.items()}
    text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} {reason(status)}\r\n{text}\r\n".encode("latin-1")


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


class Wire:
    """A connection. Every method raises Gone when it is over; `keep` says whether another request may follow."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(MOST_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = connection.makefile("rb")
        self.keep = True

    def send(self, data: bytes) -> None:
        """These bytes as they are."""
        try:
            self._socket.sendall(data)
        except OSError as exc:
            raise Gone from exc

    def respond(self, body: bytes, status: int = 200, fields: Mapping[str, str] | None = None) -> None:
        """A whole, well-framed answer. The connection stays open."""
        lengths = {"content-type": "application/json", "content-length": str(len(body))}
        self.send(head(status, lengths | dict(fields or {})) + body)

    def stream(self, pieces: Iterable[bytes], fields: Mapping[str, str]) -> None:
        """A whole, well-framed chunked answer. The connection stays open."""
        self.begin_chunks(fields)
        for piece in pieces:
            self.send(chunk(piece))
        self.send(chunk(b""))

    def begin_chunks(self, fields: Mapping[str, str]) -> None:
        """The head of a chunked answer."""
        self.send(head(200, {"transfer-encoding": "chunked", **fields}))

    def pause(self, seconds: float) -> None:
        """Waits, unless the peer leaves: then raises Gone."""
        end = time.monotonic() + min(seconds, MOST_SECONDS)
        try:
            while (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(65536):
                    raise Gone
                self.keep = False  # what came too early is lost
        except TimeoutError:
            pass
        except OSError as exc:
            raise Gone from exc
        self._socket.settimeout(MOST_SECONDS)

    def hang(self) -> None:
        """Says nothing until the peer leaves."""
        self.keep = False
        self.pause(MOST_SECONDS)
        raise Gone

    def drip(self, data: bytes, pace: float) -> None:
        """One byte every `pace` seconds, the first at once."""
        for place, byte in enumerate(data):
            if place:
                self.pause(pace)
            self.send(bytes([byte]))

    def close(self) -> None:
        """Ends the connection in good order; what was sent arrives."""
        self.keep = False
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._end()

    def reset(self) -> None:
        """Ends the connection with RST."""
        self.keep = False
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._end()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self.reader.close()  # while it is open, so is the socket
        self._socket.close()
