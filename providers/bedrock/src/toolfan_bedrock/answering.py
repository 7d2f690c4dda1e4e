"""The assistant's turn as it is sent back, and the results of its calls.

Knows: what the service demands of a turn with calls.  Must not know: other messages, requests, HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.results.answering import answer_text, check_answers
from toolfan.tools.toolset import legal_name
from toolfan.wire import object_of, sendable

from .contents import LONGEST_NAME, NAME_PATTERN, legal_id, text_blocks, tool_result
from .parsing import is_call

if TYPE_CHECKING:
    from toolfan.adapter import JSON, Answer, Message, RawCall, Turn


def answer_turn(turn: Turn, answers: Sequence[Answer], adapter: str) -> list[Message]:
    """The model's own message, untouched if it can be sent, and one user message with all results in call order.

    Raises UsageError unless every call of the turn has exactly one answer, in call order.
    """
    check_answers(turn, answers, adapter=adapter)
    results = [
        tool_result(
            answer.call.id, text_blocks(answer_text(answer, adapter=adapter)), "error" if answer.is_error else None
        )
        for answer in answers
    ]
    said = _message(turn)
    messages: list[Message] = [said] if said["content"] else []
    return [*messages, {"role": "user", "content": results}] if results else messages


def _message(turn: Turn) -> Message:
    """The message as it came, but for what the service would refuse to read again.

    That is: ids that are missing or repeated, names that are no legal ones, arguments that are no object, blank texts,
    thoughts without a signature (Nova and DeepSeek refuse their own) or at the end, a call of the server's own tool
    that was cut in its input, an image of which no more than an error came, blocks that the SDK does not know, a lone
    surrogate.
    """
    replay = turn.replay if isinstance(turn.replay, Mapping) else {"content": [{"text": turn.text}]}
    calls = iter(turn.calls)
    blocks = [_mended(block, next(calls, None)) if is_call(block) else block for block in replay.get("content") or ()]
    # A turn that was made by hand, or that the model cut, has calls beyond its blocks.
    blocks += [_mended({}, call) for call in calls]
    blocks = [block for block in blocks if _can_be_sent(block)]
    while blocks and "reasoningContent" in blocks[-1]:  # Claude takes none at the end, whatever follows
        blocks.pop()
    message: JSON = {"role": "assistant", "content": blocks}
    return sendable(replay if message == replay else message)  # type: ignore[no-any-return]


def _can_be_sent(block: Any) -> bool:
    if not isinstance(block, Mapping) or "SDK_UNKNOWN_MEMBER" in block:
        return False
    thought = block.get("reasoningContent")
    if isinstance(thought, Mapping) and isinstance(told := thought.get("reasoningText"), Mapping):
        return bool(told.get("signature"))
    use, image = block.get("toolUse"), block.get("image")
    if isinstance(use, Mapping) and isinstance(use.get("input"), str):
        return False
    if isinstance(image, Mapping) and not image.get("source"):
        return False
    return not isinstance(text := block.get("text"), str) or bool(text.strip())


def _mended(block: Mapping[str, Any], call: RawCall | None) -> Mapping[str, Any]:
    if call is None:
        return block
    used = block.get("toolUse")
    use = used if isinstance(used, Mapping) else {}
    arguments = use.get("input")
    mended = {
        "toolUseId": legal_id(call.id),
        "name": legal_name(call.name, NAME_PATTERN, LONGEST_NAME),
        "input": arguments if isinstance(arguments, Mapping) else object_of(call.arguments),
    }
    return block if {**use, **mended} == used else {**block, "toolUse": {**use, **mended}}
