"""Faults of the shape of the answer and of the finish reason, in OpenAI's dialect.

Knows chat completions as values; not transport, not Google's dialect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import SaidCall, Text, written
from toolfan_local.faults.fault import OPENAI, Dialect, Fault
from toolfan_local.faults.payload import JSON, Payload, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.payload import Calls

ABSENT = object()
SAID = "I would rather say this in words."
REFUSAL = "I cannot help with that."
_ERROR = {"message": "The server had an error.", "type": "server_error", "param": None, "code": 503}


def none(_: Calls) -> Calls:
    """No call."""
    return []


def only_first(calls: Calls) -> Calls:
    """The first call alone."""
    return calls[:1]


def last_cut(calls: Calls) -> Calls:
    """The last call's arguments end in the middle, where a text can."""
    text = written(calls[-1].arguments)
    return [*calls[:-1], SaidCall(calls[-1].name, Text(text[: len(text) // 2]), calls[-1].id)]


def _choice(finish: Any = ABSENT, **message: Any) -> Callable[[JSON], JSON]:
    """Changes the first choice's finish reason and message."""

    def changed(body: JSON) -> JSON:
        choice = body["choices"][0]
        choice["message"] |= message
        if finish is not ABSENT:
            choice["finish_reason"] = finish
        return body

    return changed


def _without(key: str) -> Callable[[JSON], JSON]:
    return lambda body: {name: value for name, value in body.items() if name != key}


def _null_message(body: JSON) -> JSON:
    body["choices"][0]["message"] = None
    return body


def _second_choice(body: JSON) -> JSON:
    words = {"role": "assistant", "content": SAID, "refusal": None}
    only = body["choices"][0]
    before = {"index": 0, "message": words, "logprobs": None, "finish_reason": "stop"}
    return body | {"choices": [before, only | {"index": 1}]}


def _fault(name: str, text: str, play: Payload, expectation: str, dialects: tuple[Dialect, ...] = OPENAI) -> Fault:
    return Fault(name, "4.3", text, dialects, expectation, play)


_ALL: tuple[Dialect, ...] = ("openai", "google", "grpc")
_ZERO = "zero calls and the text"
_BAD = "BadResponse"

FAULTS = (
    _fault("text-only", "a text and no call", Payload(none, text=SAID), _ZERO, _ALL),
    _fault("null-tool-calls", "a text, null for the calls", Payload(none, _choice(tool_calls=None), text=SAID), _ZERO),
    _fault("empty-tool-calls", "a text, no call in the list", Payload(none, _choice(tool_calls=[]), text=SAID), _ZERO),
    _fault("text-and-calls", "a text beside the calls", Payload(text=SAID), "both", _ALL),
    _fault("stop-with-calls", "`stop` though there are calls", Payload(body=_choice("stop")), "accepted"),
    _fault("unknown-finish", "a finish reason nobody knows", Payload(body=_choice("astonished")), "accepted"),
    _fault("null-finish", "null for the finish reason", Payload(body=_choice(None)), "accepted"),
    _fault(
        "length-cut", "`length`, the last call cut", Payload(last_cut, _choice("length")), "TruncatedCall, rest kept"
    ),
    _fault("length-whole", "`length`, all calls valid", Payload(body=_choice("length")), "kept, stop says length"),
    _fault(
        "content-filter",
        "`content_filter`, no call, no text",
        Payload(none, _choice("content_filter", content=None)),
        "ContentFiltered, not retried",
    ),
    _fault(
        "content-filter-one-call",
        "`content_filter` after the first call",
        Payload(only_first, _choice("content_filter")),
        "ContentFiltered, the call visible",
    ),
    _fault("refusal", "a refusal", Payload(none, _choice(refusal=REFUSAL, content=None)), "Refused, never retried"),
    _fault("empty-choices", "no choice in the list", Payload(body=lambda body: body | {"choices": []}), _BAD),
    _fault("null-choices", "null for the choices", Payload(body=lambda body: body | {"choices": None}), _BAD),
    _fault("empty-object", "`{}`", Payload(body=lambda _: {}, google=lambda _: {}), _BAD, ("openai", "google")),
    _fault("null-message", "null for the message", Payload(body=_null_message), _BAD),
    _fault(
        "body-list", "a list", Payload(body=lambda body: [body], google=lambda body: [body]), _BAD, ("openai", "google")
    ),
    _fault("body-string", "a string", Payload(body=lambda _: SAID, google=lambda _: SAID), _BAD, ("openai", "google")),
    _fault(
        "error-in-200",
        "200 with an error object whose code is 503",
        Payload(
            body=lambda _: {"error": _ERROR},
            google=lambda _: {"error": {"code": 503, "message": _ERROR["message"], "status": "UNAVAILABLE"}},
        ),
        "the ProviderError of its code",
        ("openai", "google"),
    ),
    _fault("second-choice", "two choices, the calls in the second", Payload(body=_second_choice), "a warning"),
    _fault(
        "usage-missing", "no usage", Payload(body=_without("usage"), google=_without("usageMetadata")), "accepted", _ALL
    ),
)

__all__ = ["FAULTS", "REFUSAL", "SAID", "last_cut", "none", "only_first", "same"]
