"""Reading an answer of Converse.

Knows: the shape of the answer.  Must not know: requests, the SDK, validation of arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.assembly.assembler import seal
from toolfan.calls import StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse
from toolfan.translation.statuses import instead
from toolfan.wire import count_of, escaped, json_text, well_formed

from .failures import error_told

if TYPE_CHECKING:
    from toolfan.calls import RawCall

# Source: the shape StopReason in botocore's model of bedrock-runtime; "refusal" is Claude's own word.
STOP_KINDS: Mapping[str, StopKind] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "filtered",
    "content_filtered": "filtered",
    "malformed_model_output": "malformed",
    "malformed_tool_use": "malformed",
    "refusal": "refused",
}


def parse_converse(body: Any, *, adapter: str) -> Turn:
    """The turn in an answer of Converse.

    Raises BadResponse for another shape, or the ProviderError of an error that stands in its place, or beside it: then
    its `turn` is what was said.  Calls of the server's own tools are no calls; they stay in the replay.
    """
    if not isinstance(body, Mapping):
        _bad(adapter, f"the answer is {type(body).__name__}, not an object", instead(body, "output"))
    if (failure := error_told(body, adapter=adapter)) is not None:
        if body.get("output"):
            with suppress(BadResponse):
                failure.turn = parse_converse({**body, "Error": None, "error": None}, adapter=adapter)
        raise failure
    output = body.get("output")
    message = output.get("message") if isinstance(output, Mapping) else None
    if not isinstance(message, Mapping):
        _bad(adapter, "the answer has no output.message", instead(body, "output"))
    content = message.get("content")
    if not (content is None or isinstance(content, list | tuple)):
        _bad(adapter, f"the content of the answer is {type(content).__name__}, not a list")
    calls = seal(_piece(block["toolUse"]) for block in content or () if is_call(block))
    return turn_of(body, message, calls, odd=sum(map(_is_odd, content or ())))


def turn_of(body: Mapping[str, Any], message: Mapping[str, Any], calls: Sequence[RawCall], *, odd: int) -> Turn:
    """The turn with these calls; `odd`: how many blocks of the content could not be read."""
    return Turn(
        calls=tuple(calls),
        text=text_of(message.get("content") or ()),
        stop=stop_reason(body.get("stopReason"), has_calls=bool(calls)),
        usage=usage_of(body.get("usage")),
        replay=message,
        warnings=(f"{odd} entries of the content are no blocks, and were left out",) if odd else (),
    )


def _bad(adapter: str, what: str, came: str = "") -> NoReturn:
    raise BadResponse(f"{what}, which is no answer of Converse{came}", adapter=adapter, hint="Check endpoint_url.")


def _is_odd(block: Any) -> bool:
    """Whether nothing can be read from the entry: it is no object, empty, or a call that is null."""
    return not isinstance(block, Mapping) or all(value is None for value in block.values())


def is_call(block: Any) -> bool:
    """Whether the block calls a tool of ours; the server's own tools are called by `server_tool_use`."""
    use = block.get("toolUse") if isinstance(block, Mapping) else None
    return use is not None and not (isinstance(use, Mapping) and use.get("type") == "server_tool_use")


def ends_in_call(content: Sequence[Any]) -> bool:
    """Whether no words follow the last call."""
    said = [block for block in content if is_call(block) or text_of([block])]
    return bool(said) and is_call(said[-1])


def _piece(use: Any) -> tuple[str | None, str, str]:
    """Id, name and arguments as JSON text."""
    if not isinstance(use, Mapping):
        return None, "", json_text(use)
    call_id, name, given = use.get("toolUseId"), use.get("name") or "", use.get("input")
    if call_id is not None:
        call_id = well_formed(call_id if isinstance(call_id, str) else json_text(call_id))
    text = escaped(given) if isinstance(given, str) else "" if given is None else json_text(given)
    return call_id, well_formed(name if isinstance(name, str) else json_text(name)), text


def text_of(content: Sequence[Any]) -> str:
    """The text beside the calls; reasoning is none of it."""
    texts = []
    for block in content:
        if not isinstance(block, Mapping):
            continue
        cited = block.get("citationsContent")
        parts = cited.get("content") if isinstance(cited, Mapping) else None
        for part in (block, *(parts if isinstance(parts, list | tuple) else ())):
            if isinstance(part, Mapping) and isinstance(part.get("text"), str):
                texts.append(part["text"])
    return well_formed("".join(texts))


def stop_reason(reason: Any, *, has_calls: bool) -> StopReason:
    """The stop reason; `has_calls` tells what a mere end means."""
    if reason is None:
        return StopReason("none")
    kind = STOP_KINDS.get(str(reason), "other")
    return StopReason("calls" if kind == "end" and has_calls else kind, str(reason))


def usage_of(usage: Any) -> Usage:
    """Token counts; those of the cache, which Converse counts beside the input, become part of it."""
    read, written = _count(usage, "cacheReadInputTokens"), _count(usage, "cacheWriteInputTokens")
    sent, received = _count(usage, "inputTokens") + read + written, _count(usage, "outputTokens")
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=_count(usage, "totalTokens") or sent + received,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )


def _count(table: Any, key: str) -> int:
    value = table.get(key) if isinstance(table, Mapping) else None
    return count_of(value)
