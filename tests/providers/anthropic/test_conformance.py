"""The adapter `anthropic` keeps the laws of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anthropic_samples import COUNTED, events, message, on_the_wire, text, tool_use
from toolfan import RateLimited, Unavailable
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_anthropic import MessagesAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ZURICH = {"location": "Zürich ☔", "units": "metric"}
DALLAS = {"location": "Dallas", "units": "imperial"}
TWO = (tool_use("toolu_a", "Weather", ZURICH), tool_use("toolu_b", "Weather", DALLAS))
CALLED: dict[str, Any] = {"calls": [("Weather", ZURICH), ("Weather", DALLAS)], "ids": ["toolu_a", "toolu_b"]}
THOUGHT = {"type": "thinking", "thinking": "They ask for two.", "signature": "c2lnbmF0dXJl"}
SEARCHED = (
    tool_use("srvtoolu_1", "web_search", {"query": "toronto"}) | {"type": "server_tool_use"},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result"}]},
)
CITED = {"type": "text", "text": "It rains.", "citations": [{"type": "char_location", "cited_text": "rain"}]}

TOO_FAST = [
    *events(message(text("It")))[:4],
    {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}},
]


def sample(name: str, *content: dict[str, Any], stop_reason: str = "tool_use", **said: Any) -> Sample:
    details = {"stop_details": said.pop("details")} if "details" in said else {}
    body = message(*content, stop=stop_reason, **details)
    return Sample(name=name, body=body, stream_bytes=on_the_wire(events(body)), usage=COUNTED, **said)


class TestAnthropic(AdapterConformance):
    adapter = MessagesAdapter()
    sdk = ("anthropic", "httpx", "httpx2")
    key_variable = "ANTHROPIC_API_KEY"
    always_sent = ("max_tokens",)
    samples = (
        sample("two calls", *TWO, **CALLED),
        sample("calls and text", text("Let me look. ☂"), *TWO, **CALLED, text="Let me look. ☂"),
        sample("thought", THOUGHT, {"type": "redacted_thinking", "data": "c2VjcmV0"}, *TWO, **CALLED),
        sample("searched", *SEARCHED, text("Found."), *TWO, **CALLED, text="Found."),
        sample("ended with calls", *TWO, stop_reason="end_turn", **CALLED),
        sample("nothing to say", tool_use("toolu_c", "Empty", {}), calls=[("Empty", {})], ids=["toolu_c"]),
        sample("a text", CITED, stop_reason="end_turn", text="It rains.", stop="end"),
        sample("stopped", text("It"), stop_reason="stop_sequence", text="It", stop="end"),
        sample("paused", *SEARCHED, stop_reason="pause_turn", stop="paused"),
        sample(
            "refused",
            text("I"),
            stop_reason="refusal",
            details={"type": "refusal", "category": "cyber", "explanation": "It could do harm."},
            text="I",
            stop="refused",
            refusal="It could do harm.",
        ),
        sample(
            "cut", TWO[0], text("And"), stop_reason="max_tokens", calls=CALLED["calls"][:1], text="And", stop="length"
        ),
    )
    errors = (
        ErrorSample(
            name="overloaded",
            error=Unavailable,
            body={"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"},
        ),
        ErrorSample(
            name="too fast",
            error=RateLimited,
            events=TOO_FAST,
            stream_bytes=on_the_wire(TOO_FAST),
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events(body)
