"""A service on loopback that answers, or fails, as it is told.

Knows: HTTP.  Must not know: adapters, laws.
"""

from __future__ import annotations

import contextlib
import json
import select
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

ELSEWHERE = "/toolfan-elsewhere"
"""Where redirects lead."""
PAUSE = 2.0
"""Seconds: a transport that gives events while they come ends the pause at once."""
REASON = "the seventh tool is too long"
"""What a service says of a request that it rejects."""
LULL = 0.15
"""Seconds: longer than transports read on for what nobody waits for (`http.transport.END_SECONDS`)."""


LOGINS: dict[str, object] = {}
"""What is answered, as JSON, to requests whose paths end so, whatever else is replied; they are not heard."""


@dataclass(frozen=True)
class Reply:
    """What every request gets: a status and a body, of which `missing` bytes never come; without a status, nothing.

    That is after `silence` seconds, unless the other side leaves before, or the service goes on.  With a `pause` the
    body goes out in chunks, and after so many bytes it waits for `Service.goes_on`; `lull`: after how many for `LULL`.
    `beside`: what a request in which these bytes stand gets; neither is answered until both are there.
    """

    name: str
    status: int | None = 400
    body: bytes = b""
    kind: str = "application/json"
    missing: int = 0
    silence: float = 0.0
    pause: int | None = None
    lull: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    beside: tuple[bytes, Reply] | None = None


@dataclass(frozen=True)
class Heard:
    """One request as it came; the names of its headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"


@dataclass
class Service:
    """Where it listens, what it replies, what was asked; `key` it says only to who has sent it.

    `outlasted`: whether somebody was still there when a silence ended; `unheard`: whether a pause had to end by itself.
    `left`: how many silences ended since the other side was gone; they end, too, when `goes_on` is set.
    `alone`: whether one of two requests that are sent at once was not there before the other had to be answered.
    With `keeps` it leaves connections open, as long as the other side does: there are so many `connections` now.
    """

    address: str
    reply: Reply
    key: str = ""
    heard: list[Heard] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    outlasted: bool = False
    unheard: bool = False
    left: int = 0
    alone: bool = False
    goes_on: threading.Event = field(default_factory=threading.Event)
    keeps: bool = False
    connections: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)

    def requests(self) -> list[str]:
        """What came, and where: the method and the path of each."""
        return [f"{one.method} {urlsplit(one.path).path}" for one in self.heard]

    def was_told_the_key(self) -> bool:
        """Whether the key is in what came, as it is."""
        return any(self.key in f"{one.path} {one.headers} {one.body!r}" for one in self.heard)


REJECTED: Mapping[int, str] = {
    400: "a request that is wrong",
    404: "a model that is not there",
    413: "a request that is too large",
    422: "a request that is not understood",
}
"""What no service takes, however often it is sent."""


def _rejection(status: int) -> bytes:
    """What most services say, each in the place where it says it."""
    said: dict[str, object] = dict.fromkeys(("message", "detail", "title", "msg", "error_description"), REASON)
    error = {"message": REASON, "type": "toolfan_rejected", "code": status}
    return json.dumps({"error": error, "errors": [{**said, "code": status}], **said, "code": status}).encode()


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
        *(Reply(f"{what} ({status})", status, _rejection(status)) for status, what in REJECTED.items()),
        Reply("a redirect (302)", 302, page, "text/html", headers=(("location", ELSEWHERE),)),
        Reply("an answer that is no JSON", 200, page, "text/html"),
        Reply("an answer that breaks off", 200, f'{{"id": "{key}", '.encode(), missing=1000),
        Reply("a connection that is closed", None),
    )


class _Handler(BaseHTTPRequestHandler):
    """Each request gets what the service replies now."""

    service: ClassVar[Service]

    def handle(self) -> None:
        service = self.service
        with service.counting:
            service.connections += 1
        try:
            super().handle()
        finally:
            with service.counting:
                service.connections -= 1

    def reply(self) -> None:
        service = self.service
        self.close_connection = not service.keeps
        now = service.reply
        asked = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        if (login := next((name for name in LOGINS if path.endswith(name)), None)) is not None:
            service.logins.append(asked)
            self.answer(Reply("a login", 200, json.dumps(LOGINS[login]).encode()), "")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.heard.append(Heard(self.path, headers, asked, self.command))
        if now.beside is not None:
            word, other = now.beside
            if len(service.heard) > 1:
                service.goes_on.set()
            service.alone |= not service.goes_on.wait(PAUSE)
            now = other if word in asked else now
        if now.silence and not self.is_awaited(now.silence):
            return
        if now.status is None:
            service.outlasted |= now.silence > 0 and not service.goes_on.is_set()
            return
        self.answer(now, f"{self.path} {self.headers} {asked!r}")

    def answer(self, now: Reply, sent: str) -> None:
        service = self.service
        known = service.key if service.key in sent else "nothing"
        body = now.body.replace(service.key.encode(), known.encode())
        size = ("content-length", str(len(body) + now.missing))
        if now.pause is not None:
            self.protocol_version, size = "HTTP/1.1", ("transfer-encoding", "chunked")
        self.send_response(now.status or 0)
        stays = () if service.keeps else (("connection", "close"),)
        for name, value in (("content-type", now.kind), *stays, *now.headers, size):
            self.send_header(name, value.replace(service.key, known))
        self.end_headers()
        if self.command == "HEAD":
            return
        if now.pause is None:
            self.wfile.write(body)
        else:
            self.in_chunks(body, now.pause, now.lull)

    def is_awaited(self, seconds: float) -> bool:
        """Whether the other side is still there after so long, or when the service goes on."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.service.goes_on.is_set():
            if select.select([self.connection], [], [], 0.01)[0]:
                self.service.left += 1
                return False
        return True

    def in_chunks(self, body: bytes, pause: int, lull: int | None) -> None:
        begun = 0
        for end in sorted({pause, len(body) if lull is None else lull, len(body)}):
            if piece := body[begun:end]:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            begun = end
            if end == pause < len(body) and not self.service.goes_on.wait(PAUSE):
                self.service.unheard = True
            if end == lull:
                time.sleep(LULL)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = reply

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Says nothing."""


@contextlib.contextmanager
def listening(reply: Reply, key: str = "", *, keeps: bool = False) -> Generator[Service]:
    """The service, until the context is left."""
    service = Service("", reply, key, keeps=keeps)
    members = {"service": service, "protocol_version": "HTTP/1.1" if keeps else "HTTP/1.0"}
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), members)) as server:
        service.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
