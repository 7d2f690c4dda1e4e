"""The catalogue of faults with Anthropic's and OpenAI's Responses clients: asking again, processes, configuration.

Sections 5, 7 and 9, as far as a provider's form or client has a part in them; and the clients for Vertex AI.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import anthropic
import pytest
import toolfan
from fault_asking import GOOD, TOOLS, WEATHER, Fails, Good, GoogleSearch, check
from loopback import KEY, USER, http
from provider_asking import DIALECTS, MODES, SDKS, Askers, turn_of, url_of
from stream_asking import kept
from test_faults_process import in_children
from toolfan import ConfigError, DeadlineExceeded, IncompleteStream, InvalidCalls, RateLimited, UsageError
from toolfan_local.faults.anthropic_form import THINKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import FaultServer as Raw
    from toolfan_local.faults import FaultServer

ACCEPTED = "Accepted. Do not repeat this call."
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai-responses": "OPENAI_API_KEY"}
both = pytest.mark.parametrize("adapter", DIALECTS)


# Section 5.


@both
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_each_call_is_answered_once_with_its_own_text(askers: Askers, adapter: str, mode: str, *, stream: bool) -> None:
    """And what the model thought goes back as it came."""
    ask = askers[adapter, mode][stream]
    asked = ask("arguments-second-bad-once")
    Good(2).check(asked)
    said, told = turn_of(adapter, ask.server.bodies(asked.model)[1])
    assert [*told] == ["call_1_0", "call_1_1"]
    assert told["call_1_0"] == ("Weather", ACCEPTED)
    assert "GoogleSearch" in told["call_1_1"][1] or "JSON" in told["call_1_1"][1]
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "c2VhbGVk"}
    assert said[0] == (THINKING if adapter == "anthropic" else thought)


@both
def test_a_model_that_is_always_bad_is_asked_three_times(askers: Askers, adapter: str) -> None:
    for mode in MODES:
        for ask in askers[adapter, mode]:
            asked = ask("arguments-second-bad")
            Fails(InvalidCalls, 3, retryable=False).check(asked)
            assert kept(asked.raised) == [WEATHER]
            assert asked.raised.calls is not None
            assert [(bad.index, bad.attempt) for bad in asked.raised.calls.failed] == [(1, 3)]
            for body in ask.server.bodies(asked.model)[1:]:
                assert "call_" in str(turn_of(adapter, body)[1])


@both
def test_a_failure_between_keeps_what_was_good(
    askers: Askers, adapter: str, faulty: Callable[..., Raw], faults: FaultServer
) -> None:
    ask = askers[adapter, "sync"][0]
    first = ask("arguments-second-bad", on_invalid="keep").result.raw
    server = faulty(http(json.dumps(first)), http("{}", 429, retry_after="300"))
    url = server.url.removesuffix("/v1") if adapter == "anthropic" else server.url
    error = ask("good", base_url=url).raised
    assert (type(error), error.attempts, error.requests) == (RateLimited, 2, 2)
    assert kept(error) == [WEATHER]


def weather(location: str, units: str) -> str:
    """Tells the weather."""
    return f"{location} {units}"


@both
@pytest.mark.parametrize("mode", MODES)
def test_a_run_answers_every_call_and_sends_the_turn_back(askers: Askers, adapter: str, mode: str) -> None:
    ask = askers[adapter, mode][0]
    client, model = ask.client(), f"same-call-twice@run-{adapter}-{mode}"
    options: dict[str, Any] = {"model": model, "messages": USER, "tools": (weather,), "max_rounds": 2}

    async def awaited() -> Any:
        return await client.run(**options)

    run = ask.runner.run(awaited()) if ask.runner else client.run(**options)
    assert len(run.results) == 4
    said, told = turn_of(adapter, ask.server.bodies(model)[1])
    assert [*told] == ["call_1_0", "call_1_0_again"]
    assert said[0].get("signature") == THINKING["signature"] or said[0]["encrypted_content"] == "c2VhbGVk"


# Section 7.


def maker(adapter: str, url: str) -> Callable[[], toolfan.Client]:
    return lambda: toolfan.connect(adapter, base_url=url, api_key_env="PLANTED_KEY")


def question(model: str) -> dict[str, Any]:
    return {"model": model, "messages": USER, "tools": TOOLS}


@both
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children_get_their_own_answers(
    adapter: str, faults: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    with maker(adapter, url_of(adapter, faults))() as client:
        assert client.create(**question("good@parent")).model == "good@parent"
        said = in_children(lambda n: str(client.create(**question(f"good@child-{n}")).model), 2)
        assert said == ["good@child-0", "good@child-1"]
        assert client.create(**question("good@parent")).model == "good@parent"


@both
def test_a_second_event_loop(adapter: str, faults: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that toolfan makes is one for each loop; one that was passed is refused in another."""
    monkeypatch.setenv("PLANTED_KEY", KEY)
    url = url_of(adapter, faults)
    client = toolfan.connect_async(adapter, base_url=url, api_key_env="PLANTED_KEY")
    sdk = SDKS[adapter][1](api_key=KEY, base_url=url)
    passed: Any = toolfan.wrap_async(sdk, adapter=adapter)

    async def once(asked: Any, turn: int, **more: Any) -> list[Any]:
        calls = await asked.create(**question(f"good@loop-{turn}"), **more)
        await asked.sdk_client.close()  # this loop's; the others are closed
        return list(calls)

    for turn in range(2):
        assert asyncio.run(once(client, turn)) == list(GOOD)
    assert asyncio.run(once(passed, 2)) == list(GOOD)
    with pytest.raises(UsageError, match="event loop"):
        asyncio.run(once(passed, 3))


