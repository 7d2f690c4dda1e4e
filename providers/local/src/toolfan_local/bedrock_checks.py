"""What Bedrock's Converse refuses: the checks of a request, with the service's kind of messages.

Knows the rules of the request alone; the reading of a good request is `bedrock_wire`'s.
"""

from __future__ import annotations

import re
from typing import Any

from toolfan_local.exchange import Failure, Refused
from toolfan_local.parameters import BEDROCK_RANGES, faults

JSON = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")


def refuse(message: str, kind: str = "ValidationException") -> Refused:
    """The exception for a request that the service answers with status 400."""
    return Refused(Failure(400, message, type=kind))


def check_request(request: JSON) -> None:
    """Raises Refused for the first thing that is wrong with a request."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise refuse("A conversation must start with a user message. Try again with a conversation that has one.")
    for place, message in enumerate(messages):
        _check_message(message, f"messages.{place}")
    if messages[0]["role"] != "user":
        raise refuse("A conversation must start with a user message. Try again with a conversation that has one.")
    config = request.get("toolConfig")
    if config is None:
        if any(blocks(message, kind) for message in messages for kind in ("toolUse", "toolResult")):
            raise refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    else:
        _check_config(config)
    _check_results(messages)
    _check_inference(request.get("inferenceConfig") or {})


def blocks(message: JSON, kind: str) -> list[JSON]:
    """What stands in the content blocks of this kind."""
    return [block[kind] for block in message["content"] if isinstance(block.get(kind), dict)]


def specs(config: JSON) -> list[JSON]:
    """The specifications of the tools; a point for the cache is none."""
    return [tool["toolSpec"] for tool in config.get("tools") or () if "toolSpec" in tool]


def _check_message(message: Any, where: str) -> None:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        raise refuse(f"Value at '{where}.role' failed to satisfy constraint: Member must satisfy enum value set")
    content = message.get("content")
    if not isinstance(content, list) or not content:
        raise refuse(f"The content field in the Message object at {where} is empty.")
    for number, block in enumerate(content):
        if not isinstance(block, dict) or len(block) != 1:
            raise refuse(f"The content block at {where}.content.{number} must have exactly one member.")
        if "text" in block and (not isinstance(block["text"], str) or not block["text"].strip()):
            raise refuse(f"The text field in the ContentBlock object at {where}.content.{number} is blank.")
        use = block.get("toolUse")
        if use is not None and not (isinstance(use, dict) and _NAME.match(str(use.get("name"))) and "input" in use):
            raise refuse(f"The toolUse at {where}.content.{number} needs a name of [a-zA-Z0-9_-]+ and an input.")


def _check_results(messages: list[JSON]) -> None:
    open_ids: list[Any] = []
    for place, message in enumerate(messages):
        answered = [result.get("toolUseId") for result in blocks(message, "toolResult")]
        if message["role"] == "user" and len(answered) > len(open_ids):
            raise refuse(
                f"The number of toolResult blocks at messages.{place}.content exceeds the number of toolUse blocks of "
                "previous turn."
            )
        if missing := [one for one in open_ids if one not in answered]:
            raise _unanswered(place, missing)
        open_ids = [use.get("toolUseId") for use in blocks(message, "toolUse")]
        if len(set(open_ids)) != len(open_ids):
            raise refuse(f"messages.{place}.content: the toolUse ids are not unique.")
    if open_ids:
        raise _unanswered(len(messages), open_ids)


def _unanswered(place: int, missing: list[Any]) -> Refused:
    return refuse(
        f"Expected toolResult blocks at messages.{place}.content for the following Ids: {', '.join(map(str, missing))}"
    )


def _check_inference(config: Any) -> None:
    if not isinstance(config, dict):
        raise refuse("Start of structure or map found where not expected.", "SerializationException")
    for name, value, fault in faults(config, BEDROCK_RANGES):
        if fault == "type":
            raise refuse(f"inferenceConfig.{name} can not be converted to an Integer", "SerializationException")
        raise refuse(
            f"1 validation error detected: Value '{value}' at 'inferenceConfig.{name}' failed to satisfy constraint: "
            f"Member must have value greater than or equal to {BEDROCK_RANGES[name].least}"
        )


def _check_config(config: Any) -> None:
    if not isinstance(config, dict) or not isinstance(config.get("tools"), list) or not config["tools"]:
        raise refuse("Value at 'toolConfig.tools' failed to satisfy constraint: Member must have length >= 1")
    names: list[str] = []
    for place, tool in enumerate(config["tools"]):
        spec = tool.get("toolSpec") if isinstance(tool, dict) else None
        if spec is None:
            continue
        if not isinstance(spec, dict) or not _NAME.match(str(spec.get("name"))):
            raise refuse(f"Value at 'toolConfig.tools.{place}.member.toolSpec.name' failed to satisfy constraint")
        schema = spec["inputSchema"].get("json") if isinstance(spec.get("inputSchema"), dict) else None
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise refuse(f"The value at toolConfig.tools.{place}.toolSpec.inputSchema.json.type must be: object.")
        names.append(spec["name"])
    if len(set(names)) != len(names):
        raise refuse("The toolConfig.tools have a name twice.")
    choice = config.get("toolChoice")
    if choice is None:
        return
    if not isinstance(choice, dict) or len(choice) != 1 or choice.keys() - {"auto", "any", "tool"}:
        raise refuse("The toolConfig.toolChoice must have exactly one of: auto, any, tool.")
    if "tool" in choice and (not isinstance(choice["tool"], dict) or choice["tool"].get("name") not in names):
        raise refuse("The toolConfig.toolChoice.tool.name is no tool of toolConfig.tools.")
