"""Messages to Converse's `messages` and `system`.

Chat-style messages are translated; messages and parts in Converse's own form (blocks that name what they are by a key,
not by a `type`) pass untouched, and all may stand in one list.  Turns alternate between user and assistant, so
neighbours of one role become one message; all results of one turn's calls stand in one user message, in call order.

Knows: content blocks of Converse.  Must not know: tools, options, transports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json
from toolfan.errors import Unsupported, UsageError
from toolfan.messages.parts import CallPart, ImagePart, OtherPart, Part, ResultPart, TextPart, read_messages
from toolfan.wire import legal_id as wire_id

from .blobs import to_json

if TYPE_CHECKING:
    from toolfan.adapter import JSON, Message

NAME_PATTERN, LONGEST_NAME = r"[a-zA-Z0-9_-]+", 64
TOOL_BLOCKS = frozenset({"toolUse", "toolResult"})
_FORMATS = ("png", "jpeg", "gif", "webp")
_SYSTEM = ("system", "developer")
_OWN = "a block of Converse's own"
# Some models' answers have a `type` beside the key.
_SAID_BY_MODELS = (*TOOL_BLOCKS, "reasoningContent", "citationsContent")


def translate(
    messages: Sequence[Message], wire_names: Mapping[str, str], adapter: str
) -> tuple[list[JSON], list[JSON]]:
    """The messages, and the blocks of the system prompt (all system and developer messages, in order).

    Raises UsageError, with the position, for a message that cannot be sent.
    """
    writer = _Writer(wire_names, adapter)
    # Chat style is read as one conversation, so that the positions in messages of errors are right.
    outlines = [{"role": "assistant"} if is_native(message) else _outline(message) for message in messages]
    for at, (message, parsed) in enumerate(zip(messages, read_messages(outlines), strict=True)):
        if is_native(message):
            writer.add(message["role"], _as_json(message["content"]))
        elif parsed.role in _SYSTEM:
            writer.system += _with_cache_points(message, [writer.system_block(part, at) for part in parsed.parts])
        elif parsed.role in ("tool", "function"):
            writer.add_results(parsed.parts, at)
        else:
            writer.add(parsed.role, _with_cache_points(message, [writer.block(part, at) for part in parsed.parts]))
    if not writer.messages:
        raise UsageError("there is no message but system ones", adapter=adapter, hint="Add a user message.")
    return writer.messages, writer.system


def is_native(message: Message) -> bool:
    """Whether the message is in Converse's own form."""
    content = message.get("content")
    if message.get("role") not in ("user", "assistant") or not isinstance(content, list | tuple):
        return False
    blocks = [part for part in content if isinstance(part, Mapping)]
    return bool(blocks) and len(blocks) == len(content) and all(_is_block(block) for block in blocks)


def _is_block(part: Mapping[str, Any]) -> bool:
    return "type" not in part or any(isinstance(part.get(key), Mapping) for key in _SAID_BY_MODELS)


def _outline(message: Message) -> Message:
    """The message in chat style alone: blocks of Converse's own between its parts are parts of a type of ours."""
    content = message.get("content")
    if not isinstance(content, list | tuple):
        return message
    parts = [
        {"type": _OWN, "block": part} if part and isinstance(part, Mapping) and "type" not in part else part
        for part in content
    ]
    return message if parts == list(content) else {**message, "content": parts}


def _as_json(value: Any) -> Any:
    """The value, with base64 text for the bytes that boto3 takes; often the very object."""
    plain = to_json(value)
    return value if plain == value else plain


def _with_cache_points(message: Message, blocks: Sequence[JSON]) -> list[JSON]:
    """The blocks of a message, with a `cachePoint` behind each part that has `cache_control`.

    Blank texts are left out where the user did not say them; a point has to have something before it.
    """
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else ()
    marked = {at for at, part in enumerate(parts) if isinstance(part, Mapping) and part.get("cache_control")}
    written: list[JSON] = []
    for at, block in enumerate(blocks):
        if message["role"] == "user" or not _is_blank(block):
            written.append(block)
        if at in marked and written:
            written.append({"cachePoint": {"type": "default"}})
    return written


def _is_blank(block: JSON) -> bool:
    return isinstance(text := block.get("text"), str) and not text.strip()


def _own(part: Part) -> Any:
    return _as_json(part.data["block"]) if isinstance(part, OtherPart) and part.data.get("type") == _OWN else None


