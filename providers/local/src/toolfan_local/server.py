"""The embedded server: starts and stops the HTTP face (and gRPC, when asked for) on loopback.

Knows uvicorn, sockets and threads; not the dialects and not how an answer is found.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from toolfan_local.answering import Answerer
from toolfan_local.app import make_app
from toolfan_local.desk import Desk
from toolfan_local.direct import direct
from toolfan_local.pacing import Pace, pace_of
from toolfan_local.script import Script, load_script

if TYPE_CHECKING:
    from types import TracebackType

    from toolfan_local.grpc_wire import GrpcFace
    from toolfan_local.recording import RecordedRequest

HOST = "127.0.0.1"
_GRPC_NEEDS = 'which needs grpcio and google-cloud-aiplatform (pip install "toolfan[vertex]")'
ScriptSource = str | Path | Mapping[str, Any] | list[Any] | Script


class ServerError(RuntimeError):
    """The server cannot start; the message says why."""


class _Uvicorn(uvicorn.Server):
    def __init__(self, desk: Desk) -> None:
        super().__init__(_config(desk))
        self.ready = threading.Event()
        self._closing = desk.closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts as uvicorn does, then tells the waiting thread."""
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends delayed answers first: uvicorn would cancel them, and print a traceback of each."""
        self._closing.set()
        await super().shutdown(sockets)


class Server:
    """A wire-faithful server on 127.0.0.1, run in a background thread.

    It speaks the dialects of OpenAI, Anthropic, Google, Bedrock (Converse) and Cohere (v2 chat).

        with Server() as server:
            client = openai.OpenAI(base_url=server.openai_url, api_key="any")

    `script`: a Script, or what `load_script` takes; without one the planner answers. `port` 0 takes a free one.
    `grpc`: serve gRPC too, on a port of its own. `api_key`: the only key accepted; None accepts any.
    `pace`: how fast answers come, a `Pace` or the seconds before each chunk of a stream. `calls_together`: a stream has
    all calls in one chunk. An answer of the script may have its own of both.
    While it runs, and the environment names a proxy, `NO_PROXY` has 127.0.0.1: SDKs would ask the proxy for it.
    Without grpcio and google-cloud-aiplatform it starts without gRPC and warns (RuntimeWarning).
    Raises ServerError when the port is taken, ScriptError for a wrong script, ValueError for a wrong pace.
    """

    def __init__(
        self,
        script: ScriptSource | None = None,
        *,
        port: int = 0,
        grpc: bool = False,
        api_key: str | None = None,
        pace: float | Pace = 0.0,
        calls_together: bool = False,
    ) -> None:
        self.script = None if script is None else load_script(script)
        self._desk = Desk(Answerer(self.script, pace=pace_of(pace), together=calls_together), api_key)
        self._port = port
        self._wants_grpc = grpc
        self._grpc: GrpcFace | None = None
        self._socket: socket.socket | None = None
        self._uvicorn: _Uvicorn | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Server:
        """Starts the server and returns it when it answers. Starting twice is an error."""
        if self._thread is not None:
            raise ServerError("the server is already running")
        self._desk.closing.clear()
        self._socket = _bind(self._port)
        direct.begin(self)
        self._uvicorn = _Uvicorn(self._desk)
        self._thread = threading.Thread(
            target=self._uvicorn.run, kwargs={"sockets": [self._socket]}, name="toolfan-local", daemon=True
        )
        try:
            if self._wants_grpc:
                self._grpc = _grpc_face(self._desk)
            self._thread.start()
            self._wait_until_ready(self._uvicorn, self._thread)
        except BaseException:
            self.close()
            raise
        return self

    def _wait_until_ready(self, running: _Uvicorn, thread: threading.Thread) -> None:
        end = time.monotonic() + 30
        while not running.ready.wait(0.1):
            if not thread.is_alive():
                raise ServerError("the server ended while it started; its thread has printed why")
            if time.monotonic() > end:
                raise ServerError("the server did not start within 30 seconds")

    def close(self) -> None:
        """Stops the server and waits for its threads; harmless when it does not run.

        Requests whose answer is delayed are answered with an error at once; streams end where they are.
        """
        self._desk.closing.set()  # before the gRPC server waits for them
        if self._grpc is not None:
            self._grpc.close()
        if self._uvicorn is not None and self._thread is not None and self._thread.ident is not None:
            self._uvicorn.should_exit = True
            self._thread.join(10)
        if self._socket is not None:
            self._socket.close()
            direct.end(self)
        self._grpc = self._uvicorn = self._thread = self._socket = None

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The HTTP port. Raises ServerError when the server does not run."""
        if self._socket is None:
            raise ServerError("the server is not running: use `with Server() as server:` or `server.start()`")
        return int(self._socket.getsockname()[1])

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, the endpoint for Google's SDKs, boto3's `bedrock-runtime` and Cohere's."""
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
    def grpc_target(self) -> str:
        """`127.0.0.1:PORT` of the gRPC server. Raises ServerError when it was not asked for, or cannot run."""
        if self._grpc is None:
            raise ServerError(f"gRPC is not served: use Server(grpc=True), {_GRPC_NEEDS}")
        return f"{HOST}:{self._grpc.port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The last 1000 requests, oldest first, without secrets. Readable after `close` too."""
        return self._desk.recorder.snapshot()


def serve(port: int = 0, script: ScriptSource | None = None, *, api_key: str | None = None) -> None:
    """Serves over HTTP in the foreground until interrupted, and prints the address first. Raises as `Server` does."""
    desk = Desk(Answerer(None if script is None else load_script(script)), api_key)
    with _bind(port) as bound:
        address = f"http://{HOST}:{bound.getsockname()[1]}"
        sys.stdout.write(f"toolfan-local serves {address} (OpenAI: {address}/v1); stop with Ctrl-C\n")
        sys.stdout.flush()
        _Uvicorn(desk).run(sockets=[bound])


def _config(desk: Desk) -> uvicorn.Config:
    return uvicorn.Config(
        make_app(desk),
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",  # or uvicorn would import whichever websocket package is there
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _bind(port: int) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY; without it kept connections wait for delayed ACKs.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen()  # from here on a client may connect, though it is answered only once uvicorn runs
    except (OSError, OverflowError, TypeError) as exc:
        bound.close()
        raise ServerError(
            f"cannot listen on {HOST}:{port}: {str(exc).rstrip('.')}. Choose another port, or 0 for a free one"
        ) from exc
    return bound


def _grpc_face(desk: Desk) -> GrpcFace | None:
    try:
        from toolfan_local.grpc_wire import GrpcFace
    except ImportError as exc:
        warnings.warn(f"the server runs without gRPC, {_GRPC_NEEDS}: {exc}", RuntimeWarning, stacklevel=4)
        return None
    return GrpcFace(desk)
