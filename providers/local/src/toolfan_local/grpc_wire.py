"""Vertex AI's PredictionService over plaintext gRPC: the same reading and rendering as REST, in protobuf.

Knows grpcio and google-cloud-aiplatform's messages, and is imported only when gRPC is asked for.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, cast

import grpc
from google.cloud import aiplatform_v1, aiplatform_v1beta1
from google.protobuf import any_pb2, duration_pb2, json_format
from google.rpc import error_details_pb2, status_pb2

from toolfan_local import google_stream, google_wire
from toolfan_local.desk import CLOSED
from toolfan_local.exchange import Failure, Refused, Reply, Verbatim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolfan_local.answering import Settled
    from toolfan_local.desk import Desk
    from toolfan_local.exchange import Question

JSON = dict[str, Any]

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
VERSIONS = {"v1": aiplatform_v1, "v1beta1": aiplatform_v1beta1}
"""The generations of the API that are served, each with its messages."""


class GrpcFace:
    """The gRPC server on a free loopback port, started on construction."""

    def __init__(self, desk: Desk) -> None:
        self._pool = ThreadPoolExecutor(4, "toolfan-local-grpc")
        self._server = grpc.server(self._pool)
        for version, package in VERSIONS.items():
            service = f"google.cloud.aiplatform.{version}.PredictionService"
            handlers = _handlers(_Service(desk, service, package, call_ids=version == "v1beta1"))
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        """Stops the server and its threads."""
        self._server.stop(grace=None).wait(10)
        self._pool.shutdown(wait=True)


def _serialize(message: Any) -> bytes:
    return message if isinstance(message, bytes) else bytes(message.SerializeToString())


def _handlers(service: _Service) -> dict[str, Any]:
    codecs: dict[str, Any] = {
        "request_deserializer": service.package.GenerateContentRequest.pb().FromString,
        "response_serializer": _serialize,
    }
    return {
        "GenerateContent": grpc.unary_unary_rpc_method_handler(service.whole, **codecs),
        "StreamGenerateContent": grpc.unary_stream_rpc_method_handler(service.stream, **codecs),
    }


@dataclass(frozen=True)
class _Service:
    """One generation of the service."""

    desk: Desk
    name: str
    package: Any
    call_ids: bool

    def whole(self, message: Any, context: grpc.ServicerContext) -> Any:
        """GenerateContent."""
        question, settled = self._settled(message, context, "GenerateContent")
        if isinstance(settled.outcome, Verbatim):
            return settled.outcome.body
        response = self._rendered(question, settled)
        self._wait(settled.pace.total(google_stream.chunks(response, together=settled.together)), context)
        return self._message(response)

    def stream(self, message: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """StreamGenerateContent."""
        question, settled = self._settled(message, context, "StreamGenerateContent")
        if isinstance(settled.outcome, Verbatim):
            yield settled.outcome.body
            return
        response = self._rendered(question, settled)
        chunks = google_stream.chunks(response, together=settled.together, partial=question.partial_arguments)
        due = time.monotonic()
        for pause, event in settled.pace.paced(chunks):
            due += pause
            self._wait(due - time.monotonic(), context)
            yield self._message(event)

    def _settled(self, message: Any, context: grpc.ServicerContext, method: str) -> tuple[Question, Settled]:
        """The question and its answer, when the first byte may go out. Aborts the call for a failure."""
        request = json_format.MessageToDict(message)
        self.desk.recorder.record("POST", f"/{self.name}/{method}", headers=_metadata(context), body=request)
        try:
            question = google_wire.read_object(request, message.model.rpartition("/")[2])
        except Refused as exc:
            return abort(context, exc.failure)
        settled = self.desk.answerer.answer(question)
        self._wait(settled.first_wait, context)
        return abort(context, settled.outcome) if isinstance(settled.outcome, Failure) else (question, settled)

    def _rendered(self, question: Question, settled: Settled) -> JSON:
        assert isinstance(settled.outcome, Reply)
        flavour = google_wire.Flavour(vertex=True, call_ids=self.call_ids)
        return google_wire.render(question, settled.outcome, flavour, self.desk.identifiers)

    def _wait(self, seconds: float, context: grpc.ServicerContext) -> None:
        if seconds > 0 and self.desk.closing.wait(seconds):
            abort(context, CLOSED)

    def _message(self, body: JSON) -> Any:
        return json_format.ParseDict(body, self.package.GenerateContentResponse.pb()(), ignore_unknown_fields=True)


def _metadata(context: grpc.ServicerContext) -> list[tuple[str, str]]:
    return [(str(item[0]), str(item[1])) for item in context.invocation_metadata()]


def abort(context: grpc.ServicerContext, failure: Failure) -> NoReturn:
    """Ends the call with the failure's code, its details in the trailing metadata. Raises what grpc raises."""
    code = _CODES.get(failure.status, grpc.StatusCode.UNKNOWN)
    status = status_pb2.Status(code=code.value[0], message=failure.message)
    if failure.quota_id is not None:
        quota = cast("Any", error_details_pb2).QuotaFailure()
        quota.violations.add(quota_id=failure.quota_id, quota_value=50)
        packed = cast("Any", any_pb2).Any()
        packed.Pack(quota)
        status.details.append(packed)
    if failure.retry_delay is not None:
        delay = cast("Any", duration_pb2).Duration()
        delay.FromNanoseconds(round(failure.retry_delay * 1e9))
        packed = cast("Any", any_pb2).Any()
        packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        status.details.append(packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, failure.message)
    raise AssertionError("grpc's abort raises")
