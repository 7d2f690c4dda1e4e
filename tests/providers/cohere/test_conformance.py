"""The adapter `cohere` keeps the laws of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohere_wire import answer, call, events, on_the_wire, text
from toolfan import Unavailable, Usage
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_cohere import CohereAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNTED = Usage(81, 37, 118, cache_read_tokens=64)
PLACES = ({"location": "Zürich ☔", "units": "metric"}, {"location": "Dallas", "units": "imperial"})
TWO = (call("weather_a", "Weather", PLACES[0]), call("weather_b", "Weather", PLACES[1]))
CALLS: dict[str, Any] = {"calls": [("Weather", place) for place in PLACES], "ids": ["weather_a", "weather_b"]}
CITED = [{"start": 0, "end": 2, "text": "It", "sources": [{"type": "tool", "id": "weather_a:0"}]}]

FAILED = [
    *events(answer(content=text("It")))[:3],
    {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "the model failed"}},
]


def sample(name: str, body: dict[str, Any], **said: Any) -> Sample:
    return Sample(name=name, body=body, stream_bytes=on_the_wire(events(body)), usage=COUNTED, **said)


class TestCohere(AdapterConformance):
    adapter = CohereAdapter()
    sdk = ("cohere", "httpx")
    key_variable = "CO_API_KEY"
    error_field = False
    samples = (
        sample("two calls", answer(*TWO), **CALLS),
        sample("calls and a plan", answer(*TWO, tool_plan="I will look twice. ☂"), **CALLS),
        sample("calls and text", answer(*TWO, content=text("Let me look. ☂")), **CALLS, text="Let me look. ☂"),
        sample(
            "thoughts kept",
            answer(*TWO, content=[{"type": "thinking", "thinking": "They ask for two."}, *text("So:")]),
            **CALLS,
            text="So:",
        ),
        sample(
            "a text",
            answer(finish="COMPLETE", content=text("It rains."), citations=CITED),
            text="It rains.",
            stop="end",
        ),
        sample(
            "cut",
            answer(TWO[0], call("weather_b", "Weather", '{"location":"Dal'), finish="MAX_TOKENS"),
            calls=[CALLS["calls"][0], ("Weather", '{"location":"Dal')],
            ids=CALLS["ids"],
            stop="length",
        ),
    )
    errors = (
        ErrorSample(name="failed", error=Unavailable, body={"id": "r-1", "message": "the model failed"}),
        ErrorSample(
            name="failed in a stream",
            error=Unavailable,
            events=FAILED,
            stream_bytes=on_the_wire(FAILED),
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events(body)
