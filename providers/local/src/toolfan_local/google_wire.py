"""Google's generateContent on the wire (Vertex AI and the Gemini API): reads a request, renders answers and errors.

Knows Google's JSON, integer enums and snake_case spellings included; not HTTP serving, not gRPC, not the planner.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import (
    Choice,
    Failure,
    Question,
    Refused,
    Reply,
    ReplyCall,
    Stop,
    ToolResult,
    count_tokens,
    estimate_tokens,
)
from toolfan_local.google_checks import (
    calling_config,
    checked_request,
    generation_config,
    mode_word,
    parts_of,
    role_of,
    spelled,
)
from toolfan_local.google_fields import refuse
from toolfan_local.google_schema import to_json_schema
from toolfan_local.planner import PlannerTool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolfan_local.identifiers import Identifiers

JSON = dict[str, Any]

FINISH_REASONS: dict[Stop, str] = {
    "calls": "STOP",
    "end": "STOP",
    "length": "MAX_TOKENS",
    "filtered": "SAFETY",
    "refused": "STOP",  # the service has no word for a model that refuses: its text says it
    "malformed": "MALFORMED_FUNCTION_CALL",
    "none": "FINISH_REASON_UNSPECIFIED",
}
_FINISH_NUMBERS = {
    "FINISH_REASON_UNSPECIFIED": 0,
    "STOP": 1,
    "MAX_TOKENS": 2,
    "SAFETY": 3,
    "MALFORMED_FUNCTION_CALL": 9,
}
_CHOICES: dict[str, Choice] = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True)
class Flavour:
    """Which of Google's services is spoken: `vertex` or the Gemini API, with call ids or without, enums as numbers."""

    vertex: bool
    call_ids: bool
    integer_enums: bool = False


def read(body: bytes, model: str) -> Question:
    """The question in a request body. Raises Refused with the service's own message."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise refuse("Invalid JSON payload received. Unexpected end of string. Expected a value.") from None
    if not isinstance(request, dict):
        raise refuse('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    return read_object(request, model)


def read_object(given: JSON, model: str) -> Question:
    """The question in a decoded request, in camelCase or snake_case."""
    request = checked_request(given)
    mode, names = _calling_config(request)
    config = generation_config(request)
    contents = request["contents"]
    return Question(
        model=model,
        text=_last_user_text(contents),
        tools=tuple(_tool(declaration) for declaration in declarations(request)),
        results=tuple(_results(contents[-1])),
        choice=_CHOICES[mode],
        allowed=frozenset(names) if names else None,
        most_tokens=config.get("maxOutputTokens"),
        copies=config.get("candidateCount") or 1,
        form=_form(config),
        prompt_tokens=estimate_tokens([contents, request.get("tools") or []]),
        partial_arguments=bool(spelled(calling_config(request), "streamFunctionCallArguments")),
    )


def _form(config: Mapping[str, Any]) -> JSON | None:
    if config.get("responseMimeType") != "application/json":
        return None
    schema = config.get("responseJsonSchema")
    return schema if isinstance(schema, dict) else to_json_schema(config.get("responseSchema")) or {"type": "object"}


def declarations(request: Mapping[str, Any]) -> Iterator[JSON]:
    """The function declarations of every tool block, in order."""
    for tool in request.get("tools") or []:
        yield from (spelled(tool, "functionDeclarations") or []) if isinstance(tool, dict) else ()


def render(question: Question, reply: Reply, flavour: Flavour, identifiers: Identifiers) -> JSON:
    """The GenerateContentResponse of a reply, in camelCase JSON. Token counts are estimates unless scripted.

    Arguments scripted as text must hold a JSON object, for there is no room for anything else on this wire: otherwise
    the candidate ends with MALFORMED_FUNCTION_CALL, as the service does.
    """
    body = {
        "candidates": [_candidate(place, reply, flavour, identifiers) for place in range(question.copies)],
        "usageMetadata": _usage(question, reply, flavour),
        "modelVersion": question.model,
    }
    if flavour.vertex:
        body["createTime"] = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return body | {"responseId": identifiers.take(23)}


def _candidate(place: int, reply: Reply, flavour: Flavour, identifiers: Identifiers) -> JSON:
    finish, message, parts = FINISH_REASONS[reply.stop_kind], None, []
    try:
        parts = list(_parts(reply, flavour, identifiers))
    except ValueError:
        written = "; ".join(f"{call.name}({call.arguments})" for call in reply.calls)
        finish, message = "MALFORMED_FUNCTION_CALL", f"Malformed function call: {written}"
    candidate: JSON = {"content": {"role": "model", "parts": parts} if parts else {"role": "model"}}
    candidate |= {"finishReason": _FINISH_NUMBERS[finish] if flavour.integer_enums else finish, "avgLogprobs": -0.25}
    if message:
        candidate["finishMessage"] = message
    if place or not flavour.vertex:
        candidate["index"] = place
    return candidate


def render_failure(failure: Failure) -> JSON:
    """The error in google.rpc's JSON shape, with QuotaFailure and RetryInfo where they are given."""
    word = failure.code or STATUS_WORDS.get(failure.status, "UNKNOWN")
    if word == "script_exhausted":
        word = STATUS_WORDS[failure.status]
    error: JSON = {"code": failure.status, "message": failure.message, "status": word}
    details: list[JSON] = []
    if failure.quota_id is not None:
        violations = [{"quotaId": failure.quota_id, "quotaValue": "50"}]
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations})
    if failure.retry_delay is not None:
        delay = f"{failure.retry_delay:g}s"
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay})
    if details:
        error["details"] = details
    return {"error": error}


