"""Messages to the Messages API's own: system texts apart, calls and results as blocks, one message a turn.

Chat-style messages are translated; blocks in the API's own form pass untouched, and both may stand in one list.

Knows: messages and content blocks of the API.  Must not know: tools, options, transports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan.errors import Unsupported, UsageError
from toolfan.messages.parts import CallPart, ImagePart, OtherPart, ResultPart, TextPart, read_messages
from toolfan.tools import toolset
from toolfan.wire import legal_id as wire_id
from toolfan.wire import object_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolfan.adapter import JSON, Message
    from toolfan.messages.parts import ParsedMessage, Part

# "^[a-zA-Z0-9_-]{1,64}$" (guide "Define tools").
NAME_PATTERN, LONGEST_NAME = r"[a-zA-Z0-9_-]+", 64
_SYSTEM = ("system", "developer")
_CHAT_ONLY = frozenset({"image_url", "input_audio", "file", "refusal"})
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_CHAT_BREAK = "prompt_cache_breakpoint"  # OpenAI's, of any part; here it is `cache_control`, of another meaning
# What a system message says only where it stands: `BetaSystemMessageParam` in the anthropic SDK 2.12.
_TOOL_CHANGES = frozenset({"tool_addition", "tool_removal"})
_OF_PLACE = ("clear_at", "output_config")


def translate(
    messages: Sequence[Message], wire_names: Mapping[str, str], adapter: str
) -> tuple[list[JSON], list[JSON]]:
    """The messages, neighbours of one role put together, and the blocks of the system prompt.

    A system message that says something of its place stays there (see `_Writer.in_place`).  Raises UsageError, with the
    position, for a message that cannot be sent.
    """
    written: list[JSON] = []
    system: list[JSON] = []
    for at, (message, parsed) in enumerate(zip(messages, read_messages(messages), strict=True)):
        writer = _Writer(at, wire_names, adapter)
        if parsed.role in _SYSTEM:
            if (placed := writer.in_place(message, parsed)) is not None:
                written.append(placed)
            else:
                system += writer.system(message, parsed)
            continue
        role = "assistant" if parsed.role == "assistant" else "user"
        blocks = writer.blocks(message, parsed)
        if not blocks:  # an assistant message that says nothing
            continue
        if written and written[-1]["role"] == role:
            blocks = [*written[-1]["content"], *blocks]  # the API wants results first: the others said it beside them
            written[-1] = {
                "role": role,
                "content": sorted(blocks, key=lambda block: block.get("type") != "tool_result"),
            }
        else:
            written.append({"role": role, "content": blocks})
    if all(one["role"] == "system" for one in written):
        raise UsageError("there is no message but system ones", adapter=adapter, hint="Add a user message.")
    return written, system


class _Writer:
    """Writes one message, which stands at `at`."""

    def __init__(self, at: int, wire_names: Mapping[str, str], adapter: str) -> None:
        self._at, self._names, self._adapter = at, wire_names, adapter

    def in_place(self, message: Message, parsed: ParsedMessage) -> JSON | None:
        """A system message that changes the tools, or says how long it holds, from its place on; None for others."""
        kept = {key: message[key] for key in _OF_PLACE if message.get(key) is not None}
        changes = (isinstance(part, OtherPart) and part.data.get("type") in _TOOL_CHANGES for part in parsed.parts)
        return {"role": "system", "content": self.blocks(message, parsed), **kept} if kept or any(changes) else None

    def system(self, message: Message, parsed: ParsedMessage) -> list[JSON]:
        """The text blocks of a system message."""
        if not all(isinstance(part, TextPart) for part in parsed.parts):
            raise Unsupported(f"messages[{self._at}] is a system message with more than text", adapter=self._adapter)
        return [block for block in self.blocks(message, parsed) if block["text"].strip()]

    def blocks(self, message: Message, parsed: ParsedMessage) -> list[JSON]:
        """The message as content blocks; those in the API's own form are the very objects that were given."""
        content = message.get("content")
        if isinstance(content, list | tuple) and parsed.role not in ("tool", "function"):
            given = [self._part(part, entry) for part, entry in zip(parsed.parts, content, strict=False)]
            return given + self._translated(parsed.parts[len(content) :])
        return self._translated([part for part in parsed.parts if parsed.role == "user" or not _is_blank(part)])

    def _translated(self, parts: Sequence[Part]) -> list[JSON]:
        return [self._call(part) if isinstance(part, CallPart) else self._part(part, None) for part in parts]

    def _part(self, part: Part, entry: Any) -> JSON:
        if isinstance(part, ResultPart):
            return self._result(part)
        if isinstance(part, ImagePart):
            kept = entry and entry.get("cache_control")
            return {**self._image(part), "cache_control": kept} if kept else self._image(part)
        if isinstance(part, OtherPart) and part.data.get("type") in _CHAT_ONLY:
            raise Unsupported(
                f"messages[{self._at}] has a part of type {part.data['type']!r}, which is not translated",
                adapter=self._adapter,
                hint="Write it as a content block of the Messages API.",
            )
        if entry is not None and entry.get("type") != "refusal":
            if isinstance(entry, dict) and _CHAT_BREAK not in entry:
                return entry
            return {key: value for key, value in entry.items() if key != _CHAT_BREAK}
        assert isinstance(part, TextPart)
        return {"type": "text", "text": part.text}

    def _image(self, image: ImagePart) -> JSON:
        if not image.inline:
            return {"type": "image", "source": {"type": "url", "url": image.url}}
        kind, data = image.inline
        if kind not in _IMAGES:
            raise Unsupported(
                f"messages[{self._at}] has an image of the type {kind!r}",
                adapter=self._adapter,
                hint=f"The Messages API takes {', '.join(_IMAGES)}; its own content blocks pass as they are.",
            )
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}

    def _call(self, part: CallPart) -> JSON:
        said = {"id": legal_id(part.id), "name": legal_name(self._names.get(part.name, part.name))}
        return {"type": "tool_use", **said, "input": object_of(part.arguments)}

    def _result(self, part: ResultPart) -> JSON:
        if part.call_id is None:
            raise UsageError(
                f"messages[{self._at}] answers a call without naming its id",
                adapter=self._adapter,
                hint='Write {"role": "tool", "tool_call_id": ..., "content": ...}.',
            )
        content = part.content
        if isinstance(content, list | tuple):
            parsed = read_messages([{"role": "user", "content": content}])[0].parts
            content = [self._part(one, entry) for one, entry in zip(parsed, content, strict=True)]
        return {"type": "tool_result", "tool_use_id": legal_id(part.call_id), "content": content}


def _is_blank(part: Part) -> bool:
    return isinstance(part, TextPart) and not part.text.strip()


def legal_id(call_id: str) -> str:
    """The id, as the API takes it."""
    return wire_id(call_id, None, "a-zA-Z0-9_-")


def legal_name(name: str) -> str:
    """The name, as the API reads it again."""
    return toolset.legal_name(name, NAME_PATTERN, LONGEST_NAME)
