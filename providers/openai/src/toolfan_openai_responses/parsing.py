"""Reading a response of the Responses API.

Knows: the shape of the answer.  Must not know: requests, the SDK, validation of arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from toolfan.assembly.assembler import seal
from toolfan.calls import StopKind, StopReason, Turn, Usage
from toolfan.errors import BadResponse
from toolfan.translation.statuses import instead
from toolfan.wire import escaped, json_text, well_formed
from toolfan_openai.entries import is_phantom
from toolfan_openai.failures import error_of, error_told
from toolfan_openai.parsing import OBJECT, text_or_none
from toolfan_openai.usage import count

CALLS: Mapping[str, str] = {"function_call": "arguments", "custom_tool_call": "input"}
"""The types of items that are calls of the user's tools, and the field with what is called; all others are served by
the provider itself, or by what the user asked for in `extra_body`."""

# Of items that the user asked for in `extra_body`, those that the service does not run, unless their output is there.
_WAITING = frozenset({"apply_patch_call", "computer_call", "local_shell_call", "mcp_approval_request", "shell_call"})

# Source: `incomplete_details.reason` in OpenAI's API reference.
_STOPS: Mapping[str, StopKind] = {"max_output_tokens": "length", "content_filter": "filtered", "incomplete": "length"}
"""By the reason; where none is given, by the status."""


def parse_answer(body: Any, *, adapter: str) -> Turn:
    """The turn in a response.

    Raises BadResponse for another shape, or the ProviderError of a failed response, whose `turn` is what it said.  A
    call is never dropped for the status of the response or its own.
    """
    if not isinstance(body, OBJECT):
        _bad(adapter, f"the answer is {type(body).__name__}, not an object", instead(body, "output"))
    output, failed = body.get("output"), body.get("error") or body.get("status") == "failed"
    if failed:
        error = error_of(body.get("error") or "the response failed, without a reason", adapter=adapter)
        error.turn = _turn(body, output) if isinstance(output, list | tuple) else None
        raise error
    if not isinstance(output, list | tuple):
        if (told := error_told(body)) is not None:
            raise error_of(told, adapter=adapter)
        _bad(adapter, "the answer has no output", instead(body, "output"))
    return _turn(body, output)


def _turn(body: Mapping[str, Any], output: Sequence[Any]) -> Turn:
    items = [item for item in output if isinstance(item, OBJECT)]
    odd = len(output) - len(items)
    text, refusal = said(items)
    called = [item for item in items if kind_of(item)]
    if not all(item.get("name") for item in called):
        real = [item for item in called if not is_nobody(item)]
        if text or refusal or real:
            items, called = [item for item in items if not (kind_of(item) and is_nobody(item))], real
    calls = seal(map(piece_of, called))
    return Turn(
        calls=calls,
        text=text,
        stop=_stop_reason(body, has_calls=bool(calls)),
        usage=_usage(body.get("usage")),
        refusal=refusal,
        replay=items,
        warnings=tuple(_warnings(items, odd)),
        model=text_or_none(body.get("model")),
        response_id=text_or_none(body.get("id")),
    )


def _warnings(items: Sequence[Mapping[str, Any]], odd: int) -> Iterator[str]:
    """What is told of the items; `odd` is how many entries are none."""
    if odd:
        yield f"{odd} entries of the answer's output are no items and were left out"
    for kind in waiting(items):
        yield f"the service waits for your answer to its {kind}: it is no call of a tool, and stands in calls.raw"


def waiting(items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The types of the items that wait for an answer of the user's, which is none to a call."""
    given = {(str(item.get("type")), str(item.get("call_id"))) for item in items}
    for item in items:
        kind = str(item.get("type"))
        mine = kind in _WAITING or (kind == "tool_search_call" and item.get("execution") == "client")
        if mine and (f"{kind}_output", str(item.get("call_id"))) not in given:
            yield kind


def _bad(adapter: str, what: str, came: str = "") -> NoReturn:
    hint = "Check the base URL; servers that speak only chat completions are served by the adapter openai."
    raise BadResponse(f"{what}, which is no response of the Responses API{came}", adapter=adapter, hint=hint)


def kind_of(item: Mapping[str, Any]) -> str | None:
    """The type of an item that is a call, None for others; of one without a type what its fields say."""
    kind = item.get("type")
    if isinstance(kind, str):
        return kind if kind in CALLS else None
    return next((call for call, field in CALLS.items() if field in item and "call_id" in item), None)


def is_nobody(item: Mapping[str, Any]) -> bool:
    """Whether a call has neither name nor arguments, as some servers send beside text or other calls."""
    _, name, text = piece_of(item)
    return not name and is_phantom({"function": {"arguments": text}})


def given_id(item: Mapping[str, Any]) -> str | None:
    """The id by which a call is answered, as it came: `call_id`, not the `id` of the item."""
    call_id = item.get("call_id")
    return call_id if call_id is None else well_formed(call_id if isinstance(call_id, str) else json_text(call_id))


def piece_of(item: Mapping[str, Any]) -> tuple[str | None, str, str]:
    """Id, name and arguments of a call: JSON text, or the free text of a custom call."""
    name, arguments = item.get("name") or "", item.get(CALLS[kind_of(item) or ""])
    text = escaped(arguments) if isinstance(arguments, str) else "" if arguments is None else json_text(arguments)
    return given_id(item), well_formed(name if isinstance(name, str) else json_text(name)), text


def said(items: list[Any]) -> tuple[str, str | None]:
    """The text of the messages among the items, and the refusal if there is one."""
    texts, refusals = [], []
    for item in items:
        content = item.get("content") if item.get("type") == "message" else ()
        for part in content if isinstance(content, list | tuple) else ({"text": content},):
            if isinstance(part, Mapping):
                texts.append(text_or_none(part.get("text")) or "")
                refusals.append(text_or_none(part.get("refusal")) or "")
    return well_formed("".join(texts)), well_formed("".join(refusals)) or None


def _stop_reason(body: Mapping[str, Any], *, has_calls: bool) -> StopReason:
    status, details = body.get("status"), body.get("incomplete_details")
    if status is None:
        return StopReason("none")
    if status == "completed":
        return StopReason("calls" if has_calls else "end", status)
    reason = details.get("reason") if isinstance(details, OBJECT) else None
    raw = str(reason or status)
    return StopReason(_STOPS.get(raw, "other"), raw)


def _usage(usage: Any) -> Usage:
    if not isinstance(usage, OBJECT):
        return Usage()
    sent, received = count(usage, "input_tokens"), count(usage, "output_tokens")
    return Usage(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=count(usage, "total_tokens") or sent + received,
        cache_read_tokens=count(usage.get("input_tokens_details"), "cached_tokens"),
        cache_write_tokens=count(usage.get("input_tokens_details"), "cache_write_tokens"),
        reasoning_tokens=count(usage.get("output_tokens_details"), "reasoning_tokens"),
    )
