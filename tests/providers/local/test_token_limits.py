"""The request's limit of output tokens: every dialect cuts its answer there, and says so, whole and streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from every_provider import PROVIDERS, client_of
from limit_cases import CALLS, CASES, FIRST, SECOND, TEXT, WHOLE, cases
from loopback import USER
from pydantic import BaseModel
from toolfan_local import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolfan_local.exchange import Stop

OPTIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "openai": lambda most: {"max_completion_tokens": most},
    "openai-responses": lambda most: {"max_output_tokens": most},
    "anthropic": lambda most: {"max_tokens": most},
    "cohere": lambda most: {"max_tokens": most},
    "bedrock": lambda most: {"inferenceConfig": {"maxTokens": most}},
    "gemini": lambda most: {"max_output_tokens": most},
}
CUT = {
    **dict.fromkeys(PROVIDERS, "max_tokens"),
    "openai": "length",
    "openai-responses": "max_output_tokens",
    "cohere": "MAX_TOKENS",
    "gemini": "MAX_TOKENS",
}
AS_VALUES = ("anthropic", "bedrock")
"""Those whose whole answers have the arguments as an object."""
ways = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
each = pytest.mark.parametrize("provider", PROVIDERS)


class Weather(BaseModel):
    location: str
    units: str


def ask(server: Server, provider: str, most: int, *, streamed: bool = False, **options: Any) -> toolfan.Calls[Any]:
    """The calls of an answer of at most so many tokens."""
    asked = {"messages": USER, "tools": (Weather,), "on_invalid": "keep", **OPTIONS[provider](most), **options}
    with client_of(provider, server.openai_url) as client:
        return client.stream(**asked).until_done() if streamed else client.create(**asked)


def told(calls: toolfan.Calls[Any]) -> list[Any]:
    return [one.value if isinstance(one, toolfan.Call) else type(one.error) for one in calls.outcomes]


@ways
@pytest.mark.parametrize(("provider", "case"), [(provider, case) for provider in PROVIDERS for case in cases(provider)])
def test_an_answer_is_cut_at_the_limit(scripted: Server, provider: str, case: str, *, streamed: bool) -> None:
    most, tokens, text, second = CASES[case]
    calls = ask(scripted, provider, most, streamed=streamed)
    assert calls.stop == toolfan.StopReason("length", CUT[provider])
    assert calls.turn.usage.output_tokens == tokens <= most
    # Cohere's text before calls is their plan, which is no text.
    assert calls.text == ("" if provider == "cohere" else text)
    expected: list[Any] = [] if second is None else [Weather(**FIRST)]
    if second and provider != "gemini":  # which tells nothing of a call that was cut
        all_told = case == "one too few" and provider in AS_VALUES and not streamed
        expected.append(Weather(**SECOND) if all_told else toolfan.TruncatedCall)
    assert told(calls) == expected
    if len(expected) == 2 and (streamed or provider not in AS_VALUES):
        written = "" if second == "0" else second
        assert calls.outcomes[1].raw.arguments in (written, written or "{}")


@ways
@each
def test_an_answer_that_just_fits_ends_as_before(scripted: Server, provider: str, *, streamed: bool) -> None:
    for most in (WHOLE, 10_000):
        calls = ask(scripted, provider, most, streamed=streamed)
        assert list(calls) == [Weather(**FIRST), Weather(**SECOND)]
        assert calls.stop.kind in ("calls", "end")
        assert calls.turn.usage.output_tokens == WHOLE


@ways
@each
def test_a_text_alone_is_cut(scripted: Server, provider: str, *, streamed: bool) -> None:
    calls = ask(scripted, provider, 16, streamed=streamed, model="plain")
    assert (calls.text, calls.stop.kind, calls.turn.usage.output_tokens) == (TEXT[:64], "length", 16)


@ways
@each
def test_an_answer_of_the_planner_is_cut(server: Server, provider: str, *, streamed: bool) -> None:
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": "The weather in Oslo and in Bergen, metric"}]}
    whole = ask(server, provider, 999, streamed=streamed, **asked)
    assert [one.location for one in whole] == ["Oslo", "Bergen"]
    cut = ask(server, provider, 16, streamed=streamed, **asked)
    assert list(cut) == [whole[0]]
    assert cut.stop.kind == "length"
    assert cut.turn.usage.output_tokens == 16


@ways
@each
def test_usage_that_a_script_gives_is_the_count(scripted: Server, provider: str, *, streamed: bool) -> None:
    """200 tokens of 80 characters: 50 of them are 20 characters."""
    calls = ask(scripted, provider, 50, streamed=streamed, model="counted")
    usage = calls.turn.usage
    assert (calls.text, usage.input_tokens, usage.output_tokens) == (TEXT[:20], 7, 50)
    whole = ask(scripted, provider, 200, streamed=streamed, model="counted")
    assert (whole.text, whole.stop.kind, whole.turn.usage.output_tokens) == (TEXT, "end", 200)


@ways
@each
def test_an_answer_that_says_how_it_stops_is_left_alone(provider: str, *, streamed: bool) -> None:
    said: list[Stop] = ["end", "calls", "length"]
    with Server([{"text": TEXT, "calls": CALLS, "stop": stop} for stop in said]) as server:
        for _ in said:
            calls = ask(server, provider, 16, streamed=streamed)
            assert list(calls) == [Weather(**FIRST), Weather(**SECOND)]
            assert calls.turn.usage.output_tokens == WHOLE


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name != "gemini"])
def test_arguments_that_a_script_gives_as_text_are_cut(scripted: Server, provider: str) -> None:
    (bad,) = ask(scripted, provider, 16 if provider == "openai-responses" else 5, streamed=True, model="odd").outcomes
    expected = '{"location": Oslo, "units": 1}' if provider == "openai-responses" else '{"location":'
    assert bad.raw.arguments == expected


@ways
@each
def test_where_nothing_fits_nothing_is_said(provider: str, *, streamed: bool) -> None:
    name = "Weather" * 9  # 16 tokens
    with Server([{"calls": [{"name": name, "arguments": FIRST}]}]) as server:
        tool = toolfan.Tool(Weather, name=name)
        calls = ask(server, provider, 16 if provider == "openai-responses" else 15, streamed=streamed, tools=(tool,))
        told_of_it = [toolfan.TruncatedCall] if provider == "openai-responses" else []
        assert (told(calls), calls.text, calls.stop.kind) == (told_of_it, "", "length")
