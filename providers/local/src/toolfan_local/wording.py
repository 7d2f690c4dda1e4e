"""Messages as the adapter `local` sends them: chat-style ones are translated, those of its own form pass untouched.

Knows: chat-style messages as toolfan reads them, the roles `model` and `result`.  Must not know: tools, answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.errors import Unsupported, UsageError
from toolfan.messages.parts import CallPart, ParsedMessage, Part, ResultPart, TextPart, read_messages

from .parsing import arguments_value

if TYPE_CHECKING:
    from toolfan.adapter import JSON, Message

OWN_ROLES = ("model", "result")
_ROLES = {"developer": "system", "assistant": "model"}


def to_wire_messages(messages: Sequence[Message], to_wire: Mapping[str, str], *, adapter: str) -> list[JSON]:
    """The messages in the wire form; `to_wire` has the tools' names on the wire.

    Raises UsageError for what is no message, Unsupported for a part that is no text, naming the position.
    """
    outlines = [_outline(message, at, adapter) for at, message in enumerate(messages)]
    wire: list[JSON] = []
    for at, (message, parsed) in enumerate(zip(messages, read_messages(outlines), strict=True)):
        if message.get("role") in OWN_ROLES:
            wire.append(dict(message))
        else:
            wire += _translated(parsed, to_wire, f"messages[{at}]", adapter)
    return wire


def _outline(message: Message, at: int, adapter: str) -> Message:
    """A message of our own form in chat style, so that a chat-style result finds the name of the call it answers."""
    role = message.get("role")
    if role == "result":
        return {"role": "tool", "tool_call_id": str(message.get("id")), "content": ""}
    if role != "model":
        return message
    calls = message.get("calls") or []
    if not isinstance(calls, list) or not all(isinstance(call, Mapping) for call in calls):
        raise UsageError(f"messages[{at}].calls is no list of objects", adapter=adapter, hint="Replay it unchanged.")
    named = [{"id": call.get("id"), "function": {"name": str(call.get("name"))}} for call in calls]
    return {"role": "assistant", "content": None, "tool_calls": named}


def _translated(message: ParsedMessage, to_wire: Mapping[str, str], where: str, adapter: str) -> Iterator[JSON]:
    results = [part for part in message.parts if isinstance(part, ResultPart)]
    if results:
        yield from (_result(part, to_wire) for part in results)
        return
    wire: JSON = {"role": _ROLES.get(message.role, message.role), "text": _text(message.parts, where, adapter)}
    if wire["role"] == "model":
        wire["calls"] = [_call(part, to_wire) for part in message.parts if isinstance(part, CallPart)]
    yield wire


def _result(part: ResultPart, to_wire: Mapping[str, str]) -> JSON:
    name = part.name or "tool"
    return {"role": "result", "id": part.call_id, "name": to_wire.get(name, name), "content": part.content}


def _call(part: CallPart, to_wire: Mapping[str, str]) -> JSON:
    return {"id": part.id, "name": to_wire.get(part.name, part.name), "arguments": arguments_value(part.arguments)}


def _text(parts: Sequence[Part], where: str, adapter: str) -> str | None:
    texts: list[Any] = []
    for part in parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif not isinstance(part, CallPart):
            raise Unsupported(
                f"{where} has a part that is no text, which the offline planner cannot read",
                adapter=adapter,
                hint="Say it in words, or ask a provider with a model.",
            )
    return "\n".join(texts) if texts else None
