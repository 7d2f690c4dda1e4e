"""Google's dialect over REST, asked through Google's own SDKs: Vertex AI, the Gemini API, GenerativeModel, errors."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors
from google.oauth2.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from local_questions import EXPECTED, QUESTION, SEARCH, WEATHER
from shared_data import judge
from toolfan_local import google_wire
from toolfan_local.exchange import Question, Refused
from toolfan_local.server import Server

CONTENTS: list[Any] = [{"role": "user", "parts": [{"text": QUESTION}]}]
DECLARATIONS: list[Any] = [
    {"name": "Weather", "description": "w", "parametersJsonSchema": WEATHER},
    {"name": "GoogleSearch", "parametersJsonSchema": SEARCH},
]
BODY: dict[str, Any] = {"contents": CONTENTS, "tools": [{"functionDeclarations": DECLARATIONS}]}
VERTEX = "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent"


def vertex(server: Server) -> genai.Client:
    return genai.Client(
        vertexai=True,
        project="p",
        location="us-central1",
        credentials=Credentials(token="t"),
        http_options={"base_url": server.base_url},
    )


def gemini(server: Server) -> genai.Client:
    return genai.Client(api_key="k", http_options={"base_url": server.base_url})


def ask(sdk: genai.Client, contents: Any = None, **calling: Any) -> Any:
    snake = [{"name": one["name"], "parameters_json_schema": one["parametersJsonSchema"]} for one in DECLARATIONS]
    config: dict[str, Any] = {
        "tools": [{"function_declarations": snake}],
        "system_instruction": "You must always use tools",
        "automatic_function_calling": {"disable": True},
    }
    if calling:
        config["tool_config"] = {"function_calling_config": calling}
    return sdk.models.generate_content(model="gemini-2.5-flash", contents=contents or CONTENTS, config=config)


def post(server: Server, path: str, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{server.base_url}/{path}", json=body, headers=headers)


@pytest.mark.parametrize("make", [vertex, gemini])
def test_the_example_of_the_readme(server: Server, make: Any) -> None:
    answer = ask(make(server))
    assert [(call.name, call.args) for call in answer.function_calls] == EXPECTED
    assert len({call.id for call in answer.function_calls}) == 3
    assert answer.candidates[0].finish_reason == "STOP"
    signatures = [part.thought_signature for part in answer.candidates[0].content.parts]
    assert signatures[0]
    assert signatures[1:] == [None, None]
    usage = answer.usage_metadata
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count
    assert answer.model_version == "gemini-2.5-flash"


def test_paths_of_the_two_services(server: Server) -> None:
    ask(vertex(server))
    ask(gemini(server))
    first, second = (request.path for request in server.requests[-2:])
    assert first == "/v1beta1/" + VERTEX
    # google-genai 2 writes v1beta, 3 writes v1.
    assert second.replace("/v1beta/", "/v1/") == "/v1/models/gemini-2.5-flash:generateContent"


@pytest.mark.parametrize("query", ["", "?%24alt=json%3Benum-encoding%3Dint"])
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_vertex_answers_satisfy_the_discovery_document(server: Server, version: str, query: str) -> None:
    why = judge("discovery_judge").why
    asked: list[Any] = [BODY, {"contents": CONTENTS}]
    for body in asked:
        answer = post(server, f"{version}/{VERTEX}{query}", body).json()
        complaints = why("response", answer)
        if version == "v1beta1":  # the document is that of v1, which has no call ids
            complaints = [one for one in complaints if ".functionCall.id" not in one]
        if query:  # nor does it know enums sent as numbers
            complaints = [one for one in complaints if "is no value of the enum" not in one]
        assert complaints == []


def test_v1_has_no_ids_and_integer_enums_are_numbers(server: Server) -> None:
    plain = post(server, f"v1/{VERTEX}", BODY).json()
    assert all("id" not in part["functionCall"] for part in plain["candidates"][0]["content"]["parts"])
    assert plain["candidates"][0]["finishReason"] == "STOP"
    assert plain["usageMetadata"]["trafficType"] == "ON_DEMAND"
    numbers = post(server, f"v1/{VERTEX}?%24alt=json%3Benum-encoding%3Dint", BODY).json()
    assert numbers["candidates"][0]["finishReason"] == 1
    assert numbers["usageMetadata"]["promptTokensDetails"][0]["modality"] == 1


@pytest.mark.parametrize("kinds", [(6, 1), ("OBJECT", "STRING"), ("object", "string")])
def test_parameters_in_googles_schema_dialect(server: Server, kinds: tuple[Any, Any]) -> None:
    whole, text = kinds
    units = {"type": text, "enum": ["imperial", "metric"]}
    parameters = {
        "type": whole,
        "properties": {"location": {"type": text}, "units": units},
        "required": ["location", "units"],
        "propertyOrdering": ["location", "units"],
    }
    for declared, inner in (("functionDeclarations", "toolConfig"), ("function_declarations", "tool_config")):
        config = {"function_calling_config": {"mode": 2, "allowed_function_names": ["Weather"]}}
        tools = [{declared: [{"name": "Weather", "parameters": parameters}]}]
        answer = post(server, f"v1/{VERTEX}", {"contents": CONTENTS, "tools": tools, inner: config}).json()
        calls = [part["functionCall"] for part in answer["candidates"][0]["content"]["parts"]]
        assert [(call["name"], call["args"]) for call in calls] == EXPECTED[:2]


@pytest.mark.parametrize(
    ("calling", "contents", "names"),
    [
        ({"mode": "NONE"}, None, []),
        ({"mode": "ANY"}, [{"role": "user", "parts": [{"text": "hello"}]}], ["GoogleSearch"]),
        ({"mode": "ANY", "allowed_function_names": ["Weather"]}, None, ["Weather", "Weather"]),
        ({"mode": "VALIDATED"}, None, ["Weather", "Weather", "GoogleSearch"]),
        ({"mode": "AUTO"}, [{"role": "user", "parts": [{"text": "hello"}]}], []),
    ],
)
def test_modes(server: Server, calling: dict[str, Any], contents: Any, names: list[str]) -> None:
    answer = ask(vertex(server), contents, **calling)
    assert [call.name for call in answer.function_calls or []] == names
    assert bool(answer.candidates[0].content.parts[0].text) == (not names)


def test_function_responses_are_answered_with_a_text(server: Server) -> None:
    sdk = vertex(server)
    first = ask(sdk)
    parts = [
        genai.types.Part.from_function_response(name=call.name, response={"result": number})
        for number, call in enumerate(first.function_calls)
    ]
    answer = ask(sdk, [*CONTENTS, first.candidates[0].content, {"role": "user", "parts": parts}])
    assert answer.text.splitlines()[1:] == [
        '- Weather: {"result": 0}', '- Weather: {"result": 1}', '- GoogleSearch: {"result": 2}',
    ]  # fmt: skip


def test_a_required_call_that_failed_is_made_again(server: Server) -> None:
    call = genai.types.Content(role="model", parts=[genai.types.Part.from_function_call(name="Weather", args={})])
    failed = genai.types.Part.from_function_response(name="Weather", response={"error": "no such place"})
    answer = ask(vertex(server), [*CONTENTS, call, {"role": "user", "parts": [failed]}], mode="ANY")
    assert {call.name for call in answer.function_calls} == {"Weather"}


CALLED = {"role": "model", "parts": [{"functionCall": {"name": "Weather", "args": {}}}] * 2}
ONE_ANSWER = {"role": "user", "parts": [{"functionResponse": {"name": "Weather", "response": {}}}]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "at least one contents field is required"),
        ({"contents": []}, "at least one contents field is required"),
        ({"contents": [{"role": "user", "parts": []}]}, "at least one parts field"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "Please use a valid role: user, model."),
        ({"contents": [*CONTENTS, CALLED, ONE_ANSWER]}, "number of function response parts is equal to the number of"),
        ({"contents": [*CONTENTS, ONE_ANSWER]}, "number of function response parts is equal to the number of"),
        ({"contents": CONTENTS, "tools": [{"functionDeclarations": [{"name": "a", "parameters": {"type": "STRING"}}]}]},
         "schema should be of type OBJECT"),
        ({"contents": CONTENTS, "tools": [{"functionDeclarations": [{"name": "1 a"}]}]}, "Invalid function name"),
        ({"contents": CONTENTS, "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "Invalid value at"),
        ({**BODY, "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["Weather"]}}}, "mode is ANY"),
        ({"contents": CONTENTS, "content": 1}, 'Unknown name "content": Cannot find field.'),
    ],
)  # fmt: skip
def test_bad_requests(server: Server, body: Any, message: str) -> None:
    for path in ("v1/" + VERTEX, "v1beta/models/m:generateContent?key=k"):
        answer = post(server, path, body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
        assert message in error["message"]


def test_keys() -> None:
    path = "v1beta/models/m:generateContent"
    with Server(api_key="right") as server:
        assert post(server, path, BODY).json()["error"]["status"] == "PERMISSION_DENIED"
        assert post(server, path, BODY, **{"x-goog-api-key": "no"}).json()["error"]["status"] == "INVALID_ARGUMENT"
        assert post(server, path + "?key=right", BODY).status_code == 200
        assert post(server, "v1/" + VERTEX, BODY).json()["error"]["status"] == "UNAUTHENTICATED"
        assert post(server, "v1/" + VERTEX, BODY, authorization="Bearer right").status_code == 200


def test_a_script_is_followed_through_the_sdk() -> None:
    script = [
        {"calls": [{"name": "Weather", "arguments": '{"location": "Oslo"}', "id": "x"}], "text": "one moment"},
        {"calls": [{"name": "Weather", "arguments": "{broken"}]},
        {"error": {"status": 429, "message": "later", "retry_delay": 2.5, "headers": {"retry-after": "3"}}},
    ]
    with Server(script) as server:
        sdk = vertex(server)
        answer = ask(sdk)
        assert [(call.id, call.name, call.args) for call in answer.function_calls] == [
            ("x", "Weather", {"location": "Oslo"})
        ]
        assert answer.candidates[0].content.parts[0].text == "one moment"
        assert ask(sdk).candidates[0].finish_reason == "MALFORMED_FUNCTION_CALL"
        with pytest.raises(errors.ClientError) as limited:
            ask(sdk)
        assert (limited.value.code, limited.value.status) == (429, "RESOURCE_EXHAUSTED")
        assert limited.value.details["error"]["details"][0]["retryDelay"] == "2.5s"
        assert limited.value.response.headers["retry-after"] == "3"
        with pytest.raises(errors.ClientError, match="the script has no answer left"):
            ask(sdk)


_keys = st.sampled_from(
    ["role", "parts", "text", "functionCall", "function_response", "name", "mode", "parameters", "functionDeclarations",
     "functionCallingConfig", "allowedFunctionNames", "type", "properties"]
)  # fmt: skip
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_keys, below, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["contents", "tools", "toolConfig", "tool_config", "systemInstruction", "odd"]),
        st.sampled_from([CONTENTS, BODY["tools"], [*CONTENTS, CALLED]]) | _json,
    )
)
def test_a_strange_body_is_read_or_refused(body: Any) -> None:
    try:
        question = google_wire.read(json.dumps(body).encode(), "m")
    except Refused as refusal:
        status = refusal.failure.status
    else:
        status = 400 if isinstance(question, Question) else 500
    assert status == 400
