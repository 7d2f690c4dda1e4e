"""The assistant's own turn as it is sent back, and the results of its calls.

Knows: what the service demands of an assistant message with calls.  Must not know: other messages, HTTP, the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.answering import answer_text, check_answers
from toolfan.errors import Unsupported
from toolfan.toolset import legal_name
from toolfan.wire import json_text, sendable

from .parsing import called

if TYPE_CHECKING:
    from toolfan.adapter import Answer, Message, RawCall, Turn

# "Valid names contain only the characters a-z, A-Z, 0-9, _ and must not begin with a digit" (Cohere's API reference);
# it tells no longest one.
NAME_PATTERN, LONGEST_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*", 64


def answer_turn(turn: Turn, answers: Sequence[Answer], adapter: str) -> list[Message]:
    """The assistant message, untouched if it can be sent, and one `tool` message for each call, in call order.

    Raises UsageError unless every call of the turn has exactly one answer, in call order.
    """
    check_answers(turn, answers, adapter=adapter)
    results = [
        result_told({"role": "tool", "tool_call_id": answer.call.id, "content": answer_text(answer, adapter=adapter)})
        for answer in answers
    ]
    return [_assistant_message(turn), *results]


def check_result(message: Message, at: int, adapter: str) -> None:
    """Raises Unsupported for a result with an image: Cohere takes texts and documents there."""
    parts = message.get("content") if message["role"] == "tool" else None
    if isinstance(parts, list | tuple) and any(part.get("type") == "image_url" for part in parts):
        raise Unsupported(
            f"messages[{at}] is the result of a call, and has an image",
            adapter=adapter,
            hint="Say in words what it shows, or give it in a user message behind the results.",
        )


def result_told(message: Message) -> Message:
    """The message; a result that is a blank text says so in JSON, for a content must not be empty."""
    content = message.get("content")
    if message["role"] != "tool" or not isinstance(content, str) or content.strip():
        return message
    return {**message, "content": json_text({"result": content})}


def without_blank_content(message: Message) -> Message:
    """The message; one with calls has no content rather than a blank one, as chat completions are often kept."""
    content = message.get("content", "said")
    if not message.get("tool_calls") or (content.strip() if isinstance(content, str) else content):
        return message
    return {key: value for key, value in message.items() if key != "content"}


def with_refusals_as_texts(message: Message) -> Message:
    """The message, of another provider, with its refusals as texts; often the very object."""
    content, refusal = message.get("content"), message.get("refusal")
    parts = content if isinstance(content, list | tuple) else [{"type": "text", "text": content}] if content else ()
    said = [_said(part) for part in parts]
    if isinstance(refusal, str) and refusal:
        said.append({"type": "text", "text": refusal})
    elif all(new is old for new, old in zip(said, parts, strict=True)):
        return message
    return {**{key: value for key, value in message.items() if key != "refusal"}, "content": said}


def _said(part: Mapping[str, Any]) -> Mapping[str, Any]:
    refusal = part.get("refusal") if part.get("type") == "refusal" else None
    return {"type": "text", "text": refusal} if isinstance(refusal, str) else part


def _assistant_message(turn: Turn) -> Message:
    """The message as it came, but for what the service would refuse to read again.

    That is: an id that is missing or repeated, arguments that are no text, a name that is no legal one, what is no
    call at all, an empty list, a lone surrogate.
    """
    message: dict[str, Any] = dict(turn.replay or {"content": turn.text}) | {"role": "assistant"}
    message = {key: value for key, value in message.items() if value is not None and value != []}
    # A turn that was made by hand has no entries.
    entries = list(called(message)) + [{}] * len(turn.calls)
    if turn.calls:
        message["tool_calls"] = [_mended(entry, call) for entry, call in zip(entries, turn.calls, strict=False)]
    return sendable(turn.replay if message == turn.replay else message)  # type: ignore[no-any-return]


def _mended(entry: Any, call: RawCall) -> Mapping[str, Any]:
    sent = entry if isinstance(entry, Mapping) else {}
    function = sent.get("function")
    function = function if isinstance(function, Mapping) else {}
    name = legal_name(call.name, NAME_PATTERN, LONGEST_NAME)
    said = {**function, "name": name, "arguments": call.arguments or "{}"}
    return {**sent, "id": call.id, "type": "function", "function": said}