def _tool(declaration: Mapping[str, Any]) -> PlannerTool:
    schema = spelled(declaration, "parametersJsonSchema")
    if schema is None:
        schema = to_json_schema(declaration.get("parameters") or {})
    return PlannerTool(declaration["name"], declaration.get("description") or "", schema)


def _calling_config(request: Mapping[str, Any]) -> tuple[str, list[str]]:
    config = calling_config(request)
    return mode_word(config), spelled(config, "allowedFunctionNames") or []


def _last_user_text(contents: list[JSON]) -> str:
    for content in reversed(contents):
        texts = [part["text"] for part in parts_of(content) if isinstance(part.get("text"), str)]
        if role_of(content) == "user" and texts:
            return "\n".join(texts)
    return ""


def _results(content: JSON) -> Iterator[ToolResult]:
    for part in parts_of(content):
        response = spelled(part, "functionResponse")
        if isinstance(response, dict):
            said = response.get("response")
            yield ToolResult(str(response.get("name", "")), said, error=isinstance(said, dict) and "error" in said)


def _parts(reply: Reply, flavour: Flavour, identifiers: Identifiers) -> Iterator[JSON]:
    if (text := reply.text if reply.refusal is None else reply.refusal) is not None:
        yield {"text": text}
    whole = (call for call in reply.calls if call.kept is None)  # the service tells nothing of one that was cut
    for place, call in enumerate(whole):
        function: JSON = {"name": call.name, "args": _arguments(call)}
        if flavour.call_ids:
            function["id"] = call.id if call.id is not None else identifiers.take(16)
        part: JSON = {"functionCall": function}
        if place == 0:  # the service signs the first call of a batch alone
            part["thoughtSignature"] = _signature(call)
        yield part


def _arguments(call: ReplyCall) -> JSON:
    value = json.loads(call.arguments) if isinstance(call.arguments, str) else dict(call.arguments)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _signature(call: ReplyCall) -> str:
    return base64.b64encode(hashlib.sha512(f"{call.name}{call.arguments}".encode()).digest()).decode()


def _usage(question: Question, reply: Reply, flavour: Flavour) -> JSON:
    tokens = count_tokens(question, reply)
    completion = tokens.completion * question.copies
    text: Any = 1 if flavour.integer_enums else "TEXT"
    usage: JSON = {
        "promptTokenCount": tokens.prompt,
        "candidatesTokenCount": completion,
        "totalTokenCount": tokens.prompt + completion,
        "promptTokensDetails": [{"modality": text, "tokenCount": tokens.prompt}],
    }
    if flavour.vertex:
        usage["candidatesTokensDetails"] = [{"modality": text, "tokenCount": completion}]
        usage["trafficType"] = 1 if flavour.integer_enums else "ON_DEMAND"
    return usage


__all__ = ["Flavour", "Refused", "declarations", "read", "read_object", "render", "render_failure"]
