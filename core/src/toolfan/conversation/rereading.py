"""Earlier turns in a form that every server reads again, and what else a server may refuse of a plain request.

vLLM, llama.cpp's server and others decode the arguments of the calls in a conversation, and refuse all of it for one
text that is no JSON object: the very turn to be mended.  Groq, Mistral and others refuse fields that are not OpenAI's
in the assistant's messages and in its calls, though some send them (`reasoning`, `index`).  Where nothing is stored,
the Responses API does not find its own thoughts again; of others, what they say and do not read is refused by name.

Knows: calls in chat completions and in the Responses API.  Must not know: who refused what, when it is sent again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from ..errors import RequestRejected, Unavailable
from ..validation.repairs import opened
from ..wire import BROKEN

if TYPE_CHECKING:
    from collections.abc import Set

    from ..adapter import ToolRequest
    from ..errors import ProviderError
    from ..messages.chat import Message

_LISTED = (list, tuple)
_SIGNED = frozenset({"reasoning_details", "thinking_blocks"})
_ADDED = frozenset(
    {"reasoning", "reasoning_content", "thinking", "annotations", "executed_tools", "provider_specific_fields"}
)
"""Fields that servers add to what the assistant said; with the signed ones, which go only if they are named."""
_OWN = frozenset({"role", "content", "name", "tool_calls", "function_call", "refusal", "audio"})
_OWN_OF_CALLS = frozenset({"id", "type", "function", "custom"})
_MAY_BE_NULL = _OWN - {"role", "content", "tool_calls"}
"""The fields of OpenAI's messages of the assistant, and of its calls; those that say nothing if they are null."""
_OF_READING = re.compile(r"json|pars|argument|template|mapping|expecting|delimiter|unterminated", re.IGNORECASE)
_OF_FIELDS = re.compile(
    r"additional|allowed|extra(?!_content)|(?<!specific_)field|forbidden|param|permitted|propert|support|"
    r"unexpected|unknown|unrecogni",
    re.IGNORECASE,
)
_WANTED = re.compile(r"passed? back|missing|required", re.IGNORECASE)
_NOT_FOUND = re.compile(r"item with id '([^']+)' not found", re.IGNORECASE)
_OF_THOUGHTS = re.compile(r"encrypted[ _]content|without its required", re.IGNORECASE)
_UNKNOWN = re.compile(r"unknown parameter: '?input\[([0-9]+)\]\.(\w++)(?!\[|\.\w)", re.IGNORECASE)  # no part of a field
_NO_BOOLEAN = re.compile(r"(expected|valid) bool", re.IGNORECASE)
_OF_STRICT = re.compile(r"\b(null|strict)\b", re.IGNORECASE)
_UNREFERRED = frozenset({"message", "function_call", "custom_tool_call"})  # nothing refers to their ids
_NEEDED = frozenset({"type", "role", "content", "call_id", "name", "arguments", "input", "output"})
_OF_THE_USER = ("_output", "_response", "_reference")  # how the types of items end that answer, or name, a service's


def says_unreadable(exc: ProviderError) -> bool:
    """Whether a server may have said that it cannot read the conversation, and not that it is too long or too early."""
    if exc.retry_after is not None or (exc.turn is not None and (exc.turn.calls or exc.turn.text)):
        return False
    if type(exc) is RequestRejected:
        if exc.status == 404:
            return _NOT_FOUND.search(exc.message) is not None
        return exc.status in (400, 422) and "context_length" not in str(exc.code)
    return type(exc) is Unavailable and exc.status == 500 and _OF_READING.search(exc.message) is not None


def in_plainer_form(request: ToolRequest, said: str) -> ToolRequest | None:
    """The request as the server that said this of it may read it; None if it is plain already.

    Some know no null for `strict`, which the Responses API wants said: false is their own default.
    """
    if request.strict is None and _NO_BOOLEAN.search(said) and _OF_STRICT.search(said):
        return replace(request, strict=False)
    messages = plainer(request.messages, said)
    return None if messages is None else replace(request, messages=messages)


