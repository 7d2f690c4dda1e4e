"""The adapter `bedrock` keeps the laws of the protocol."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar

from bedrock_wire import answer, events, frames, use
from botocore.eventstream import EventStreamBuffer
from toolfan import RateLimited, RequestRejected, Usage
from toolfan.testing import AdapterConformance, ErrorSample, Sample
from toolfan_bedrock import ConverseAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNTED = Usage(145, 37, 182, cache_read_tokens=64)
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "They ask for two.", "signature": "c2lnbmVk"}}}
REDACTED = {"reasoningContent": {"redactedContent": "aGlkZGVu"}}
TWO = (
    use("tooluse_a", "Weather", {"location": "Zürich ☔", "units": "metric"}),
    use("tooluse_b", "Weather", {"location": "Dallas", "units": "imperial"}),
)
CALLED = [("Weather", block["toolUse"]["input"]) for block in TWO]
IDS = ["tooluse_a", "tooluse_b"]
CALLS: dict[str, Any] = {"calls": CALLED, "ids": IDS}
OLD = tuple(map(int, version("botocore").split(".")[:2])) < (1, 44)
UNREAD = "botocore before 1.44 leaves the timeout of one request unread; the client's own holds"

TOO_FAST = [*events(answer({"text": "It"}))[:2], {"throttlingException": {"message": "slow down"}}]


def sample(name: str, *blocks: dict[str, Any], reason: str = "tool_use", **said: Any) -> Sample:
    body = answer(*blocks, stop=reason)
    return Sample(name=name, body=body, stream_bytes=frames(events(body)), usage=COUNTED, **said)


class TestBedrock(AdapterConformance):
    adapter = ConverseAdapter()
    sdk = ("boto3", "botocore")
    key_variable = "AWS_ACCESS_KEY_ID"
    environment: ClassVar[Mapping[str, str]] = {"AWS_SECRET_ACCESS_KEY": "toolfan-secret"}
    broken_laws: ClassVar[Mapping[str, str]] = {"test_the_deadline_ends_a_request": UNREAD} if OLD else {}
    stream_field = False
    model_field = False
    settings: ClassVar[Mapping[str, Any]] = {"region": "us-east-1"}
    samples = (
        sample("two calls", *TWO, **CALLS),
        sample("calls and text", {"text": "Let me look. ☂"}, *TWO, **CALLS, text="Let me look. ☂"),
        sample("thoughts kept", THOUGHT, REDACTED, *TWO, **CALLS),
        sample("a text", {"text": "It rains."}, reason="end_turn", text="It rains.", stop="end"),
        sample("cut", TWO[0], reason="max_tokens", calls=CALLED[:1], ids=IDS[:1], stop="length"),
        sample("filtered", {"text": "Sorry."}, reason="guardrail_intervened", text="Sorry.", stop="filtered"),
    )
    errors = (
        ErrorSample(
            name="rejected",
            error=RequestRejected,
            body={"Error": {"Code": "ValidationException", "Message": "no such tool"}},
        ),
        ErrorSample(
            name="too fast",
            error=RateLimited,
            events=TOO_FAST,
            stream_bytes=frames(TOO_FAST),
        ),
    )

    def events_of(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return events(body)

    def decode(self, chunks: Sequence[bytes]) -> list[Mapping[str, Any]]:
        buffer = EventStreamBuffer()
        for chunk in chunks:
            buffer.add_data(chunk)
        return [{message.headers[":event-type"]: json.loads(message.payload)} for message in buffer]
