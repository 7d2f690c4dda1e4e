"""Chat-style messages as plain dicts: whether they are well formed, and the names of tools in them.

A message is `{"role": ..., "content": ...}` as OpenAI's chat completions spell it, which the whole field reads, or one
in the provider's own form, which passes through untouched.

Knows: chat-style messages.  Must not know: any provider's wire form, tools, requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import UsageError

if TYPE_CHECKING:
    from .rewriting import check_translatable as check_translatable
    from .rewriting import with_wire_names as with_wire_names

Message: TypeAlias = Mapping[str, Any]
"""One message, chat-style or in the provider's own form."""

_LEAVES = frozenset({str, int, float, bool, type(None), bytes})
_USUAL_DEPTH = 12  # levels; what is deeper, or a circle, is looked at the slow way
_MAPPING = (dict, Mapping)  # dict first: the look at Mapping costs ten times as much
_LIST = (list, tuple)
_OR_OBJECT = "or an object of an SDK that has a model_dump()"
_CALL = f'Write {{"id": ..., "type": "function", "function": {{"name": ..., "arguments": "<JSON>"}}}}, {_OR_OBJECT}.'
_RESULTS = ("tool", "function")
CHAT_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def check_messages(messages: object) -> tuple[Message, ...]:
    """The messages as a tuple of mappings.

    Objects of a vendor's SDK become plain dicts, those inside messages too.  Raises UsageError for an empty list, a
    text, a single message, or anything that is no mapping, naming the position.
    """
    # The look at a list's type spares what the look at abstract types costs; here and elsewhere.
    if type(messages) is not list and (
        isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable)
    ):
        raise UsageError(
            f"messages must be a list of messages, not {type(messages).__name__}",
            hint='Write messages=[{"role": "user", "content": "..."}].',
        )
    checked = tuple([_as_mapping(message, at) for at, message in enumerate(messages)])
    if not checked:
        raise UsageError("messages is empty", hint='Write messages=[{"role": "user", "content": "..."}].')
    if _may_hold_objects(checked):
        try:
            return tuple([_with_plain_data(message, at) for at, message in enumerate(checked)])
        except RecursionError:  # a circle, or depths that the encoder tells the place of
            return checked
    return checked


def _may_hold_objects(values: Iterable[Any]) -> bool:
    """Whether anything but plain data may be inside `values`; the quick look that every request pays for."""
    for _ in range(_USUAL_DEPTH):
        below: list[Any] = []
        for value in values:
            kind = type(value)
            if kind is dict:
                below += value.values()
            elif kind is list or kind is tuple:
                below += value
            elif kind not in _LEAVES:
                return True
        if _LEAVES.issuperset(map(type, below)):
            return False
        values = below
    return True


def _as_mapping(message: object, at: int) -> Message:
    if isinstance(message, _MAPPING):
        return message
    from .sdk_objects import plain_data

    plain = plain_data(message, f"messages[{at}]")
    if not isinstance(plain, dict):
        raise UsageError(
            f"messages[{at}] is {type(message).__name__}, not a message",
            hint=f'A message is a dict such as {{"role": "user", "content": "..."}}, {_OR_OBJECT}.',
        )
    return plain


def _with_plain_data(message: Message, at: int) -> Message:
    from .sdk_objects import with_plain_data

    return {
        key: with_plain_data(item, f"messages[{at}].{key}")
        if key != "content" or isinstance(item, _LIST)
        else item  # an object in place of a text or of the list of parts is a slip: the check names its class
        for key, item in message.items()
    }


def check_chat_message(message: Message, at: int) -> None:
    """Raises UsageError if `message` is no well-formed chat-style message; `at` is its position."""
    role = message.get("role")
    if not isinstance(role, str) or role not in CHAT_ROLES:
        known = f"Chat-style messages have one of the roles {', '.join(sorted(CHAT_ROLES))}."
        raise UsageError(f"messages[{at}] has the role {role!r}", hint=_hint_for(message, known))
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        from .chat_parts import check_content  # texts need nothing of it

        # What a server said beside calls goes back to it as it came, whatever it makes of parts.
        replayed = role == "assistant" and bool(message.get("tool_calls") or message.get("function_call"))
        check_content(content, at, replayed=replayed)
    if content is None and role != "assistant":
        hint = _hint_for(message, "Only an assistant message may lack it.")
        raise UsageError(f"messages[{at}] (role {role}) has no content", hint=hint)
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise UsageError(
            f"messages[{at}] (role tool) has no tool_call_id", hint="It names the call that this result answers."
        )
    if role == "assistant" and (calls := message.get("tool_calls")):
        _check_calls(calls, at)


