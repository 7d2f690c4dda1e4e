"""What OpenAI's chat completions refuse: the checks of a request, with the service's own messages.

Knows the rules of the request alone; the reading of a good request is `openai_wire`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from toolfan_local.exchange import Failure, Refused

JSON = dict[str, Any]

MAX_TOOLS = 128
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_CHOICE_WORDS = ("none", "auto", "required")


def refuse(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """The exception for a request that the service answers with status 400."""
    return Refused(Failure(400, message, code=code, type="invalid_request_error", param=param))


def check_request(request: JSON) -> None:
    """Raises Refused with the service's message for the first thing that is wrong with a request."""
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise refuse("you must provide a model parameter")
    _check_messages(request)
    _check_tools(request)
    _check_choice(request)
    count = request.get("n")
    if count is not None and (type(count) is not int or not 1 <= count <= 128):
        raise refuse(f"Invalid value for 'n': {count!r}. Expected an integer from 1 to 128.", "n", "invalid_value")
    check_stream(request)


def check_stream(request: JSON) -> None:
    """Raises Refused for a wrong `stream` or `stream_options`."""
    stream, options = request.get("stream"), request.get("stream_options")
    if not (stream is None or isinstance(stream, bool)):
        raise refuse(f"Invalid type for 'stream': expected a boolean, but got {stream!r}.", "stream", "invalid_type")
    if options is None:
        return
    if not isinstance(options, dict):
        raise refuse("Invalid type for 'stream_options': expected an object.", "stream_options", "invalid_type")
    if not stream:
        raise refuse("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")


