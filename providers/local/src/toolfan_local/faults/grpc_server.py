"""The fault server over gRPC: Vertex AI's PredictionService, as far as its faults can be said there.

Knows grpcio and google-cloud-aiplatform's messages; importing it without them raises ImportError.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import json_format

from toolfan_local.direct import direct
from toolfan_local.exchange import Failure
from toolfan_local.faults import google_form
from toolfan_local.faults.asking import Unanswerable, google_asked
from toolfan_local.faults.ledger import Ledger
from toolfan_local.faults.payload import Payload
from toolfan_local.faults.statuses import Status
from toolfan_local.faults.streaming import Streaming, after_first_call, good_events
from toolfan_local.faults.wire import MOST_SECONDS
from toolfan_local.grpc_wire import VERSIONS, abort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.fault import Fault

MOST_CALLS = 32
_BROKEN = Failure(503, "The connection broke.")


class GrpcFaultServer:
    """Plays those faults of the catalogue that have the dialect "grpc", by the model's name, on 127.0.0.1.

        with GrpcFaultServer() as server:
            channel = grpc.insecure_channel(server.target)

    `-once` and `@anything` mean what they mean to `FaultServer`. `port` 0 takes a free one. Starting raises OSError or
    RuntimeError, as grpcio does, when the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._ledger = Ledger()
        self._wanted = port
        self._closing = threading.Event()
        self._pool: ThreadPoolExecutor | None = None
        self._server: grpc.Server | None = None
        self.port = 0

    def start(self) -> GrpcFaultServer:
        """Starts the server and returns it."""
        self._closing.clear()
        pool = ThreadPoolExecutor(MOST_CALLS, "toolfan-faults-grpc")
        server = grpc.server(pool)
        for version, package in VERSIONS.items():
            service = f"google.cloud.aiplatform.{version}.PredictionService"
            handlers = self._handlers(service, package, ids=version == "v1beta1")
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.port = int(server.add_insecure_port(f"127.0.0.1:{self._wanted}"))
        server.start()
        self._server, self._pool = server, pool
        direct.begin(self)
        return self

    def close(self) -> None:
        """Ends the server and its threads; harmless when it does not run. The counts stay readable."""
        self._closing.set()
        if self._server is not None and self._pool is not None:
            direct.end(self)
            self._server.stop(grace=None).wait(10)
            self._pool.shutdown(wait=True)
        self._server = self._pool = None

    def __enter__(self) -> GrpcFaultServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def target(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    def requests(self, model: str) -> int:
        """How many requests came for this model, by its whole name."""
        return self._ledger.requests(model)

    def bodies(self, model: str) -> list[dict[str, Any]]:
        """The requests that came for this model as JSON, oldest first."""
        return self._ledger.bodies(model)

    def reset(self) -> None:
        """Forgets what came."""
        self._ledger.reset()

    def _handlers(self, service: str, package: Any, *, ids: bool) -> dict[str, Any]:
        def made(body: Any) -> Any:
            return json_format.ParseDict(body, package.GenerateContentResponse.pb()(), ignore_unknown_fields=True)

        def unary(message: Any, context: grpc.ServicerContext) -> Any:
            return made(next(self._answers(_asked(message, service, ids=ids, stream=False), context)))

        def stream(message: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            yield from map(made, self._answers(_asked(message, service, ids=ids, stream=True), context))

        codecs: dict[str, Callable[..., Any]] = {
            "request_deserializer": package.GenerateContentRequest.pb().FromString,
            "response_serializer": lambda message: bytes(message.SerializeToString()),
        }
        return {
            "GenerateContent": grpc.unary_unary_rpc_method_handler(unary, **codecs),
            "StreamGenerateContent": grpc.unary_stream_rpc_method_handler(stream, **codecs),
        }

    def _answers(self, asked: Asked, context: grpc.ServicerContext) -> Iterator[Any]:
        """The bodies of the answer, one for a whole one. Aborts the call where that is the fault."""
        try:
            fault, asked = self._ledger.settle(asked, "grpc")
        except Unanswerable as exc:
            abort(context, Failure(exc.status, str(exc)))
        if isinstance(fault.play, Status):
            abort(context, fault.play.failure("google"))
        if fault.section == "1":
            return (yield from self._broken(asked, fault, context))
        yield from _bodies(asked, fault)
        return None

    def _broken(self, asked: Asked, fault: Fault, context: grpc.ServicerContext) -> Iterator[Any]:
        """Hangs or aborts, in a stream after the first call."""
        if asked.stream and "in-body" in fault.name:
            events = good_events(asked)
            yield from events[: after_first_call(google_form, events)]
        if fault.name.startswith("hang"):
            left = threading.Event()
            context.add_callback(left.set)
            for _ in range(int(MOST_SECONDS / 0.05)):
                if left.wait(0.05) or self._closing.is_set():
                    break
        abort(context, _BROKEN)


def _bodies(asked: Asked, fault: Fault) -> Iterator[Any]:
    play = fault.play
    if isinstance(play, Streaming) and asked.stream:
        yield from play.events(asked)
        return
    whole = (play if isinstance(play, Payload) else Payload()).whole(asked)
    yield from google_form.events(asked, whole) if asked.stream else [whole]


def _asked(message: Any, service: str, *, ids: bool, stream: bool) -> Asked:
    method = "StreamGenerateContent" if stream else "GenerateContent"
    return google_asked(
        json_format.MessageToDict(message),
        message.model.rpartition("/")[2],
        path=f"/{service}/{method}",
        ids=ids,
        framing="array" if stream else "none",
    )
