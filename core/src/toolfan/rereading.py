"""Earlier calls in a form that every server reads again.

vLLM, llama.cpp's server and others decode the arguments of the calls in a conversation, and refuse all of it for one
text that is no JSON object: the very turn to be mended.

Knows: calls in chat completions and in the Responses API.  Must not know: who refused what, when it is sent again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .repairs import opened

if TYPE_CHECKING:
    from .chat import Message

_BROKEN = "INVALID_JSON"


def with_objects(messages: tuple[Message, ...]) -> tuple[Message, ...] | None:
    """The messages, in which the arguments of every earlier call are an object; None if they are so already.

    What is none stands as it came in the field `INVALID_JSON`; what needs a lossless repair is repaired.
    """
    found = tuple(map(_with_objects, messages))
    return found if any(new is not old for new, old in zip(found, messages, strict=True)) else None


def _with_objects(message: Message) -> Message:
    if not isinstance(message, Mapping):
        return message
    if message.get("type") == "function_call":
        return _spoken(message)
    calls = message.get("tool_calls")
    if message.get("role") != "assistant" or not isinstance(calls, list):
        return message
    mended = [_called(call) for call in calls]
    return message if all(map(_same, mended, calls)) else {**message, "tool_calls": mended}


def _called(call: Any) -> Any:
    said = call.get("function") if isinstance(call, Mapping) else None
    mended = _spoken(said) if isinstance(said, Mapping) else said
    return call if mended is said else {**call, "function": mended}


def _same(one: Any, other: Any) -> bool:
    return one is other


def _spoken(said: Mapping[str, Any]) -> Mapping[str, Any]:
    text = said.get("arguments")
    if not isinstance(text, str) or _is_object(text):
        return said
    bare, _ = opened(text, may_be_empty=True)
    if not bare.strip():
        bare = "{}"
    return {**said, "arguments": bare if _is_object(bare) else json.dumps({_BROKEN: text})}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
