"""Messages in the form of another provider than the one that is asked: whose they are, told in errors.

Knows: by what other forms are recognized.  Must not know: how any of them is read, requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ANTHROPIC, _BEDROCK, _GOOGLE = "Anthropic's API", "Bedrock's Converse", "Google's API"
_RESPONSES = "OpenAI's Responses API"
_CONVERSE = frozenset(
    {"cachePoint", "document", "guardContent", "image", "reasoningContent", "text", "toolResult", "toolUse", "video"}
)
_ITEMS = ("compaction", "item_reference", "reasoning")  # and the calls and results, by how their types end
_OF_ITEMS = ("input_file", "input_image", "input_text", "output_text")
_IN_CHAT_STYLE = "Write it in chat style, which every provider reads."
CALLS_OF_ANTHROPIC = (
    "It is in the form of Anthropic's API. "
    'Write calls as "tool_calls" of the assistant\'s message, and each result as a message of role tool with its '
    '"tool_call_id": that every provider reads.'
)
"""What to do about a call or a result that Anthropic alone reads in this place."""


def hint_for(message: Mapping[str, Any], otherwise: str) -> str:
    """What to do about a message that cannot be read: whose form it has, or `otherwise` if that is not known."""
    return _hint(_whose(message), otherwise)


def hint_for_part(part: Mapping[str, Any], otherwise: str) -> str:
    """The same for a content part that has a type."""
    kind = part.get("type")
    if kind in ("tool_use", "tool_result"):
        return CALLS_OF_ANTHROPIC
    if kind in ("image", "document") and isinstance(part.get("source"), Mapping):
        return _hint(_ANTHROPIC, otherwise)
    return _hint(_RESPONSES if kind in _OF_ITEMS else None, otherwise)


def _hint(whose: str | None, otherwise: str) -> str:
    return otherwise if whose is None else f"It is in the form of {whose}. {_IN_CHAT_STYLE}"


def _whose(message: Mapping[str, Any]) -> str | None:
    kind = message.get("type")
    if isinstance(kind, str) and "role" not in message and (kind in _ITEMS or kind.endswith(("_call", "_call_output"))):
        return _RESPONSES
    if isinstance(message.get("parts"), list | tuple):
        return _GOOGLE
    content = message.get("content")
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list | tuple) else []
    if parts and all(part.keys() <= _CONVERSE for part in parts):
        return _BEDROCK
    return None
