"""OpenAI's chat completions on the wire: reads a request into a `Question`, renders answers and errors.

Knows OpenAI's (and Azure OpenAI's) JSON; not HTTP serving, not the planner, not how an answer becomes a stream.
"""

from __future__ import annotations

import json
import time
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
from toolfan_local.openai_checks import check_request
from toolfan_local.openai_formats import chat_form
from toolfan_local.openai_refusals import refuse
from toolfan_local.planner import PlannerTool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolfan_local.identifiers import Identifiers

JSON = dict[str, Any]

FINISH_REASONS: dict[Stop, str | None] = {
    "calls": "tool_calls",
    "end": "stop",
    "length": "length",
    "filtered": "content_filter",
    "refused": "stop",  # the message says it
    "malformed": "stop",
    "none": None,
}
_LIMITS = ("max_tokens", "max_completion_tokens")
_TYPES = {
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "rate_limit_exceeded",
}


def read(body: bytes, deployment: str | None = None) -> Question:
    """The question in a request body; `deployment` is Azure's, in place of the model.

    Raises Refused for a request that the service would not take.
    """
    request = decoded(body)
    if deployment is not None and request.get("model") is None:  # null, where the client names the deployment alone
        request["model"] = deployment
    check_request(request)
    choice, allowed, forced = _choice(request)
    results = _trailing_results(request["messages"])
    return Question(
        model=request["model"],
        text=_last_user_text(request["messages"]),
        tools=tuple(_tool(tool["function"]) for tool in request.get("tools") or [] if tool["type"] == "function"),
        results=results,
        choice=choice,
        allowed=allowed,
        forced=forced,
        limit=1 if request.get("parallel_tool_calls") is False else None,
        most_tokens=min((request[key] for key in _LIMITS if request.get(key) is not None), default=None),
        copies=request.get("n") or 1,
        form=chat_form(request),
        prompt_tokens=estimate_tokens([request["messages"], request.get("tools") or []]),
        stream=request.get("stream") is True,
        stream_usage=bool((request.get("stream_options") or {}).get("include_usage")),
    )


def render(question: Question, reply: Reply, identifiers: Identifiers) -> JSON:
    """The `chat.completion` object of a reply. Token counts are the estimate of `estimate_tokens` unless scripted."""
    tokens = count_tokens(question, reply)
    completion = tokens.completion * question.copies
    return {
        "id": f"chatcmpl-{identifiers.take(29)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": question.model,
        "choices": [_choice_object(index, question, reply, identifiers) for index in range(question.copies)],
        "usage": {
            "prompt_tokens": tokens.prompt,
            "completion_tokens": completion,
            "total_tokens": tokens.prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": "fp_toolfanlocal",
    }


def render_failure(failure: Failure) -> JSON:
    """The error object in OpenAI's shape; the type follows the status where the failure names none."""
    kind = (
        failure.type
        or _TYPES.get(failure.status)
        or ("server_error" if failure.status >= 500 else "invalid_request_error")
    )
    return {"error": {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}}


def answer_headers(identifiers: Identifiers) -> dict[str, str]:
    """The headers that OpenAI sends with every answer. The limits are constant: nothing is ever limited here."""
    return {
        "x-request-id": f"req_{identifiers.take(32).lower()}",
        "openai-processing-ms": "1",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-limit-tokens": "200000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "199999",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-reset-tokens": "0s",
    }


def decoded(body: bytes) -> JSON:
    """The request in a body.  Raises Refused for what is no JSON object."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise refuse(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
            "library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
        ) from None
    if not isinstance(request, dict):
        raise refuse("Invalid type for request body: expected an object.")
    return request


def _choice(request: Mapping[str, Any]) -> tuple[Choice, frozenset[str] | None, bool]:
    """(choice, allowed names, whether one function was forced), from all forms of `tool_choice`."""
    choice = request.get("tool_choice")
    if choice is None:
        return "auto", None, False
    if isinstance(choice, str):
        return choice, None, False  # type: ignore[return-value]  # checked by openai_checks
    if choice["type"] == "allowed_tools":
        allowed = choice["allowed_tools"]
        return allowed["mode"], frozenset(_named(tool) for tool in allowed["tools"]), False
    return "required", frozenset([_named(choice)]), True


def _named(choice: Mapping[str, Any]) -> str:
    return str(choice[choice["type"]]["name"])


def _tool(function: Mapping[str, Any]) -> PlannerTool:
    return PlannerTool(function["name"], function.get("description") or "", function.get("parameters") or {})


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _last_user_text(messages: list[JSON]) -> str:
    return next((_text(message.get("content")) for message in reversed(messages) if message["role"] == "user"), "")


def _trailing_results(messages: list[JSON]) -> tuple[ToolResult, ...]:
    names: dict[str, str] = {}
    results: list[ToolResult] = []
    for message in messages:
        if message["role"] != "tool":
            results = []
        for call in message.get("tool_calls") or []:
            names[call["id"]] = call[call["type"]]["name"]
        if message["role"] == "tool":
            results.append(ToolResult(names[message["tool_call_id"]], _text(message.get("content"))))
    return tuple(results)


def _choice_object(index: int, question: Question, reply: Reply, identifiers: Identifiers) -> JSON:
    message: JSON = {"role": "assistant", "content": reply.text if reply.refusal is None else None}
    if reply.calls:
        message["tool_calls"] = [_call_object(call, identifiers) for call in reply.calls]
    message |= {"refusal": reply.refusal, "annotations": []}
    # The real service says "stop" when the request forced one function: seen in every recording of that case.
    kind = "end" if question.forced and reply.stop is None else reply.stop_kind
    return {"index": index, "message": message, "logprobs": None, "finish_reason": FINISH_REASONS[kind]}


def _call_object(call: ReplyCall, identifiers: Identifiers) -> JSON:
    raw = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
    return {
        "id": call.id if call.id is not None else f"call_{identifiers.take(24)}",
        "type": "function",
        "function": {"name": call.name, "arguments": raw},
    }


__all__ = ["Refused", "answer_headers", "decoded", "read", "render", "render_failure"]
