"""Reading an answer of Cohere's v2 chat.

Knows: the shape of the answer.  Must not know: requests, the SDK, validation of arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from toolfan.assembly.assembler import seal
from toolfan.calls import StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse, Unavailable
from toolfan.translation.statuses import error_from_body, instead, provider_words
from toolfan.wire import count_of, escaped, json_text, well_formed

if TYPE_CHECKING:
    from toolfan.calls import RawCall
    from toolfan.errors import ProviderError

# Source: `finish_reason` in Cohere's API reference.
STOP_KINDS: Mapping[str, StopKind] = {
    "COMPLETE": "end",
    "STOP_SEQUENCE": "end",
    "TOOL_CALL": "calls",
    "MAX_TOKENS": "length",
}
# Cohere's errors have words and no code.  Source: its pages on errors and on HTTP status codes.
_WORDS = (
    (re.compile(r"invalid api (token|key)|no api key", re.IGNORECASE), 401),
    (re.compile(r"payment method", re.IGNORECASE), 402),
    (re.compile(r"trial key|rate limit|too many requests", re.IGNORECASE), 429),
)
_FAILURES = ("ERROR", "TIMEOUT")


def parse_chat(body: Any, *, adapter: str) -> Turn:
    """The turn in an answer.

    Raises BadResponse for another shape, or the ProviderError of an error that stands in its place, or that ended it
    (then its `turn` is what was said).  The model's `tool_plan` and its thoughts are in the replay, not in the text.
    """
    if not isinstance(body, Mapping):
        _bad(adapter, f"the answer is {type(body).__name__}, not an object", instead(body, "message"))
    message = body.get("message")
    if body.get("error") or (isinstance(message, str) and message):  # errors have a text there
        error = error_told(body, adapter=adapter)
        if isinstance(message, Mapping):
            with suppress(BadResponse):
                error.turn = parse_chat({**body, "error": None}, adapter=adapter)
        raise error
    if not isinstance(message, Mapping):
        _bad(adapter, "the answer has no message", instead(body, "message"))
    turn = turn_of(body, message, seal(map(_piece, called(message))))
    if (failure := failure_of(turn, adapter)) is not None:
        raise failure
    return turn


def error_told(body: Mapping[str, Any], *, adapter: str) -> ProviderError:
    """The error of a body, or an event, that is one: of its code, or of words for which Cohere has a status."""
    told = body.get("error")
    told = body if not told or isinstance(told, bool) else told
    error = error_from_body(told, adapter=adapter)
    if error.status is None and (status := next((one for words, one in _WORDS if words.search(error.message)), None)):
        return error_from_body({"message": provider_words(told), "code": status}, adapter=adapter)
    return error


def failure_of(turn: Turn, adapter: str) -> Unavailable | None:
    """The error of an answer whose finish reason is a failure of the provider's; None for other reasons."""
    reason = turn.stop.raw
    if reason is None or reason.upper() not in _FAILURES:
        return None
    what = f"the answer ended with {reason}, an error of the provider's, which does not say more"
    return Unavailable(what, adapter=adapter, hint="The same request may succeed later.", turn=turn)


def turn_of(body: Mapping[str, Any], message: Mapping[str, Any], calls: Sequence[RawCall]) -> Turn:
    """The turn with these calls."""
    response_id = body.get("id")
    return Turn(
        calls=tuple(calls),
        text=_text(message.get("content")),
        stop=stop_reason(body.get("finish_reason"), has_calls=bool(calls)),
        usage=usage_of(body.get("usage")),
        replay=message,
        response_id=response_id if isinstance(response_id, str) else None,
    )


def _bad(adapter: str, what: str, came: str = "") -> NoReturn:
    raise BadResponse(f"{what}, which is no answer of v2 chat{came}", adapter=adapter, hint="Check the base URL.")


def called(message: Mapping[str, Any]) -> Sequence[Any]:
    """The entries of the message that are calls, odd ones included."""
    sent = message.get("tool_calls")
    return sent if isinstance(sent, list | tuple) else (sent,) if sent else ()


def _piece(entry: Any) -> tuple[str | None, str, str]:
    """Id, name and arguments as JSON text."""
    if not isinstance(entry, Mapping):
        return None, "", json_text(entry)
    call_id, function = entry.get("id"), entry.get("function")
    if call_id is not None:
        call_id = well_formed(call_id if isinstance(call_id, str) else json_text(call_id))
    if not isinstance(function, Mapping):
        return call_id, "", json_text(entry)
    name, given = function.get("name") or "", function.get("arguments")
    text = escaped(given) if isinstance(given, str) else "" if given is None else json_text(given)
    return call_id, well_formed(name if isinstance(name, str) else json_text(name)), text


def _text(content: Any) -> str:
    if isinstance(content, str):
        return well_formed(content)
    parts = content if isinstance(content, list | tuple) else ()
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") in (None, "text")]
    return well_formed("".join(text for text in texts if isinstance(text, str)))


def stop_reason(reason: Any, *, has_calls: bool) -> StopReason:
    """The finish reason; `has_calls` tells what a mere end means."""
    if reason is None:
        return StopReason("none")
    kind = STOP_KINDS.get(str(reason).upper(), "other")
    return StopReason("calls" if kind == "end" and has_calls else kind, str(reason))


def usage_of(usage: Any) -> Usage:
    """Token counts as Cohere reports them; those that are billed where it tells no others."""
    table = usage if isinstance(usage, Mapping) else {}
    tokens = table.get("tokens") or table.get("billed_units")
    sent, received = _count(tokens, "input_tokens"), _count(tokens, "output_tokens")
    return Usage(sent, received, sent + received, cache_read_tokens=_count(table, "cached_tokens"))


def _count(table: Any, key: str) -> int:
    value = table.get(key) if isinstance(table, Mapping) else None
    return count_of(value)
