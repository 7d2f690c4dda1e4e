"""OpenAI's Responses API on the wire: reads a request into a `Question`, renders answers.

Of an answer only its id is stored, so that a `previous_response_id` of no answer is refused; it changes none.

Knows the JSON of `/responses`; not HTTP serving, not the planner, not how an answer becomes a stream.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import Question, Reply, ReplyCall, ToolResult, count_tokens, estimate_tokens
from toolfan_local.openai_formats import responses_form
from toolfan_local.openai_wire import decoded
from toolfan_local.planner import PlannerTool
from toolfan_local.responses_checks import CALLS, OUTPUTS, check_request

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from toolfan_local.exchange import Choice
    from toolfan_local.identifiers import Identifiers

JSON = dict[str, Any]

_ID = re.compile(rb'"id": ?"(resp_\w+)"')
_REASONS = {"length": "max_output_tokens", "filtered": "content_filter"}
_ECHOED: JSON = {  # fields of a request that the answer repeats, and what stands there without one
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


def read(body: bytes, stored: Container[str]) -> Question:
    """The question in a request body; `stored` has the ids of answers that were given.

    Raises Refused for a request that the service would not take.
    """
    request = decoded(body)
    check_request(request, stored)
    items = request.get("input") or []
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    choice, allowed = _choice(request)
    return Question(
        model=request["model"],
        text=next((_text(item.get("content")) for item in reversed(items) if item.get("role") == "user"), ""),
        tools=tuple(_tool(tool) for tool in request.get("tools") or [] if tool["type"] == "function"),
        results=_trailing_results(items),
        choice=choice,
        allowed=allowed,
        limit=1 if request.get("parallel_tool_calls") is False else None,
        most_tokens=request.get("max_output_tokens"),
        form=responses_form(request),
        prompt_tokens=estimate_tokens([request.get("instructions"), items, request.get("tools") or []]),
        stream=request.get("stream") is True,
    )


def render(question: Question, reply: Reply, identifiers: Identifiers, body: bytes) -> JSON:
    """The `response` object of a reply to the request in `body`."""
    request, tokens = json.loads(body), count_tokens(question, reply)
    reason = _REASONS.get(reply.stop_kind)
    echoed = {key: value if request.get(key) is None else request[key] for key, value in _ECHOED.items()}
    output = [_message(reply, identifiers)] if reply.text is not None or reply.refusal is not None else []
    output += [_call(call, identifiers) for call in reply.calls]
    if reason and output and reply.torn:
        output[-1]["status"] = "incomplete"
    return {
        "id": f"resp_{identifiers.take(32).lower()}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if reason else "completed",
        "background": False,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "model": question.model,
        "output": output,
        **echoed,
        "usage": {
            "input_tokens": tokens.prompt,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": tokens.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens.prompt + tokens.completion,
        },
    }


def stored_ids(answer: bytes) -> list[str]:
    """The ids of responses in a scripted answer, whole or as events."""
    return [given.decode() for given in _ID.findall(answer)]


def _choice(request: Mapping[str, Any]) -> tuple[Choice, frozenset[str] | None]:
    choice = request.get("tool_choice")
    if choice is None or isinstance(choice, str):
        return choice or "auto", None  # type: ignore[return-value]  # checked by responses_checks
    if choice["type"] == "allowed_tools":
        names = (tool.get("name") for tool in choice.get("tools") or ())
        return choice["mode"], frozenset(name for name in names if name)
    if choice["type"] == "function":
        return "required", frozenset([choice["name"]])
    return "auto", frozenset()  # one of the service's own tools


def _tool(tool: Mapping[str, Any]) -> PlannerTool:
    return PlannerTool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})


def _text(content: Any) -> str:
    parts = content if isinstance(content, list) else [{"text": content}]
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _trailing_results(items: list[JSON]) -> tuple[ToolResult, ...]:
    names: dict[str, str] = {}
    results: list[ToolResult] = []
    for item in items:
        if item.get("type") in CALLS:
            names[item["call_id"]] = item["name"]
        elif item.get("type") in OUTPUTS:
            results.append(ToolResult(names.get(item["call_id"], "a tool"), _text(item["output"])))
        else:
            results = []
    return tuple(results)


def _message(reply: Reply, identifiers: Identifiers) -> JSON:
    part: JSON = {"type": "output_text", "annotations": [], "logprobs": [], "text": reply.text}
    if reply.refusal is not None:
        part = {"type": "refusal", "refusal": reply.refusal}
    about = {"id": f"msg_{identifiers.take(32).lower()}", "type": "message", "status": "completed"}
    return {**about, "content": [part], "role": "assistant"}


def _call(call: ReplyCall, identifiers: Identifiers) -> JSON:
    raw = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
    about = {"id": f"fc_{identifiers.take(32).lower()}", "type": "function_call", "status": "completed"}
    call_id = call.id if call.id is not None else f"call_{identifiers.take(24)}"
    return {**about, "arguments": raw, "call_id": call_id, "name": call.name}
