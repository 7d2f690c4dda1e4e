"""What goes into `input`: chat-style messages as items, the provider's own items as they are, answers to calls.

Knows: items of the Responses API, chat-style messages.  Must not know: tools, answers as a whole, the SDK.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolfan.errors import UsageError
from toolfan.messages.chat import check_chat_message
from toolfan.messages.rewriting import check_translatable, with_wire_names
from toolfan.wire import json_text, legal_id, sendable
from toolfan_openai.replaying import legal_name

from .parsing import CALLS, given_id, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolfan.adapter import JSON, Message, RawCall, Turn

_LONGEST_ID = 64  # of `call_id`, by the API's published schema; of an item's `id`, by what the service refuses
_UNREFERRED = ("message", "reasoning", *CALLS)  # calls are answered by their `call_id`


def input_items(messages: Iterable[Message], changed: Mapping[str, str], *, adapter: str) -> list[JSON]:
    """`input` of a request: what names its own `type` is an item already and passes untouched.

    `changed` are the names of tools that are others on the wire.  Raises UsageError, with the position, for what is no
    chat-style message either, or says what no item can.
    """
    items: list[Any] = []
    custom: set[Any] = set()  # ids of calls whose arguments are a free text
    own: set[Any] = set()  # ids of calls that are items already
    for at, message in enumerate(messages):
        if isinstance(message.get("type"), str):
            items.append(message)
            own.add(given_id(message))
            if message["type"] == "custom_tool_call":
                custom.add(message.get("call_id"))
            continue
        check_chat_message(message, at)
        check_translatable(message, at)
        try:
            items += _translated(with_wire_names(message, changed), custom, own)
        except UsageError as exc:
            raise UsageError(f"messages[{at}] {exc.message}", adapter=adapter, hint=exc.hint) from None
    return items


def _translated(message: Message, custom: set[Any], own: set[Any]) -> Iterator[JSON]:
    """The items that say what the message says.

    Each says its type: OpenAI reads a message without one, Azure's projects, llama.cpp's server and others refuse it.
    """
    role, content = message["role"], message.get("content")
    if role == "tool":
        call_id = message["tool_call_id"]
        call_id = call_id if call_id in own else legal_id(call_id, _LONGEST_ID)
        kind = "custom_tool_call_output" if call_id in custom else "function_call_output"
        yield {"type": kind, "call_id": call_id, "output": _parts(content)}
    elif role == "assistant":
        if said := _said(content) + (message.get("refusal") or ""):
            yield {"type": "message", "role": "assistant", "content": said}
        for call in message.get("tool_calls") or ():
            item = _called(call)
            if item["type"] == "custom_tool_call":
                custom.add(item["call_id"])
            yield item
    else:
        if "name" in message:  # messages have none here
            message = {key: value for key, value in message.items() if key != "name"}
        yield {**message, "type": "message", "content": _parts(content)}


def _parts(content: Any) -> Any:
    return content if isinstance(content, str) else [_part(part) for part in content]


def _part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = part.get("type")
    if kind == "text":
        return {**part, "type": "input_text"}
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        if not isinstance(url, str):
            hint = 'Write {"type": "image_url", "image_url": {"url": "https://..."}}.'
            raise UsageError("has an image part without an address", hint=hint)
        detail = image.get("detail") if isinstance(image, Mapping) else None
        return {"type": "input_image", "image_url": url, "detail": detail or "auto", **_break_in(part)}
    if kind == "file" and isinstance(part.get("file"), Mapping):
        return {"type": "input_file", **part["file"], **_break_in(part)}
    if kind in ("tool_use", "tool_result"):
        raise _in_another_form(part)
    return part


def _in_another_form(part: Mapping[str, Any]) -> UsageError:
    from toolfan.messages.foreign_forms import CALLS_OF_ANTHROPIC  # errors alone need it

    return UsageError(f"has a part of type {part['type']!r}", hint=CALLS_OF_ANTHROPIC)


def _break_in(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """The end of what the service shall keep in its cache, if it is set here."""
    key = "prompt_cache_breakpoint"
    return {key: part[key]} if key in part else {}


def _said(content: Any) -> str:
    """What the assistant said: its turns in this form are texts."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for part in content:
        if part.get("type") == "tool_use":
            raise _in_another_form(part)
        text = part.get("refusal") if part.get("type") == "refusal" else part.get("text")
        if not isinstance(text, str):
            raise UsageError(
                f"is the assistant's and has a part of type {part.get('type')!r}",
                hint="Give what the assistant said as a text, or as an item in the form of the Responses API.",
            )
        texts.append(text)
    return "".join(texts)


