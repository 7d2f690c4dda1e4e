"""Reading an answer of the Messages API.

Knows: the shape of the answer.  Must not know: requests, the SDK, validation of arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from toolfan.assembly.assembler import seal
from toolfan.calls import StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse
from toolfan.translation.statuses import error_from_body, instead
from toolfan.wire import UNDECODED, count_of, escaped, json_text, well_formed

# Source: `stop_reason` in the API reference and in the anthropic SDK 0.76 to 2.12.  The last four are those of chat
# completions, which gateways that put this API before such a server leave as they are.
STOP_KINDS: Mapping[str, StopKind] = {
    "end_turn": "end",
    "stop_sequence": "end",
    "tool_use": "calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",  # of the model, and of the service's filter, which stops an answer with the same word
    "pause_turn": "paused",
    "compaction": "paused",  # behind a summary of what was said before, where `pause_after_compaction` asks for it
    "stop": "end",
    "tool_calls": "calls",
    "length": "length",
    "content_filter": "filtered",
}

_CALL = ("id", "name", "input")
OBJECT = (dict, Mapping)  # dict first: decoded JSON is one, and the look at Mapping costs ten times as much


def parse_message(body: Any, *, adapter: str, phantoms: bool = True) -> Turn:
    """The turn in a message.

    Raises BadResponse for another shape, or the ProviderError of an error in the body, whose `turn` is what was said
    beside it.  Calls are the `tool_use` blocks; blocks of tools that run on the server are none, but part of the turn
    that is sent back.  Phantoms are left out, if there may be `phantoms`.
    """
    if not isinstance(body, OBJECT):
        _bad(adapter, f"the answer is {type(body).__name__}, not an object", instead(body, "content"))
    if body.get("error"):
        error = error_from_body(body["error"], adapter=adapter)
        with suppress(BadResponse):
            error.turn = parse_message({**body, "error": None}, adapter=adapter)
        raise error
    content = body.get("content")
    if not isinstance(content, list):
        _bad(adapter, "the answer has no list of content", instead(body, "content"))
    called = [block for block in content if is_call(block)]
    if phantoms and not all(block.get("name") for block in called):
        content = _without_phantoms(content)
        called = [block for block in content if is_call(block)]
    calls = seal(map(_piece, called))
    stop = stop_reason(body.get("stop_reason"), has_calls=bool(calls))
    waits = calls or stop.kind == "paused"
    return Turn(
        calls=calls,
        text=well_formed("".join(_text(block) for block in content)),
        stop=stop,
        usage=usage_of(body.get("usage")),
        refusal=_refusal(body),
        replay={"role": "assistant", "content": content, **(_container(body) if waits else {})},
        warnings=(*_warnings(content), *_paused(body)),
        model=_word(body.get("model")),
        response_id=_word(body.get("id")),
    )


def _container(body: Mapping[str, Any]) -> dict[str, str]:
    """The container that the server's own code ran in: what goes on with the turn must name it."""
    container = body.get("container")
    found = container.get("id") if isinstance(container, OBJECT) else container
    return {"container": found} if found and isinstance(found, str) else {}


def _bad(adapter: str, what: str, came: str = "") -> NoReturn:
    raise BadResponse(f"{what}, which is no message{came}", adapter=adapter, hint="Check the base URL.")


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def is_call(block: Any) -> bool:
    """Whether a content block calls a tool of the client's; one that has all of a call but the type is one, too."""
    if not isinstance(block, OBJECT):
        return False
    kind = block.get("type")
    return kind == "tool_use" or (
        kind is None and isinstance(block.get("name"), str) and all(key in block for key in _CALL)
    )


def is_phantom(block: Mapping[str, Any]) -> bool:
    """Whether a call has neither name nor arguments, as some servers send beside text or other calls."""
    given = block.get("input")
    if isinstance(given, str):
        return not block.get("name") and says_nothing(given.removeprefix(UNDECODED))
    return not block.get("name") and given in (None, {})


