"""What happens when: one request whose calls run while it streams, and one request per call, measured.

The server's pace and the tools are made up, `SCRIPT` and `TOOL_SECONDS` say how; what is measured is real.

Knows: the public client, the clock.  Must not know: any provider, how times are drawn.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..calls import Call, TextDelta
from .output import outcome_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from ..client.sync_client import Client

FIRST_BYTE_SECONDS = 0.1
CALL_SECONDS = 0.1
TOOL_SECONDS = 0.15

_PARALLEL, _SINGLE = "all-calls-in-one-answer", "one-call-an-answer"  # models
_PACE = {"first_byte": FIRST_BYTE_SECONDS, "call": CALL_SECONDS}
_CALLS: list[dict[str, Any]] = [
    {"name": "Weather", "arguments": {"location": "Toronto", "units": "metric"}},
    {"name": "Weather", "arguments": {"location": "Dallas", "units": "imperial"}},
    {"name": "GoogleSearch", "arguments": {"query": "who won the super bowl"}},
]
SCRIPT: dict[str, Any] = {
    "otherwise": "planner",
    "answers": [
        # The text is there to be seen: with it the answer begins.
        {"model": _PARALLEL, "text": "Looking.", "calls": _CALLS, "pace": _PACE, "times": "always"},
        *({"model": _SINGLE, "calls": [call], "pace": _PACE} for call in _CALLS),
    ],
}
"""For the server: what the models of the two measurements say, and how fast."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time, in seconds from the first request."""

    kind: Literal["request", "call", "tool"]
    label: str
    start: float
    end: float


def in_one_request(client: Client, asked: dict[str, Any]) -> list[Span]:
    """The request up to its first byte, each call up to its sealing, each tool: it starts when its call is sealed."""
    clock = _clock()
    spans: list[Span] = []
    running: list[Future[Span]] = []
    with ThreadPoolExecutor() as pool, client.stream(**asked, model=_PARALLEL) as stream:
        for event in stream.events():
            now = clock()
            if not spans:
                spans.append(Span("request", "request to first byte", 0.0, now))
            if isinstance(event, TextDelta):
                continue
            spans.append(Span("call", f"call {outcome_text(event)}", spans[-1].end, now))
            if isinstance(event, Call):
                running.append(pool.submit(_run, event, clock))
    return [*spans, *(future.result() for future in running)]


def one_by_one(client: Client, asked: dict[str, Any]) -> list[Span]:
    """The same calls, each in a request of its own, which is sent when the one before was answered with its result."""
    clock = _clock()
    spans: list[Span] = []
    messages = list(asked["messages"])
    once: dict[str, Any] = {**asked, "messages": messages, "model": _SINGLE, "parallel": False}
    for _ in _CALLS:
        began = clock()
        calls = client.create(**once)
        spans.append(Span("request", "request", began, clock()))
        spans += [_run(call, clock) for call in calls.good]
        messages += calls.reply({call.id: "done" for call in calls.good})
    return spans


def by_call(spans: list[Span]) -> Iterator[Span]:
    """The spans of `in_one_request`, each call followed by its tool."""
    tools = iter([span for span in spans if span.kind == "tool"])
    for span in spans:
        if span.kind != "tool":
            yield span
        if span.kind == "call":
            yield from (tool for tool in [next(tools, None)] if tool)


def total(spans: list[Span]) -> float:
    """Seconds until the last of them has ended."""
    return max((span.end for span in spans), default=0.0)


def count(spans: list[Span]) -> int:
    """How many tools ran."""
    return sum(span.kind == "tool" for span in spans)


def _clock() -> Callable[[], float]:
    began = time.perf_counter()
    return lambda: time.perf_counter() - began


def _run(call: Call[Any], clock: Callable[[], float]) -> Span:
    began = clock()
    time.sleep(TOOL_SECONDS)  # it stands for a tool
    return Span("tool", f"tool {call.name}", began, clock())
