"""What Anthropic's Messages API refuses: the checks of a request, with the service's kind of messages.

Knows the rules of the request alone; the reading of a good request is `anthropic_wire`'s.
"""

from __future__ import annotations

import itertools
import re
from operator import itemgetter
from typing import Any

from toolfan_local.exchange import Failure, Refused
from toolfan_local.parameters import ANTHROPIC, ANTHROPIC_RANGES, faults

JSON = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}\Z")
_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")


def refuse(message: str) -> Refused:
    """The exception for a request that the service answers with status 400."""
    return Refused(Failure(400, message, type="invalid_request_error"))


def check_request(request: JSON) -> None:
    """Raises Refused for the first thing that is wrong with a request."""
    if not isinstance(request.get("model"), str) or not request["model"]:
        raise refuse("model: Field required")
    most = request.get("max_tokens")
    if type(most) is not int or most < 1:
        raise refuse("max_tokens: Field required" if most is None else "max_tokens: Input should be greater than 0")
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refuse("messages: at least one message is required")
    for place, message in enumerate(messages):
        _check_message(message, f"messages.{place}")
    _check_results(in_turns(messages))
    _check_tools(request.get("tools") or [])
    _check_choice(request)
    for name, _, fault in faults(request, ANTHROPIC_RANGES):
        one = ANTHROPIC_RANGES[name]
        if fault == "type":
            raise refuse(f"{name}: Input should be a valid {'integer' if one.whole else 'number'}")
        raise refuse(f"{name}: range: {one.least}..{'' if one.most is None else one.most}")
    for key in request:
        if key not in ANTHROPIC:
            raise refuse(f"{key}: Extra inputs are not permitted")


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        raise refuse(f"{where}.role: Input should be 'user' or 'assistant'")
    if message.keys() - {"role", "content"}:
        raise refuse(f"{where}: Extra inputs are not permitted")
    content = message.get("content")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise refuse(f"{where}.content: Input should be a valid list")
    for number, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise refuse(f"{where}.content.{number}.type: Field required")
        _check_block(block, f"{where}.content.{number}")


def _check_block(block: JSON, where: str) -> None:
    kind = block["type"]
    if kind == "text" and not block.get("text"):
        raise refuse(f"{where}: text content blocks must be non-empty")
    if kind == "tool_use":
        if not isinstance(block.get("id"), str) or not _ID.match(block["id"]):
            raise refuse(f"{where}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if not isinstance(block.get("name"), str) or not _NAME.match(block["name"]):
            raise refuse(f"{where}.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if not isinstance(block.get("input"), dict):
            raise refuse(f"{where}.tool_use.input: Input should be a valid dictionary")
    if kind == "tool_result" and block.get("is_error") and not block.get("content"):
        raise refuse(f"{where}: content cannot be empty if `is_error` is true")


def blocks(message: JSON, kind: str) -> list[JSON]:
    """The content blocks of this type."""
    content = message["content"]
    return [block for block in content if block["type"] == kind] if isinstance(content, list) else []


def in_turns(messages: list[JSON]) -> list[JSON]:
    """The messages with neighbours of one role put together, as the service reads them.

    Source: `messages` in Anthropic's API reference: consecutive turns of a role are combined into one.
    """
    turns = [[*each] for _, each in itertools.groupby(messages, key=itemgetter("role"))]
    return [
        same[0] if len(same) == 1 else {**same[0], "content": [block for one in same for block in _as_blocks(one)]}
        for same in turns
    ]


def _as_blocks(message: JSON) -> list[JSON]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_results(messages: list[JSON]) -> None:
    open_ids: list[str] = []
    for place, message in enumerate(messages):
        answered = [block.get("tool_use_id") for block in blocks(message, "tool_result")]
        at_once = _first_results(message)
        for given in answered:
            if given not in open_ids:
                raise refuse(
                    f"messages.{place}.content: unexpected `tool_use_id` found in `tool_result` blocks: {given}. Each "
                    "`tool_result` block must have a corresponding `tool_use` block in the previous message."
                )
        if missing := [one for one in open_ids if one not in at_once]:
            raise _unanswered(place - 1, missing)
        open_ids = [block["id"] for block in blocks(message, "tool_use")]
        if len(set(open_ids)) != len(open_ids):
            raise refuse(f"messages.{place}.content: `tool_use` ids must be unique")
    if open_ids:
        raise _unanswered(len(messages) - 1, open_ids)


def _first_results(message: JSON) -> list[Any]:
    """The calls that the message answers before it says anything else: only these count."""
    content = message["content"] if isinstance(message["content"], list) else []
    results = itertools.takewhile(lambda block: block["type"] == "tool_result", content)
    return [block.get("tool_use_id") for block in results]


def _unanswered(place: int, missing: list[str]) -> Refused:
    return refuse(
        f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message."
    )


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list):
        raise refuse("tools: Input should be a valid list")
    names: set[str] = set()
    for place, tool in enumerate(tools):
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(name, str) or not _NAME.match(name):
            raise refuse(f"tools.{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
        if name in names:
            raise refuse("tools: Tool names must be unique.")
        names.add(name)
        schema = tool.get("input_schema")
        if tool.get("type") in (None, "custom") and (not isinstance(schema, dict) or schema.get("type") != "object"):
            raise refuse(f"tools.{place}.input_schema.type: Input should be 'object'")
        fields = schema.get("properties") if isinstance(schema, dict) else None
        if isinstance(fields, dict) and not all(map(_KEY.match, fields)):
            raise refuse(
                f"tools.{place}.custom.input_schema.properties: Property keys should match pattern "
                "'^[a-zA-Z0-9_.-]{1,64}$'"
            )


def _check_choice(request: JSON) -> None:
    choice = request.get("tool_choice")
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in ("auto", "any", "tool", "none"):
        raise refuse(
            "tool_choice.type: Input tag does not match any of the expected tags: 'any', 'auto', 'none', 'tool'"
        )
    if kind == "none" and "disable_parallel_tool_use" in choice:
        raise refuse("tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted")
    if not request.get("tools"):
        raise refuse("tool_choice may only be specified while providing tools.")
    if kind == "tool" and choice.get("name") not in {tool["name"] for tool in request["tools"]}:
        raise refuse(f"Tool '{choice.get('name')}' not found in provided tools")
