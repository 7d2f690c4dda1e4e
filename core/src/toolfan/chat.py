"""Chat-style messages as plain dicts: whether they are well formed, and the names of tools in them.

A message is `{"role": ..., "content": ...}` as OpenAI's chat completions spell it, which the whole field reads, or one
in the provider's own form, which passes through untouched.

Knows: chat-style messages.  Must not know: any provider's wire form, tools, requests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .errors import UsageError
from .wire import encode_json

Message: TypeAlias = Mapping[str, Any]
"""One message, chat-style or in the provider's own form."""

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n\t "
_MAPPING = (dict, Mapping)  # dict first: the look at Mapping costs ten times as much
_LIST = (list, tuple)
_RESULTS = ("tool", "function")
CHAT_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def check_messages(messages: object) -> tuple[Message, ...]:
    """The messages as a tuple of mappings.

    Objects of a vendor's SDK become plain dicts.  Raises UsageError for an empty list, a text, a single message, or
    anything that is no mapping, naming the position.
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
    return checked


def _as_mapping(message: object, at: int) -> Message:
    if isinstance(message, _MAPPING):
        return message
    if callable(dump := getattr(message, "model_dump", None)):
        plain = dump(mode="json", by_alias=True, exclude_none=True)
    elif callable(to_dict := getattr(message, "to_dict", None)):
        plain = to_dict()
    else:
        plain = None
    if not isinstance(plain, dict):
        raise UsageError(
            f"messages[{at}] is {type(message).__name__}, not a message",
            hint='A message is a dict such as {"role": "user", "content": "..."}.',
        )
    return plain


def check_chat_message(message: Message, at: int) -> None:
    """Raises UsageError if `message` is no well-formed chat-style message; `at` is its position."""
    role = message.get("role")
    if not isinstance(role, str) or role not in CHAT_ROLES:
        raise UsageError(
            f"messages[{at}] has the role {role!r}",
            hint=f"Chat-style messages have one of the roles {', '.join(sorted(CHAT_ROLES))}.",
        )
    content = message.get("content")
    # What a server said beside calls goes back to it as it came, whatever it makes of parts.
    replayed = role == "assistant" and bool(message.get("tool_calls") or message.get("function_call"))
    _check_content(content, at, replayed=replayed)
    if content is None and role != "assistant":
        raise UsageError(f"messages[{at}] (role {role}) has no content", hint="Only an assistant message may lack it.")
    if role == "tool" and not isinstance(message.get("tool_call_id"), str):
        raise UsageError(
            f"messages[{at}] (role tool) has no tool_call_id", hint="It names the call that this result answers."
        )
    if role == "assistant" and (calls := message.get("tool_calls")):
        if not isinstance(calls, list | tuple):
            raise UsageError(f"messages[{at}].tool_calls is {type(calls).__name__}, not a list")
        for position, call in enumerate(calls):
            if not isinstance(call, Mapping):
                raise UsageError(f"messages[{at}].tool_calls[{position}] is {type(call).__name__}, not a mapping")
            if not isinstance(function := call.get("function"), Mapping):
                said = isinstance(call.get("custom"), Mapping) or call.get("type") not in (None, "function")
            else:
                said = isinstance(function.get("name"), str)
            if not said:
                raise UsageError(
                    f"messages[{at}] has a tool call without a function name",
                    hint='Write {"id": ..., "type": "function", "function": {"name": ..., "arguments": "<JSON>"}}.',
                )


def _check_content(content: object, at: int, *, replayed: bool) -> None:
    if content is None or isinstance(content, str):
        return
    hint = "The content of a message is a text or a list of parts ({'type': 'text', 'text': ...})."
    if not isinstance(content, list | tuple):
        raise UsageError(f"messages[{at}] has a content of type {type(content).__name__}", hint=hint)
    if not content and not replayed:
        raise UsageError(f"messages[{at}] has a content without any part", hint=hint)
    for position, part in enumerate(content):
        where = f"messages[{at}].content[{position}]"
        if not isinstance(part, Mapping):
            raise UsageError(f"{where} is a {type(part).__name__}, not a part", hint=hint)
        if replayed:
            continue
        if not isinstance(part.get("type"), str):  # what types there are is the provider's affair
            raise UsageError(f"{where} names no type", hint=hint)
        if part["type"] == "text" and not isinstance(part.get("text"), str):
            raise UsageError(f"{where} is a part of type 'text' without a text", hint=hint)
        if part["type"] == "image_url":
            _check_image(part.get("image_url"), at)


def _check_image(image: object, at: int) -> None:
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url:
        raise UsageError(
            f"messages[{at}] has an image part without an address",
            hint='Write {"type": "image_url", "image_url": {"url": "https://..."}}.',
        )
    if url.startswith("data:"):
        head, _, data = url.partition(",")
        letters = data.isascii() and data.strip() and not data.encode().translate(None, _BASE64)
        if not (head.endswith(";base64") and letters):
            raise UsageError(
                f"messages[{at}] has an image whose data: address is not base64",
                hint='Write "data:image/png;base64,<base64 content>".',
            )


def check_chat_messages(messages: Sequence[Message]) -> None:
    """Raises UsageError, with the position, if one is not well formed or answers a call that none before it made.

    For providers whose whole conversation is chat-style and in the request.
    """
    made: set[str | None] = set()
    for at, message in enumerate(messages):
        check_chat_message(message, at)
        if message["role"] == "assistant":
            ids = [call.get("id") for call in message.get("tool_calls") or ()]
            made.update([call_id if isinstance(call_id, str) and call_id else None for call_id in ids])
        # Where a call has no id, which some servers leave out, nobody knows what answers it.
        elif message["role"] == "tool" and message["tool_call_id"] not in made and None not in made:
            raise UsageError(
                f"messages[{at}] answers the call {message['tool_call_id']!r}, which no earlier message made",
                hint="Keep the assistant message with the call, or leave its result out too.",
            )


def check_translatable(message: Message, at: int, *, own: Collection[str] = ()) -> None:
    """Raises UsageError if a well-formed message says what forms other than chat completions have no place for.

    That is a result that names no call, or a call of the form without ids, audio that its provider keeps, and an
    assistant message without content that says something in keys of another provider's alone (`own` are this one's):
    the turn would be missing.
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


def spelled_out(message: Message) -> Message:
    """The message in the spelling that every server reads; the very object where nothing changes.

    The address of an image becomes an object, arguments that are a dict become JSON text.
    """
    content, calls = message.get("content"), message.get("tool_calls")
    if isinstance(content, list | tuple) and any(_is_short(part) for part in content):
        parts = [{**part, "image_url": {"url": part["image_url"]}} if _is_short(part) else part for part in content]
        message = {**message, "content": parts}
    if calls and any(_has_object(call) for call in calls):
        message = {**message, "tool_calls": [_with_text(call) if _has_object(call) else call for call in calls]}
    return message


def _is_short(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "image_url" and isinstance(part.get("image_url"), str)


def _has_object(call: Mapping[str, Any]) -> bool:
    return isinstance(function := call.get("function"), Mapping) and isinstance(function.get("arguments"), Mapping)


def _with_text(call: Mapping[str, Any]) -> Message:
    function = call["function"]
    return {**call, "function": {**function, "arguments": encode_json(function["arguments"]).decode()}}


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
