"""Chat-style messages, of whichever provider, as Cohere takes them: it spells them nearly as chat completions do.

Knows: what a message of v2 chat may hold.  Must not know: turns of the model, HTTP, the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolfan.errors import Unsupported, UsageError
from toolfan.wire import json_text

if TYPE_CHECKING:
    from toolfan.adapter import Message

# What chat completions may say of a message, or of a part, and Cohere has no field for; it is not what was said.
_NO_FIELDS = frozenset(
    {
        "annotations",
        "cache_control",
        "name",
        "prompt_cache_breakpoint",
        "reasoning",  # of other providers; its own stands in the content
        "reasoning_content",
        "reasoning_details",
    }
)
_NO_PARTS = frozenset({"file", "input_audio"})
_MAPPING = (dict, Mapping)  # dict first: the look at Mapping costs ten times as much
_LIST = (list, tuple)


def check_contents(message: Message, at: int, adapter: str) -> None:
    """Raises UsageError for what a chat message may hold and v2 chat has no place for.

    That is a file, audio, a call of a custom tool, and an image in a result, where it takes texts and documents.
    """
    parts = content if isinstance(content := message.get("content"), _LIST) else ()
    if message["role"] == "tool" and any(part.get("type") == "image_url" for part in parts):
        raise Unsupported(
            f"messages[{at}] is the result of a call, and has an image",
            adapter=adapter,
            hint="Say in words what it shows, or give it in a user message behind the results.",
        )
    if other := next((part["type"] for part in parts if _is_foreign(part)), None):
        raise Unsupported(
            f"messages[{at}] has a part of type {other!r}, which Cohere does not take",
            adapter=adapter,
            hint="Say in words what it holds.",
        )
    for call in (message.get("tool_calls") or ()) if message["role"] == "assistant" else ():
        if not isinstance(call.get("function"), _MAPPING):
            raise UsageError(
                f"messages[{at}] has a call of the type {call.get('type')!r}, and Cohere knows functions alone",
                adapter=adapter,
                hint="Leave the call and its result out, or say in words what they were.",
            )


def _is_foreign(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    return kind in _NO_PARTS or (kind == "refusal" and not isinstance(part.get("refusal"), str))


def fitted(message: Message) -> Message:
    """The message as Cohere takes it; often the very object."""
    message = _without_blank_content(_with_known_parts(message))
    if message["role"] == "developer":
        message = {**message, "role": "system"}
    if None in message.values() or not _NO_FIELDS.isdisjoint(message):
        message = {key: value for key, value in message.items() if value is not None and key not in _NO_FIELDS}
    return result_told(message)


def result_told(message: Message) -> Message:
    """The message; a result that is a blank text says so in JSON, for a content must not be empty."""
    content = message.get("content")
    if message["role"] != "tool" or not isinstance(content, str) or content.strip():
        return message
    return {**message, "content": json_text({"result": content})}


def _without_blank_content(message: Message) -> Message:
    """The message; one with calls has no content rather than a blank one, as chat completions are often kept."""
    content = message.get("content", "said")
    if not message.get("tool_calls") or (content.strip() if isinstance(content, str) else content):
        return message
    return {key: value for key, value in message.items() if key != "content"}


def _with_known_parts(message: Message) -> Message:
    """The message, of another provider, with its refusals as texts, and parts without fields of chat completions."""
    content, refusal = message.get("content"), message.get("refusal")
    if not refusal and isinstance(content, str):
        return message
    parts = content if isinstance(content, list | tuple) else [{"type": "text", "text": content}] if content else ()
    said = [_known(part) for part in parts]
    if isinstance(refusal, str) and refusal:
        said.append({"type": "text", "text": refusal})
    elif all(new is old for new, old in zip(said, parts, strict=True)):
        return message
    return {**{key: value for key, value in message.items() if key != "refusal"}, "content": said}


def _known(part: Mapping[str, Any]) -> Mapping[str, Any]:
    refusal = part.get("refusal") if part.get("type") == "refusal" else None
    if isinstance(refusal, str):
        return {"type": "text", "text": refusal}
    if _NO_FIELDS.isdisjoint(part):
        return part
    return {key: value for key, value in part.items() if key not in _NO_FIELDS}