class _Writer:
    """Writes one conversation."""

    def __init__(self, wire_names: Mapping[str, str], adapter: str) -> None:
        self.messages: list[JSON] = []
        self.system: list[JSON] = []
        self._names, self._adapter = wire_names, adapter

    def add(self, role: str, blocks: Sequence[JSON]) -> None:
        """More of what this role says; an assistant that says nothing is left out."""
        if not blocks:
            return
        if self.messages and self.messages[-1]["role"] == role:
            # Claude wants results before what else a turn says; nobody wants them behind it.
            said = sorted([*self.messages[-1]["content"], *blocks], key=lambda block: "toolResult" not in block)
            self.messages[-1] = {"role": role, "content": said}
        else:
            self.messages.append({"role": role, "content": list(blocks)})

    def add_results(self, parts: Sequence[Part], at: int) -> None:
        """Results, among those of the same turn in the order of its calls."""
        self.add("user", [self.block(part, at) for part in parts])
        asked = self.messages[-2]["content"] if len(self.messages) > 1 else []
        order = [block["toolUse"].get("toolUseId") for block in asked if isinstance(block.get("toolUse"), Mapping)]
        content = self.messages[-1]["content"]
        results = [block for block in content if "toolResult" in block]  # they stand first
        if all(block["toolResult"].get("toolUseId") in order for block in results):
            content[: len(results)] = sorted(results, key=lambda block: order.index(block["toolResult"]["toolUseId"]))

    def system_block(self, part: Part, at: int) -> JSON:
        if (own := _own(part)) is not None:
            return own  # type: ignore[no-any-return]
        if not isinstance(part, TextPart):
            raise Unsupported(f"messages[{at}] is a system message with more than text", adapter=self._adapter)
        return {"text": part.text}

    def block(self, part: Part, at: int) -> JSON:
        """The block of a part.  Raises UsageError for one that Converse has no form for."""
        if isinstance(part, TextPart):
            return {"text": part.text}
        if isinstance(part, ImagePart):
            return self._image(part, at)
        if isinstance(part, CallPart):
            name = self._names.get(part.name, part.name)
            return {"toolUse": {"toolUseId": legal_id(part.id), "name": name, "input": self._input(part, at)}}
        if (own := _own(part)) is not None:
            return own  # type: ignore[no-any-return]
        if isinstance(part, ResultPart):
            return tool_result(part.call_id or "", self._result(part.content, at))
        from toolfan.messages.foreign_forms import hint_for_part  # errors alone need it

        own_form = 'Write the message in Converse\'s own form: {"role": "user", "content": [{"document": {...}}]}.'
        raise Unsupported(
            f"messages[{at}] has a part of type {part.data.get('type')!r}, which is not translated",
            adapter=self._adapter,
            hint=hint_for_part(part.data, own_form),
        )

    def _input(self, call: CallPart, at: int) -> JSON:
        try:
            arguments = from_json(call.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            raise UsageError(
                f"messages[{at}] has a call of {call.name} whose arguments are no JSON object",
                adapter=self._adapter,
                hint="Converse takes an object only; leave the call and its result out, or write what was meant.",
            )
        return arguments

    def _result(self, content: Any, at: int) -> list[JSON]:
        if isinstance(content, str):
            return text_blocks(content)
        parsed = read_messages([{"role": "user", "content": content}])[0].parts
        return [self.block(part, at) for part in parsed]

    def _image(self, image: ImagePart, at: int) -> JSON:
        if image.inline:
            kind, data = image.inline
            kind = kind.removeprefix("image/").replace("jpg", "jpeg")
            source: JSON = {"bytes": data}
        else:
            kind = image.url.rpartition(".")[2].lower().replace("jpg", "jpeg")
            source = {"s3Location": {"uri": image.url}}
            if not image.url.startswith("s3://"):
                raise Unsupported(
                    f"messages[{at}] has an image by address, and Converse fetches from s3:// alone",
                    adapter=self._adapter,
                    hint="Give it as data:image/png;base64,...",
                )
        if kind not in _FORMATS:
            raise Unsupported(
                f"messages[{at}] has an image of the type {kind!r}",
                adapter=self._adapter,
                hint=f"Converse takes {', '.join(_FORMATS)}.",
            )
        return {"image": {"format": kind, "source": source}}


def tool_result(call_id: str, content: list[JSON], status: str | None = None) -> JSON:
    """One `toolResult` block."""
    result: JSON = {"toolUseId": legal_id(call_id), "content": content}
    return {"toolResult": {**result, "status": status} if status else result}


def text_blocks(text: str) -> list[JSON]:
    """The text as content; the service refuses a blank one, so that becomes none."""
    return [{"text": text}] if text.strip() else []


def legal_id(call_id: str) -> str:
    """The id as the service takes it; the chat-style history of another provider may have other ones."""
    return wire_id(call_id, 64, "a-zA-Z0-9_.:-")
