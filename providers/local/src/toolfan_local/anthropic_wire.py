"""Anthropic's Messages API on the wire: reads a request into a `Question`, renders answers and errors.

Knows Anthropic's JSON; not HTTP serving, not the planner, not how an answer becomes a stream.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan_local.anthropic_checks import blocks, check_request, in_turns, refuse
from toolfan_local.exchange import (
    Failure,
    Question,
    Refused,
    Reply,
    ReplyCall,
    ToolResult,
    count_tokens,
    estimate_tokens,
)
from toolfan_local.planner import PlannerTool

if TYPE_CHECKING:
    from toolfan_local.exchange import Choice, Stop
    from toolfan_local.identifiers import Identifiers

JSON = dict[str, Any]

STOP_REASONS: dict[Stop, str | None] = {
    "calls": "tool_use",
    "end": "end_turn",
    "length": "max_tokens",
    "filtered": "refusal",
    "refused": "refusal",
    "malformed": "end_turn",
    "none": None,
}
_CHOICES: dict[str, Choice] = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def read(body: bytes) -> Question:
    """The question in a request body.  Raises Refused for a request that the service would not take."""
    request = _decoded(body)
    check_request(request)
    choice = request.get("tool_choice") or {"type": "auto"}
    tools = request.get("tools") or []
    return Question(
        model=request["model"],
        text=_last_user_text(request["messages"]),
        tools=tuple(_tool(tool) for tool in tools if "input_schema" in tool),
        results=_trailing_results(in_turns(request["messages"])),
        choice=_CHOICES[choice["type"]],
        allowed=frozenset([choice["name"]]) if choice["type"] == "tool" else None,
        limit=1 if choice.get("disable_parallel_tool_use") is True else None,
        most_tokens=request["max_tokens"],
        form=_form(request),
        prompt_tokens=_prompt_tokens(request),
        stream=request.get("stream") is True,
    )


def _form(request: JSON) -> JSON | None:
    config = request.get("output_config")
    given = config.get("format") if isinstance(config, dict) else request.get("output_format")
    schema = given.get("schema") if isinstance(given, dict) else None
    return schema if isinstance(schema, dict) else None


def count(body: bytes) -> JSON:
    """The answer of `/messages/count_tokens`, by the estimate of `estimate_tokens`.  Raises Refused as `read` does."""
    request = _decoded(body)
    check_request({"max_tokens": 1, **request})  # it has none
    return {"input_tokens": _prompt_tokens(request)}


def _decoded(body: bytes) -> JSON:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise refuse("The request body is not valid JSON") from None
    if not isinstance(request, dict):
        raise refuse("Input should be an object")
    return request


def _prompt_tokens(request: JSON) -> int:
    return estimate_tokens([request.get("system") or "", request["messages"], request.get("tools") or []])


def render(question: Question, reply: Reply, identifiers: Identifiers) -> JSON:
    """The message of a reply.  Token counts are the estimate of `estimate_tokens` unless scripted."""
    tokens = count_tokens(question, reply)
    text = reply.refusal or reply.text
    content: list[JSON] = [{"type": "text", "text": text}] if text else []
    return {
        "id": f"msg_{identifiers.take(24)}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": content + [_block(call, identifiers, stream=question.stream) for call in reply.calls],
        "stop_reason": STOP_REASONS[reply.stop_kind],
        "stop_sequence": None,
        "usage": {
            "input_tokens": tokens.prompt,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": tokens.completion,
            "service_tier": "standard",
        },
    }


def render_failure(failure: Failure) -> JSON:
    """The error in Anthropic's shape; the type follows the status where the failure names none."""
    kind = failure.type or _TYPES.get(failure.status)
    kind = kind or ("api_error" if failure.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": failure.message}}


def answer_headers(identifiers: Identifiers) -> dict[str, str]:
    """The headers that come with every answer."""
    return {"request-id": f"req_{identifiers.take(24)}"}


def _block(call: ReplyCall, identifiers: Identifiers, *, stream: bool) -> JSON:
    """The call; the service gives an object where it is not asked for a stream, with the arguments that came whole."""
    call_id = call.id if call.id is not None else f"toolu_{identifiers.take(24)}"
    given = call.arguments if stream or call.kept is None else call.kept
    return {"type": "tool_use", "id": call_id, "name": call.name, "input": given}


def _tool(tool: JSON) -> PlannerTool:
    return PlannerTool(tool["name"], tool.get("description") or "", tool["input_schema"])


def _text(message: JSON) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "\n".join(block["text"] for block in blocks(message, "text"))


def _last_user_text(messages: list[JSON]) -> str:
    texts = (_text(message) for message in reversed(messages) if message["role"] == "user")
    return next((text for text in texts if text), "")


def _trailing_results(messages: list[JSON]) -> tuple[ToolResult, ...]:
    """The results that the conversation ends with; none if the user says something after them."""
    names = {block["id"]: block["name"] for message in messages for block in blocks(message, "tool_use")}
    if _text(messages[-1]):
        return ()
    results = blocks(messages[-1], "tool_result")
    return tuple(
        ToolResult(names[block["tool_use_id"]], block.get("content"), error=block.get("is_error") is True)
        for block in results
    )


__all__ = ["Refused", "answer_headers", "count", "read", "render", "render_failure"]
