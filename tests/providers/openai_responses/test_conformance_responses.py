"""The adapter `openai-responses` keeps the laws of the protocol."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from responses_api import REASONING, called, custom, events_of, message, response
from toolfan import ContentFiltered, RateLimited, RequestRejected, Usage
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_openai_responses import ResponsesAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNTED = Usage(90, 30, 120, cache_read_tokens=64, cache_write_tokens=3, reasoning_tokens=12)
ARGUMENTS = [{"location": "Zürich ☔", "units": "metric"}, {"location": "Dallas", "units": "imperial"}]
TWO = [called("Weather", said, f"call_{at}") for at, said in enumerate(ARGUMENTS)]
CUT = called("Weather", '{"location":"Dal', "call_1", status="incomplete")
LENGTH = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def sample(name: str, *items: dict[str, Any], state: dict[str, Any] | None = None, **says: Any) -> Sample:
    body = response(*items, **(state or {}))
    lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events_of(body)]
    return Sample(name=name, body=body, stream_bytes="".join(lines).encode(), usage=COUNTED, **says)


def error(code: str) -> dict[str, Any]:
    return response(status="failed", error={"code": code, "message": "in the provider's words"})


BOTH: dict[str, Any] = {"calls": [("Weather", said) for said in ARGUMENTS], "ids": ["call_0", "call_1"]}


class TestOpenAIResponses(AdapterConformance):
    adapter = ResponsesAdapter()
    sdk = ("openai", "httpx", "httpx2")
    key_variable = "OPENAI_API_KEY"
    error_field = False
    samples = (
        sample("two calls", *TWO, **BOTH),
        sample(
            "reasoning, a text and calls", REASONING, message("Let me look. ☂"), *TWO, text="Let me look. ☂", **BOTH
        ),
        sample("a text", message("It rains."), text="It rains.", stop="end"),
        sample("a refusal", message(refusal="I will not."), refusal="I will not.", stop="end"),
        sample("a custom call", custom("code", "print()"), calls=[("code", "print()")], ids=["call_c"]),
        sample(
            "cut",
            TWO[0],
            CUT,
            state=LENGTH,
            calls=[("Weather", ARGUMENTS[0]), ("Weather", '{"location":"Dal')],
            ids=["call_0", "call_1"],
            stop="length",
        ),
    )
    errors = (
        ErrorSample(name="rejected", error=RequestRejected, body=error("invalid_prompt")),
        ErrorSample(name="filtered", error=ContentFiltered, body=error("image_content_policy_violation")),
        ErrorSample(
            name="too fast",
            error=RateLimited,
            events=[
                *events_of(response(message("It")))[:5],
                {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None},
            ],
        ),
        ErrorSample(
            name="failed on the way",
            error=RateLimited,
            events=[*events_of(response(*TWO))[:5], events_of(error("rate_limit_exceeded"))[-1]],
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events_of(dict(body))
