"""The neutral conversation: chat-style messages as plain dicts, read into typed parts for codecs that translate.

A message is `{"role": ..., "content": ...}` as OpenAI's chat completions spell it, which the whole field reads, or one
in the provider's own form, which passes through untouched.

Knows: chat-style messages.  Must not know: any provider's wire form, tools, requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .errors import UsageError

Message: TypeAlias = Mapping[str, Any]
"""One message, chat-style or in the provider's own form."""

CHAT_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image by address (`https://`, `gs://` ...) or as a `data:` address with base64 content."""

    url: str
    detail: str | None = None

    @property
    def inline(self) -> tuple[str, str] | None:
        """Media type and base64 content of a `data:` address, else None."""
        if not self.url.startswith("data:"):
            return None
        head, comma, data = self.url[5:].partition(",")
        if not comma or not head.endswith(";base64"):
            raise UsageError(
                "an image's data: address is not base64", hint='Write "data:image/png;base64,<base64 content>".'
            )
        return head.removesuffix(";base64") or "image/png", data


@dataclass(frozen=True, slots=True)
class CallPart:
    """A call that the assistant made earlier; `arguments` is JSON text."""

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ResultPart:
    """The result of a call; `name` is the tool's, where the message or an earlier call tells it."""

    call_id: str | None
    name: str | None
    content: Any


@dataclass(frozen=True, slots=True)
class OtherPart:
    """A content part that chat completions know and this module does not (audio, file ...)."""

    data: Mapping[str, Any]


Part: TypeAlias = TextPart | ImagePart | CallPart | ResultPart | OtherPart


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    role: str
    parts: tuple[Part, ...]


def check_messages(messages: object) -> tuple[Message, ...]:
    """The messages as a tuple of mappings.

    Objects of a vendor's SDK become plain dicts.  Raises UsageError for an empty list, a text, a single message, or
    anything that is no mapping, naming the position.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Iterable):
        raise UsageError(
            f"messages must be a list of messages, not {type(messages).__name__}",
            hint='Write messages=[{"role": "user", "content": "..."}].',
        )
    checked = tuple(
        message if type(message) is dict else _as_mapping(message, at) for at, message in enumerate(messages)
    )
    if not checked:
        raise UsageError("messages is empty", hint='Write messages=[{"role": "user", "content": "..."}].')
    return checked


def _as_mapping(message: object, at: int) -> Message:
    if isinstance(message, Mapping):
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


def with_wire_names(message: Message, to_wire: Mapping[str, str]) -> Message:
    """The message, whose calls name their tools as `to_wire` does; the very object where nothing changes.

    For providers that take chat-style messages as they are; a call in another form stays as it is.
    """
    calls = message.get("tool_calls")
    if not to_wire or message.get("role") != "assistant" or not isinstance(calls, list | tuple):
        return message
    written = [_renamed(call, to_wire) for call in calls]
    changed = any(new is not old for new, old in zip(written, calls, strict=True))
    return {**message, "tool_calls": written} if changed else message


def _renamed(call: Any, to_wire: Mapping[str, str]) -> Any:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return call
    name = function.get("name")
    if not isinstance(name, str) or to_wire.get(name, name) == name:
        return call
    return {**call, "function": {**function, "name": to_wire[name]}}


def read_messages(messages: Sequence[Message]) -> list[ParsedMessage]:
    """Chat-style messages as typed parts; a result without a name gets the name of the call it answers.

    Raises UsageError for what is not chat-style, naming the position.
    """
    names: dict[str, str] = {}
    parsed = []
    for at, message in enumerate(messages):
        check_chat_message(message, at)
        parts = tuple(_parts(message, at, names))
        names.update({part.id: part.name for part in parts if isinstance(part, CallPart) and part.id})
        parsed.append(ParsedMessage(message["role"], parts))
    return parsed


def _parts(message: Message, at: int, names: Mapping[str, str]) -> Iterable[Part]:
    role, content = message["role"], message.get("content")
    if role in ("tool", "function"):
        call_id = message.get("tool_call_id")
        yield ResultPart(call_id, message.get("name") or names.get(call_id or ""), _result_content(content))
        return
    if isinstance(content, str):
        yield TextPart(content)
    else:
        for part in content or ():
            yield _content_part(part, at)
    for call in message.get("tool_calls") or ():
        yield _call_part(call, at)


def _result_content(content: Any) -> Any:
    if isinstance(content, list | tuple) and all(part.get("type") == "text" for part in content):
        return "".join(str(part.get("text", "")) for part in content)
    return content


def _content_part(part: Mapping[str, Any], at: int) -> Part:
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("text"), str):
        return TextPart(part["text"])
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if not isinstance(url, str):
            raise UsageError(
                f"messages[{at}] has an image part without an address",
                hint='Write {"type": "image_url", "image_url": {"url": "https://..."}}.',
            )
        return ImagePart(url, image.get("detail") if isinstance(image, Mapping) else None)
    return OtherPart(part)


def _call_part(call: Mapping[str, Any], at: int) -> CallPart:
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UsageError(
            f"messages[{at}] has a tool call without a function name",
            hint='Write {"id": ..., "type": "function", "function": {"name": ..., "arguments": "<JSON>"}}.',
        )
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {})
    return CallPart(call.get("id"), function["name"], text)
