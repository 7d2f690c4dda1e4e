"""What some models on Bedrock refuse though Converse takes it, and so the service itself: known by the model's name.

Knows: families of models, messages of Converse, tools.  Must not know: options, requests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.errors import ToolDefinitionError
from toolfan.schema.json_schema import check_names

if TYPE_CHECKING:
    from toolfan.adapter import JSON
    from toolfan.tools.toolset import ToolSet

# "Tool call id was ... but must be a-z, A-Z, 0-9, with a length of 9."
_SHORT_IDS = re.compile(r"(^|[./])mistral\.")
_SHORT_ID = re.compile(r"[a-zA-Z0-9]{9}")
# "Conversation blocks and tool use blocks cannot be provided in the same turn."
_CALLS_APART = re.compile(r"(^|[./])(meta\.llama3|mistral\.mistral-(large|small)-24)")
_USES = ("toolUse", "toolResult")
# "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'", says Anthropic of those of a tool itself.
_CLAUDES_NAMES = r"[a-zA-Z0-9_.-]{1,64}"


def check_for_claude(tools: ToolSet[Any], adapter: str) -> None:
    """Raises ToolDefinitionError for a tool with a field name that Anthropic's models refuse."""
    for tool in tools:
        try:
            check_names(tool.schema, _CLAUDES_NAMES)
        except ToolDefinitionError as exc:
            exc.adapter, exc.tool = adapter, tool.name
            raise


def fitted(messages: list[JSON], model: str) -> list[JSON]:
    """The messages as this model takes them; the very list for most models."""
    if _CALLS_APART.search(model):
        messages = [_of_calls(message) for message in messages]
    if _SHORT_IDS.search(model):
        messages = [
            _with_content(message, [_with_short_id(block) for block in message["content"]]) for message in messages
        ]
    return messages


def _of_calls(message: JSON) -> JSON:
    """The message without the words beside its calls."""
    blocks = message["content"]
    if not any("toolUse" in block for block in blocks):
        return message
    return _with_content(message, [block for block in blocks if "text" not in block])


def _with_short_id(block: Mapping[str, Any]) -> Mapping[str, Any]:
    for kind in _USES:
        use = block.get(kind)
        call_id = use.get("toolUseId") if isinstance(use, Mapping) else None
        if isinstance(use, Mapping) and isinstance(call_id, str) and not _SHORT_ID.fullmatch(call_id):
            return {
                **block,
                kind: {**use, "toolUseId": hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:9]},
            }
    return block


def _with_content(message: JSON, content: Sequence[Any]) -> JSON:
    same = len(content) == len(message["content"]) and all(map(_is, content, message["content"]))
    return message if same else {**message, "content": [*content]}


def _is(one: object, other: object) -> bool:
    return one is other
