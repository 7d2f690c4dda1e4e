"""A service on loopback that answers, or fails, as it is told.

Knows: HTTP.  Must not know: adapters, laws.
"""

from __future__ import annotations

import contextlib
import json
import select
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

ELSEWHERE = "/toolfan-elsewhere"
"""Where redirects lead."""
PAUSE = 2.0
"""Seconds: a transport that gives events while they come ends the pause at once."""


@dataclass(frozen=True)
class Reply:
    """What every request gets: a status and a body, of which `missing` bytes never come; without a status, nothing.

    That is after `silence` seconds, unless the other side leaves before.  With a `pause` the body goes out in chunks,
    and after so many bytes it waits for `Service.goes_on`.
    """

    name: str
    status: int | None = 400
    body: bytes = b""
    kind: str = "application/json"
    missing: int = 0
    silence: float = 0.0
    pause: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Heard:
    """One request as it came; the names of its headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """Where it listens, what it replies, what was asked; `key` it says only to who has sent it.

    `outlasted`: whether somebody was still there when a silence ended; `unheard`: whether a pause had to end by itself.
    """

    address: str
    reply: Reply
    key: str = ""
    heard: list[Heard] = field(default_factory=list)
    outlasted: bool = False
    unheard: bool = False
    goes_on: threading.Event = field(default_factory=threading.Event)


def failures(key: str) -> tuple[Reply, ...]:
    """What services do, and what stands between; wherever there is a body, the key is in it."""
    said = json.dumps({"error": {"message": f"what was sent: {key}", "code": 401}, "message": f"what was sent: {key}"})
    page = f"<html><body>Authorization: Bearer {key}</body></html>".encode()
    now = (("retry-after", "0"),)
    return (
        Reply("a refused key (401)", 401, said.encode()),
        Reply("too many requests (429)", 429, said.replace("401", "429").encode(), headers=now),
        Reply("a failure of the service (500)", 500, said.replace("401", "500").encode()),
        Reply("a service that is busy (503)", 503, said.replace("401", "503").encode(), headers=now),
        Reply("a redirect (302)", 302, page, "text/html", headers=(("location", ELSEWHERE),)),
        Reply("an answer that is no JSON", 200, page, "text/html"),
        Reply("an answer that breaks off", 200, f'{{"id": "{key}", '.encode(), missing=1000),
        Reply("a connection that is closed", None),
    )


@contextlib.contextmanager
def listening(reply: Reply, key: str = "") -> Generator[Service]:
    """The service, until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            self.close_connection = True
            now = service.reply
            asked = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.heard.append(Heard(self.path, headers, asked))
            if now.silence and not select.select([self.connection], [], [], now.silence)[0]:
                service.outlasted = True
            if now.status is None:
                return
            sent = f"{self.path} {self.headers} {asked!r}"
            body = now.body if service.key in sent else now.body.replace(service.key.encode(), b"nothing")
            size = ("content-length", str(len(body) + now.missing))
            if now.pause is not None:
                self.protocol_version, size = "HTTP/1.1", ("transfer-encoding", "chunked")
            self.send_response(now.status)
            for name, value in (("content-type", now.kind), ("connection", "close"), *now.headers, size):
                self.send_header(name, value)
            self.end_headers()
            if now.pause is None:
                self.wfile.write(body)
            else:
                self.in_chunks(body[: now.pause], body[now.pause :])

        def in_chunks(self, first: bytes, rest: bytes) -> None:
            for piece in (first, rest):
                if piece:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if piece is first and rest and not service.goes_on.wait(PAUSE):
                    service.unheard = True
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PUT = reply

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = Service(f"http://127.0.0.1:{server.server_port}", reply, key)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
