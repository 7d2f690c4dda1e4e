"""Vertex AI's PredictionService over plaintext gRPC: the same reading and rendering as REST, in protobuf.

Knows grpcio and google-cloud-aiplatform's messages, and is imported only when gRPC is asked for.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.cloud import aiplatform_v1, aiplatform_v1beta1
from google.protobuf import any_pb2, duration_pb2, json_format
from google.rpc import error_details_pb2, status_pb2

from toolfan_local import google_wire
from toolfan_local.app import CLOSED
from toolfan_local.exchange import Failure, Refused, Verbatim

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.app import Desk

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
            handler = grpc.unary_unary_rpc_method_handler(
                _behaviour(desk, service, package, call_ids=version == "v1beta1"),
                request_deserializer=package.GenerateContentRequest.pb().FromString,
                response_serializer=_serialize,
            )
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {"GenerateContent": handler}),)
            )
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        """Stops the server and its threads."""
        self._server.stop(grace=None).wait(10)
        self._pool.shutdown(wait=True)


def _serialize(message: Any) -> bytes:
    return message if isinstance(message, bytes) else bytes(message.SerializeToString())


def _behaviour(desk: Desk, service: str, package: Any, *, call_ids: bool) -> Callable[[Any, Any], Any]:
    flavour = google_wire.Flavour(vertex=True, call_ids=call_ids)

    def generate_content(message: Any, context: grpc.ServicerContext) -> Any:
        request = json_format.MessageToDict(message)
        desk.recorder.record("POST", f"/{service}/GenerateContent", headers=_metadata(context), body=request)
        model = message.model.rpartition("/")[2]
        try:
            question = google_wire.read_object(request, model)
        except Refused as exc:
            return abort(context, exc.failure)
        settled = desk.answerer.answer(question)
        if settled.delay and desk.closing.wait(settled.delay):
            return abort(context, CLOSED)
        if isinstance(settled.outcome, Failure):
            return abort(context, settled.outcome)
        if isinstance(settled.outcome, Verbatim):
            return settled.outcome.body
        body = google_wire.render(question, settled.outcome, flavour, desk.identifiers)
        return json_format.ParseDict(body, package.GenerateContentResponse.pb()(), ignore_unknown_fields=True)

    return generate_content


def _metadata(context: grpc.ServicerContext) -> list[tuple[str, str]]:
    return [(str(item[0]), str(item[1])) for item in context.invocation_metadata()]


def abort(context: grpc.ServicerContext, failure: Failure) -> None:
    """Ends the call with the failure's code, the retry delay in the trailing metadata. Raises what grpc raises."""
    code = _CODES.get(failure.status, grpc.StatusCode.UNKNOWN)
    status = status_pb2.Status(code=code.value[0], message=failure.message)
    if failure.retry_delay is not None:
        delay = cast("Any", duration_pb2).Duration()
        delay.FromNanoseconds(round(failure.retry_delay * 1e9))
        packed = cast("Any", any_pb2).Any()
        packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        status.details.append(packed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, failure.message)
