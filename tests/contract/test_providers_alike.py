"""The same answer of the model is the same result with every provider: what no dialect of theirs forces apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import GOOD, PROVIDERS, client_of
from loopback import USER, http
from pydantic import BaseModel
from sdk_clients import connected
from toolfan_local import LocalClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopback import Bench, FaultServer


class Weather(BaseModel):
    location: str


REFUSED: dict[str, dict[str, Any]] = {
    "openai": {"choices": [{**GOOD["openai"]["choices"][0], "finish_reason": "refusal"}]},
    "anthropic": {**GOOD["anthropic"], "stop_reason": "refusal"},
    "bedrock": {**GOOD["bedrock"], "stopReason": "refusal"},
}
"""An answer with a good call that ended in a refusal, of those providers that have a word for it."""


@pytest.mark.parametrize("provider", REFUSED)
def test_a_refusal_that_stopped_the_calls_is_told_and_none_is_run(
    faulty: Callable[..., FaultServer], provider: str
) -> None:
    ran: list[str] = []
    tool = toolfan.Tool(Weather, handler=lambda weather: ran.append(weather.location))
    server = faulty(http(json.dumps(REFUSED[provider])))
    with client_of(provider, server.url) as client, pytest.raises(toolfan.ContentFiltered, match="refusal") as caught:
        client.run(messages=USER, tools=[tool])
    assert [call.value for call in (caught.value.calls or toolfan.Calls()).good] == [Weather(location="A")]
    assert (ran, len(server.requests), caught.value.calls and caught.value.calls.stop.kind) == ([], 1, "refused")


def test_the_words_of_a_refusal_beside_calls_are_told(faulty: Callable[..., FaultServer]) -> None:
    body = {**REFUSED["anthropic"], "stop_details": {"type": "refusal", "explanation": "It could do harm."}}
    server = faulty(http(json.dumps(body)))
    says = r"\(refusal\): It could do harm\."
    with client_of("anthropic", server.url) as client, pytest.raises(toolfan.ContentFiltered, match=says):
        client.create(messages=USER, tools=[Weather])


ENDS = {
    "openai": ('"finish_reason": "tool_calls"', '"finish_reason": "length"'),
    "openai-responses": (
        '"status": "completed"',
        '"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}',
    ),
    "anthropic": ('"stop_reason": "tool_use"', '"stop_reason": "max_tokens"'),
    "cohere": ('"finish_reason": "TOOL_CALL"', '"finish_reason": "MAX_TOKENS"'),
    "bedrock": ('"stopReason": "tool_use"', '"stopReason": "max_tokens"'),
    "gemini": ('"finishReason": "STOP"', '"finishReason": "MAX_TOKENS"'),
}
"""How an answer ends with its calls, and at the limit of tokens."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call_that_was_cut_before_its_arguments_says_so(faulty: Callable[..., FaultServer], provider: str) -> None:
    """Some write `{}` for them, others nothing at all."""
    whole = json.dumps(GOOD[provider]).replace('{"location": "A"}', "{}").replace(json.dumps('{"location": "A"}'), '""')
    server = faulty(http(whole.replace(*ENDS[provider])))
    with client_of(provider, server.url) as client:
        calls = client.create(messages=USER, tools=[Weather], on_invalid="keep")
    (bad,) = calls.failed
    assert (calls.stop.kind, type(bad.error)) == ("length", toolfan.TruncatedCall)
    assert bad.error.message == "the answer was cut before the arguments"


CALLS = [{"name": "Weather", "arguments": {"location": place}} for place in ("A", "B", "C")]
LEFT = ("the stream was left before its end",)


@pytest.mark.parametrize("kind", ["openai", "openai-responses", "anthropic", "gemini"])
def test_a_stream_that_was_left_says_so(bench: Bench, kind: str) -> None:
    bench.serve({"calls": CALLS, "pace": {"call": 0.2}})
    with connected(bench, kind) as client, client.stream(model="m", messages=USER, tools=[Weather]) as stream:
        next(stream)
    assert (list(stream.calls), stream.calls.warnings) == ([Weather(location="A")], LEFT)


def test_a_stream_of_the_planner_s_that_was_left_says_so() -> None:
    client = toolfan.wrap(LocalClient([{"calls": CALLS}]))
    with client.stream(messages=USER, tools=[Weather]) as stream:
        next(stream)
    assert (list(stream.calls), stream.calls.warnings) == ([Weather(location="A")], LEFT)


def test_a_stream_that_was_read_to_its_end_does_not() -> None:
    client = toolfan.wrap(LocalClient([{"calls": CALLS}]))
    with client.stream(messages=USER, tools=[Weather]) as stream:
        assert len(list(stream)) == len(CALLS)
    assert stream.calls.warnings == ()
