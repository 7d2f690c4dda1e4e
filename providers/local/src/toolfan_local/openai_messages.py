"""What OpenAI's chat completions refuse of messages: roles, parts of a content, calls without their results.

Knows the rules of the messages alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.openai_refusals import check_kind, check_name, check_words, kind_of, refuse

if TYPE_CHECKING:
    from toolfan_local.exchange import Refused

JSON = dict[str, Any]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MAY_SAY_NOTHING = ("assistant", "function")
_PARTS = {
    **dict.fromkeys(("text", "refusal"), "a string"),
    **dict.fromkeys(("image_url", "input_audio", "audio", "file"), "an object"),
}
_OF_ANTHROPIC = ("tool_use", "tool_result")  # which no server reads here: those that refuse nothing drop them


def check_messages(request: JSON) -> None:
    """Raises Refused for the first thing that is wrong with the messages of a request."""
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
        check_words(message.get("role"), _ROLES, f"{where}.role")
        if message.get("name") is not None:
            check_kind(message["name"], "a string", f"{where}.name")
        if message["role"] not in _MAY_SAY_NOTHING and message.get("content") is None:
            raise _missing(f"{where}.content")
        _check_content(message.get("content"), f"{where}.content")
    _check_call_turns(messages)


def _check_content(content: Any, where: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        message = (
            f"Invalid type for '{where}': expected one of a string or array of objects, but got {kind_of(content)}"
        )
        raise refuse(f"{message} instead.", where, "invalid_type")
    for number, part in enumerate(content):
        _check_part(part, f"{where}[{number}]")


def _check_part(part: Any, where: str) -> None:
    check_kind(part, "an object", where)
    kind = part.get("type")
    if kind is None:
        raise _missing(f"{where}.type")
    check_kind(kind, "a string", f"{where}.type")
    if kind not in _PARTS:  # other servers with chat completions have more, in what they say too
        if kind in _OF_ANTHROPIC:
            check_words(kind, tuple(_PARTS), f"{where}.type")
        return
    place, inner = f"{where}.{kind}", part.get(kind)
    if inner is None:
        raise _missing(place)
    check_kind(inner, _PARTS[kind], place)
    if kind == "image_url":
        if not inner.get("url"):
            raise _missing(f"{place}.url")
        check_kind(inner["url"], "a string", f"{place}.url")


def _missing(where: str) -> Refused:
    return refuse(f"Missing required parameter: '{where}'.", where, "missing_required_parameter")


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
        said = "arguments" if kind == "function" else "input"
        if not isinstance(call[kind].get(said), str):
            place_of = f"{where}.{kind}.{said}"
            if call[kind].get(said) is None:
                raise refuse(f"Missing required parameter: '{place_of}'.", place_of, "missing_required_parameter")
            got = kind_of(call[kind][said])
            raise refuse(
                f"Invalid type for '{place_of}': expected a string, but got {got} instead.", place_of, "invalid_type"
            )
    return [call["id"] for call in calls or []]
