"""Messages to Google's `contents` and `systemInstruction`; answers to calls to `functionResponse` parts.

Chat-style messages are translated; Google's own contents (mappings with `parts`, in either spelling) pass
untouched, and both may stand in one list.  All results of one turn's calls go into one content, in the order of the
calls: the service demands as many function responses as there were calls.

Knows: `Content` and `Part` of generateContent.  Must not know: tools, options, transports.
"""

from __future__ import annotations

import json
import math
import mimetypes
import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import from_json, to_jsonable_python
from toolfan.errors import Unsupported, UsageError
from toolfan.messages.parts import CallPart, ImagePart, ParsedMessage, Part, ResultPart, TextPart, read_messages
from toolfan.wire import json_text

from .fields import as_json
from .parsing import read_calls

if TYPE_CHECKING:
    from toolfan.adapter import JSON, Message

_SYSTEM = ("system", "developer")
_RESERVED = frozenset({"output", "error"})  # what the keys of a response mean (FunctionResponse.response)
# From Gemini 3 on a turn whose first call has no signature is refused, and a result may hold images.
_NEWER = re.compile(r"gemini-(?:[3-9]|\d\d|(?:pro|flash|flash-lite)-latest)")
# Base64 of "skip_thought_signature_validator", Google's word for a call that its model did not make.
_NOT_OURS = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
_DEEPEST = 30  # levels: protobuf reads 100 messages inside each other, and a level of a Struct is three of them


def is_native(message: Message) -> bool:
    """Whether the message is a content of Google's own form."""
    return "parts" in message


def translate(
    messages: Sequence[Message], wire_names: Mapping[str, str], adapter: str, model: str | None = None
) -> tuple[list[JSON], list[JSON]]:
    """The contents, and the parts of the system instruction (all system and developer messages, in order).

    They are written as `model` takes them; one whose name tells nothing is taken for an older one.
    Raises UsageError, with the position, for a message that cannot be sent.
    """
    outlines = [
        _outline(message, at, adapter) if is_native(message) else message for at, message in enumerate(messages)
    ]
    writer = _Writer(wire_names, adapter, newer=_NEWER.search(model or "") is not None)
    for at, (message, parsed) in enumerate(zip(messages, read_messages(outlines), strict=True)):
        writer.write(at, message, parsed)
    writer.answer_calls()
    if not writer.contents:
        raise UsageError("there is no message but system ones", adapter=adapter, hint="Add a user message.")
    return writer.contents, writer.system


def _outline(content: Message, at: int, adapter: str) -> Message:
    """The calls of a native content in chat style, so that a chat-style result finds the call it answers."""
    parts = content["parts"]
    if not isinstance(parts, list | tuple) or not all(isinstance(part, Mapping) for part in parts):
        raise UsageError(
            f"messages[{at}].parts is not a list of mappings",
            adapter=adapter,
            hint='Write {"role": "user", "parts": [{"text": "..."}]}, or objects of the SDK: types.Part(text="...").',
        )
    calls = [{"id": call.id, "function": {"name": call.name, "arguments": "{}"}} for call in read_calls(parts)]
    return {"role": "assistant", "content": None, "tool_calls": calls}