def _check_calls(calls: object, at: int) -> None:
    if not isinstance(calls, _LIST):
        raise UsageError(f"messages[{at}].tool_calls is {type(calls).__name__}, not a list", hint=_CALL)
    for position, call in enumerate(calls):
        if not isinstance(call, _MAPPING):
            where = f"messages[{at}].tool_calls[{position}]"
            raise UsageError(f"{where} is {type(call).__name__}, not a mapping", hint=_CALL)
        if not isinstance(function := call.get("function"), _MAPPING):
            said = isinstance(call.get("custom"), Mapping) or call.get("type") not in (None, "function")
        else:
            said = isinstance(function.get("name"), str)
        if not said:
            raise UsageError(f"messages[{at}] has a tool call without a function name", hint=_CALL)


def _hint_for(message: Message, otherwise: str) -> str:
    from .foreign_forms import hint_for  # errors alone need it

    return hint_for(message, otherwise)


def check_chat_messages(messages: Sequence[Message]) -> None:
    """Raises UsageError, with the position, if one is not well formed, answers a call that none before it made, or has
    a call or a result in Anthropic's form.

    For providers whose whole conversation is chat-style and in the request.
    """
    made: set[str | None] = set()
    for at, message in enumerate(messages):
        check_chat_message(message, at)
        calls = message.get("tool_calls") if message["role"] == "assistant" else None
        if not calls and isinstance(content := message.get("content"), _LIST):
            from .chat_parts import check_own_parts

            check_own_parts(content, at)
        if message["role"] == "assistant":
            if calls:
                ids = [call.get("id") for call in calls]
                made.update([call_id if isinstance(call_id, str) and call_id else None for call_id in ids])
        # Where a call has no id, which some servers leave out, nobody knows what answers it.
        elif message["role"] == "tool" and message["tool_call_id"] not in made and None not in made:
            raise UsageError(
                f"messages[{at}] answers the call {message['tool_call_id']!r}, which no earlier message made",
                hint="Keep the assistant message with the call, or leave its result out too.",
            )


def spelled_out(message: Message) -> Message:
    """The message in the spelling that every server reads; the very object where nothing changes.

    The address of an image becomes an object, arguments that are a dict become JSON text.
    """
    content, calls = message.get("content"), message.get("tool_calls")
    if isinstance(content, _LIST) and any(map(_is_short, content)):
        parts = [{**part, "image_url": {"url": part["image_url"]}} if _is_short(part) else part for part in content]
        message = {**message, "content": parts}
    if calls and any(map(_has_object, calls)):
        from .chat_parts import with_text

        message = {**message, "tool_calls": [with_text(call) if _has_object(call) else call for call in calls]}
    return message


def _is_short(part: Any) -> bool:
    return isinstance(part, _MAPPING) and part.get("type") == "image_url" and isinstance(part.get("image_url"), str)


def _has_object(call: Mapping[str, Any]) -> bool:
    if not isinstance(function := call.get("function"), _MAPPING):
        return False
    arguments = function.get("arguments")
    return not isinstance(arguments, str) and isinstance(arguments, _MAPPING)


def named_tools(messages: Iterable[Message]) -> Iterator[str]:
    """The names of tools in chat-style messages: of calls and of results."""
    for message in messages:
        role = message.get("role")
        if role == "assistant":
            for function in _functions(message):
                if isinstance(name := function.get("name"), str):
                    yield name
        elif role in _RESULTS and isinstance(name := message.get("name"), str):
            yield name


def _functions(message: Message) -> Iterator[Mapping[str, Any]]:
    """What an assistant message calls, in the older form too."""
    calls = message.get("tool_calls")
    called = [call.get("function") for call in calls if isinstance(call, _MAPPING)] if isinstance(calls, _LIST) else []
    yield from (one for one in (*called, message.get("function_call")) if isinstance(one, _MAPPING))
