"""A service on loopback that fails as it is told.

Knows: HTTP.  Must not know: adapters, laws.
"""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


@dataclass(frozen=True)
class Failure:
    """What every request gets: a status and a body, of which `missing` bytes never come; without a status, nothing."""

    name: str
    status: int | None = 400
    body: bytes = b""
    kind: str = "application/json"
    missing: int = 0


@dataclass
class Service:
    """Where it listens, how it fails, the paths that were asked for; `key` it says only to who has sent it."""

    address: str
    failure: Failure
    key: str = ""
    heard: list[str] = field(default_factory=list)


def failures(key: str) -> tuple[Failure, ...]:
    """What services do, and what stands between; wherever there is a body, the key is in it."""
    said = json.dumps({"error": {"message": f"what was sent: {key}", "code": 401}, "message": f"what was sent: {key}"})
    page = f"<html><body>Authorization: Bearer {key}</body></html>".encode()
    return (
        Failure("a refused key (401)", 401, said.encode()),
        Failure("a failure of the service (500)", 500, said.replace("401", "500").encode()),
        Failure("an answer that is no JSON", 200, page, "text/html"),
        Failure("an answer that breaks off", 200, f'{{"id": "{key}", '.encode(), missing=1000),
        Failure("a connection that is closed", None),
    )


@contextlib.contextmanager
def listening(failure: Failure, key: str = "") -> Generator[Service]:
    """The service, until the context is left."""

    class Handler(BaseHTTPRequestHandler):
        def fail(self) -> None:
            service.heard.append(self.path)
            self.close_connection = True
            asked = self.rfile.read(int(self.headers.get("content-length") or 0))
            sent = f"{self.path} {self.headers} {asked!r}"
            now = service.failure
            if now.status is None:
                return
            body = now.body if service.key in sent else now.body.replace(service.key.encode(), b"nothing")
            self.send_response(now.status)
            self.send_header("content-type", now.kind)
            self.send_header("content-length", str(len(body) + now.missing))
            self.send_header("connection", "close")
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
