"""The assistant's own turn as it is sent back, and the results of its calls.

Knows: what the service demands of an assistant message with calls.  Must not know: other messages, HTTP, the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.results.answering import answer_text, check_answers
from toolfan.tools.toolset import legal_name
from toolfan.wire import sendable

from .contents import result_told
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
