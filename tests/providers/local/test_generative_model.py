"""Vertex AI's GenerativeModel against the server: over REST, and over plaintext gRPC (v1 and v1beta1)."""

from __future__ import annotations

import builtins
import time
from typing import TYPE_CHECKING, Any

import pytest
from google_asking import generative_model
from local_questions import EXPECTED, QUESTION, SEARCH, WEATHER
from toolfan_local.server import Server, ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("vertexai", reason="google-cloud-aiplatform is not installed")
pytest.importorskip("grpc", reason="grpcio is not installed")

pytestmark = [
    pytest.mark.filterwarnings("ignore:This feature is deprecated:UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.fixture(scope="module")
def both() -> Iterator[Server]:
    with Server(grpc=True) as server:
        yield server


def _tool() -> Any:
    from vertexai.generative_models import FunctionDeclaration, Tool

    return Tool(
        function_declarations=[
            FunctionDeclaration(name="Weather", description="w", parameters=WEATHER),
            FunctionDeclaration(name="GoogleSearch", description="", parameters=SEARCH),
        ]
    )


def _calls(answer: Any) -> list[tuple[str, Any]]:
    from google.protobuf import json_format

    parts = getattr(answer, "_raw_response", answer)._pb.candidates[0].content.parts
    return [(part.function_call.name, json_format.MessageToDict(part.function_call.args)) for part in parts]


def _grpc_client(server: Server, package: Any) -> Any:
    import grpc
    from google.cloud.aiplatform_v1.services.prediction_service.transports import PredictionServiceGrpcTransport as V1
    from google.cloud.aiplatform_v1beta1.services.prediction_service.transports import (
        PredictionServiceGrpcTransport as V1Beta1,
    )

    transport = V1 if package.__name__.endswith("v1") else V1Beta1
    return package.PredictionServiceClient(transport=transport(channel=grpc.insecure_channel(server.grpc_target)))


def test_generative_model_over_rest(both: Server) -> None:
    import vertexai
    from google.auth.credentials import AnonymousCredentials
    from vertexai.generative_models import GenerativeModel

    vertexai.init(
        project="p", location="us-central1", api_endpoint=both.base_url, api_transport="rest",
        credentials=AnonymousCredentials(),
    )  # fmt: skip
    answer = GenerativeModel("some-model", system_instruction="sys").generate_content(QUESTION, tools=[_tool()])
    assert _calls(answer) == EXPECTED
    assert answer.candidates[0].finish_reason == 1
    assert both.requests[-1].query == {"$alt": "json;enum-encoding=int"}
    assert both.requests[-1].body["tools"][0]["functionDeclarations"][0]["parameters"]["type"] == 6


def test_a_stream_over_rest(both: Server) -> None:
    import vertexai
    from google.auth.credentials import AnonymousCredentials
    from vertexai.generative_models import GenerativeModel

    vertexai.init(
        project="p", location="us-central1", api_endpoint=both.base_url, api_transport="rest",
        credentials=AnonymousCredentials(),
    )  # fmt: skip
    answers = list(GenerativeModel("some-model").generate_content(QUESTION, tools=[_tool()], stream=True))
    assert [_calls(answer) for answer in answers] == [[one] for one in EXPECTED]
    assert [answer.candidates[0].finish_reason for answer in answers] == [0, 0, 1]
    assert both.requests[-1].path.endswith(":streamGenerateContent")


@pytest.mark.parametrize("version", ["aiplatform_v1", "aiplatform_v1beta1"])
def test_a_stream_over_grpc(both: Server, version: str) -> None:
    from google import cloud

    package = getattr(__import__("google.cloud", fromlist=[version]) or cloud, version)
    tools = [{"function_declarations": [{"name": "Weather", "parameters_json_schema": WEATHER}]}]
    request: dict[str, Any] = {
        "model": "projects/p/locations/us-central1/publishers/google/models/M",
        "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
        "tools": tools,
    }
    client = _grpc_client(both, package)
    answers = list(client.stream_generate_content(request=request, timeout=30))
    assert [_calls(answer) for answer in answers] == [[one] for one in EXPECTED[:2]]
    assert both.requests[-1].path.endswith("/StreamGenerateContent")
    request["tool_config"] = {"function_calling_config": {"stream_function_call_arguments": True}}
    answers = list(client.stream_generate_content(request=request, timeout=30))
    calls = [part.function_call for answer in answers for part in answer.candidates[0].content.parts[:1]]
    assert [(call.name, call.will_continue) for call in calls if call.name] == [("Weather", True)] * 2
    pieces = [(piece.json_path, piece.string_value) for call in calls for piece in call.partial_args]
    assert pieces[:4] == [("$.location", "Toronto"), ("$.location", ""), ("$.units", "metric"), ("$.units", "")]


def test_a_grpc_stream_of_a_script() -> None:
    from google.api_core import exceptions
    from google.cloud import aiplatform_v1

    calls = [{"name": "A", "arguments": {"n": 1}}, {"name": "B"}]
    script = [{"calls": calls, "calls_together": True, "pace": {"call": 0.1}}, {"error": {"status": 503}}]
    with Server(script, grpc=True) as server:
        client = _grpc_client(server, aiplatform_v1)
        asked = {"model": "publishers/google/models/M", "contents": [{"role": "user", "parts": [{"text": "x"}]}]}
        began = time.monotonic()
        answers = list(client.stream_generate_content(request=asked, timeout=30))
        assert time.monotonic() - began >= 0.19
        assert [_calls(answer) for answer in answers] == [[("A", {"n": 1.0}), ("B", {})]]
        with pytest.raises(exceptions.ServiceUnavailable, match="scripted error"):
            list(client.stream_generate_content(request=asked, timeout=30))


def test_generative_model_over_grpc(both: Server) -> None:
    from google.cloud import aiplatform_v1

    model = generative_model("some-model", both.base_url, "rest")
    model._prediction_client = _grpc_client(both, aiplatform_v1)
    answer = model.generate_content(QUESTION, tools=[_tool()])
    assert _calls(answer) == EXPECTED
    assert answer.usage_metadata.total_token_count > 0
    assert both.requests[-1].path == "/google.cloud.aiplatform.v1.PredictionService/GenerateContent"
    assert both.requests[-1].body["contents"][0]["parts"] == [{"text": QUESTION}]


@pytest.mark.parametrize("transport", ["rest", "grpc"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_cut_at_the_limit_of_tokens(both: Server, transport: str, *, stream: bool) -> None:
    """13 tokens are the first call, and as many as long the second, of which nothing is told then."""
    from google.cloud import aiplatform_v1

    model = generative_model("some-model", both.base_url, "rest")
    if transport == "grpc":
        model._prediction_client = _grpc_client(both, aiplatform_v1)
    for limit in (13, 20):
        asked = {"tools": [_tool()], "generation_config": {"max_output_tokens": limit}}
        answer = model.generate_content(QUESTION, **asked, stream=stream)
        (last,) = answer if stream else [answer]
        assert _calls(last) == EXPECTED[:1]
        assert last.candidates[0].finish_reason == 2
        assert last.usage_metadata.candidates_token_count == limit


@pytest.mark.parametrize("version", ["aiplatform_v1", "aiplatform_v1beta1"])
def test_the_layer_below_over_grpc(both: Server, version: str) -> None:
    from google import cloud

    package = getattr(__import__("google.cloud", fromlist=[version]) or cloud, version)
    declared = {"name": "Weather", "parameters_json_schema": WEATHER}
    request = {
        "model": "projects/p/locations/us-central1/publishers/google/models/M",
        "contents": [{"role": "user", "parts": [{"text": QUESTION}]}],
        "tools": [{"function_declarations": [declared]}],
        "tool_config": {"function_calling_config": {"mode": "ANY"}},
    }
    answer = _grpc_client(both, package).generate_content(request=request, timeout=30)
    parts = answer.candidates[0].content.parts
    assert [part.function_call.name for part in parts] == ["Weather", "Weather"]
    assert [bool(part.thought_signature) for part in parts] == [True, False]
    if version == "aiplatform_v1beta1":
        assert len({part.function_call.id for part in parts} - {""}) == 2


def test_grpc_errors_carry_code_and_retry_info() -> None:
    from google.api_core import exceptions
    from google.cloud import aiplatform_v1

    error = {"status": 429, "message": "later", "retry_delay": 2.5}
    with Server([{"error": error, "model": "M"}], grpc=True) as server:
        client = _grpc_client(server, aiplatform_v1)
        asked: dict[str, Any] = {
            "model": "publishers/google/models/M",
            "contents": [{"role": "user", "parts": [{"text": "x"}]}],
        }
        with pytest.raises(exceptions.ResourceExhausted) as limited:
            client.generate_content(request=asked, timeout=30)
        delay = limited.value.details[0].retry_delay
        assert (delay.seconds, delay.nanos) == (2, 500_000_000)
        with pytest.raises(exceptions.InvalidArgument, match="no answer left"):
            client.generate_content(request=asked, timeout=30)
        with pytest.raises(exceptions.InvalidArgument, match="at least one contents field"):
            client.generate_content(request={"model": "publishers/google/models/M"}, timeout=30)


def test_without_grpcio_the_server_starts_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "grpc":
            raise ImportError("No module named 'grpc'")
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "toolfan_local.grpc_wire", raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.warns(RuntimeWarning, match="without gRPC, which needs grpcio"):
        server = Server(grpc=True).start()
    try:
        assert server.base_url
        with pytest.raises(ServerError, match="grpcio"):
            _ = server.grpc_target
    finally:
        server.close()
