"""Google's dialect: fields that there are not, and values of the wrong kind, are refused in the service's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.genai import types
from shared_data import judge
from test_google_dialect import CONTENTS, VERTEX, post, vertex

if TYPE_CHECKING:
    from toolfan_local.server import Server

DECLARED = "tools[0].function_declarations[0]"
INNER = f"{DECLARED}.parameters.properties[0].value"
SCHEMA = "(type.googleapis.com/google.cloud.aiplatform.v1.Schema"
RESULT: dict[str, Any] = {"name": "Weather", "response": {}}


def declared(**fields: Any) -> dict[str, Any]:
    return {"tools": [{"functionDeclarations": [{"name": "a", **fields}]}]}


def parameter(**keywords: Any) -> dict[str, Any]:
    return declared(parameters={"type": "OBJECT", "properties": {"x": keywords}})


def said(*parts: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": list(parts)}]}


def called(call: Any, result: Any = RESULT) -> dict[str, Any]:
    model = {"role": "model", "parts": [{"functionCall": {"name": "Weather", **call}}]}
    return {"contents": [*CONTENTS, model, {"role": "user", "parts": [{"functionResponse": result}]}]}


def unknown(name: str, place: str, why: str = "Cannot find field.") -> str:
    return f"Invalid JSON payload received. Unknown name \"{name}\" at '{place}': {why}"


NO_LIST = "Proto field is not repeating, cannot start list."
DEEP: dict[str, Any] = {"type": "STRING"}
for _ in range(200):
    DEEP = {"type": "ARRAY", "items": DEEP}


REFUSED: list[tuple[dict[str, Any], str]] = [
        (parameter(const=1), unknown("const", INNER)),
        (parameter(oneOf=[{"type": "STRING"}]), unknown("oneOf", INNER)),
        (parameter(type="INTEGER", exclusiveMinimum=1), unknown("exclusiveMinimum", INNER)),
        (parameter(**{"$ref": "#/$defs/x"}), unknown("$ref", INNER)),
        (parameter(type="ARRAY", items={"allOf": []}), unknown("allOf", f"{INNER}.items")),
        (parameter(anyOf=[{"type": "STRING"}, {"not": {}}]), unknown("not", f"{INNER}.any_of[1]")),
        (declared(parameters={"type": "OBJECT", "$defs": {}}), unknown("$defs", f"{DECLARED}.parameters")),
        (parameter(type=["STRING", "NULL"]), unknown("type", INNER, NO_LIST)),
        (parameter(type="TEXT"), f"Invalid value at '{INNER}.type' {SCHEMA}.Type), \"TEXT\""),
        (parameter(type="INTEGER", enum=[1, 2]), f"Invalid value at '{INNER}.enum[0]' (TYPE_STRING), 1"),
        (parameter(type="STRING", minLength="few"), f"Invalid value at '{INNER}.min_length' (TYPE_INT64), \"few\""),
        (parameter(type="STRING", nullable="yes"), f"Invalid value at '{INNER}.nullable' (TYPE_BOOL), \"yes\""),
        (parameter(type="ARRAY", items="STRING"), f"Invalid value at '{INNER}.items' {SCHEMA}), \"STRING\""),
        (declared(parameters={"type": "OBJECT", "properties": {"x": DEEP}}), "Message too deep."),
        (declared(strict=True), unknown("strict", DECLARED)),
        (declared(description=5), f"Invalid value at '{DECLARED}.description' (TYPE_STRING), 5"),
        (declared(description={}), unknown("description", DECLARED, "Starting an object on a scalar field.")),
        ({"tools": [{"functionDeclaration": []}]}, unknown("functionDeclaration", "tools[0]")),
        ({"tools": ["a"]}, "Invalid value at 'tools[0]' (type.googleapis.com/google.cloud.aiplatform.v1.Tool), \"a\""),
        ({"toolConfig": {"foo": 1}}, unknown("foo", "tool_config")),
        ({"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": "Weather"}}},
         "Invalid value at 'tool_config.function_calling_config.allowed_function_names' (TYPE_STRING), \"Weather\""),
        (called({}, {"name": "Weather", "response": "x"}),
         "Invalid value at 'contents[2].parts[0].function_response.response' (type.googleapis.com/google.protobuf."
         'Struct), "x"'),
        (called({"args": [1]}), unknown("args", "contents[1].parts[0].function_call", NO_LIST)),
        (called({"arguments": {}}), unknown("arguments", "contents[1].parts[0].function_call")),
        (said({"txt": "x"}), unknown("txt", "contents[0].parts[0]")),
        (said({"text": 5}), "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 5"),
        (said({"text": "a", "thought": 1}), "Invalid value at 'contents[0].parts[0].thought' (TYPE_BOOL), 1"),
        (said({"inlineData": {"mimeType": "image/png", "data": "%%"}}),
         "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), \"%%\""),
        ({"contents": [{**CONTENTS[0], "prts": []}]}, unknown("prts", "contents[0]")),
        ({"contents": [None]}, "Invalid value at 'contents[0]' (type.googleapis.com"),
        ({"systemInstruction": "x"}, "Invalid value at 'system_instruction' (type.googleapis.com/google.cloud."),
        ({"safetySettings": [{"category": "HARM", "threshold": "OFF"}]},
         "Invalid value at 'safety_settings[0].category' (type.googleapis.com/google.cloud.aiplatform.v1.HarmCategory"),
        ({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "ZZ"}]},
         "Invalid value at 'safety_settings[0].threshold' (type.googleapis.com/google.cloud.aiplatform.v1."
         'SafetySetting.HarmBlockThreshold), "ZZ"'),
        ({"cachedContent": 5}, "Invalid value at 'cached_content' (TYPE_STRING), 5"),
        ({"labels": ["a"]}, "Invalid value at 'labels' (TYPE_STRING), [\"a\"]"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_the_service_does_not_know_is_refused(server: Server, changes: dict[str, Any], message: str) -> None:
    for path in ("v1/" + VERTEX, "v1beta/models/m:generateContent?key=k"):
        answer = post(server, path, {"contents": CONTENTS, **changes})
        error = answer.json()["error"]
        assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
        assert message in error["message"]


WHOLE = {
    "type": "OBJECT",
    "title": "t",
    "properties": {
        "a": {"type": "STRING", "enum": ["x"], "nullable": True, "pattern": "x", "minLength": "1", "maxLength": "3"},
        "b": {"anyOf": [{"type": "NUMBER", "minimum": 0.5, "maximum": 2}, {"type": "NULL"}], "default": None},
        "c": {"type": "ARRAY", "items": {"ref": "#/defs/d"}, "minItems": "1", "maxItems": "2", "example": [1]},
        "type": {"type": "INTEGER", "format": "int32", "description": "named as a keyword is"},
    },
    "defs": {"d": {"type": "BOOLEAN"}},
    "required": ["a"],
    "propertyOrdering": ["a", "b", "c"],
    "additionalProperties": False,
}
SIGNED = {"text": "x", "thought": True, "thoughtSignature": "AA-_"}


TAKEN: list[dict[str, Any]] = [
    declared(parameters=WHOLE, response={"type": "STRING"}, behavior="BLOCKING", description=None),
    declared(parametersJsonSchema={"type": "object", "properties": {"x": {"const": 1}}}),
    {"systemInstruction": {"parts": {"text": "one part alone"}}},
    {"tools": [{"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}]},
    called({"id": "1", "args": {"any": [1, {"b": None}]}}, {**RESULT, "id": "1", "scheduling": "WHEN_IDLE"}),
    said(SIGNED, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, {"fileData": {"fileUri": "gs://a"}}),
    {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF", "method": "SEVERITY"}]},
    {"labels": {"a": "b"}, "cachedContent": "c"},
    {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}, "tools": None},
    {
        "generationConfig": {
            "thinkingConfig": {"thinkingBudget": 0},
            "stopSequences": ["x"],
            "responseSchema": WHOLE,
        }
    },
]


@pytest.mark.parametrize("changes", TAKEN)
def test_what_the_service_knows_is_taken(server: Server, changes: dict[str, Any]) -> None:
    answer = post(server, "v1/" + VERTEX, {"contents": CONTENTS, **changes})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "changes",
    [parameter(type=1, minLength=1, minimum="0.5"), parameter(type="string"),
     {"tool_config": {"function_calling_config": {"mode": 1}}},
     {"tool_config": {"function_calling_config": {"mode": "mode_unspecified"}}},
     {"toolConfig": {"functionCallingConfig": {"mode": None}}},
     {"safety_settings": [{"category": 3, "threshold": "off"}]}, {"generation_config": {"top_k": "40"}}],
)  # fmt: skip
def test_other_spellings_of_the_same(server: Server, changes: dict[str, Any]) -> None:
    assert post(server, "v1/" + VERTEX, {"contents": CONTENTS, **changes}).status_code == 200


@pytest.mark.parametrize("mode", ["ANY", "any", 2])
@pytest.mark.parametrize("declarations", ["functionDeclarations", "function_declarations"])
def test_one_message_alone_stands_for_several(server: Server, declarations: str, mode: Any) -> None:
    either = {"anyOf": {"type": "INTEGER"}}
    tool = {
        declarations: {"name": "take", "parameters": {"type": "OBJECT", "properties": {"x": either}, "required": ["x"]}}
    }
    body = {
        "contents": {"parts": {"text": "take 5"}},
        "tools": tool,
        "toolConfig": {"functionCallingConfig": {"mode": mode}},
    }
    answer = post(server, "v1/" + VERTEX, body)
    assert answer.status_code == 200, answer.text
    [part] = answer.json()["candidates"][0]["content"]["parts"]
    assert (part["functionCall"]["name"], part["functionCall"]["args"]) == ("take", {"x": 5})
    assert server.requests[-1].body == body


def test_the_selection_of_a_model_as_the_sdk_writes_it(server: Server) -> None:
    selection = types.ModelSelectionConfig(feature_selection_preference=types.FeatureSelectionPreference.BALANCED)
    config = types.GenerateContentConfig(model_selection_config=selection)
    client = vertex(server)  # held: one that nobody holds is closed before it has asked
    assert client.models.generate_content(model="m", contents="hello", config=config).text


@pytest.mark.parametrize("field", ["audioMetadata", "documentMetadata", "spreadsheetMetadata"])
def test_what_newer_sdks_say_of_a_part_is_taken(server: Server, field: str) -> None:
    """The document does not have them yet; google-genai 3.4 writes them, for both services."""
    answer = post(server, "v1/" + VERTEX, said({"text": "hello"}, {"fileData": {"fileUri": "gs://a"}, field: {}}))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("role", [None, ""])
def test_a_role_that_is_null_or_empty_is_the_users(server: Server, role: str | None) -> None:
    parts = [{"text": "What is the weather in Oslo?"}]
    tool = {"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}
    answer = post(server, "v1/" + VERTEX, {"contents": [{"role": role, "parts": parts}], "tools": [tool]})
    assert "functionCall" in answer.json()["candidates"][0]["content"]["parts"][0], answer.text


def test_the_document_of_the_service_agrees() -> None:
    why = judge("discovery_judge").why
    for changes, message in REFUSED:
        if not any(word in message for word in ("BYTES", "INT64", "too deep")):  # what the judge does not look at
            assert why("request", {"contents": CONTENTS, **changes}), message
    for changes in TAKEN:
        kept = {key: value for key, value in changes.items() if value is not None}
        complaints = why("request", {"contents": CONTENTS, **kept})
        assert not [one for one in complaints if "description" not in one and "not an array" not in one], complaints
