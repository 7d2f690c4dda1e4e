"""One generateContent answer, as JSON, to a Turn.

Enum values may be words or numbers and names camelCase or snake_case: recordings have them all.  Nothing depends on
the finish reason alone.  What is odd costs only itself: a part that is none is skipped with a warning, a call that is
none becomes one without a name, a call nested too deep or with a lone surrogate is bad and its siblings are not (but
for GenerativeModel, whose protobuf refuses such an answer as a whole).

Knows: the response of `generateContent` (Vertex AI v1 discovery document, revision 20261106; Gemini API).  Must not
know: requests, transports, tool schemas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from toolfan.adapter import RawCall, Turn
from toolfan.assembly.assembler import seal
from toolfan.calls import StopReason, Usage
from toolfan.errors import BadResponse
from toolfan.translation.statuses import error_from_body, excerpt, instead
from toolfan.wire import count_of, json_text, well_formed

from .fields import camel, field
from .reasons import block_reason, stop_reason

NAMELESS = "unnamed"
"""What a call without a name is called where the service reads it again."""
_WORDS = frozenset({"text", "thought", "thoughtSignature"})
OBJECT = (dict, Mapping)  # dict first: decoded JSON is one, and the look at Mapping costs ten times as much
_Found: TypeAlias = tuple[Mapping[str, Any], Any]
"""A part, and the call in it."""


def parse_response(body: Any, *, adapter: str) -> Turn:
    """What one answer says.

    Raises BadResponse (retryable) for a body that is no generateContent answer, and the ProviderError of an error
    object in it, whose `turn` is what was said beside it.
    """
    if not isinstance(body, Mapping):
        raise bad(f"the body is {_show(body)}, not an object", adapter)
    if body.get("error") is not None:
        error = error_from_body(body["error"], adapter=adapter)
        with suppress(BadResponse):
            error.turn = parse_response({**body, "error": None}, adapter=adapter)
        raise error
    candidates = body.get("candidates")
    if not candidates:
        return _blocked(body, candidates, adapter)
    if not isinstance(candidates, list) or not isinstance(candidates[0], Mapping):
        raise bad(f"`candidates` is {_show(candidates)}", adapter)
    first: Mapping[str, Any] = candidates[0]
    content, sent = _content(first, adapter)
    doubts: list[str] = []
    if any(map(_is_piece, sent)):
        from .open_calls import joined  # loaded for those who stream, and for whole answers that are like a stream

        whole = stop_reason(field(first, "finishReason"), has_calls=True).kind in ("end", "calls")
        sent, doubts = joined(sent, cut=not whole)
        content = {**content, "parts": sent}
    parts = [part for part in sent if isinstance(part, OBJECT)]
    found = _called(parts)
    calls = seal(call_piece(call) for _, call in found)
    stop = stop_reason(field(first, "finishReason"), has_calls=bool(calls))
    told: tuple[str, ...] = ()
    if stop.kind == "none" and (reason := block_reason(body)) is not None:
        stop, told = StopReason("filtered", reason), _block_words(body, reason)  # in the middle of a stream
    return Turn(
        calls=calls,
        text=_text(parts),
        stop=stop,
        usage=usage(field(body, "usageMetadata")),
        replay=_replay(content, parts, found),
        warnings=(*_oddities(sent, found), *_warnings(first, len(candidates), stop), *told, *doubts),
        model=_word(field(body, "modelVersion")),
        response_id=_word(field(body, "responseId")),
    )


def _blocked(body: Mapping[str, Any], candidates: Any, adapter: str) -> Turn:
    reason = block_reason(body)
    if reason is None or candidates not in (None, []):
        raise bad(f"`candidates` is {_show(candidates)} and no reason is given{instead(body, 'candidates')}", adapter)
    return Turn(
        stop=StopReason("filtered", reason),
        usage=usage(field(body, "usageMetadata")),
        warnings=_block_words(body, reason),
        model=_word(field(body, "modelVersion")),
        response_id=_word(field(body, "responseId")),
    )


def _block_words(body: Mapping[str, Any], reason: str) -> tuple[str, ...]:
    message = _word(field(field(body, "promptFeedback"), "blockReasonMessage"))
    return (f"{reason}: {message}",) if message else ()


def _content(candidate: Mapping[str, Any], adapter: str) -> tuple[Mapping[str, Any], list[Any]]:
    content = candidate.get("content")
    if content is None:
        return {}, []
    if not isinstance(content, Mapping):
        raise bad(f"`content` is {_show(content)}, not an object", adapter)
    parts = content.get("parts")
    if parts is None:
        return content, []
    if not isinstance(parts, list) or (parts and not any(isinstance(part, Mapping) for part in parts)):
        raise bad(f"`content.parts` is {_show(parts)}, not a list of objects", adapter)
    return content, parts


def _is_piece(part: Any) -> bool:
    """Whether it is a piece of a call; what a stream put together, and was cut, is none: it has its arguments."""
    call = field(part, "functionCall") if isinstance(part, OBJECT) else None
    return isinstance(call, OBJECT) and (
        field(call, "partialArgs") is not None or (call.get("args") is None and field(call, "willContinue") is True)
    )


def _oddities(parts: list[Any], found: list[_Found]) -> Iterable[str]:
    for at, part in enumerate(parts):
        if not isinstance(part, OBJECT):
            yield f"parts[{at}] is {_show(part)}, not an object, and was skipped"
    for number, (_, call) in enumerate(found):
        if not isinstance(call, OBJECT):
            yield f"functionCall {number} is {_show(call)}, not an object"


def _replay(
    content: Mapping[str, Any], parts: list[Mapping[str, Any]], found: list[_Found]
) -> Mapping[str, Any] | None:
    """The content as it came: it carries signatures, which any change would break; None if it says nothing.

    Only a missing role is set, and what the service would not read again is left out or becomes a call that it does:
    it counts the calls, and wants as many answers.
    """
    calls = {id(part): call for part, call in found}
    kept = [
        _mended(part, calls[id(part)]) if id(part) in calls else part
        for part in parts
        if id(part) in calls or (field(part, "functionCall") is None and _says_something(part))
    ]
    if not kept:
        return None
    if len(kept) != len(content["parts"]) or any(new is not old for new, old in zip(kept, parts, strict=False)):
        content = {**content, "parts": kept}
    return content if content.get("role") else {**content, "role": "model"}


def _says_something(part: Mapping[str, Any]) -> bool:
    """Whether more is in it than an empty text, at which Vertex AI refuses the whole turn; a signature is more."""
    return any(value is not None and value != "" for key, value in part.items() if key != "thought")


def _mended(part: Mapping[str, Any], call: Any) -> Mapping[str, Any]:
    said = call if isinstance(call, OBJECT) else {}
    name, arguments = _word(said.get("name")), said.get("args")
    unread = {"willContinue"} if arguments is None or isinstance(arguments, OBJECT) else {"willContinue", "args"}
    if name and field(said, "willContinue") is None and "args" not in unread:
        return part
    rest = {key: value for key, value in part.items() if key not in ("functionCall", "function_call")}
    kept = {key: value for key, value in said.items() if camel(key) not in unread}
    return {**rest, "functionCall": {**kept, "name": name or NAMELESS}}


def _called(parts: Iterable[Mapping[str, Any]]) -> list[_Found]:
    """The parts that are calls, odd ones included; left out are empty ones beside text or other calls."""
    calls = [(part, call) for part in parts if (call := field(part, "functionCall")) is not None]
    real = [(part, call) for part, call in calls if not is_phantom(call)]
    return real if real or not calls or _text(parts) else calls


def is_phantom(call: Any) -> bool:
    return isinstance(call, OBJECT) and not call.get("name") and call.get("args") in (None, {})


def ends_in_call(parts: Iterable[Mapping[str, Any]]) -> bool:
    """Whether no words follow the last call."""
    said = [part for part in parts if field(part, "functionCall") is not None or _text([part])]
    return bool(said) and field(said[-1], "functionCall") is not None


def shows_something(parts: Iterable[Mapping[str, Any]]) -> bool:
    """Whether there is more than words and thoughts: an image, code that was run, a call of the service's own tools."""
    said = (key for part in parts if part.get("thought") is not True for key in part if part[key] is not None)
    return any(camel(key) not in _WORDS for key in said)


