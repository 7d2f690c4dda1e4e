"""Earlier turns in a form that every server reads again.

vLLM, llama.cpp's server and others decode the arguments of the calls in a conversation, and refuse all of it for one
text that is no JSON object: the very turn to be mended.  Groq, Mistral and others refuse fields that are not OpenAI's
in the assistant's messages, though some send them (`reasoning`).

Knows: calls in chat completions and in the Responses API.  Must not know: who refused what, when it is sent again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .repairs import opened

if TYPE_CHECKING:
    from collections.abc import Set

    from .chat import Message

_BROKEN = "INVALID_JSON"
_DOCUMENTED = frozenset({"role", "content", "name", "tool_calls", "function_call"})


def plainer(messages: tuple[Message, ...], said: str) -> tuple[Message, ...] | None:
    """The messages as the server that said this of them may read them; None if they are plain already.

    The arguments of every earlier call are an object: what is none stands as it came in the field `INVALID_JSON`; what
    needs a lossless repair is repaired.  If `said` names a field of the assistant's that is not OpenAI's, all such go.
    """
    words = set(re.findall(r"\w+", said))
    without = any(_is_assistants(message) and words & message.keys() - _DOCUMENTED for message in messages)
    found = tuple(_plain(message, _DOCUMENTED if without else None) for message in messages)
    return found if any(new is not old for new, old in zip(found, messages, strict=True)) else None


def _is_assistants(message: Message) -> bool:
    return isinstance(message, Mapping) and message.get("role") == "assistant" and "type" not in message


def _plain(message: Message, fields: Set[str] | None) -> Message:
    if isinstance(message, Mapping) and message.get("type") == "function_call":
        return _spoken(message)
    if not _is_assistants(message):
        return message
    if fields and not message.keys() <= fields:
        message = {key: value for key, value in message.items() if key in fields}
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    mended = [_called(call) for call in calls]
    same = all(new is old for new, old in zip(mended, calls, strict=True))
    return message if same else {**message, "tool_calls": mended}


def _called(call: Any) -> Any:
    said = call.get("function") if isinstance(call, Mapping) else None
    mended = _spoken(said) if isinstance(said, Mapping) else said
    return call if mended is said else {**call, "function": mended}


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
