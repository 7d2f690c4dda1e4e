"""Cohere's v2 chat on the wire: reads a request into a `Question`, renders answers and errors.

Knows Cohere's JSON; not HTTP serving, not the planner, not how an answer becomes a stream.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from toolfan_local.cohere_checks import check_request, refuse
from toolfan_local.exchange import Question, ToolResult, count_tokens, estimate_tokens
from toolfan_local.planner import PlannerTool

if TYPE_CHECKING:
    from toolfan_local.exchange import Choice, Reply, ReplyCall, Stop
    from toolfan_local.identifiers import Identifiers

JSON = dict[str, Any]

FINISH_REASONS: dict[Stop, str | None] = {
    "calls": "TOOL_CALL",
    "end": "COMPLETE",
    "length": "MAX_TOKENS",
    "filtered": "COMPLETE",  # the service has no word for it, nor for the next two
    "refused": "COMPLETE",
    "malformed": "COMPLETE",
    "none": None,
}
_CHOICES: dict[Any, Choice] = {None: "auto", "REQUIRED": "required", "NONE": "none"}


def read(body: bytes) -> Question:
    """The question in a request body.  Raises Refused for a request that the service would not take."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise refuse("invalid json syntax") from None
    if not isinstance(request, dict):
        raise refuse("invalid request: an object was expected")
    check_request(request)
    messages = request["messages"]
    said = [_text(message.get("content")) for message in messages if message["role"] == "user"]
    return Question(
        model=request["model"],
        text=next((text for text in reversed(said) if text), ""),
        tools=tuple(_tool(tool["function"]) for tool in request.get("tools") or []),
        results=_trailing_results(messages),
        choice=_CHOICES[request.get("tool_choice")],
        most_tokens=request.get("max_tokens"),
        form=_form(request.get("response_format")),
        prompt_tokens=estimate_tokens([messages, request.get("tools") or []]),
        stream=request.get("stream") is True,
    )


def _form(given: Any) -> JSON | None:
    if not isinstance(given, dict) or given.get("type") != "json_object":
        return None
    schema = given.get("json_schema", given.get("schema"))
    return schema if isinstance(schema, dict) else {"type": "object"}


def render(question: Question, reply: Reply, identifiers: Identifiers) -> JSON:
    """The answer of v2 chat; text beside calls is the plan.  Token counts are estimates unless scripted."""
    tokens = count_tokens(question, reply)
    counts = {"input_tokens": tokens.prompt, "output_tokens": tokens.completion}
    message: JSON = {"role": "assistant"}
    text = reply.refusal or reply.text
    if (reply.meant or reply).calls:  # also where the limit came before the first of them
        message |= {"tool_plan": text} if text else {}
        message |= {"tool_calls": [_call(call, identifiers) for call in reply.calls]} if reply.calls else {}
    else:
        message["content"] = [{"type": "text", "text": text or ""}]
    return {
        "id": identifiers.take(36).lower(),
        "finish_reason": FINISH_REASONS[reply.stop_kind],
        "message": message,
        "usage": {"billed_units": counts, "tokens": dict(counts)},
    }


def _call(call: ReplyCall, identifiers: Identifiers) -> JSON:
    raw = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)
    call_id = call.id if call.id is not None else f"{call.name}_{identifiers.take(12).lower()}"
    return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": raw}}


def _tool(function: JSON) -> PlannerTool:
    return PlannerTool(function["name"], function.get("description") or "", function["parameters"])


def _text(content: Any) -> str:
    parts = content if isinstance(content, list) else [{"text": content}]
    return "\n".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def _trailing_results(messages: list[JSON]) -> tuple[ToolResult, ...]:
    names = {call["id"]: call["function"]["name"] for one in messages for call in one.get("tool_calls") or ()}
    results: list[ToolResult] = []
    for message in messages:
        if message["role"] == "tool":
            results.append(ToolResult(names[message["tool_call_id"]], _result(message.get("content"))))
        else:
            results = []
    return tuple(results)


def _result(content: Any) -> Any:
    """What a tool returned: a text, or the data of the documents."""
    documents = (
        [part["document"].get("data") for part in content if "document" in part] if type(content) is list else []
    )
    if not documents:
        return _text(content)
    return documents[0] if len(documents) == 1 else documents
