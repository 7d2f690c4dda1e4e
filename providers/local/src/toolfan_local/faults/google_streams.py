"""Faults of Google's streams: calls over chunks, arguments in pieces, and a framing that was not asked for.

Knows generateContent's events as values, and the two framings; not sockets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolfan_local.faults.answers import SaidCall, good_calls
from toolfan_local.faults.arguments import repeated
from toolfan_local.faults.fault import GOOGLE, Dialect, Fault
from toolfan_local.faults.google_form import SIGNATURE, body
from toolfan_local.faults.stage import Stage
from toolfan_local.faults.streaming import Streaming
from toolfan_local.google_partials import in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolfan_local.faults.asking import Asked
    from toolfan_local.faults.payload import Calls
    from toolfan_local.faults.streaming import Events

JSON = dict[str, Any]


def _three(calls: Calls) -> Calls:
    return repeated(calls, max(3, len(calls)))


def _one_chunk(asked: Asked, _: Events) -> Events:
    return [body(asked, good_calls(asked))]


def _call_events(asked: Asked, call: SaidCall, place: int, *, terminal: bool) -> Iterator[JSON]:
    opening = {"name": call.name, "willContinue": True} | ({"id": call.id} if asked.ids else {})
    signed = {"thoughtSignature": SIGNATURE} if place == 0 else {}
    yield _event(asked, {"functionCall": opening} | signed)
    for piece in in_pieces(call.arguments) or []:
        yield _event(asked, {"functionCall": {"partialArgs": [piece], "willContinue": True}})
    if terminal:
        yield _event(asked, {"functionCall": {}})


def _event(asked: Asked, part: JSON) -> JSON:
    candidate = {"index": 0, "content": {"role": "model", "parts": [part]}}
    return {"candidates": [candidate], "modelVersion": asked.model, "responseId": f"response-{asked.turn}"}


def _partials(*, terminal: bool = True) -> Callable[[Asked, Events], Events]:
    """The arguments in pieces; without `terminal` nothing closes the last call but the end of the stream."""

    def changed(asked: Asked, events: Events) -> Events:
        calls = good_calls(asked)
        if not calls:
            return events
        made: Events = []
        for place, call in enumerate(calls):
            made += _call_events(asked, call, place, terminal=terminal or place < len(calls) - 1)
        usage = events[-1]["usageMetadata"]
        return [*made, {"candidates": [{"index": 0, "finishReason": "STOP"}], "usageMetadata": usage}]

    return changed


def _partials_cut(asked: Asked, events: Events) -> Events:
    """The arguments in pieces; the last piece of the last call and all that follows are missing."""
    made = _partials()(asked, events)
    return made[:-3] if good_calls(asked) else made[:-1]


def _framed_as(framing: Any) -> Callable[[Stage], None]:
    def play(stage: Stage) -> None:
        if stage.asked.stream:
            stage = Stage(replace(stage.asked, framing=framing), stage.wire, stage.pace)
        stage.good()

    return play


def _fault(
    name: str, text: str, play: Any, expectation: str = "all calls", dialects: tuple[Dialect, ...] = ("google", "grpc")
) -> Fault:
    return Fault(name, "6", text, dialects, expectation, play)


_CUT = "IncompleteStream, the closed calls kept"

FAULTS = (
    _fault("google-calls-over-chunks", "three calls or more, one in each chunk", Streaming(calls=_three)),
    _fault("google-calls-in-one-chunk", "all calls in one chunk", Streaming(_one_chunk)),
    _fault("google-partial-args", "arguments in pieces (partialArgs)", Streaming(_partials())),
    _fault(
        "google-partial-args-no-terminal",
        "the same, the last call not closed before STOP",
        Streaming(_partials(terminal=False)),
        "closed by the end of the stream",
    ),
    _fault("google-partial-args-cut", "the same, cut inside the last call", Streaming(_partials_cut, done=False), _CUT),
    _fault("google-array-for-sse", "a JSON array where events were asked", _framed_as("array"), "read", GOOGLE),
    _fault("google-sse-for-array", "events where a JSON array was asked", _framed_as("sse"), "read", GOOGLE),
)
