"""Faults of the shape of the answer and of the finish reason.

Knows answers as values; not transport, not Google's finish reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import SaidCall, Text, written
from toolfan_local.faults.fault import CHAT, EVERY, FILTERED, HTTP, LABS, OPENAI, PIECES, Dialect, Fault
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


def _with(**fields: Any) -> Callable[[JSON], JSON]:
    return lambda body: body | fields


def _incomplete(reason: str) -> JSON:
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def _finish(word: str, reason: str, calls: Callable[[Calls], Calls] = same) -> Payload:
    """This finish reason, that of an incomplete response, and the word that the other dialects spell alike."""
    other = {"length": "max_tokens"}.get(word, word)
    return Payload(
        calls,
        _choice(word),
        responses=_with(**_incomplete(reason)),
        anthropic=_with(stop_reason=other),
        bedrock=_with(stopReason=other),
        cohere=_with(finish_reason=other.upper()),
    )


def _length(calls: Callable[[Calls], Calls]) -> Payload:
    return _finish("length", "max_output_tokens", calls)


def _any(change: Callable[[JSON], Any]) -> Payload:
    return Payload(body=change, google=change, anthropic=change, responses=change, bedrock=change, cohere=change)


def _calls(value: Any) -> Payload:
    """A text, and this in the place of the calls."""

    def cohere(body: JSON) -> JSON:
        return body | {"message": body["message"] | {"tool_calls": value}}

    return Payload(none, _choice(tool_calls=value), cohere=cohere, text=SAID)


def _ended(stop: str, *content: JSON) -> Callable[[JSON], JSON]:
    """Bedrock's answer with this end and these blocks alone."""
    return _with(stopReason=stop, output={"message": {"role": "assistant", "content": [*content]}})


def _listed(entries: Any) -> Payload:
    return Payload(body=_with(choices=entries), anthropic=_with(content=entries), responses=_with(output=entries))


def _refused(body: JSON) -> JSON:
    message = {**body["output"][-1], "content": [{"type": "refusal", "refusal": REFUSAL}]}
    return body | {"output": [*body["output"][:-1], message]}


_FILTERED = _incomplete("content_filter")


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


_ZERO = "zero calls and the text"
_BAD = "BadResponse"

FAULTS = (
    _fault("text-only", "a text and no call", Payload(none, text=SAID), _ZERO, EVERY),
    _fault("null-tool-calls", "a text, null for the calls", _calls(None), _ZERO, CHAT),
    _fault("empty-tool-calls", "a text, no call in the list", _calls([]), _ZERO, CHAT),
    _fault("text-and-calls", "a text beside the calls", Payload(text=SAID), "both", EVERY),
    _fault(
        "stop-with-calls",
        "`stop` though there are calls",
        Payload(
            body=_choice("stop"),
            anthropic=_with(stop_reason="end_turn"),
            bedrock=_with(stopReason="end_turn"),
            cohere=_with(finish_reason="COMPLETE"),
        ),
        "accepted",
        ("openai", "anthropic", "bedrock", "cohere"),
    ),
    _fault("unknown-finish", "a finish reason nobody knows", _finish("astonished", "astonished"), "accepted", PIECES),
    _fault(
        "null-finish",
        "null for the finish reason",
        Payload(
            body=_choice(None),
            anthropic=_with(stop_reason=None),
            responses=_with(status=None),
            bedrock=_with(stopReason=None),
            cohere=_with(finish_reason=None),
        ),
        "accepted",
        PIECES,
    ),
    _fault("length-cut", "`length`, the last call cut", _length(last_cut), "TruncatedCall, rest kept", PIECES),
    _fault("length-whole", "`length`, all calls valid", _length(same), "kept, stop says length", PIECES),
    _fault(
        "content-filter",
        "`content_filter`, no call, no text",
        Payload(
            none,
            _choice("content_filter", content=None),
            anthropic=_with(stop_reason="refusal", content=[]),
            responses=_with(**_FILTERED, output=[]),
            bedrock=_ended("guardrail_intervened"),
        ),
        "ContentFiltered (Refused, where there is one word for both), not retried",
        FILTERED,
    ),
    _fault(
        "content-filter-one-call",
        "`content_filter` after the first call",
        Payload(
            only_first,
            _choice("content_filter"),
            anthropic=_with(stop_reason="refusal"),
            responses=_with(**_FILTERED),
            bedrock=_with(stopReason="content_filtered"),
        ),
        "ContentFiltered (Refused, where there is one word for both), the call visible",
        FILTERED,
    ),
    _fault(
        "refusal",
        "a refusal",
        Payload(
            none,
            _choice(refusal=REFUSAL, content=None),
            anthropic=_with(stop_reason="refusal", stop_details={"type": "refusal", "explanation": REFUSAL}),
            responses=_refused,
            bedrock=_ended("refusal", {"text": REFUSAL}),
        ),
        "Refused, never retried",
        FILTERED,
    ),
    _fault(
        "empty-choices", "no entry in the list of the answer", _listed([]), f"{_BAD}; no call, where it may be", LABS
    ),
    _fault("null-choices", "null for the list of the answer", _listed(None), _BAD, LABS),
    _fault("empty-object", "`{}`", _any(lambda _: {}), _BAD, HTTP),
    _fault(
        "null-message",
        "null for the message, or for an entry before the calls",
        Payload(
            body=_null_message,
            anthropic=lambda body: body | {"content": [None, *body["content"]]},
            responses=lambda body: body | {"output": [None, *body["output"]]},
            bedrock=_with(output={"message": None}),
            cohere=_with(message=None),
        ),
        f"{_BAD}; an entry is left out with a warning",
        PIECES,
    ),
    _fault("body-list", "a list", _any(lambda body: [body]), _BAD, HTTP),
    _fault("body-string", "a string", _any(lambda _: SAID), _BAD, HTTP),
    _fault(
        "error-in-200",
        "200 with an error object whose code is 503",
        Payload(
            body=lambda _: {"error": _ERROR},
            google=lambda _: {"error": {"code": 503, "message": _ERROR["message"], "status": "UNAVAILABLE"}},
            anthropic=lambda _: {"type": "error", "error": {"type": "overloaded_error", "message": _ERROR["message"]}},
            responses=_with(status="failed", error={"code": "server_error", "message": _ERROR["message"]}, output=[]),
            bedrock=lambda _: {"__type": "ServiceUnavailableException", "message": _ERROR["message"]},
            cohere=lambda _: {"error": _ERROR},
        ),
        "the ProviderError of its code",
        HTTP,
    ),
    _fault("second-choice", "two choices, the calls in the second", Payload(body=_second_choice), "a warning"),
    _fault(
        "usage-missing",
        "no usage",
        Payload(
            body=_without("usage"),
            google=_without("usageMetadata"),
            anthropic=_without("usage"),
            responses=_without("usage"),
            bedrock=_without("usage"),
            cohere=_without("usage"),
        ),
        "accepted",
        EVERY,
    ),
)

__all__ = ["FAULTS", "REFUSAL", "SAID", "last_cut", "none", "only_first", "same"]
