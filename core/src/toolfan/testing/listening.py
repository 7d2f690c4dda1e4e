"""A service on loopback that fails as it is told.

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


@dataclass(frozen=True)
class Failure:
    """What every request gets: a status and a body, of which `missing` bytes never come; without a status, nothing.

    That is after `silence` seconds, unless the other side leaves before.
    """

    name: str
    status: int | None = 400
    body: bytes = b""
    kind: str = "application/json"
    missing: int = 0
    silence: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Heard:
    """One request as it came; the names of its headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """Where it listens, how it fails, what was asked; `key` it says only to who has sent it.

    `outlasted`: whether somebody was still there when a silence ended.
    """

    address: str
    failure: Failure
    key: str = ""
    heard: list[Heard] = field(default_factory=list)
    outlasted: bool = False


def failures(key: str) -> tuple[Failure, ...]:
    """What services do, and what stands between; wherever there is a body, the key is in it."""
    said = json.dumps({"error": {"message": f"what was sent: {key}", "code": 401}, "message": f"what was sent: {key}"})
    page = f"<html><body>Authorization: Bearer {key}</body></html>".encode()
    now = (("retry-after", "0"),)
    return (
        Failure("a refused key (401)", 401, said.encode()),
        Failure("too many requests (429)", 429, said.replace("401", "429").encode(), headers=now),
        Failure("a failure of the service (500)", 500, said.replace("401", "500").encode()),
        Failure("a service that is busy (503)", 503, said.replace("401", "503").encode(), headers=now),
        Failure("a redirect (302)", 302, page, "text/html", headers=(("location", ELSEWHERE),)),
        Failure("an answer that is no JSON", 200, page, "text/html"),
        Failure("an answer that breaks off", 200, f'{{"id": "{key}", '.encode(), missing=1000),
        Failure("a connection that is closed", None),
    )


@contextlib.contextmanager
def listening(failure: Failure, key: str = "") -> Generator[Service]:
    """The service, until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        def fail(self) -> None:
            self.close_connection = True
            now = service.failure
            asked = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.heard.append(Heard(self.path, headers, asked))
            if now.silence and not select.select([self.connection], [], [], now.silence)[0]:
                service.outlasted = True
            if now.status is None:
                return
            sent = f"{self.path} {self.headers} {asked!r}"
            body = now.body if service.key in sent else now.body.replace(service.key.encode(), b"nothing")
            self.send_response(now.status)
            for name, value in (("content-type", now.kind), ("connection", "close"), *now.headers):
                self.send_header(name, value)
            self.send_header("content-length", str(len(body) + now.missing))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = fail

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = Service(f"http://127.0.0.1:{server.server_port}", failure, key)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