@both
@pytest.mark.parametrize("mode", MODES)
def test_what_json_cannot_say_is_refused_before_it_is_sent(askers: Askers, adapter: str, mode: str) -> None:
    ask = askers[adapter, mode][0]
    asked = ask("good", messages=[{"role": "user", "content": "\ud83d"}])
    assert type(asked.raised) is toolfan.RequestRejected
    assert ask.server.requests(asked.model) == asked.raised.requests == 0


# Section 9.


@both
@pytest.mark.parametrize("make", [toolfan.connect, toolfan.connect_async])
def test_keys_and_settings(adapter: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = KEYS[adapter]
    monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=f"{name} is not set"):
        make(f"{adapter}:m")
    monkeypatch.setenv(name, f"{KEY}\nx")
    with pytest.raises(ConfigError, match="line break") as caught:
        make(f"{adapter}:m")
    assert KEY not in str(caught.value)
    monkeypatch.setenv(name, KEY)
    for settings, says in (({"base_url": 3}, "base_url"), ({"base_ulr": "http://x"}, "Did you mean 'base_url'")):
        with pytest.raises(ConfigError, match=says):
            make(f"{adapter}:m", **settings)
    wrap: Any = toolfan.wrap if make is toolfan.connect else toolfan.wrap_async
    with pytest.raises(ConfigError, match="line break"):
        wrap(SDKS[adapter][make is toolfan.connect_async](api_key=f"{KEY}\n"), adapter=adapter)


@both
def test_options_that_clash_or_are_misspelt_are_told_before_anything_is_sent(askers: Askers, adapter: str) -> None:
    own = {"name": "Mine", "parameters": {"type": "object"}, "input_schema": {"type": "object"}}
    own |= {"type": "function"} if adapter == "openai-responses" else {}
    refused: list[tuple[dict[str, Any], str]] = [
        ({"extra_body": {"tool_choice": {"type": "none"}}}, "extra_body sets tool_choice"),
        ({"extra_body": {"input": [], "messages": []}}, "extra_body sets"),
        ({"temprature": 0}, "Did you mean 'temperature'?"),
        ({"max_retries": 3}, "max_attempts="),
        ({"timeout": 3}, "deadline="),
    ]
    for mode in MODES:
        ask = askers[adapter, mode][0]
        asked = ask("good", extra_body={"tools": [own]}, on_invalid="keep")
        assert [tool["name"] for tool in ask.server.bodies(asked.model)[0]["tools"]] == [
            "Weather",
            "GoogleSearch",
            "Mine",
        ]
        for options, says in refused:
            asked = ask("good", **options)
            assert isinstance(asked.raised, UsageError)
            assert says in str(asked.raised)
            assert ask.server.requests(asked.model) == 0


@both
def test_what_the_service_has_no_field_for(askers: Askers, adapter: str) -> None:
    ask = askers[adapter, "sync"][0]

    def sent(**options: Any) -> Any:
        return ask.server.bodies(ask("good", on_invalid="keep", **options).model)[0]

    alone, chosen = sent(parallel=False), sent(tool_choice=[GoogleSearch])["tool_choice"]
    assert chosen["name"] == "GoogleSearch"
    assert all(tool["strict"] is True for tool in sent(strict=True)["tools"])
    calls = ask("same-call-twice", parallel=2, on_invalid="keep").result
    assert [type(bad.error) for bad in calls.failed] == [toolfan.TooManyCalls]
    if adapter == "anthropic":
        assert alone["tool_choice"]["disable_parallel_tool_use"] is True
        assert type(ask("good", tool_choice=[*TOOLS], tools=(*TOOLS, weather)).raised) is toolfan.Unsupported
    else:
        assert alone["parallel_tool_calls"] is False
        assert sent(tool_choice=list(TOOLS))["tool_choice"]["type"] == "allowed_tools"


# The clients for Vertex AI.


@pytest.fixture(scope="module")
def vertex(askers: Askers, faults: FaultServer) -> Iterator[Any]:
    about = {"project_id": "p", "region": "r", "access_token": KEY, "base_url": f"{faults.base_url}/v1"}
    runner = askers["anthropic", "async"][0].runner
    assert runner is not None
    with anthropic.AnthropicVertex(**about) as client:
        asynchronous = anthropic.AsyncAnthropicVertex(**about)
        yield client, asynchronous
        runner.run(asynchronous.close())


VERTEX: list[tuple[str, bool, Any, list[Any]]] = [
    ("arguments-second-bad-once", False, Good(2), []),
    ("arguments-second-bad-once", True, Good(2), []),
    ("cut-json-once", False, Good(2), []),
    ("sse-cut-in-arguments", True, Fails(IncompleteStream, 1), [WEATHER]),
    ("429-retry-after-300", True, Fails(RateLimited, 1), []),
    ("302-to-itself", False, Fails(toolfan.BadResponse, 1, retryable=False), []),
    ("hang-in-body", False, Fails(DeadlineExceeded, 1, retryable=False), []),
    ("hang-in-body", True, Fails(DeadlineExceeded, 1, retryable=False), [WEATHER]),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("fault", "stream", "wanted", "good"), VERTEX)
def test_the_clients_for_vertex(
    askers: Askers, vertex: Any, mode: str, fault: str, *, stream: bool, wanted: Any, good: list[Any]
) -> None:
    ask = askers["anthropic", mode][stream]
    wrap: Any = toolfan.wrap if mode == "sync" else toolfan.wrap_async
    client = wrap(vertex[MODES.index(mode)], wait=lambda _: 0.0)
    asked = ask(fault, client=client, deadline=0.5 if "hang" in fault else 30)
    wanted.check(asked)
    check(asked, "anthropic")
    if asked.error is not None:
        assert kept(asked.error) == good
