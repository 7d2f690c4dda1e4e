"""Chat-style messages for other forms, under other names, or copied; most go out as they were given.

Knows: chat-style messages.  Must not know: any provider's wire form, tools, requests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from .chat import Message

_LIST = (list, tuple)
_MAPPING = (dict, Mapping)  # dict first: the look at Mapping costs ten times as much
_RESULTS = ("tool", "function")


def check_translatable(message: Message, at: int, *, own: Collection[str] = ()) -> None:
    """Raises UsageError if a well-formed message says what forms other than chat completions have no place for.

    That is a result that names no call, a call of the form without ids, an id or a refusal that is no text, audio that
    its provider keeps, and an assistant message without content that says something in keys of another provider's alone
    (`own` are this one's): the turn would be missing.
    """
    if message["role"] == "function" or message.get("function_call"):
        raise UsageError(
            f"messages[{at}] is of the older form, without ids", hint="Write tool_calls, and role tool for results."
        )
    if message["role"] == "tool" and not message["tool_call_id"]:
        raise UsageError(
            f"messages[{at}] (role tool) has an empty tool_call_id",
            hint="Give each call an id of its own, and name it here: nothing else says which call this answers.",
        )
    if message["role"] != "assistant":
        return
    for position, call in enumerate(message.get("tool_calls") or ()):
        if (call_id := call.get("id")) is not None and not isinstance(call_id, str):
            raise UsageError(
                f"messages[{at}].tool_calls[{position}] has the id {call_id!r}, which is no text",
                hint="Write it as a text, here and as the tool_call_id of its result.",
            )
    if (refusal := message.get("refusal")) is not None and not isinstance(refusal, str):
        raise UsageError(
            f"messages[{at}] has a refusal of type {type(refusal).__name__}",
            hint="Write what the assistant said as a text.",
        )
    if message.get("audio"):
        raise UsageError(
            f"messages[{at}] has audio, which its own provider alone has kept",
            hint='Leave "audio" out, and give what was said as the content.',
        )
    if message.get("content") is None and not (message.get("tool_calls") or message.get("refusal")):
        lost = sorted(str(key) for key, value in message.items() if value and key not in ("role", "name", *own))
        if lost:
            raise UsageError(
                f"messages[{at}] has no content, and {', '.join(lost)} cannot be told to this provider",
                hint="Give what was said as the content, or leave the message out.",
            )


def with_wire_names(message: Message, to_wire: Mapping[str, str]) -> Message:
    """The message, whose calls and results name their tools as `to_wire` does; the very object where nothing changes.

    For providers that take chat-style messages as they are; a call in another form stays as it is.
    """
    role = message.get("role")
    if not to_wire or not (role == "assistant" or role in _RESULTS):
        return message
    if role != "assistant":
        return _renamed(message, to_wire)  # type: ignore[no-any-return]
    changed: dict[str, Any] = {}
    calls, older = message.get("tool_calls"), message.get("function_call")
    if isinstance(calls, _LIST):
        written = [_with_name(call, to_wire) for call in calls]
        if any(new is not old for new, old in zip(written, calls, strict=True)):
            changed["tool_calls"] = written
    if older is not None and (new := _renamed(older, to_wire)) is not older:
        changed["function_call"] = new
    return {**message, **changed} if changed else message


def _with_name(call: Any, to_wire: Mapping[str, str]) -> Any:
    function = call.get("function") if isinstance(call, _MAPPING) else None
    renamed = _renamed(function, to_wire)
    return call if renamed is function else {**call, "function": renamed}


def _renamed(said: Any, to_wire: Mapping[str, str]) -> Any:
    name = said.get("name") if isinstance(said, _MAPPING) else None
    if not isinstance(name, str) or to_wire.get(name, name) == name:
        return said
    return {**said, "name": to_wire[name]}


def copied(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages in dictionaries and lists of their own: whoever gave them may change his."""
    return tuple(_copied(message) for message in messages)


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if type(value) is list else value