def read_calls(parts: Iterable[Mapping[str, Any]]) -> tuple[RawCall, ...]:
    """The calls among the parts of one content, in order, each with an id that is unique among them."""
    return seal(call_piece(call) for _, call in _called(parts))


def call_piece(call: Any) -> tuple[str | None, str, str]:
    """Id, name and arguments as JSON text; those of what is no call are the JSON of what came.

    The text of arguments that were to continue is left open, so that nobody takes them for all.
    """
    if not isinstance(call, OBJECT):
        return None, "", json_text(call)
    call_id, name = _word(call.get("id")), call.get("name")
    text = name if isinstance(name, str) else json_text(name) if name else ""
    arguments = arguments_text(call.get("args"))
    if field(call, "willContinue") is True:
        arguments = arguments[:-1]
    return (well_formed(call_id) if call_id else None), well_formed(text), arguments


def arguments_text(arguments: Any) -> str:
    """The arguments as JSON text, digits and key order as they came; absent ones are `{}`."""
    return "{}" if arguments is None else json_text(arguments)


def _text(parts: Iterable[Mapping[str, Any]]) -> str:
    return well_formed(
        "".join(text for part in parts if isinstance(text := part.get("text"), str) and part.get("thought") is not True)
    )


def _warnings(candidate: Mapping[str, Any], count: int, stop: StopReason) -> Iterable[str]:
    if count > 1:
        index = field(candidate, "index")
        yield f"{count} candidates came; only the first is read{f', number {index}' if index else ''}"
    message = field(candidate, "finishMessage")
    if message and stop.raw != "STOP":
        yield f"{stop.raw or 'no reason'}: {message if isinstance(message, str) else json_text(message)}"


def usage(data: Any) -> Usage:
    """Google's token counts.

    Google counts thoughts and the prompts of its own tools apart; here thoughts are part of `output_tokens` and tool
    prompts of `input_tokens`, so that both add up to `total_tokens`.
    """
    if not isinstance(data, Mapping):
        return Usage()
    thoughts = _count(data, "thoughtsTokenCount")
    sent = _count(data, "promptTokenCount") + _count(data, "toolUsePromptTokenCount")
    received = _count(data, "candidatesTokenCount") + thoughts
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=_count(data, "totalTokenCount") or sent + received,
        cache_read_tokens=_count(data, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
    )


def _count(data: Mapping[str, Any], name: str) -> int:
    return count_of(field(data, name))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def bad(what: str, adapter: str) -> BadResponse:
    return BadResponse(
        f"the answer is not what generateContent promises: {what}",
        adapter=adapter,
        hint="Check the base URL: a proxy or another service may have answered.",
    )


def _show(value: Any) -> str:
    return (
        "missing"
        if value is None
        else f"a {type(value).__name__} ({excerpt(str(value))[:80]!r})"
        if value
        else repr(value)
    )
