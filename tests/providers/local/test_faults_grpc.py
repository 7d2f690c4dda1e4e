"""The fault server over gRPC, asked by a plain channel: codes, details, messages, hangs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from fault_client import GOOD, SCHEMAS
from toolfan_local.faults import CATALOGUE

grpc = pytest.importorskip("grpc")
aiplatform = pytest.importorskip("google.cloud.aiplatform_v1")

from google.protobuf import json_format  # noqa: E402
from google.rpc import error_details_pb2, status_pb2  # noqa: E402
from toolfan_local.faults import GrpcFaultServer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "google.cloud.aiplatform.{}.PredictionService"
PLAYED = [fault.name for fault in CATALOGUE.values() if "grpc" in fault.dialects]
CODES = {
    "400": "INVALID_ARGUMENT",
    "401": "UNAUTHENTICATED",
    "403": "PERMISSION_DENIED",
    "404": "NOT_FOUND",
    "409": "ABORTED",
    "429": "RESOURCE_EXHAUSTED",
    "500": "INTERNAL",
    "503": "UNAVAILABLE",
    "504": "DEADLINE_EXCEEDED",
    "reset-on-request": "UNAVAILABLE",
}
DELAYS = {"429-retry-info": 0.2, "503-retry-info": 0.2, "429-retry-info-300": 300.0, "429-quota-per-day": 0.2}
BREAKS = {*CODES, *DELAYS, "hang-before-headers", "hang-in-body", "reset-in-body"}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with GrpcFaultServer() as running:
        yield running


@pytest.fixture(scope="module")
def channel(server: Any) -> Iterator[Any]:
    with grpc.insecure_channel(server.target) as opened:
        yield opened


def request(model: str) -> Any:
    tools = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": one} for name, one in SCHEMAS.items()]}]
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello?"}]}], "tools": tools}
    body["model"] = f"projects/p/locations/l/publishers/google/models/{model}"  # type: ignore[assignment]
    return json_format.ParseDict(body, aiplatform.GenerateContentRequest.pb()())


def codecs() -> dict[str, Any]:
    kinds = aiplatform.GenerateContentRequest.pb(), aiplatform.GenerateContentResponse.pb()
    return {"request_serializer": kinds[0].SerializeToString, "response_deserializer": kinds[1].FromString}


def whole(channel: Any, model: str, timeout: float = 30) -> Any:
    call = channel.unary_unary(f"/{SERVICE.format('v1')}/GenerateContent", **codecs())
    return call(request(model), timeout=timeout)


def streamed(channel: Any, model: str, timeout: float = 30) -> Iterator[Any]:
    call = channel.unary_stream(f"/{SERVICE.format('v1')}/StreamGenerateContent", **codecs())
    yield from call(request(model), timeout=timeout)


def calls(*answers: Any) -> list[tuple[str, Any]]:
    parts = [part for answer in answers for one in answer.candidates for part in one.content.parts]
    found = [part.function_call for part in parts if part.WhichOneof("data") == "function_call"]
    return [(call.name, json_format.MessageToDict(call.args)) for call in found]


def test_the_good_answer(channel: Any) -> None:
    assert calls(whole(channel, "good")) == GOOD
    answers = list(streamed(channel, "good"))
    assert (len(answers), calls(*answers)) == (2, GOOD)


@pytest.mark.parametrize("name", CODES)
def test_codes(channel: Any, name: str) -> None:
    for ask in (lambda: whole(channel, name), lambda: list(streamed(channel, name))):
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        assert caught.value.code().name == CODES[name]


@pytest.mark.parametrize("name", DELAYS)
def test_retry_info_in_the_trailing_metadata(channel: Any, name: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        whole(channel, name)
    trailing = {key: value for key, value in caught.value.trailing_metadata()}  # noqa: C416 - it is no mapping
    *others, detail = status_pb2.Status.FromString(trailing["grpc-status-details-bin"]).details
    info = error_details_pb2.RetryInfo()
    assert detail.Unpack(info)
    assert info.retry_delay.ToTimedelta().total_seconds() == DELAYS[name]
    quota = error_details_pb2.QuotaFailure()
    assert [one.Unpack(quota) for one in others] == [True] * (name == "429-quota-per-day")
    assert [one.quota_id[:24] for one in quota.violations] == ["GenerateRequestsPerDayPe"] * len(others)


def test_hangs_and_breaks(server: Any, channel: Any) -> None:
    for name in ("hang-before-headers", "hang-in-body"):
        with pytest.raises(grpc.RpcError) as caught:
            whole(channel, name, timeout=0.3)
        assert caught.value.code().name == "DEADLINE_EXCEEDED"
        assert server.requests(name) == 1
    for name, code in (("hang-in-body", "DEADLINE_EXCEEDED"), ("reset-in-body", "UNAVAILABLE")):
        answers = streamed(channel, name, timeout=1.5)
        assert calls(next(answers)) == GOOD[:1]
        with pytest.raises(grpc.RpcError) as caught:
            next(answers)
        assert caught.value.code().name == code


@pytest.mark.parametrize("name", [name for name in PLAYED if name not in BREAKS])
def test_payloads_are_the_same_as_over_rest(channel: Any, name: str) -> None:
    """Each can be said in protobuf: what no message has room for is not played here."""
    answer = whole(channel, name)
    answers = list(streamed(channel, name + "@stream"))
    reasons = {
        "google-malformed-call": 9,
        "google-max-tokens": 2,
        "google-safety": 3,
        "google-unknown-finish-number": 99,
    }
    reasons |= {"google-finish-number-12": 12, "google-finish-number-15": 15, "google-unknown-finish": 0}
    if name in reasons:
        assert answer.candidates[0].finish_reason == answers[-1].candidates[0].finish_reason == reasons[name]
    if name == "google-malformed-call":
        assert "default_api" in answer.candidates[0].finish_message
    if name == "google-partial-args":
        assert sum(bool(part.function_call.partial_args) for one in answers for part in one.candidates[0].content.parts)
    if name == "google-prompt-blocked":
        assert answer.prompt_feedback.block_reason == 1
    assert answers


def test_once_unknown_and_elsewhere(server: Any, channel: Any) -> None:
    with pytest.raises(grpc.RpcError):
        whole(channel, "429-once")
    assert calls(whole(channel, "429-once")) == GOOD
    assert server.requests("429-once") == 2
    assert server.bodies("429-once")[0]["contents"][0]["parts"] == [{"text": "Hello?"}]
    for model, code in (("420", "NOT_FOUND"), ("refusal", "INVALID_ARGUMENT")):
        with pytest.raises(grpc.RpcError) as caught:
            whole(channel, model)
        assert caught.value.code().name == code


def test_closing_ends_a_hang() -> None:
    with GrpcFaultServer() as server, grpc.insecure_channel(server.target) as channel:
        stub = channel.unary_unary(f"/{SERVICE.format('v1')}/GenerateContent", **codecs())
        waiting = stub.future(request("hang-before-headers"), timeout=60)
        while not server.requests("hang-before-headers"):
            assert not waiting.done()
            time.sleep(0.01)
        server.close()
        assert waiting.exception(30) is not None
