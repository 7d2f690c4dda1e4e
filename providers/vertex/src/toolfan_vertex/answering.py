"""Answers to the calls of a turn: the model's own content, and one content with a `functionResponse` for each call.

Knows: `Content` and `Part` of generateContent.  Must not know: messages, tools, options, transports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.wire import sendable, well_formed

from .contents import function_response
from .fields import field
from .parsing import NAMELESS

if TYPE_CHECKING:
    from toolfan.adapter import Answer, Message, Turn


def answer_turn(turn: Turn, answers: Sequence[Answer], adapter: str) -> list[Message]:
    """The model's own content, untouched if it can be sent, and one content with the answers in call order.

    An answer has the id of its call; none, where none came.  Of calls with one id the later ones have, in both
    contents, that of toolfan's.  Raises UsageError unless every call of the turn has exactly one answer.
    """
    by_id = {answer.call.id: answer for answer in answers}
    wanted = [call.id for call in turn.calls]
    if len(by_id) != len(answers) or by_id.keys() != set(wanted):
        raise UsageError(
            f"the answers do not fit the calls: {', '.join(wanted) or 'none'} were made, "
            f"{', '.join(answer.call.id for answer in answers) or 'none'} answered",
            adapter=adapter,
            hint="Give every call exactly one answer.",
        )
    places = _replayed(turn)
    content = _with_own_ids(turn, places)
    parts = []
    for at, call in enumerate(turn.calls):
        name = well_formed(str(places[at][2].get("name") or NAMELESS)) if places else call.name or NAMELESS
        told = call.provider_id and (call.provider_id if content is turn.replay else call.id)
        parts.append(function_response(name, by_id[call.id].content, told, is_error=by_id[call.id].is_error))
    replay = [sendable(content)] if content is not None else []
    return [*replay, {"role": "user", "parts": parts}] if parts else replay


def _replayed(turn: Turn) -> list[tuple[int, str, Mapping[str, Any]]]:
    """The calls as the service reads them again: the place of the part, its field, the call; nothing if not all are.

    An answer is told under the name that stands there.
    """
    parts: Any = turn.replay.get("parts") if isinstance(turn.replay, Mapping) else None
    found: list[tuple[int, str, Mapping[str, Any]]] = [
        (at, "functionCall" if part.get("functionCall") is not None else "function_call", call)
        for at, part in enumerate(parts or ())
        if isinstance(call := field(part, "functionCall"), Mapping)
    ]
    return found if len(found) == len(turn.calls) else []


def _with_own_ids(turn: Turn, places: Sequence[tuple[int, str, Mapping[str, Any]]]) -> Message | None:
    """The content, in which no call has the id of another; itself, where that is so."""
    content: Message | None = turn.replay
    if content is None or not places or all(call.id == (call.provider_id or call.id) for call in turn.calls):
        return content
    parts = [*content["parts"]]
    for call, (at, name, said) in zip(turn.calls, places, strict=True):
        if call.provider_id and call.id != call.provider_id:
            parts[at] = {**parts[at], name: {**said, "id": call.id}}
    return {**content, "parts": parts}
