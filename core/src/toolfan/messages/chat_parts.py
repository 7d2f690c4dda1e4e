"""What few chat-style messages have: content in parts, arguments that are no text; checked and spelled out.

Loaded when a message has it.

Knows: parts of chat-style messages.  Must not know: any provider's wire form, tools, requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import RequestRejected, UsageError
from ..wire import encode_json
from .foreign_forms import CALLS_OF_ANTHROPIC, hint_for

if TYPE_CHECKING:
    from .chat import Message

_MAPPING = (dict, Mapping)  # dict first: the look at Mapping costs ten times as much
_LIST = (list, tuple)
_OR_OBJECT = "or an object of an SDK that has a model_dump()"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n\t "
_CONTENT = f"The content of a message is a text or a list of parts ({{'type': 'text', 'text': ...}}, {_OR_OBJECT})."


def check_content(content: object, at: int, *, replayed: bool) -> None:
    if not isinstance(content, _LIST):
        raise UsageError(f"messages[{at}] has a content of type {type(content).__name__}", hint=_CONTENT)
    if not content and not replayed:
        raise UsageError(f"messages[{at}] has a content without any part", hint=_CONTENT)
    for position, part in enumerate(content):
        if not isinstance(part, _MAPPING):
            what = f"is a {type(part).__name__}, not a part"
        elif replayed:
            continue
        elif not isinstance(kind := part.get("type"), str):  # what types there are is the provider's affair
            what = "names no type"
        elif kind == "text" and not isinstance(part.get("text"), str):
            what = "is a part of type 'text' without a text"
        else:
            if kind == "image_url":
                _check_image(part.get("image_url"), at)
            continue
        raise UsageError(f"messages[{at}].content[{position}] {what}", hint=hint_for({"content": content}, _CONTENT))


def _check_image(image: object, at: int) -> None:
    url = image.get("url") if isinstance(image, _MAPPING) else image
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


def check_own_parts(content: Iterable[Any], at: int) -> None:
    for position, part in enumerate(content):
        if isinstance(part, _MAPPING) and part.get("type") in ("tool_use", "tool_result"):
            where = f"messages[{at}].content[{position}]"
            raise UsageError(f"{where} is a part of type {part['type']!r}", hint=CALLS_OF_ANTHROPIC)


def with_text(call: Mapping[str, Any]) -> Message:
    function = call["function"]
    text = arguments_text(function["arguments"], f"an earlier call of {function.get('name')}")
    return {**call, "function": {**function, "arguments": text}}


def arguments_text(arguments: Any, where: str) -> str:
    """JSON text of the arguments of a call.  Raises UsageError, with where it stands, if they cannot be written."""
    try:
        return encode_json(arguments).decode()
    except RequestRejected as exc:
        hint = "Give them as plain data, or as JSON text."
        raise UsageError(f"{where} has arguments that are no JSON: {exc.message}", hint=hint) from None
