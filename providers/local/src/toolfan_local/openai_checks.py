"""What OpenAI's chat completions refuse: the checks of a request, with the service's own messages.

Knows the rules of the request alone; the reading of a good request is `openai_wire`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolfan_local.openai_fields import CHAT, FUNCTION, check_fields
from toolfan_local.openai_messages import check_messages
from toolfan_local.openai_refusals import check_name, check_numbers, refuse
from toolfan_local.parameters import CHAT_RANGES

JSON = dict[str, Any]

MAX_TOOLS = 128
_CHOICE_WORDS = ("none", "auto", "required")


def check_request(request: JSON) -> None:
    """Raises Refused with the service's message for the first thing that is wrong with a request."""
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise refuse("you must provide a model parameter")
    check_messages(request)
    _check_tools(request)
    _check_choice(request)
    check_numbers(request, CHAT_RANGES)
    check_fields(request, CHAT)
    check_stream(request)
    for key in ("functions", "function_call"):
        if request.get(key) is not None:
            message = f"'{key}' is deprecated, and not served offline: use 'tools' and 'tool_choice'."
            raise refuse(message, key, "unsupported_parameter")


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
    """Raises Refused for a function's name, description or parameters that the service does not take."""
    check_name(declared["name"], f"{where}.name")
    check_fields(declared, FUNCTION, f"{where}.")
    if with_parameters:
        _check_parameters(declared, f"{where}.parameters")


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
