"""The assistant's own turn as it is sent back.

Knows: what the service demands of an assistant message with calls.  Must not know: answers to the calls, HTTP, the SDK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .parsing import called

if TYPE_CHECKING:
    from toolfan.calls import RawCall, Turn
    from toolfan.messages import Message

_LEGAL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def assistant_message(turn: Turn) -> Message:
    """The message as it came, but for what the service would refuse to read again.

    That is: an id that is missing or repeated (each answer names one), a type that is missing, arguments that are no
    text, a name that is no legal one (`functions.weather`), calls without a name beside text, the older
    `function_call`, which has no id.
    """
    message: dict[str, Any] = turn.replay or {"role": "assistant", "content": turn.text or None}
    if not turn.calls:
        return {key: value for key, value in message.items() if key != "tool_calls" or value is None}
    sent = message.get("tool_calls")
    if not sent:
        legacy = message.get("function_call") or {}
        calls = [_mended({"function": legacy}, call) for call in turn.calls]
        return {key: value for key, value in message.items() if key != "function_call"} | {"tool_calls": calls}
    real = called(sent)
    mended = [_mended(one, call) for one, call in zip(real, turn.calls, strict=True)]
    return message if mended == sent else {**message, "tool_calls": mended}


def _mended(sent: Mapping[str, Any], call: RawCall) -> Mapping[str, Any]:
    if isinstance(sent.get("custom"), Mapping) and not isinstance(sent.get("function"), Mapping):
        return {**sent, "id": call.id, "type": "custom"}
    function = sent.get("function")
    function = dict(function) if isinstance(function, Mapping) else {}
    function["name"] = _legal(call.name)
    if not isinstance(function.get("arguments"), str):
        function["arguments"] = call.arguments or "{}"
    return {**sent, "id": call.id, "type": "function", "function": function}


def _legal(name: str) -> str:
    return name if _LEGAL_NAME.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_-]", "_", name)[:64] or "unnamed"
