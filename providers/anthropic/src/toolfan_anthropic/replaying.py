"""The assistant's own turn as it is sent back, and the results of its calls.

Knows: what the API demands of a turn with calls.  Must not know: HTTP, the SDK, how calls are judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.results.answering import answer_text, check_answers
from toolfan.wire import UNDECODED, object_of, sendable

from .contents import legal_id, legal_name
from .parsing import OBJECT, arguments_of, is_call

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON, Answer, Message
    from toolfan.calls import RawCall, Turn

_THOUGHTS = ("thinking", "redacted_thinking")


def answer_turn(turn: Turn, answers: Sequence[Answer], adapter: str) -> list[Message]:
    """The assistant's content as it came, and one user message with the result of every call, in call order.

    Raises UsageError unless each call of the turn has one answer, in call order.
    """
    check_answers(turn, answers, adapter=adapter)
    message = assistant_message(turn)
    messages: list[Message] = [message] if message["content"] else []
    if answers:
        messages.append({"role": "user", "content": [_result(answer, adapter) for answer in answers]})
    return messages


def assistant_message(turn: Turn) -> JSON:
    """The message as it came, thinking and blocks of the server's tools included, but for what the API would refuse.

    That is: an id that is missing, repeated or illegal, a name that is no legal one, arguments that are no object, a
    text block without a text, blank ones if there is no other text, thoughts at the end, a call of the server's own
    tool that was cut in its input, what is no block at all, a lone surrogate.  Beside the content stands the container
    that the service's own code ran in, which goes out in another place (see `container_of`).
    """
    replay = turn.replay
    content = replay.get("content") if isinstance(replay, OBJECT) else None
    if not isinstance(content, list):  # a turn that was made by hand
        content = [{"type": "text", "text": turn.text}, *({"type": "tool_use"} for _ in turn.calls)]
    calls = iter(turn.calls)
    mended = [_mended(block, next(calls)) if is_call(block) else block for block in content]
    mended = [block for block in mended if isinstance(block, OBJECT) and not _is_empty(block)]
    mended = _without_blanks(mended, may_end=turn.stop.kind != "paused")
    if len(mended) == len(content) and all(one is other for one, other in zip(mended, content, strict=True)):
        return sendable(replay)  # type: ignore[no-any-return]
    kept = replay if isinstance(replay, OBJECT) else {"role": "assistant"}
    return sendable({**kept, "content": mended})  # type: ignore[no-any-return]


def container_of(messages: Sequence[Message]) -> str | None:
    """The container that the service's own code runs in, as the last turn tells it that the messages go on with.

    It goes on where nothing follows it, or results of its calls; what code that waits for them runs in must be named.
    Where the user asks anew nothing waits, and the container may be gone.
    """
    asked = answered = False
    for message in reversed(messages):
        role = message.get("role")
        if role == "assistant":
            if asked and not answered:
                return None
            if isinstance(found := message.get("container"), str):
                return found
            asked = answered = False
        elif role in ("user", "tool", "function"):
            asked, answered = True, answered or role != "user" or _has_result(message)
    return None


def _has_result(message: Message) -> bool:
    content = message.get("content")
    return isinstance(content, list | tuple) and any(
        isinstance(block, OBJECT) and block.get("type") == "tool_result" for block in content
    )


def _without_blanks(content: Sequence[Any], *, may_end: bool) -> list[Any]:
    """The content without blank texts, if it has no others, and without thoughts at its end, if it `may_end`.

    A blank text before a thought stays: the service refuses a thought that has another place than it gave it.
    """
    silent = not any(_words(block).strip() for block in content)
    dropped = (*(_THOUGHTS if may_end else ()), *(("text",) if silent else ()))
    while content and content[-1].get("type") in dropped:  # "The final block ... cannot be `thinking`"
        content = content[:-1]
    after = max((at for at, block in enumerate(content) if block.get("type") in _THOUGHTS), default=-1)
    return [block for at, block in enumerate(content) if not silent or at < after or block.get("type") != "text"]


def _words(block: Mapping[str, Any]) -> str:
    text = block.get("text") if block.get("type") == "text" else None
    return text if isinstance(text, str) else ""


def _is_empty(block: Mapping[str, Any]) -> bool:
    if block.get("type") == "text":
        return not block.get("text")
    given = block.get("input")
    return isinstance(given, str) and given.startswith(UNDECODED)


def _mended(block: JSON, call: RawCall) -> JSON:
    """The block itself, if the API takes it."""
    call_id, name, given = legal_id(call.id), legal_name(call.name), block.get("input")
    if (block.get("type"), block.get("id"), block.get("name")) == ("tool_use", call_id, name) and isinstance(
        given, OBJECT
    ):
        return block
    if not isinstance(given, OBJECT):
        given = object_of(call.arguments or arguments_of(given))
    return {**block, "type": "tool_use", "id": call_id, "name": name, "input": given}


def _result(answer: Answer, adapter: str) -> JSON:
    result: JSON = {"type": "tool_result", "tool_use_id": legal_id(answer.call.id)}
    result["content"] = answer_text(answer, adapter=adapter)
    if answer.is_error:
        result["content"] = result["content"] or "error"  # an error without a content is refused
        result["is_error"] = True
    return result
