"""The messages of Google's generateContent: which fields each has, of what kind, and what the service says of others.

Knows the form of a request alone, as its JSON parser does; what a well-formed request must say is `google_checks`'s.
"""

from __future__ import annotations

import json
import re
from typing import Any

from toolfan_local.exchange import Failure, Refused
from toolfan_local.google_schema import type_word

_TYPES = "type.googleapis.com/"
_PACKAGE = f"{_TYPES}google.cloud.aiplatform.v1."
_DEEPEST = 100
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]*={0,2}\s*")


def _table(**messages: str) -> dict[str, dict[str, str]]:
    """The kind of each field by message; `kind: names`, where [kind] is repeated and {kind} a map with text keys."""
    told = {name: [line.split(":") for line in lines.split(";")] for name, lines in messages.items()}
    return {name: {field: kind.strip() for kind, fields in rows for field in fields.split()}
            for name, rows in told.items()}  # fmt: skip


_MESSAGES = _table(
    GenerateContentRequest="[Content]: contents; Content: systemInstruction; [Tool]: tools; ToolConfig: toolConfig;"
    "[SafetySetting]: safetySettings; GenerationConfig: generationConfig; {string}: labels; bytes: continuationToken;"
    "string: model cachedContent; object: modelArmorConfig outputConfig; any: serviceTier store",
    Content="string: role; [Part]: parts",
    Part="string: text; bool: thought; bytes: thoughtSignature; Blob: inlineData; FileData: fileData;"
    "FunctionCall: functionCall; FunctionResponse: functionResponse; object: audioMetadata audioTranscription "
    "codeExecutionResult documentMetadata executableCode mediaProcessing mediaResolution partMetadata speechMetadata "
    "spreadsheetMetadata toolCall toolResponse videoMetadata",
    Blob="string: mimeType displayName; bytes: data",
    FileData="string: mimeType fileUri displayName",
    FunctionCall="string: id name; Struct: args; [object]: partialArgs; bool: willContinue",
    FunctionResponse="string: id name; Struct: response; [object]: parts; enum: scheduling; bool: willContinue",
    Tool="[FunctionDeclaration]: functionDeclarations; object: codeExecution computerUse enterpriseWebSearch "
    "exaAiSearch fileSearch googleMaps googleSearch googleSearchRetrieval parallelAiSearch retrieval urlContext;"
    "[object]: mcpServers",
    FunctionDeclaration="string: name description; Schema: parameters response; any: parametersJsonSchema "
    "responseJsonSchema; enum: behavior",
    Schema="Schema.Type: type; string: format title description pattern ref; bool: nullable; any: default example "
    "additionalProperties; Schema: items; int64: minItems maxItems minLength maxLength minProperties maxProperties;"
    "[string]: enum required propertyOrdering; double: minimum maximum; [Schema]: anyOf; {Schema}: properties defs",
    ToolConfig="FunctionCallingConfig: functionCallingConfig; object: retrievalConfig;"
    "bool: includeServerSideToolInvocations",
    FunctionCallingConfig="enum: mode; [string]: allowedFunctionNames; bool: streamFunctionCallArguments",
    SafetySetting="HarmCategory: category; SafetySetting.HarmBlockThreshold: threshold;"
    "SafetySetting.HarmBlockMethod: method",
    GenerationConfig="float: temperature topP topK presencePenalty frequencyPenalty; [string]: stopSequences;"
    "int32: candidateCount maxOutputTokens logprobs seed; string: responseMimeType; Schema: responseSchema;"
    "bool: audioTimestamp enableAffectiveDialog enableEnhancedCivicAnswers responseLogprobs; any: responseFormat "
    "responseJsonSchema; [enum]: responseModalities; enum: mediaResolution; ThinkingConfig: thinkingConfig;"
    "object: audioTranscriptionConfig imageConfig modelConfig modelSelectionConfig routingConfig speechConfig "
    "translationConfig",
    ThinkingConfig="bool: includeThoughts; int32: thinkingBudget; enum: thinkingLevel",
)
_HARMS = (
    "UNSPECIFIED HATE_SPEECH DANGEROUS_CONTENT HARASSMENT SEXUALLY_EXPLICIT CIVIC_INTEGRITY IMAGE_HATE "
    "IMAGE_DANGEROUS_CONTENT IMAGE_HARASSMENT IMAGE_SEXUALLY_EXPLICIT JAILBREAK DEROGATORY TOXICITY VIOLENCE SEXUAL "
    "MEDICAL DANGEROUS"
)
_ENUMS = {
    "HarmCategory": tuple(f"HARM_CATEGORY_{word}" for word in _HARMS.split()),
    "SafetySetting.HarmBlockThreshold": (
        *("HARM_BLOCK_THRESHOLD_UNSPECIFIED", "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH"),
        *("BLOCK_NONE", "OFF"),
    ),
    "SafetySetting.HarmBlockMethod": ("HARM_BLOCK_METHOD_UNSPECIFIED", "SEVERITY", "PROBABILITY"),
}
_SCALARS = {"string": "TYPE_STRING", "bool": "TYPE_BOOL", "bytes": "TYPE_BYTES", "int32": "TYPE_INT32",
            "int64": "TYPE_INT64", "float": "TYPE_FLOAT", "double": "TYPE_DOUBLE"}  # fmt: skip


