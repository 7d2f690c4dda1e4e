"""The adapter `local` keeps the laws of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from toolfan import RateLimited, Unavailable, Usage
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_local import LocalAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def call(call_id: str, arguments: Any) -> dict[str, Any]:
    return {"id": call_id, "name": "Weather", "arguments": arguments}


def events(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stream of an answer: the text in two pieces, each call in an event of its own."""
    text = body.get("text")
    pieces = [] if text is None else [text] if not isinstance(text, str) else [text[:3], text[3:]]
    calls = body.get("calls") or []
    return [
        {key: body[key] for key in ("id", "model") if key in body},
        *({"text": piece} for piece in pieces),
        *({"calls": [one]} for one in calls),
        {**{key: body[key] for key in ("stop", "usage", "error") if key in body}, "end": True},
    ]


def sample(name: str, *, text: str | None = None, said: Sequence[dict[str, Any]] = (), stop: Any = "calls") -> Sample:
    usage = {"input": 12, "output": 34}
    body = {"id": "r1", "model": "toolfan-local", "calls": list(said), "text": text, "stop": stop, "usage": usage}
    return Sample(
        name=name,
        body=body,
        events=events(body),
        calls=[(one["name"], one["arguments"]) for one in said],
        ids=[one["id"] for one in said],
        text=text or "",
        stop=stop,
        usage=Usage(12, 34, 46),
    )


TWO = (
    call("call_a", {"location": "Zürich ☔", "units": "metric"}),
    call("call_b", {"location": "Dallas", "units": "imperial"}),
)


class TestLocal(AdapterConformance):
    adapter = LocalAdapter()
    stream_field = False
    samples = (
        sample("two calls", said=TWO),
        sample("calls and text", said=TWO, text="Let me look. ☂"),
        sample("a text", text="It rains.", stop="end"),
        sample("cut", said=(TWO[0], call("call_b", '{"location":"Dal')), stop="length"),
    )
    errors = (
        ErrorSample(name="down", error=Unavailable, body={"error": {"message": "down", "code": "unavailable"}}),
        ErrorSample(
            name="too fast",
            error=RateLimited,
            events=[{"text": "It"}, {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}],
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events(body)
