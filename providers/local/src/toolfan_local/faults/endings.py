"""Faults of a stream's end: streams that stop too early, say nothing, or end with an error.

Knows events as values; not bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan_local.exchange import Failure
from toolfan_local.faults.answers import written
from toolfan_local.faults.fault import HTTP, OPENAI, TYPED, Dialect, Fault
from toolfan_local.faults.openai_form import DONE, delta_event
from toolfan_local.faults.stage import FORMS
from toolfan_local.faults.streaming import Streaming, after_first_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.streaming import Events

_DOWN = {"message": "The server had an error.", "type": "server_error", "param": None, "code": 503}
_LIMIT = Failure(429, "Rate limit reached.", code="rate_limit_exceeded")
_OVERLOADED = Failure(503, "The server had an error.", code="server_error")
_LIMITED = {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}


def _no_finish(asked: Asked, events: Events) -> Events:
    if asked.dialect == "google":
        del events[-1]["candidates"][0]["finishReason"]
        return events
    if asked.dialect == "anthropic":
        return [event for event in events if event["type"] != "message_delta"]
    if asked.dialect == "responses":  # its last event is the end: so do servers that end all streams alike
        return [*events[:-1], DONE]
    if asked.dialect == "bedrock":
        return [event if "messageStop" not in event else {"messageStop": {}} for event in events]
    if asked.dialect == "cohere":
        return [event for event in events if event["type"] != "message-end"]
    return [event for event in events if not event["choices"] or not event["choices"][0]["finish_reason"]]


def _cut_in_arguments(asked: Asked, events: Events) -> Events:
    """Up to the last piece of the last call; where calls come whole, the text of the last one is cut."""
    form = FORMS[asked.dialect]
    last = max((place for place, event in enumerate(events) if form.carries_call(event)), default=0)
    if asked.dialect != "google":
        return events[:last]
    text = written(events[last])
    return [*events[:last], text[: len(text) // 2]]


def _cut_after_first(asked: Asked, events: Events) -> Events:
    return events[: after_first_call(FORMS[asked.dialect], events)]


def _cut_before_first(asked: Asked, events: Events) -> Events:
    return events[:1] if asked.dialect != "google" else []


def _error(error: Any, *, first: bool = False) -> Callable[[Asked, Events], Events]:
    """An error object after the first call, or before everything."""

    def changed(asked: Asked, events: Events) -> Events:
        form, event = FORMS[asked.dialect], {"error": error}
        if asked.dialect == "google":
            event = form.failure(Failure(429 if first else 503, "The service ended the stream."))
        elif asked.dialect != "openai" and isinstance(error, dict):
            event = form.error_event(_LIMIT if first else _OVERLOADED)
        return [*([] if first else _cut_after_first(asked, events)), event]

    return changed


def _error_in_choice(asked: Asked, events: Events) -> Events:
    event = delta_event(asked.model, {}, "error")
    event["choices"][0]["error"] = {"code": 502, "message": "Provider returned error"}
    return [*_cut_after_first(asked, events), event]


def _failed(asked: Asked, events: Events) -> Events:
    if asked.dialect == "openai":
        return _error_in_choice(asked, events)
    failed = events[-1]["response"] | {
        "status": "failed",
        "error": {"code": "server_error", "message": _OVERLOADED.message},
    }
    return [*_cut_after_first(asked, events), {"type": "response.failed", "response": failed | {"output": []}}]


def _only_done(asked: Asked, events: Events) -> Events:
    return events[-1:] if asked.dialect == "anthropic" else [DONE] if asked.dialect == "responses" else []


def _none(_: Asked, __: Events) -> Events:
    return []


def _fault(name: str, text: str, play: Streaming, expectation: str, dialects: tuple[Dialect, ...] = HTTP) -> Fault:
    return Fault(name, "3", text, dialects, expectation, play)


_CUT = "IncompleteStream, the closed calls kept"
_BY_CODE = "the ProviderError of its code, the closed calls kept"

FAULTS = (
    _fault("sse-no-done", "a finish reason but no `[DONE]`", Streaming(done=False), "good", OPENAI),
    _fault("sse-done-without-finish", "the sign of the end, but no finish reason", Streaming(_no_finish), "a warning"),
    _fault(
        "sse-cut-in-arguments", "ends inside the last call's arguments", Streaming(_cut_in_arguments, done=False), _CUT
    ),
    _fault("sse-cut-after-first-call", "ends after the first call", Streaming(_cut_after_first, done=False), _CUT),
    _fault(
        "sse-cut-before-first-call",
        "ends before the first call",
        Streaming(_cut_before_first, done=False),
        "retried; IncompleteStream",
    ),
    _fault("sse-empty-body", "no event at all", Streaming(_none, done=False), "retried; IncompleteStream"),
    _fault("sse-only-done", "the sign of the end alone", Streaming(_only_done), "retried; IncompleteStream", TYPED),
    _fault(
        "sse-error-object",
        "an error object with the code 503 after the first call",
        Streaming(_error(_DOWN), done=False),
        _BY_CODE,
    ),
    _fault(
        "sse-error-string",
        "an error that is a text, after the first call",
        Streaming(_error("The server had an error."), done=False),
        _BY_CODE,
        TYPED,
    ),
    _fault(
        "sse-error-first",
        "an error object with the code for 429 before everything",
        Streaming(_error(_LIMITED, first=True), done=False),
        "retried; RateLimited",
    ),
    _fault(
        "sse-error-in-choice",
        "an error in the choice, `error` as the finish reason; a response that failed",
        Streaming(_failed),
        _BY_CODE,
        ("openai", "responses"),
    ),
)
