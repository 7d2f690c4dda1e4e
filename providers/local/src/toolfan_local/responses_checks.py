"""What OpenAI's Responses API refuses: the checks of a request, with the service's own messages.

Knows the rules of the request alone; the reading of a good request is `responses_wire`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.openai_checks import MAX_TOOLS, check_function, check_stream
from toolfan_local.openai_fields import RESPONSES as KINDS
from toolfan_local.openai_fields import check_fields
from toolfan_local.openai_refusals import check_name, check_numbers, refuse
from toolfan_local.parameters import RESPONSES, RESPONSES_RANGES

if TYPE_CHECKING:
    from collections.abc import Container

JSON = dict[str, Any]

CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""The items that are calls of the caller's tools, and the field with what is called."""
OUTPUTS = {f"{kind}_output": kind for kind in CALLS}
_ELSEWHERE = ("previous_response_id", "prompt", "conversation")
_ROLES = ("assistant", "system", "developer", "user")
_CHOICE_WORDS = ("none", "auto", "required")


def check_request(request: JSON, stored: Container[str]) -> None:
    """Raises Refused with the service's message for the first thing that is wrong with a request.

    `stored` has the ids that `previous_response_id` may name.
    """
    if "messages" in request:
        raise refuse(
            "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again "
            "with the new parameter. See the API documentation for more information.",
            code="unsupported_parameter",
        )
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise refuse("Missing required parameter: 'model'.", "model", "missing_required_parameter")
    _check_input(request)
    previous = request.get("previous_response_id")
    if previous is not None and previous not in stored:
        message = f"Previous response with id '{previous}' not found."
        raise refuse(message, "previous_response_id", "previous_response_not_found")
    _check_tools(request)
    _check_choice(request)
    check_numbers(request, RESPONSES_RANGES)
    check_fields(request, KINDS)
    check_stream(request)
    for key in request:
        if key not in RESPONSES:
            raise refuse(f"Unknown parameter: '{key}'.", key, "unknown_parameter")


def _check_input(request: JSON) -> None:
    items = request.get("input")
    if items in (None, "", []):
        if any(request.get(key) is not None for key in _ELSEWHERE):
            return
        raise refuse(
            "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
            "input",
            "missing_required_parameter",
        )
    if isinstance(items, str):
        return
    if not isinstance(items, list):
        raise refuse("Invalid type for 'input': expected one of a string or array.", "input", "invalid_type")
    for place, item in enumerate(items):
        where = f"input[{place}]"
        if not isinstance(item, dict):
            raise refuse(f"Invalid type for '{where}': expected an object.", where, "invalid_type")
        if item.get("type", "message") == "message":
            _check_message(item, where)
        elif item["type"] in CALLS or item["type"] in OUTPUTS:
            keys = ("call_id", "output") if item["type"] in OUTPUTS else ("call_id", "name", CALLS[item["type"]])
            for key in keys:
                _need(item, key, where, text=key != "output")
            if "name" in keys:
                check_name(item["name"], f"{where}.name")
    if not request.get("previous_response_id"):  # only its id is stored here, so its calls are not known
        _check_answered(items)


def _check_message(item: JSON, where: str) -> None:
    if item.get("role") not in _ROLES:
        supported = ", ".join(f"'{role}'" for role in _ROLES)
        message = f"Invalid value: {item.get('role')!r}. Supported values are: {supported}."
        raise refuse(message, f"{where}.role", "invalid_value")
    _need(item, "content", where)
    for number, part in enumerate(item["content"] if isinstance(item["content"], list) else ()):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in (None, "text", "image_url"):  # as chat completions spell them
            supported = "'input_text', 'input_image', 'output_text', 'refusal', 'input_file'"
            message = f"Invalid value: {kind!r}. Supported values are: {supported}."
            raise refuse(message, f"{where}.content[{number}].type", "invalid_value")


def _need(item: JSON, key: str, where: str, *, text: bool = False) -> None:
    if item.get(key) is None:
        message = f"Missing required parameter: '{where}.{key}'."
        raise refuse(message, f"{where}.{key}", "missing_required_parameter")
    if text and not isinstance(item[key], str):
        raise refuse(f"Invalid type for '{where}.{key}': expected a string.", f"{where}.{key}", "invalid_type")


def _check_answered(items: list[JSON]) -> None:
    called = {item["call_id"]: item["type"] for item in items if item.get("type") in CALLS}
    answered = {item["call_id"]: OUTPUTS[item["type"]] for item in items if item.get("type") in OUTPUTS}
    names = {"function_call": "function call", "custom_tool_call": "custom tool call"}
    for call_id, kind in answered.items():
        if called.get(call_id) != kind:
            raise refuse(f"No tool call found for {names[kind]} output with call_id {call_id}.", "input")
    for call_id, kind in called.items():
        if call_id not in answered:
            raise refuse(f"No tool output found for {names[kind]} {call_id}.", "input")


def _check_tools(request: JSON) -> None:
    tools = request.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise refuse(f"Invalid 'tools': expected an array with at most {MAX_TOOLS} objects.", "tools", "invalid_type")
    for place, tool in enumerate(tools):
        where = f"tools[{place}]"
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            message = f"Missing required parameter: '{where}.type'."
            raise refuse(message, f"{where}.type", "missing_required_parameter")
        if tool["type"] in ("function", "custom"):
            _need(tool, "name", where, text=True)
            check_function(tool, where)


def _check_choice(request: JSON) -> None:
    choice, tools = request.get("tool_choice"), request.get("tools") or []
    if choice is None or choice in _CHOICE_WORDS:
        if choice == "required" and not tools:
            raise refuse("Tool choice 'required' must be specified with 'tools' parameter.", "tool_choice")
        return
    if not isinstance(choice, dict) or not isinstance(choice.get("type"), str):
        raise refuse(f"Invalid value for 'tool_choice': {choice!r}.", "tool_choice", "invalid_value")
    names = {tool.get("name") for tool in tools if tool["type"] in ("function", "custom")}
    chosen = choice.get("tools") if choice["type"] == "allowed_tools" else [choice]
    for one in chosen if isinstance(chosen, list) else ():
        if isinstance(one, dict) and one.get("type") in ("function", "custom") and one.get("name") not in names:
            message = f"Tool choice '{one.get('name')}' not found in 'tools' parameter."
            raise refuse(message, "tool_choice", "invalid_value")
    if choice["type"] == "allowed_tools" and choice.get("mode") not in ("auto", "required"):
        raise refuse(f"Invalid value for 'tool_choice.mode': {choice.get('mode')!r}.", "tool_choice", "invalid_value")
