"""Bedrock's Converse on the wire: reads a request into a `Question`, renders answers and errors.

Knows Converse's JSON; not HTTP serving, not the planner, not how an answer becomes a stream.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan_local.bedrock_checks import blocks, check_request, refuse, specs
from toolfan_local.exchange import Question, ToolResult, count_tokens, estimate_tokens
from toolfan_local.planner import PlannerTool

if TYPE_CHECKING:
    from toolfan_local.exchange import Choice, Failure, Reply, ReplyCall, Stop
    from toolfan_local.identifiers import Identifiers

JSON = dict[str, Any]

STOP_REASONS: dict[Stop, str | None] = {
    "calls": "tool_use",
    "end": "end_turn",
    "length": "max_tokens",
    "filtered": "content_filtered",
    "refused": "refusal",
    "malformed": "malformed_tool_use",
    "none": None,
}
_CHOICES: dict[str, Choice] = {"auto": "auto", "any": "required", "tool": "required"}
_CODES = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


def read(body: bytes, model: str, *, stream: bool) -> Question:
    """The question in a request body.  Raises Refused for a request that the service would not take."""
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise refuse("The request body is not valid JSON", "SerializationException") from None
    if not isinstance(request, dict):
        raise refuse("Start of structure or map found where not expected.", "SerializationException")
    check_request(request)
    config = request.get("toolConfig") or {}
    kind, chosen = next(iter((config.get("toolChoice") or {"auto": {}}).items()))
    return Question(
        model=model,
        text=next(
            (text for one in reversed(request["messages"]) if one["role"] == "user" and (text := _text(one))), ""
        ),
        tools=tuple(_tool(spec) for spec in specs(config)),
        results=_trailing_results(request["messages"]),
        choice=_CHOICES[kind],
        allowed=frozenset([chosen["name"]]) if kind == "tool" else None,
        most_tokens=(request.get("inferenceConfig") or {}).get("maxTokens"),
        form=_form(request.get("outputConfig")),
        prompt_tokens=estimate_tokens([request.get("system") or [], request["messages"], config.get("tools") or []]),
        stream=stream,
    )


def _form(config: Any) -> JSON | None:
    """The schema of the text, which stands in the request as a text."""
    for key in ("textFormat", "structure", "jsonSchema", "schema"):
        config = config.get(key) if isinstance(config, dict) else None
    try:
        schema = json.loads(config) if isinstance(config, str) else None
    except (ValueError, RecursionError):
        raise refuse("The schema of outputConfig.textFormat is not valid JSON") from None
    return schema if isinstance(schema, dict) else None


def render(question: Question, reply: Reply, identifiers: Identifiers) -> JSON:
    """The answer of Converse.  Token counts are the estimate of `estimate_tokens` unless scripted."""
    tokens = count_tokens(question, reply)
    text = reply.refusal or reply.text
    content: list[JSON] = [{"text": text}] if text else []
    content += [_block(call, identifiers, stream=question.stream) for call in reply.calls]
    return {
        "metrics": {"latencyMs": 1},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": STOP_REASONS[reply.stop_kind],
        "usage": {
            "inputTokens": tokens.prompt,
            "outputTokens": tokens.completion,
            "totalTokens": tokens.prompt + tokens.completion,
        },
    }


def error_code(failure: Failure) -> str:
    """The service's word for a failure, which goes into a header."""
    named = failure.type or _CODES.get(failure.status)
    return named or ("InternalServerException" if failure.status >= 500 else "ValidationException")


def _block(call: ReplyCall, identifiers: Identifiers, *, stream: bool) -> JSON:
    """The call; the service gives an object where it is not asked for a stream, with the arguments that came whole."""
    call_id = call.id if call.id is not None else f"tooluse_{identifiers.take(22)}"
    given = call.arguments if stream or call.kept is None else call.kept
    return {"toolUse": {"input": given, "name": call.name, "toolUseId": call_id}}


def _tool(spec: JSON) -> PlannerTool:
    return PlannerTool(spec["name"], spec.get("description") or "", spec["inputSchema"]["json"])


def _text(message: JSON) -> str:
    return "\n".join(block["text"] for block in message["content"] if isinstance(block.get("text"), str))


def _trailing_results(messages: list[JSON]) -> tuple[ToolResult, ...]:
    """The results that the conversation ends with; none if the user says something after them."""
    names = {use["toolUseId"]: use["name"] for message in messages for use in blocks(message, "toolUse")}
    if _text(messages[-1]):
        return ()
    results = blocks(messages[-1], "toolResult")
    return tuple(
        ToolResult(names[result["toolUseId"]], _content(result), error=result.get("status") == "error")
        for result in results
    )


def _content(result: JSON) -> Any:
    said = [block.get("text", block.get("json")) for block in result.get("content") or ()]
    return said[0] if len(said) == 1 else said
