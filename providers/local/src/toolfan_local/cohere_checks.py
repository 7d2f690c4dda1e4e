"""What Cohere's v2 chat refuses: the checks of a request, with the service's kind of messages.

Knows the rules of the request alone; the reading of a good request is `cohere_wire`'s.
"""

from __future__ import annotations

from typing import Any

from toolfan_local.exchange import Failure, Refused
from toolfan_local.parameters import COHERE_RANGES, faults

JSON = dict[str, Any]

_ROLES = ("user", "assistant", "system", "tool")
_OF_ANTHROPIC = ("tool_use", "tool_result")


def refuse(message: str) -> Refused:
    """The exception for a request that the service answers with status 400."""
    return Refused(Failure(400, message))


def check_request(request: JSON) -> None:
    """Raises Refused for the first thing that is wrong with a request."""
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise refuse("invalid request: model is required")
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refuse("invalid request: messages must have at least one message")
    for place, message in enumerate(messages):
        _check_message(message, f"messages[{place}]")
    _check_results(messages)
    _check_tools(request.get("tools") or [])
    if request.get("tool_choice") not in (None, "REQUIRED", "NONE"):
        raise refuse("invalid request: tool_choice must be one of REQUIRED, NONE")
    if request.get("tool_choice") and not request.get("tools"):
        raise refuse("invalid request: tool_choice can only be specified with tools")
    for name, value, fault in faults(request, COHERE_RANGES):
        one = COHERE_RANGES[name]
        if fault == "type":
            raise refuse(f"invalid request: {name} must be {'an integer' if one.whole else 'a number'}")
        bound = f"at least {one.least}" if fault == "below" else f"at most {one.most}"
        raise refuse(f"invalid request: {name} must be {bound}, but is {value}")


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in _ROLES:
        raise refuse(f"invalid request: {where}.role must be one of {', '.join(_ROLES)}")
    calls, content = message.get("tool_calls"), message.get("content")
    if message["role"] != "assistant" and not content:
        raise refuse(f"invalid request: {where}.content must not be empty")
    if not (content is None or isinstance(content, str | list)):
        raise refuse(f"invalid request: {where}.content must be a text or a list")
    if isinstance(content, list) and not all(isinstance(part, dict) and "type" in part for part in content):
        raise refuse(f"invalid request: each part of {where}.content must have a type")
    for number, part in enumerate(content if isinstance(content, list) else ()):
        if part["type"] in _OF_ANTHROPIC:
            raise refuse(f"invalid request: {where}.content[{number}].type must not be {part['type']}")
    for call in calls or ():
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not function.get("name") or not call.get("id"):
            raise refuse(f"invalid request: each of {where}.tool_calls must have an id and a function with a name")


def _check_results(messages: list[JSON]) -> None:
    open_ids: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            given = message.get("tool_call_id")
            if given not in open_ids:
                raise refuse(f"invalid request: messages[{place}].tool_call_id {given} is no call before it")
            open_ids.remove(given)
            continue
        if open_ids:
            raise _unanswered(open_ids)
        open_ids = [call["id"] for call in message.get("tool_calls") or ()]
        if len(set(open_ids)) != len(open_ids):
            raise refuse(f"invalid request: messages[{place}].tool_calls have an id twice")
    if open_ids:
        raise _unanswered(open_ids)


def _unanswered(ids: list[str]) -> Refused:
    return refuse(f"invalid request: the tool calls {', '.join(ids)} have no tool message with their result")


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list):
        raise refuse("invalid request: tools must be a list")
    names: set[str] = set()
    for place, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            raise refuse(f"invalid request: tools[{place}] must be a function with a name")
        if not isinstance(function.get("parameters"), dict):
            raise refuse(f"invalid request: tools[{place}].function.parameters must be an object")
        if function["name"] in names:
            raise refuse(f"invalid request: two tools have the name {function['name']}")
        names.add(function["name"])