class _Writer:
    """Writes one conversation; remembers the calls of the last model turn until their results are written."""

    def __init__(self, wire_names: Mapping[str, str], adapter: str, *, newer: bool) -> None:
        self._newer = newer
        self._shown: list[JSON] = []  # images of results that have no place there
        self.contents: list[JSON] = []
        self.system: list[JSON] = []
        self._names = wire_names
        self._adapter = adapter
        self._calls: dict[str, str | None] = {}  # id to the id that the provider itself sent
        self._results: list[tuple[int, ResultPart]] = []

    def write(self, at: int, message: Message, parsed: ParsedMessage) -> None:
        if not is_native(message) and parsed.role in ("tool", "function"):
            self._results += [(at, part) for part in parsed.parts if isinstance(part, ResultPart)]
            return
        self.answer_calls()
        if is_native(message):
            self._write_native(message)
        elif parsed.role in _SYSTEM:
            self.system += [self._system_part(part, at) for part in parsed.parts if part != TextPart("")]
        else:
            self._write_chat(at, parsed)

    def _write_native(self, content: Message) -> None:
        if content.get("role") in _SYSTEM:
            self.system += as_json(content["parts"])
            return
        self.contents.append(dict(as_json(content)))
        self._calls = {call.id: call.provider_id for call in read_calls(content["parts"])}

    def _write_chat(self, at: int, parsed: ParsedMessage) -> None:
        parts = [self._part(part, at) for part in parsed.parts if part != TextPart("") or parsed.role == "user"]
        if calls := [part for part in parts if "functionCall" in part] if self._newer else []:
            calls[0]["thoughtSignature"] = _NOT_OURS
        if parts:  # an assistant message that says nothing is no content
            self.contents.append({"role": "model" if parsed.role == "assistant" else "user", "parts": parts})
        self._calls = {part.id: None for part in parsed.parts if isinstance(part, CallPart)}

    def _part(self, part: Part, at: int) -> JSON:
        if isinstance(part, TextPart):
            return {"text": part.text}
        if isinstance(part, ImagePart):
            return _image(part)
        if isinstance(part, CallPart):
            # Ids and signatures of another provider's turn mean nothing to Google.
            return {"functionCall": {"name": self._wire(part.name), "args": self._arguments(part, at)}}
        from toolfan.messages.foreign_forms import hint_for_part  # errors alone need it

        told = part.data if not isinstance(part, ResultPart) else {"type": "tool result"}
        raise Unsupported(
            f"messages[{at}] has a part of type {told.get('type')!r}, which is not translated",
            adapter=self._adapter,
            hint=hint_for_part(told, 'Write the message in Google\'s own form: {"role": "user", "parts": [...]}.'),
        )

    def _system_part(self, part: Part, at: int) -> JSON:
        if not isinstance(part, TextPart):
            raise Unsupported(f"messages[{at}] is a system message with more than text", adapter=self._adapter)
        return {"text": part.text}

    def _arguments(self, call: CallPart, at: int) -> JSON:
        try:
            arguments = from_json(call.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            raise UsageError(
                f"messages[{at}] has a call of {call.name} whose arguments are no JSON object",
                adapter=self._adapter,
                hint="The API takes an object only; leave the call and its result out, or write what was meant.",
            )
        return arguments

    def _wire(self, name: str) -> str:
        return self._names.get(name, name)

    def answer_calls(self) -> None:
        """Writes the results gathered so far as one content, in the order of the calls they answer."""
        if not self._results:
            return
        results, self._results = self._results, []
        ids = [result.call_id for _, result in results]
        if self._calls and None not in ids:
            _check_complete(results, self._calls, self._adapter)
            order = list(self._calls)
            results.sort(key=lambda item: order.index(item[1].call_id or ""))
        self.contents.append({"role": "user", "parts": [self._response(at, result) for at, result in results]})
        if self._shown:  # in a content of their own: beside responses they would be the model's
            self.contents.append({"role": "user", "parts": self._shown})
            self._shown = []

    def _response(self, at: int, result: ResultPart) -> JSON:
        if not result.name:
            raise UsageError(
                f"messages[{at}] answers the call {result.call_id!r}, which no earlier message made",
                adapter=self._adapter,
                hint='Keep the assistant message with the call, or give the result the tool\'s "name".',
            )
        told, shown = self._told_and_shown(at, result.content)
        written = function_response(self._wire(result.name), told, self._calls.get(result.call_id or ""))
        # The Gemini API's results have no place for an image by its address.
        held = [part for part in shown if "inlineData" in part or self._adapter == "vertex"] if self._newer else []
        self._shown += [part for part in shown if part not in held]
        return {"functionResponse": {**written["functionResponse"], "parts": held}} if held else written

    def _told_and_shown(self, at: int, content: Any) -> tuple[Any, list[JSON]]:
        """A result, and its images; without any it stays as it is, and so do parts of other types beside them."""
        parts = content if isinstance(content, list | tuple) else ()
        if not (images := [part for part in parts if part["type"] == "image_url"]):
            return content, []
        rest = [part for part in parts if part["type"] != "image_url"]
        told = "".join(part["text"] for part in rest) if all(part["type"] == "text" for part in rest) else rest
        return told, [self._part(part, at) for part in read_messages([{"role": "user", "content": images}])[0].parts]


def _check_complete(results: list[tuple[int, ResultPart]], calls: Mapping[str, str | None], adapter: str) -> None:
    """The service refuses a turn whose calls are not all answered, so it is not sent."""
    left = dict(calls)
    for at, result in results:
        if result.call_id not in left:
            raise UsageError(
                f"messages[{at}] answers {result.call_id!r}, which the turn before did not call, or answers it twice",
                adapter=adapter,
            )
        del left[result.call_id]
    if left:
        raise UsageError(
            f"messages[{results[-1][0]}] ends the results, but the calls {', '.join(left)} have none",
            adapter=adapter,
            hint="Give every call of a turn one result.",
        )


def _image(image: ImagePart) -> JSON:
    if image.inline:
        kind, data = image.inline
        return {"inlineData": {"mimeType": kind, "data": data}}
    kind_of_name = mimetypes.guess_type(urlsplit(image.url).path)[0]
    return {"fileData": {"fileUri": image.url} | ({"mimeType": kind_of_name} if kind_of_name else {})}


def function_response(name: str, content: Any, provider_id: str | None, *, is_error: bool = False) -> JSON:
    """One `functionResponse` part.  An object, or its JSON text, is the response as it is; anything else is wrapped."""
    response: JSON = {"name": name, "response": _object(content, "error" if is_error else "result", wrap=is_error)}
    return {"functionResponse": {"id": provider_id, **response} if provider_id else response}


def _object(content: Any, key: str, *, wrap: bool) -> JSON:
    plain = to_jsonable_python(content, fallback=str)
    if not wrap:
        decoded = _decoded(plain) if isinstance(plain, str) else plain
        if isinstance(decoded, dict) and not _RESERVED.isdisjoint(decoded):
            decoded = {"output": decoded}  # else the service reads a key of the result as its failure, or as all of it
        if isinstance(decoded, dict) and _fits_struct(decoded):
            return decoded
    return {key: plain if _fits_struct(plain) else json_text(plain)}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite) if text.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(digits)
    return number


def _fits_struct(value: Any) -> bool:
    """Whether a protobuf Struct, which a response is on Google's side, can hold this; else it goes as JSON text."""
    stack = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, dict | list):
            if depth >= _DEEPEST:
                return False
            stack.extend((child, depth + 1) for child in (item.values() if isinstance(item, dict) else item))
        elif isinstance(item, int) and abs(item) > sys.float_info.max:
            return False
    return True