def _called(call: Mapping[str, Any]) -> JSON:
    function, custom, call_id = call.get("function"), call.get("custom"), call.get("id")
    if not isinstance(call_id, str) or not call_id:
        raise UsageError("has a tool call without an id", hint="The result of a call names it by its id.")
    call_id = legal_id(call_id, _LONGEST_ID)
    if isinstance(function, Mapping) and isinstance(function.get("name"), str):
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else json_text(arguments or {})
        return {"type": "function_call", "call_id": call_id, "name": function["name"], "arguments": text}
    if isinstance(custom, Mapping):
        given = {"name": custom.get("name"), "input": custom.get("input")}
        return {"type": "custom_tool_call", "call_id": call_id, **given}
    hint = 'Write {"id": ..., "type": "function", "function": {"name": ..., "arguments": "<JSON>"}}.'
    raise UsageError("has a tool call without a function name", hint=hint)


def output_items(turn: Turn) -> list[JSON]:
    """The provider's items as they came, all of them and in order: reasoning belongs to the calls that follow it.

    Mended is only what the service would refuse to read again: an id that is missing, repeated or too long, a name that
    is no legal one (`functions.weather`), arguments that are no text, a lone surrogate, reasoning that led to nothing.
    """
    waiting: defaultdict[str | None, list[RawCall]] = defaultdict(list)
    for call in turn.calls:
        waiting[call.provider_id].append(call)
    items, others = list(_legible(turn)), []
    for at, item in enumerate(items):
        if kind_of(item) and waiting[given_id(item)]:
            items[at] = _mended(item, waiting[given_id(item)].pop(0))
        elif kind_of(item):
            others.append(at)
    left = sorted(itertools.chain(*waiting.values()), key=lambda call: call.index)
    for at, call in zip(others, left, strict=False):
        items[at] = _mended(items[at], call)  # its id was another one when it began
    return sendable(items)  # type: ignore[no-any-return]


def _legible(turn: Turn) -> Iterator[JSON]:
    """The items of the turn, without those that nobody can read again.

    Some services (GitHub Copilot's, Codex') name items by long ids that they refuse themselves.  Nothing refers to that
    of a message, a call or a thought, which is read from the item then.
    """
    said = turn.replay if isinstance(turn.replay, Sequence) else _made_by_hand(turn)
    end = len(said)
    while end and turn.stop.kind not in ("calls", "end") and said[end - 1].get("type") == "reasoning":
        end -= 1  # it broke off in the middle of a thought
    for item in said[:end]:
        kind = kind_of(item) or item.get("type")
        if len(str(item.get("id"))) <= _LONGEST_ID or kind not in _UNREFERRED:
            yield item
        elif kind != "reasoning" or item.get("encrypted_content") or item.get("content"):
            yield {key: value for key, value in item.items() if key != "id"}


def says_more(turn: Turn) -> bool:
    """Whether a whole turn has items beside messages and reasoning, which the service refuses where nothing follows."""
    kinds = [item.get("type") for item in turn.replay] if isinstance(turn.replay, Sequence) else []
    if turn.stop.kind != "end" or kinds[-1:] == ["reasoning"]:
        return False
    return any(isinstance(kind, str) and kind not in ("message", "reasoning") for kind in kinds)


def _made_by_hand(turn: Turn) -> list[JSON]:
    said: list[JSON] = [{"type": "message", "role": "assistant", "content": turn.text}] if turn.text else []
    return [*said, *({"type": "function_call", "call_id": call.provider_id} for call in turn.calls)]


def _mended(item: JSON, call: RawCall) -> JSON:
    kind = kind_of(item) or ""
    key = CALLS[kind]
    text = item.get(key)
    if not isinstance(text, str) or text != call.arguments:
        text = call.arguments or ("{}" if key == "arguments" else "")
    right = {"type": kind, "call_id": call.id, "name": legal_name(call.name), key: text}
    return item if right.items() <= item.items() else {**item, **right}


def calls_by_id(said: Sequence[JSON]) -> dict[str, JSON]:
    """The calls among these items by their ids, of two with one id the first."""
    return {item["call_id"]: item for item in reversed(said) if kind_of(item) and isinstance(item.get("call_id"), str)}


def answer_item(item: JSON, call: RawCall, text: str) -> JSON:
    """The answer to one call, which stands in this item."""
    kind = "custom_tool_call_output" if item.get("type") == "custom_tool_call" else "function_call_output"
    caller = {"caller": item["caller"]} if item.get("caller") else {}  # the program that waits for it, if one called
    return {"type": kind, "call_id": call.id, "output": text, **caller}