def plainer(messages: tuple[Message, ...], said: str) -> tuple[Message, ...] | None:
    """The messages as the server that said this of them may read them; None if they are plain already.

    The arguments of every earlier call are an object: what is none stands as it came in the field `INVALID_JSON`; what
    needs a lossless repair is repaired.  If `said` refuses a field that servers add to what the assistant said, such
    fields go; those with signatures, and those that are known of no server, only if they are named.  Words of the
    assistant without calls may be the user's, and keep the latter.  Items go, or their fields, as `_legible` says.
    """
    words = set() if _WANTED.search(said) else set(re.findall(r"\w+", said))
    named = words & (_ADDED | _SIGNED)
    others = words if _OF_FIELDS.search(said) else set[str]()
    without = named | _ADDED if any(_is_assistants(one) and named & one.keys() for one in messages) else named
    legible = _legible(messages, said)
    found = tuple(_plain(one, without, others) for one in legible)
    same = len(found) == len(messages) and all(new is old for new, old in zip(found, messages, strict=True))
    return None if same else found


def _legible(messages: tuple[Message, ...], said: str) -> tuple[Message, ...]:
    """The messages without the items, or the fields of items, that a service wrote and refuses to read.

    Thoughts go where it does not find them, or cannot open them, and with them the ids by which it would miss them.
    """
    lost = _NOT_FOUND.search(said)
    if _OF_THOUGHTS.search(said) or (lost and any(_item(one) and one.get("id") == lost[1] for one in messages)):
        return tuple(_without("id", one, _UNREFERRED) for one in messages if _item(one) != "reasoning")
    if (told := _UNKNOWN.search(said)) is None or (field := told[2]) in _NEEDED:
        return messages
    at = int(told[1])
    kinds = {_item(one) for one in messages[at : at + 1]}
    if any(map(_is_assistants, messages[: at + 1])):  # one of them may be several items
        kinds = set(map(_item, messages))
    return tuple(_without(field, one, kinds) for one in messages)


def _item(message: Message) -> str | None:
    """Its type, if it is an item of the Responses API that a service wrote."""
    kind = message.get("type") if isinstance(message, Mapping) else None
    own = isinstance(kind, str) and not kind.endswith(_OF_THE_USER) and message.get("role") in (None, "assistant")
    return kind if own else None


def _without(field: str, message: Message, kinds: Set[str | None]) -> Message:
    kind = _item(message)
    if kind is None or kind not in kinds or field not in message:
        return message
    return {key: value for key, value in message.items() if key != field}


def _is_assistants(message: Message) -> bool:
    return isinstance(message, Mapping) and message.get("role") == "assistant" and "type" not in message


def _plain(message: Message, without: Set[str], words: Set[str]) -> Message:
    if isinstance(message, Mapping) and message.get("type") == "function_call":
        return _spoken(message)
    if not _is_assistants(message):
        return message
    may_go = {name for name in _MAY_BE_NULL if message.get(name) is None}
    if message.get("tool_calls"):
        may_go |= message.keys() - _OWN
    without = without | (words & may_go)
    if without & message.keys() and any(message.get(name) for name in ("content", "tool_calls", "function_call")):
        message = {key: value for key, value in message.items() if key not in without}
    if isinstance(older := message.get("function_call"), Mapping) and (mended := _spoken(older)) is not older:
        message = {**message, "function_call": mended}
    calls = message.get("tool_calls")
    if not isinstance(calls, _LISTED):
        return message
    plain = [_called(call, words - _OWN_OF_CALLS) for call in calls]
    same = all(new is old for new, old in zip(plain, calls, strict=True))
    return message if same else {**message, "tool_calls": plain}


def _called(call: Any, without: Set[str]) -> Any:
    if isinstance(call, Mapping) and without & call.keys():
        call = {key: value for key, value in call.items() if key not in without}
    said = call.get("function") if isinstance(call, Mapping) else None
    mended = _spoken(said) if isinstance(said, Mapping) else said
    return call if mended is said else {**call, "function": mended}


def _spoken(said: Mapping[str, Any]) -> Mapping[str, Any]:
    text = said.get("arguments")
    if not isinstance(text, str) or _is_object(text):
        return said
    bare, _ = opened(text, may_be_empty=True)
    if bare.strip() in ("", "null"):
        bare = "{}"
    return {**said, "arguments": bare if _is_object(bare) else json.dumps({BROKEN: text})}


def _is_object(text: str) -> bool:
    try:
        return isinstance(from_json(text, allow_inf_nan=False), dict)  # as strict as servers are
    except ValueError:
        return False