def refuse(message: str, status: int = 400) -> Refused:
    """The exception for a request that the service answers with this status."""
    return Refused(Failure(status, message))


def camel(key: str) -> str:
    """A field's name in camelCase, from either spelling."""
    return re.sub(r"_([a-z])", lambda letter: letter[1].upper(), key)


def check_fields(
    message: dict[str, Any], name: str = "GenerateContentRequest", place: str = "", depth: int = 0
) -> None:
    """Raises Refused for the first field that the message does not have, or whose value is of another kind.

    Both spellings of names are taken, numbers as texts and enums as numbers too, as the service's parser takes them; so
    is one message alone where several may stand.  A null is a field that is not given.
    """
    if depth > _DEEPEST:
        raise refuse(f"Invalid JSON payload received. Message too deep. Max recursion depth reached at '{place}'")
    for key, value in message.items():
        kind = _MESSAGES[name].get(camel(key))
        if kind is None:
            raise _no_field(key, place, "Cannot find field.")
        if value is not None:
            below = f"{place}.{_snake(key)}".lstrip(".")
            _check_field(value, kind, below, depth)


def listed(message: dict[str, Any], name: str = "GenerateContentRequest") -> dict[str, Any]:
    """The same message, which `check_fields` took, with a list wherever one message stands alone for several."""
    result = {}
    for key, value in message.items():
        kind = _MESSAGES[name][camel(key)]
        inner = kind.strip("[]{}")
        several = [value] if kind[0] == "[" and isinstance(value, dict) else value
        if inner in _MESSAGES and isinstance(several, list):
            several = [listed(one, inner) for one in several]
        elif inner in _MESSAGES and isinstance(several, dict):
            named = kind[0] == "{"
            several = {at: listed(one, inner) for at, one in several.items()} if named else listed(several, inner)
        result[key] = several
    return result


def _check_field(value: Any, kind: str, place: str, depth: int) -> None:
    inner = kind.strip("[]{}")
    if kind[0] == "{" and isinstance(value, dict):
        for number, below in enumerate(value.values()):
            _check_one(below, inner, f"{place}[{number}].value", depth)
    elif kind[0] == "[" and isinstance(value, list):
        for number, below in enumerate(value):
            _check_one(below, inner, f"{place}[{number}]", depth)
    elif kind[0] == "{" or (kind[0] == "[" and not (isinstance(value, dict) and _is_message(inner))):
        raise _wrong(value, inner, place)
    else:
        _check_one(value, inner, place, depth)


def _check_one(value: Any, kind: str, place: str, depth: int) -> None:
    above, _, key = place.rpartition(".")
    if kind == "any":
        return
    if isinstance(value, list):
        raise _no_field(key, above, "Proto field is not repeating, cannot start list.")
    if _is_message(kind):
        if not isinstance(value, dict):
            raise _wrong(value, kind, place)
        if kind in _MESSAGES:
            check_fields(value, kind, place, depth + 1)
    elif isinstance(value, dict):
        raise _no_field(key, above, "Starting an object on a scalar field.")
    elif not _fits(value, kind):
        raise _wrong(value, kind, place)


def _is_message(kind: str) -> bool:
    return kind in _MESSAGES or kind in ("object", "Struct")


def _fits(value: Any, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "bytes":
        return isinstance(value, str) and _BASE64.fullmatch(value) is not None
    if kind == "bool" or isinstance(value, bool) or value is None:
        return kind == "bool" and isinstance(value, bool)
    if kind in _SCALARS:
        return _is_number(value, whole=kind.startswith("int"))
    if kind == "Schema.Type":
        return value in (0, "TYPE_UNSPECIFIED") or type_word(value) is not None
    return not isinstance(value, str) or kind == "enum" or value.upper() in _ENUMS[kind]


def _is_number(value: Any, *, whole: bool) -> bool:
    """Whether a value is a number, also one that stands in a text, as the JSON of protocol buffers may have it."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return isinstance(value, int)
    return number.is_integer() or not whole


def _no_field(key: str, place: str, why: str) -> Refused:
    at = f" at '{place}'" if place else ""
    return refuse(f'Invalid JSON payload received. Unknown name "{key}"{at}: {why}')


def _wrong(value: Any, kind: str, place: str) -> Refused:
    named = {"Struct": f"{_TYPES}google.protobuf.Struct", "object": "TYPE_MESSAGE", "enum": "TYPE_ENUM"}
    shown = json.dumps(value)
    shown = shown if len(shown) <= 200 else f"{shown[:197]}..."
    kind = _SCALARS.get(kind) or named.get(kind) or _PACKAGE + kind
    return refuse(f"Invalid value at '{place}' ({kind}), {shown}")


def _snake(key: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), key)