def _check_messages(request: JSON) -> None:
    messages = request.get("messages")
    if messages is None:
        raise refuse("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(messages, list):
        raise refuse("Invalid type for 'messages': expected an array of objects.", "messages", "invalid_type")
    if not messages:
        raise refuse(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "messages",
            "empty_array",
        )
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        if not isinstance(message, dict):
            raise refuse(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
        if message.get("role") not in _ROLES:
            supported = ", ".join(f"'{role}'" for role in _ROLES)
            raise refuse(
                f"Invalid value: {message.get('role')!r}. Supported values are: {supported}.",
                f"{where}.role",
                "invalid_value",
            )
    _check_call_turns(messages)


def _check_call_turns(messages: list[JSON]) -> None:
    open_ids: list[str] = []
    for place, message in enumerate(messages):
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_ids:
                raise refuse(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message "
                    "with 'tool_calls'.",
                    f"messages.[{place}].role",
                )
            continue
        _check_answered(messages, place, open_ids)
        open_ids = _call_ids(message, place)
    _check_answered(messages, len(messages), open_ids)


def _check_answered(messages: list[JSON], end: int, ids: list[str]) -> None:
    answered = set()
    place = end - 1
    while ids and place >= 0 and messages[place]["role"] == "tool":
        answered.add(messages[place].get("tool_call_id"))
        place -= 1
    missing = [call_id for call_id in ids if call_id not in answered]
    if missing:
        raise refuse(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: " + ", ".join(missing),
            f"messages.[{place}].role",
        )


def _call_ids(message: JSON, place: int) -> list[str]:
    calls = message.get("tool_calls") if message["role"] == "assistant" else None
    for number, call in enumerate(calls or []):
        where = f"messages[{place}].tool_calls[{number}]"
        kind = call.get("type") if isinstance(call, dict) else None
        if kind not in ("function", "custom") or not isinstance(call.get("id"), str):
            raise refuse(
                f"Missing required parameter: '{where}.id' or '{where}.type'.", where, "missing_required_parameter"
            )
        if not isinstance(call.get(kind), dict) or not isinstance(call[kind].get("name"), str):
            raise refuse(f"Missing required parameter: '{where}.{kind}.name'.", where, "missing_required_parameter")
        check_name(call[kind]["name"], f"{where}.{kind}.name")
    return [call["id"] for call in calls or []]


def _check_tools(request: JSON) -> None:
    tools = request.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise refuse("Invalid type for 'tools': expected an array of objects.", "tools", "invalid_type")
    if not tools:
        raise refuse(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "tools",
            "empty_array",
        )
    if len(tools) > MAX_TOOLS:
        raise refuse(
            f"Invalid 'tools': array too long. Expected an array with maximum length {MAX_TOOLS}, but got an "
            f"array with length {len(tools)} instead.",
            "tools",
            "array_above_max_length",
        )
    for place, tool in enumerate(tools):
        _check_tool(tool, f"tools[{place}]")


def _check_tool(tool: Any, where: str) -> None:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind not in ("function", "custom"):
        raise refuse(
            f"Invalid value: {kind!r}. Supported values are: 'function' and 'custom'.", f"{where}.type", "invalid_value"
        )
    declared = tool.get(kind)
    if not isinstance(declared, dict) or not isinstance(declared.get("name"), str):
        raise refuse(
            f"Missing required parameter: '{where}.{kind}.name'.", f"{where}.{kind}.name", "missing_required_parameter"
        )
    check_function(declared, f"{where}.{kind}", with_parameters=kind == "function")


def check_function(declared: JSON, where: str, *, with_parameters: bool = True) -> None:
    """Raises Refused for a function's name or parameters that the service does not take."""
    check_name(declared["name"], f"{where}.name")
    if with_parameters:
        _check_parameters(declared, f"{where}.parameters")


def check_name(name: Any, where: str) -> None:
    """Raises Refused for a name of a function, of a call too, that the service does not take."""
    if not isinstance(name, str) or not _NAME.match(name):
        reason = (
            "string too long. Expected a string with maximum length 64"
            if len(str(name)) > 64
            else "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'"
        )
        raise refuse(f"Invalid '{where}': {reason}.", where, "invalid_value")


def _check_parameters(function: JSON, where: str) -> None:
    schema = function.get("parameters")
    complaint = None
    if schema is None:
        return
    if not isinstance(schema, dict):
        complaint = "expected an object"
    elif schema.get("type") != "object":
        complaint = f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'"
    elif function.get("strict"):
        complaint = strict_complaint(schema, ())
    if complaint:
        raise refuse(
            f"Invalid schema for function '{function['name']}': {complaint}.", where, "invalid_function_parameters"
        )


def strict_complaint(schema: Any, context: tuple[str, ...]) -> str | None:
    """Why a schema is not one of strict mode (every object closed, every property required), or None if it is."""
    if isinstance(schema, list):
        return next((found for one in schema if (found := strict_complaint(one, context))), None)
    if not isinstance(schema, dict):
        return None
    properties = schema.get("properties")
    if isinstance(properties, dict):
        if schema.get("additionalProperties") is not False:
            return f"In context={context!r}, 'additionalProperties' is required to be supplied and to be false"
        missing = [name for name in properties if name not in (schema.get("required") or [])]
        if missing:
            return (
                f"In context={context!r}, 'required' is required to be supplied and to be an array including every "
                f"key in properties. Missing '{missing[0]}'"
            )
    return _strict_below(schema, context)


def _strict_below(schema: JSON, context: tuple[str, ...]) -> str | None:
    for key in ("properties", "$defs", "definitions"):
        for name, below in (schema.get(key) or {}).items() if isinstance(schema.get(key), Mapping) else ():
            if found := strict_complaint(below, (*context, key, name)):
                return found
    for key in ("items", "anyOf"):
        if found := strict_complaint(schema.get(key), (*context, key)):
            return found
    return None


def _check_choice(request: JSON) -> None:
    choice, tools = request.get("tool_choice"), request.get("tools")
    for key in ("tool_choice", "parallel_tool_calls"):
        if request.get(key) is not None and not tools:
            raise refuse(f"Invalid value for '{key}': '{key}' is only allowed when 'tools' are specified.", key)
    if choice is None or choice in _CHOICE_WORDS:
        return
    names = {tool[tool["type"]]["name"] for tool in tools or []}
    for name in _chosen_names(choice):
        if name not in names:
            raise refuse(
                f"Invalid value for 'tool_choice': the function '{name}' is not among the 'tools'.",
                "tool_choice",
                "invalid_value",
            )


def _chosen_names(choice: Any) -> list[str]:
    try:
        if choice["type"] == "allowed_tools":
            allowed = choice["allowed_tools"]
            if allowed["mode"] not in ("auto", "required"):
                raise KeyError("mode")
            return [str(tool[tool["type"]]["name"]) for tool in allowed["tools"]]
        if choice["type"] in ("function", "custom"):
            return [str(choice[choice["type"]]["name"])]
    except (TypeError, KeyError):
        pass
    raise refuse(f"Invalid value for 'tool_choice': {choice!r}.", "tool_choice", "invalid_value")