def says_nothing(text: str) -> bool:
    """Whether the text of arguments, which may be cut, has none."""
    return "".join(text.split()) in ("", "{", "{}")


def _without_phantoms(content: list[Any]) -> list[Any]:
    """The content without such calls; with them if it says nothing else."""
    left = [block for block in content if not (is_call(block) and is_phantom(block))]
    return left if any(is_call(block) or _text(block) for block in left) else content


def ends_in_call(content: Iterable[Any]) -> bool:
    """Whether no words follow the last call."""
    said = [block for block in content if is_call(block) or _text(block)]
    return bool(said) and is_call(said[-1])


def _piece(block: Mapping[str, Any]) -> tuple[str | None, str, str]:
    """Id, name and arguments as JSON text."""
    name = named(block.get("name"))
    return identified(block.get("id")), "" if name is None else name, arguments_of(block.get("input"))


def identified(call_id: Any) -> str | None:
    """The id of a call as a text, None where there is none."""
    return None if call_id is None else well_formed(call_id if isinstance(call_id, str) else json_text(call_id))


named = identified


def arguments_of(given: Any) -> str:
    """The arguments as JSON text; a text is JSON that someone has written already."""
    if isinstance(given, str) and not given.startswith(UNDECODED):
        return escaped(given)
    return "" if given is None else json_text(given)


def _text(block: Any) -> str:
    if not isinstance(block, OBJECT) or block.get("type") != "text":
        return ""
    return _word(block.get("text")) or ""


def stop_reason(reason: Any, *, has_calls: bool) -> StopReason:
    """The stop reason; `has_calls` tells what a mere end means."""
    if reason is None:
        return StopReason("none")
    raw = str(reason)
    kind = STOP_KINDS.get(raw, "other")
    return StopReason("calls" if kind == "end" and has_calls else kind, raw)


def _refusal(body: Mapping[str, Any]) -> str | None:
    """Why the model refused, where it says so: the words beside it are the text."""
    details = body.get("stop_details")
    said = details.get("explanation") or details.get("category") if isinstance(details, OBJECT) else None
    return well_formed(said) if isinstance(said, str) and body.get("stop_reason") == "refusal" else None


def _warnings(content: list[Any]) -> tuple[str, ...]:
    objects = [block for block in content if isinstance(block, OBJECT)]
    untyped = sum(not isinstance(block.get("type"), str) and not is_call(block) for block in objects)
    said = [left_out(odd)] if (odd := len(content) - len(objects)) else []
    if untyped:
        said.append(f"{untyped} blocks of the content have no type, and were left out")
    return tuple(said)


def _paused(body: Mapping[str, Any]) -> list[str]:
    if STOP_KINDS.get(str(body.get("stop_reason"))) != "paused":
        return []
    return ["the service paused its turn: send your messages and calls.reply(...) to let it go on, as run() does"]


def left_out(odd: int) -> str:
    """What is said of so many entries that are no blocks."""
    return f"{odd} entries of the content are no blocks, and were left out"


def usage_of(usage: Any) -> Usage:
    """Token counts; those of the cache, which the API counts beside the input, become part of it.

    So do those of a compaction, which only `iterations` tells; what another model cost (`advisor_message`) does not.
    """
    if not isinstance(usage, OBJECT):
        return Usage()
    told, rounds = [usage], usage.get("iterations")
    if isinstance(rounds, list):
        told += [one for one in rounds if isinstance(one, OBJECT) and one.get("type") == "compaction"]

    def total(key: str) -> int:
        return sum(_count(one, key) for one in told)

    read, written = total("cache_read_input_tokens"), total("cache_creation_input_tokens")
    sent, received = total("input_tokens") + read + written, total("output_tokens")
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=sent + received,
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(usage.get("output_tokens_details"), "thinking_tokens"),
    )


def _count(table: Any, key: str) -> int:
    value = table.get(key) if isinstance(table, OBJECT) else None
    return count_of(value)
