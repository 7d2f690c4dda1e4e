"""The fault server: a model's name is the fault it plays, on 127.0.0.1.

Knows sockets, threads and counting; not how any fault is played.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Any

from toolfan_local.direct import direct
from toolfan_local.exchange import Failure
from toolfan_local.faults.answers import written
from toolfan_local.faults.asking import Unanswerable, read_asked
from toolfan_local.faults.catalogue import CATALOGUE
from toolfan_local.faults.ledger import Ledger
from toolfan_local.faults.reading import Unreadable, read_request
from toolfan_local.faults.stage import FORMS, Stage
from toolfan_local.faults.wire import Gone, Wire
from toolfan_local.pacing import check_seconds

if TYPE_CHECKING:
    from types import TracebackType

    from toolfan_local.faults.reading import Request

HOST = "127.0.0.1"
MOST_CONNECTIONS = 256


class FaultServerError(RuntimeError):
    """The server cannot start, or does not run; the message says why."""


class FaultServer:
    """A server, in every provider's dialect, that plays the fault which the request's model names.

        with FaultServer() as server:
            client = openai.OpenAI(base_url=server.openai_url, api_key="any")
            client.chat.completions.create(model="close-in-body", ...)

    `CATALOGUE` has the names. `name-once` plays the fault for the first request of that model and answers well from
    then on; `@anything` after either makes another model of the same fault, with a count of its own. "good" has no
    fault. `port` 0 takes a free one; `pace` is the unit of every delay, in seconds. It runs in daemon threads, one for
    each of at most 256 connections. Raises FaultServerError for a port that is taken or none, ValueError
    for a wrong pace.
    """

    def __init__(self, port: int = 0, pace: float = 0.2) -> None:
        check_seconds(pace)
        self.pace = pace
        self._wanted = port
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._open: dict[threading.Thread, socket.socket] = {}
        self._listener: socket.socket | None = None
        self._refusing: socket.socket | None = None
        self._wake: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> FaultServer:
        """Starts the server and returns it. Starting twice is an error."""
        if self._thread is not None:
            raise FaultServerError("the fault server is already running")
        self._listener = _bound(self._wanted)
        self._listener.listen(MOST_CONNECTIONS)
        self._refusing = _bound(0)
        self._wake, woken = socket.socketpair()
        self._thread = threading.Thread(
            target=self._accept, args=(self._listener, woken), name="toolfan-faults", daemon=True
        )
        self._thread.start()
        direct.begin(self)
        return self

    def close(self) -> None:
        """Ends every connection and thread; harmless when it does not run. The counts stay readable."""
        if self._thread is None or self._listener is None or self._refusing is None or self._wake is None:
            return
        direct.end(self)
        self._wake.close()
        self._thread.join(10)
        self._listener.close()
        self._refusing.close()
        with self._lock:
            left = dict(self._open)
        for connection in left.values():
            with contextlib.suppress(OSError):  # it wakes whoever waits on the connection
                connection.shutdown(socket.SHUT_RDWR)
        for thread in left:
            thread.join(10)
        self._thread = self._listener = self._refusing = self._wake = None

    def __enter__(self) -> FaultServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The port. Raises FaultServerError when the server does not run."""
        return _port(self._listener)

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, the endpoint for Google's SDKs, Azure's, boto3 and Cohere's."""
        return f"http://{HOST}:{self.port}"

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI's SDK."""
        return f"{self.base_url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The base URL for Anthropic's SDK."""
        return self.base_url

    @property
    def refused_url(self) -> str:
        """A base URL whose port is held and refuses every connection."""
        return f"http://{HOST}:{_port(self._refusing)}/v1"

    def requests(self, model: str) -> int:
        """How many requests came for this model, by its whole name."""
        return self._ledger.requests(model)

    def bodies(self, model: str) -> list[dict[str, Any]]:
        """The JSON bodies that came for this model, oldest first; of all models together the last 1000 are kept."""
        return self._ledger.bodies(model)

    def reset(self) -> None:
        """Forgets what came: every `-once` plays its fault again."""
        self._ledger.reset()

    def _accept(self, listener: socket.socket, woken: socket.socket) -> None:
        with woken:
            while True:
                ready, _, _ = select.select([listener, woken], [], [])
                if woken in ready:
                    return
                if not self._room.acquire(timeout=0.1):  # full: whoever comes waits outside
                    continue
                try:
                    connection, _ = listener.accept()
                except OSError:
                    self._room.release()
                    continue
                thread = threading.Thread(target=self._serve, args=(connection,), name="toolfan-faults", daemon=True)
                with self._lock:
                    self._open[thread] = connection
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        wire = Wire(connection)
        try:
            while wire.keep:
                request = read_request(wire)
                if request is None:
                    break
                self._answer(wire, request)
                wire.keep = wire.keep and not request.last
        except (Gone, OSError):
            pass
        except Unreadable as exc:
            with contextlib.suppress(Gone):
                _fail(wire, Unanswerable(400, str(exc)))
        finally:
            with self._lock:
                self._open.pop(threading.current_thread(), None)
            wire.close()
            self._room.release()

    def _answer(self, wire: Wire, request: Request) -> None:
        try:
            if request.method == "GET" and request.query.get("model"):
                return self._again(wire, request)
            if request.method == "GET" and request.path.endswith("/models"):
                return wire.respond(written(_models()).encode())
            fault, asked = self._ledger.settle(read_asked(request))
            fault.play(Stage(asked, wire, self.pace))
        except Unanswerable as exc:
            _fail(wire, exc)

    def _again(self, wire: Wire, request: Request) -> None:
        """A redirect was followed: it leads to itself again."""
        self._ledger.count(request.query["model"])
        wire.respond(b"", 302, {"location": f"{request.path}?model={request.query['model']}"})


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
    except (OSError, OverflowError, TypeError) as exc:
        bound.close()
        raise FaultServerError(
            f"cannot listen on {HOST}:{port}: {str(exc).rstrip('.')}. Choose another port, or 0 for a free one"
        ) from exc
    return bound


def _port(bound: socket.socket | None) -> int:
    if bound is None:
        raise FaultServerError("the fault server is not running: use `with FaultServer() as server:`")
    return int(bound.getsockname()[1])


def _fail(wire: Wire, problem: Unanswerable) -> None:
    wire.keep = False
    body = FORMS[problem.dialect].failure(Failure(problem.status, str(problem), code=None))
    wire.respond(written(body).encode(), problem.status, {"connection": "close"})


def _models() -> dict[str, Any]:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "toolfan"} for name in CATALOGUE]
    return {"object": "list", "data": data}
