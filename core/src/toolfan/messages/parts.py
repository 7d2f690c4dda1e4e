"""The neutral conversation: chat-style messages (see `chat`) read into typed parts, for codecs that translate.

Knows: chat-style messages.  Must not know: any provider's wire form, tools, requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..errors import UsageError
from ..values import dataclass
from .chat import (
    CHAT_ROLES,
    Message,
    check_chat_message,
    check_chat_messages,
    check_messages,
    spelled_out,
)
from .chat_parts import arguments_text
from .rewriting import check_translatable, with_wire_names

__all__ = [
    "CHAT_ROLES",
    "CallPart",
    "ImagePart",
    "Message",
    "OtherPart",
    "ParsedMessage",
    "Part",
    "ResultPart",
    "TextPart",
    "check_chat_message",
    "check_chat_messages",
    "check_messages",
    "check_translatable",
    "read_messages",
    "spelled_out",
    "with_wire_names",
]


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
        """Media type and base64 content of a `data:` address, as every service reads them, else None."""
        if not self.url.startswith("data:"):
            return None
        head, comma, data = self.url[5:].partition(",")
        if not comma or not head.endswith(";base64"):
            raise UsageError(
                "an image's data: address is not base64", hint='Write "data:image/png;base64,<base64 content>".'
            )
        kind = head.removesuffix(";base64")
        if not kind or kind[:6].lower() == "image/":  # what is none keeps its parameters: the rate of a sound
            kind = kind.partition(";")[0].lower() or "image/png"
        if any(odd in data for odd in " \r\n\t-_"):  # lines, or the letters of addresses
            data = "".join(data.split()).replace("-", "+").replace("_", "/")
        return "image/jpeg" if kind == "image/jpg" else kind, data


@dataclass(frozen=True, slots=True)
class CallPart:
    """A call that the assistant made earlier; `arguments` is JSON text.

    One that came without an id, or with an empty one, has that of its position (`call_0`), as in `RawCall.id`.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ResultPart:
    """The result of a call; `name` is the tool's, where an earlier call or the message tells it."""

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
    """A message: its role, and what it holds, in order."""

    role: str
    parts: tuple[Part, ...]


def read_messages(messages: Sequence[Message]) -> list[ParsedMessage]:
    """Chat-style messages as typed parts; a result without a name gets the name of the call it answers.

    What the assistant refused is a text of its.  Raises UsageError for what is not chat-style, or says what no part can
    (see `check_translatable`), naming the position.
    """
    names: dict[str, list[str]] = {}
    parsed = []
    for at, message in enumerate(messages):
        check_chat_message(message, at)
        check_translatable(message, at)
        parts = tuple(_parts(message, at, names))
        for part in parts:
            if isinstance(part, CallPart):
                names.setdefault(part.id, []).append(part.name)
        parsed.append(ParsedMessage(message["role"], parts))
    return parsed


def _parts(message: Message, at: int, names: Mapping[str, Sequence[str]]) -> Iterable[Part]:
    role, content = message["role"], message.get("content")
    if role in ("tool", "function"):
        call_id, name = message.get("tool_call_id"), message.get("name")
        called = names.get(call_id or "")  # several, where ids are used again
        if called and name not in called:
            name = called[-1] or name
        yield ResultPart(call_id, name, _result_content(content))
        return
    if isinstance(content, str):
        yield TextPart(content)
    else:
        for part in content or ():
            yield _content_part(part, at)
    if role == "assistant" and isinstance(refusal := message.get("refusal"), str) and refusal:
        yield TextPart(refusal)
    for position, call in enumerate(message.get("tool_calls") or ()):
        yield _call_part(call, at, position)


def _result_content(content: Any) -> Any:
    if isinstance(content, list | tuple) and all(part.get("type") == "text" for part in content):
        return "".join(str(part.get("text", "")) for part in content)
    return content


def _content_part(part: Mapping[str, Any], at: int) -> Part:
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("text"), str):
        return TextPart(part["text"])
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return TextPart(part["refusal"])
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


def _call_part(call: Mapping[str, Any], at: int, position: int) -> CallPart:
    function = call.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise UsageError(
            f"messages[{at}] has a tool call without a function name",
            hint='Write {"id": ..., "type": "function", "function": {"name": ..., "arguments": "<JSON>"}}.',
        )
    arguments = function.get("arguments")
    where = f"messages[{at}].tool_calls[{position}]"
    text = arguments if isinstance(arguments, str) else arguments_text({} if arguments is None else arguments, where)
    return CallPart(call.get("id") or f"call_{position}", function["name"], text)
