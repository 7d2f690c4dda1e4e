"""Every path of Google's generateContent is served: express mode, tuned models, publishers other than Google."""

from __future__ import annotations

from typing import Any, Literal

import httpx
import pytest
import toolfan
from google import genai
from google.genai import errors
from local_questions import EXPECTED, QUESTION
from pydantic import BaseModel
from test_google_dialect import BODY, CONTENTS, DECLARATIONS, VERTEX, post, vertex
from toolfan_local.server import Server


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


def express(server: Server, key: str = "k") -> genai.Client:
    return genai.Client(vertexai=True, api_key=key, http_options={"base_url": server.base_url})


def called(sdk: genai.Client, model: str, *, stream: bool) -> list[tuple[Any, Any]]:
    snake = [{"name": one["name"], "parameters_json_schema": one["parametersJsonSchema"]} for one in DECLARATIONS]
    asked: Any = {
        "model": model,
        "contents": CONTENTS,
        "config": {"tools": [{"function_declarations": snake}], "automatic_function_calling": {"disable": True}},
    }
    models = sdk.models
    answers = models.generate_content_stream(**asked) if stream else [models.generate_content(**asked)]
    return [(call.name, call.args) for answer in answers for call in answer.function_calls or []]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("projects/p/locations/us-central1/endpoints/123", "projects/p/locations/us-central1/endpoints/123"),
        ("publishers/other/models/m", "projects/p/locations/us-central1/publishers/other/models/m"),
        ("other/m", "projects/p/locations/us-central1/publishers/other/models/m"),
    ],
)
def test_tuned_models_and_other_publishers(server: Server, model: str, path: str, stream: bool) -> None:
    assert called(vertex(server), model, stream=stream) == EXPECTED
    assert server.requests[-1].path.startswith(f"/v1beta1/{path}:")


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_models_can_be_looked_up(server: Server, version: str) -> None:
    """Some clients do so before they ask; in the version v1 the key tells whose list is meant."""
    options: Any = {"base_url": server.base_url, "api_version": version}
    with genai.Client(api_key="k", http_options=options) as sdk:
        assert sdk.models.get(model="gemini-2.5-flash").name == "models/gemini-2.5-flash"
        assert [model.name for model in sdk.models.list()] == ["models/toolfan-local"]


def test_a_method_is_no_model(server: Server) -> None:
    assert httpx.get(f"{server.base_url}/v1/models/m:generateContent", headers={"x-goog-api-key": "k"}).is_error


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["m", "publishers/other/models/m"])
def test_express_mode(server: Server, model: str, stream: bool) -> None:
    assert called(express(server), model, stream=stream) == EXPECTED
    assert "/projects/" not in server.requests[-1].path
    assert server.requests[-1].path.startswith("/v1beta1/publishers/")


def test_express_mode_from_configuration(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setenv("EXPRESS_KEY", "k")
    with toolfan.connect("vertex:g", api_key_env="EXPRESS_KEY", base_url=server.base_url) as client:
        asked = client.create(messages=[{"role": "user", "content": QUESTION}], tools=(Weather, GoogleSearch))
        streamed = client.stream(messages=[{"role": "user", "content": QUESTION}], tools=(Weather, GoogleSearch))
        with streamed:
            calls = list(streamed)
    assert [call.model_dump() for call in asked] == [arguments for _, arguments in EXPECTED]
    assert [call.value for call in calls] == list(asked)
    assert server.requests[-1].path == "/v1beta1/publishers/google/models/g:streamGenerateContent"


def test_express_answers_are_those_of_vertex(server: Server) -> None:
    answer = post(server, "v1/publishers/google/models/m:generateContent?key=k", BODY).json()
    assert answer["usageMetadata"]["trafficType"] == "ON_DEMAND"
    assert "id" not in answer["candidates"][0]["content"]["parts"][0]["functionCall"]


def test_express_mode_goes_by_the_key() -> None:
    path = "v1beta1/publishers/google/models/m:generateContent"
    with Server(api_key="right") as server:
        assert post(server, path, BODY).json()["error"]["status"] == "PERMISSION_DENIED"
        with pytest.raises(errors.ClientError, match="API key not valid"):
            called(express(server, "no"), "m", stream=False)
        assert called(express(server, "right"), "m", stream=False) == EXPECTED


def test_a_tuned_model_of_the_gemini_api(server: Server) -> None:
    assert post(server, "v1beta/tunedModels/t:generateContent?key=k", BODY).status_code == 200


@pytest.mark.parametrize(
    "path", ["v1/" + VERTEX.replace("publishers/google/models", "models"), "v1/projects/p/locations/l:generateContent"]
)
def test_other_paths_are_not_found_in_googles_words(server: Server, path: str) -> None:
    answer = post(server, path, BODY)
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")
