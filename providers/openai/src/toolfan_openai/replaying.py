"""The assistant's own turn as it is sent back.

Knows: what the service demands of an assistant message with calls.  Must not know: answers to the calls, HTTP, the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolfan.tools import toolset
from toolfan.wire import sendable

from .capabilities import CAPABILITIES
from .entries import custom_of
from .parsing import called

if TYPE_CHECKING:
    from toolfan.calls import RawCall, Turn
    from toolfan.messages.chat import Message

_CALLS = ("tool_calls", "function_call")


def assistant_message(turn: Turn) -> Message:
    """The message as it came, but for what the service would refuse to read again.

    That is: an id that is missing or repeated (each answer names one), a type that is missing, arguments that are no
    text, a name that is no legal one (`functions.weather`), what is no call at all, calls without a name beside text,
    the older `function_call`, which has no id, a lone surrogate.  Of what was said aloud the id alone goes back.
    """
    message: dict[str, Any] = turn.replay or {"role": "assistant", "content": turn.text or None}
    if message.get("role") != "assistant":
        message = {**message, "role": "assistant"}
    if message.get("audio"):
        kept = spoken(message)
        message = {key: value for key, value in message.items() if key != "audio"}
        message.update({"audio": {"id": kept}} if kept else {})
    if not turn.calls:
        message = {key: value for key, value in message.items() if key not in _CALLS or value is None}
        return _sendable(message)
    sent = message.get("tool_calls")
    # A turn that was made by hand has no entries.
    entries = called(message) or [{}] * len(turn.calls)
    if len(entries) < len(turn.calls):  # a stream handed out what a whole answer would have left out
        entries = sent or entries
    mended = [_mended(entry, call) for entry, call in zip(entries, turn.calls, strict=True)]
    if mended != sent:
        message = {key: value for key, value in message.items() if key not in _CALLS} | {"tool_calls": mended}
    return _sendable(message)


def spoken(message: Any) -> str | None:
    """The id of what the message says aloud, if it has one."""
    audio = message.get("audio") if isinstance(message, Mapping) else None
    kept = audio.get("id") if isinstance(audio, Mapping) else None
    return kept if isinstance(kept, str) and kept else None


def _sendable(message: Message) -> Message:
    return sendable(message)  # type: ignore[no-any-return]


def _mended(sent: Any, call: RawCall) -> Mapping[str, Any]:
    entry = sent if isinstance(sent, Mapping) else {}
    function, custom = entry.get("function"), custom_of(entry)
    if custom is not None:
        rest = {key: value for key, value in entry.items() if key != "function"}
        return {**rest, "id": call.id, "type": "custom", "custom": _spoken(custom, "input", call)}
    rest = {key: value for key, value in entry.items() if key != "custom"}
    function = _spoken(function if isinstance(function, Mapping) else {}, "arguments", call)
    return {**rest, "id": call.id, "type": "function", "function": function}


def _spoken(said: Mapping[str, Any], key: str, call: RawCall) -> dict[str, Any]:
    """What was called, with a legal name and with text for arguments."""
    text = said.get(key)
    legal = isinstance(text, str) and text == call.arguments
    return {
        **said,
        "name": legal_name(call.name),
        key: text if legal else call.arguments or ("{}" if key != "input" else ""),
    }


def legal_name(name: str) -> str:
    """The name, as the service reads it again."""
    return toolset.legal_name(name, CAPABILITIES.name_pattern, CAPABILITIES.max_name_length)
