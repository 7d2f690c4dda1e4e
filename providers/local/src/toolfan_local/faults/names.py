"""Faults of names, ids and types of calls.

Knows calls as values and OpenAI's wrappers of them; not transport. The first call is the one that is damaged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import MISSING, SaidCall, Text
from toolfan_local.faults.fault import EVERY, HTTP, LABS, OPENAI, TYPED, Dialect, Fault
from toolfan_local.faults.payload import JSON, Payload, first

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.payload import Calls

UNKNOWN = "Nonsense"
WRAPPER = "multi_tool_use.parallel"


def _named(change: Callable[[str], Any]) -> Payload:
    def changed(call: SaidCall) -> None:
        call.name = change(call.name)

    return Payload(first(changed))


def _wrapped(wrapper: str) -> Payload:
    """All calls as the `tool_uses` of one call."""

    def changed(calls: Calls) -> Calls:
        uses = [{"recipient_name": f"functions.{call.name}", "parameters": call.arguments} for call in calls]
        return [SaidCall(wrapper, {"tool_uses": uses}, calls[0].id)]

    return Payload(changed)


def _no_type(call: SaidCall) -> None:
    call.more["type"] = MISSING


def _custom_calls(body: JSON) -> JSON:
    for call in body["choices"][0]["message"].get("tool_calls", [])[:1]:
        function = call.pop("function")
        call |= {"type": "custom", "custom": {"name": function["name"], "input": function["arguments"]}}
    return body


def _custom_items(body: JSON) -> JSON:
    for item in [item for item in body["output"] if item["type"] == "function_call"][:1]:
        item |= {"type": "custom_tool_call", "input": item.pop("arguments")}
    return body


def _legacy(body: JSON) -> JSON:
    message = body["choices"][0]["message"]
    if "tool_calls" in message:
        message["function_call"] = message.pop("tool_calls")[0]["function"]
        body["choices"][0]["finish_reason"] = "function_call"
    return body


def _ids(value: Any) -> Callable[[Calls], Calls]:
    def changed(calls: Calls) -> Calls:
        for call in calls:
            call.id = value
        return calls

    return changed


def _again(calls: Calls) -> Calls:
    one = calls[0]
    return [one, SaidCall(one.name, one.arguments, f"{one.id}_again", one.schema), *calls[1:]]


def _phantom(calls: Calls) -> Calls:
    return [*calls, SaidCall("", Text(""), f"{calls[0].id}_phantom")]


def _fault(
    name: str,
    text: str,
    play: Payload,
    expectation: str,
    dialects: tuple[Dialect, ...] = EVERY,
) -> Fault:
    return Fault(name, "4.2", text, dialects, expectation, play)


_CUSTOM = Payload(body=_custom_calls, responses=_custom_items)
_UNKNOWN_TOOL = "UnknownTool on that call, the others kept"
_IDS = "ids made up, the given ones kept beside"

FAULTS = (
    _fault("unknown-tool", "a tool that was not offered", _named(lambda _: UNKNOWN), _UNKNOWN_TOOL),
    _fault("wrong-case", "the name in the other case", _named(str.swapcase), _UNKNOWN_TOOL),
    _fault("null-name", "null for the name", _named(lambda _: None), _UNKNOWN_TOOL, HTTP),
    _fault("empty-name", "the empty name", _named(lambda _: ""), _UNKNOWN_TOOL),
    _fault("functions-prefix", "`functions.` before the name", _named("functions.{}".format), "stripped, recorded"),
    _fault("parallel-wrapper", f"all calls in one of `{WRAPPER}`", _wrapped(WRAPPER), "unwrapped, recorded"),
    _fault("bare-parallel-wrapper", "all calls in one of `parallel`", _wrapped("parallel"), "unwrapped, recorded"),
    _fault("type-missing", "a call without `type`", Payload(first(_no_type)), "read as a function", TYPED),
    _fault("type-custom", "a call of the type `custom`", _CUSTOM, "UnknownTool", ("openai", "responses")),
    _fault("legacy-function-call", "one call as `function_call`", Payload(body=_legacy), "read as one call", OPENAI),
    _fault("duplicate-ids", "the same id for all calls", Payload(_ids("call_same")), _IDS),
    _fault("missing-ids", "no ids", Payload(_ids(MISSING)), _IDS),
    _fault("null-ids", "null for every id", Payload(_ids(None)), _IDS, HTTP),
    _fault("same-call-twice", "the first call twice", Payload(_again), "kept; duplicate_of"),
    _fault(
        "phantom-call",
        "one more call with empty name and arguments, and a text",
        Payload(_phantom, text="Hm."),
        "dropped",
        LABS,
    ),
)
