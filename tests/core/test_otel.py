"""Spans and metrics, read from OpenTelemetry's own exporters in memory."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from four_ways import ERROR, MODES, ask
from loopback import KEY, USER, Bench, http
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel
from toolfan import otel
from toolfan_local import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan


class Weather(BaseModel):
    location: str


def weather(location: str) -> str:
    if location == "Atlantis":
        raise LookupError("no such place: Atlantis")
    return f"sunny in {location}"


GOOD = {"calls": [{"id": "call_a", "name": "Weather", "arguments": {"location": "Oslo"}}]}
BAD = {"calls": [{"name": "Weather", "arguments": {"place": "Oslo"}}]}


class Collected:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def instrument(self, **options: Any) -> None:
        otel.instrument(tracer_provider=self.tracers, meter_provider=self.meters, **options)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def points(self, metric: str) -> list[Any]:
        """The points of the metric; each has its attributes, how many values and their sum."""
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        found = [
            one
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for one in scope.metrics
            if one.name == metric
        ]
        return [point for one in found for point in one.data.data_points]

    @property
    def everything(self) -> str:
        return " ".join(span.to_json() for span in self.spans)


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)
    made = Collected()
    made.instrument()
    yield made
    otel.uninstrument()
    made.tracers.shutdown()
    made.meters.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


@pytest.mark.parametrize("mode", MODES)
def test_a_request_is_one_span_and_its_tokens_and_duration_are_measured(
    bench: Bench, collected: Collected, mode: str
) -> None:
    calls = ask(bench, mode, GOOD, tools=(Weather,))
    (span,) = collected.spans
    assert (span.name, span.kind, span.status.status_code) == ("chat m", SpanKind.CLIENT, StatusCode.UNSET)
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": calls.model,
        "gen_ai.response.id": calls.turn.response_id,
        "gen_ai.response.finish_reasons": ("tool_calls",),
        "gen_ai.usage.input_tokens": calls.usage.input_tokens,
        "gen_ai.usage.output_tokens": calls.usage.output_tokens,
        "toolfan.attempt": 1,
    }
    common = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": calls.model,
    }
    tokens = {point.attributes["gen_ai.token.type"]: point for point in collected.points("gen_ai.client.token.usage")}
    assert {kind: point.sum for kind, point in tokens.items()} == {
        "input": calls.usage.input_tokens,
        "output": calls.usage.output_tokens,
    }
    assert dict(tokens["input"].attributes) == {**common, "gen_ai.token.type": "input"}
    assert tokens["input"].explicit_bounds[:3] == (1, 4, 16)
    (duration,) = collected.points("gen_ai.client.operation.duration")
    assert dict(duration.attributes) == common
    assert duration.count == 1
    assert span.start_time
    assert span.end_time
    assert duration.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=0.05)
    assert duration.explicit_bounds[:2] == (0.01, 0.02)


@pytest.mark.parametrize("mode", MODES)
def test_a_request_that_fails_is_a_span_with_its_error(bench: Bench, collected: Collected, mode: str) -> None:
    ask(bench, mode, ERROR, BAD, GOOD, tools=(Weather,))
    failed, *others = collected.spans
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description is None
    assert attributes(failed)["error.type"] == "Unavailable"
    assert attributes(failed)["http.response.status_code"] == 503
    assert [attributes(span)["toolfan.attempt"] for span in others] == [1, 2]
    assert not any("error.type" in attributes(span) for span in others)
    points = collected.points("gen_ai.client.operation.duration")
    assert {point.attributes.get("error.type"): point.count for point in points} == {"Unavailable": 1, None: 2}


def test_a_stream_that_is_left_is_no_error(bench: Bench, collected: Collected) -> None:
    bench.serve({"calls": [*GOOD["calls"], *BAD["calls"]]}, pace=Pace(call=0.3))
    with bench.client().stream(model="m", messages=USER, tools=(Weather,)) as stream:
        next(iter(stream))
    (span,) = collected.spans
    assert span.status.status_code is StatusCode.UNSET
    assert attributes(span)["toolfan.left_early"] is True


@pytest.mark.parametrize("way", ["run", "run early", "run async", "execute"])
def test_each_tool_that_is_executed_is_a_span_below_the_current_one(
    bench: Bench, collected: Collected, way: str
) -> None:
    two = {"calls": [{"id": at, "name": "weather", "arguments": {"location": at}} for at in ("Oslo", "Atlantis")]}
    bench.serve(two, {"text": "Done."})
    options: dict[str, Any] = {"model": "m", "messages": USER, "tools": (weather,), "early": way == "run early"}
    tracer = collected.tracers.get_tracer("test")

    async def awaited() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            await toolfan.from_openai(sdk).run(**options)

    with tracer.start_as_current_span("mine") as mine, bench.client() as client:
        if way == "execute":
            del options["early"]
            toolfan.execute(client.create(**options))
        elif way == "run async":
            asyncio.run(awaited())
        else:
            client.run(**options)
    tools = {attributes(span)["gen_ai.tool.call.id"]: span for span in collected.named("execute_tool weather")}
    assert attributes(tools["Oslo"]) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "weather",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "Oslo",
    }
    assert tools["Oslo"].status.status_code is StatusCode.UNSET
    assert tools["Atlantis"].status.status_code is StatusCode.ERROR
    assert tools["Atlantis"].status.description is None
    assert attributes(tools["Atlantis"])["error.type"] == "LookupError"
    assert len(collected.named("chat m")) == (1 if way == "execute" else 2)
    for span in (*tools.values(), *collected.named("chat m")):
        assert span.parent is not None
        assert span.parent.span_id == mine.get_span_context().span_id
        assert mine.start_time <= (span.start_time or 0) <= (span.end_time or 0)  # type: ignore[attr-defined]


def test_a_call_that_was_not_run_is_no_span(bench: Bench, collected: Collected) -> None:
    two = {"calls": [{"id": at, "name": "weather", "arguments": {"location": at}} for at in ("Oslo", "Rome")]}
    bench.serve(two, {"text": "Done."})
    bench.client().run(model="m", messages=USER, tools=(weather,), max_calls=1)
    assert len(collected.named("execute_tool weather")) == 1


SECRETS = ("Hello?", "Atlantis", "sunny in Oslo", KEY)
PLACES = ((1, "Oslo"), (2, "Atlantis"))


def conversation(bench: Bench) -> None:
    two = {"calls": [{"id": f"id-{at}", "name": "weather", "arguments": {"location": place}} for at, place in PLACES]}
    bench.serve({**two, "text": "I look."}, {"text": "Done."})
    bench.client().run(model="m", messages=USER, tools=(weather,))


def test_there_is_no_content_unless_it_is_asked_for(bench: Bench, collected: Collected) -> None:
    conversation(bench)
    assert len(collected.spans) == 4
    assert not [text for text in SECRETS if text in collected.everything]


@pytest.mark.parametrize("asked", ["argument", "variable"])
def test_content_that_is_asked_for(
    bench: Bench, collected: Collected, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    if asked == "variable":
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    collected.instrument(**({"content": True} if asked == "argument" else {}))
    conversation(bench)
    first, _ = collected.named("chat m")
    assert json.loads(attributes(first)["toolfan.request.body"])["messages"] == USER
    (message,) = json.loads(attributes(first)["gen_ai.output.messages"])
    assert message["role"] == "assistant"
    assert message["finish_reason"] == "tool_calls"
    assert message["parts"][0] == {"type": "text", "content": "I look."}
    assert message["parts"][1:] == [
        {"type": "tool_call", "id": "id-1", "name": "weather", "arguments": {"location": "Oslo"}},
        {"type": "tool_call", "id": "id-2", "name": "weather", "arguments": {"location": "Atlantis"}},
    ]
    tools = {attributes(span)["gen_ai.tool.call.id"]: span for span in collected.named("execute_tool weather")}
    assert json.loads(attributes(tools["id-1"])["gen_ai.tool.call.arguments"]) == {"location": "Oslo"}
    assert attributes(tools["id-1"])["gen_ai.tool.call.result"] == '"sunny in Oslo"'
    assert tools["id-2"].status.description == "no such place: Atlantis"
    assert KEY not in collected.everything


class Mute:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"\xff", "b'\\xff'"),
        ({"half": "a\ud83d", "of": b"\xff"}, {"half": "a\ud83d", "of": "b'\\xff'"}),
        ({(1, 2): b"\xff"}, "{(1, 2): b'\\xff'}"),
        (Mute(), "(Mute that cannot be shown)"),
        ([Mute(), 1], ["(Mute that cannot be shown)", 1]),
        (circle(), "[[...]]"),
        (MuteError(), None),
    ],
    ids=["bytes", "surrogate", "keys", "mute", "mute within", "circle", "mute error"],
)
def test_a_result_that_json_cannot_say_is_shown(bench: Bench, collected: Collected, value: Any, shown: Any) -> None:
    """It is shown as well as it can be, and what comes after it is seen too."""
    collected.instrument(content=True)
    bench.serve(GOOD, GOOD)
    client = bench.client()

    def odd(location: str) -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    odd.__name__ = "Weather"
    for _ in range(2):
        toolfan.execute(client.create(messages=USER, tools=(odd,), model="gpt-x"))
    assert [span.name for span in collected.spans] == ["chat gpt-x", "execute_tool Weather"] * 2
    about = dict(collected.spans[-1].attributes or {})
    if shown is not None:
        assert json.loads(str(about["gen_ai.tool.call.result"])) == shown
    else:
        assert collected.spans[-1].status.description == "(MuteError that cannot be shown)"


def test_the_variable_can_be_overruled(bench: Bench, collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    collected.instrument(content=False)
    conversation(bench)
    assert not [text for text in SECRETS if text in collected.everything]


def test_the_names_of_googles_services_are_those_of_the_conventions(collected: Collected) -> None:
    (observer,) = [otel._active]
    assert observer is not None
    request = toolfan.WireRequest(model="gemini-x", body={})
    observer.toolfan_before_send("gcp.gemini", request, 1)
    observer.toolfan_after_turn(request, toolfan.Turn())
    (span,) = collected.spans
    assert span.name == "generate_content gemini-x"
    assert attributes(span)["gen_ai.provider.name"] == "gcp.gemini"


@pytest.mark.parametrize(
    ("body", "count"),
    [({"n": 3}, 3), ({"n": 1}, None), ({"n": True}, None), ({"generationConfig": {"candidateCount": 2}}, 2)],
)
def test_the_number_of_choices_is_told_if_it_is_not_one(collected: Collected, body: Any, count: int | None) -> None:
    (observer,) = [otel._active]
    assert observer is not None
    request = toolfan.WireRequest(model="m", body=body)
    observer.toolfan_before_send("openai", request, 1)
    observer.toolfan_after_turn(request, toolfan.Turn())
    (span,) = collected.spans
    assert attributes(span).get("gen_ai.request.choice.count") == count


@pytest.mark.parametrize(
    ("target", "address", "name", "options"),
    [
        ("openai", "base_url", "openai", {"max_completion_tokens": 9, "top_p": 0.5, "seed": 10**30, "stop": "END"}),
        ("openai-responses", "base_url", "openai", {"max_output_tokens": 9, "top_p": 0.5}),
        ("openai", "azure_endpoint", "azure.ai.openai", {"max_tokens": 9, "top_p": 0.5}),
        ("openai-responses", "azure_endpoint", "azure.ai.openai", {"max_output_tokens": 9, "top_p": 0.5}),
        ("anthropic", "base_url", "anthropic", {"max_tokens": 9, "top_p": 0.5, "stop_sequences": ["END"]}),
        ("cohere", "base_url", "cohere", {"max_tokens": 9, "p": 0.5, "stop_sequences": ["END"]}),
        ("bedrock", "endpoint_url", "aws.bedrock", {"maxTokens": 9, "topP": 0.5, "stopSequences": ["END"]}),
        ("vertex", "base_url", "gcp.vertex_ai", {"max_output_tokens": 9, "top_p": 0.5, "stop_sequences": ["END"]}),
        ("gemini", "base_url", "gcp.gemini", {"max_output_tokens": 9, "top_p": 0.5}),
    ],
)
def test_services_and_options_have_the_names_of_the_conventions(
    faulty: Any,
    collected: Collected,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    address: str,
    name: str,
    options: Any,
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOUSE_KEY"):
        monkeypatch.setenv(variable, "planted")
    settings = {address: faulty(http('{"error": {"message": "No."}}', 400)).url}
    settings |= {"region": "us-east-1"} if target == "bedrock" else {"api_key_env": "HOUSE_KEY"}
    settings |= {"api_version": "2024-10-21"} if address == "azure_endpoint" else {}
    with toolfan.connect(f"{target}:m", **settings) as client, pytest.raises(toolfan.RequestRejected):
        client.create(messages=USER, tools=(Weather,), temperature=0, **options)
    (span,) = collected.spans
    said = attributes(span)
    assert said["gen_ai.provider.name"] == name
    stops = {"gen_ai.request.stop_sequences": ("END",)} if any("stop" in one for one in options) else {}
    assert {one: value for one, value in said.items() if one.startswith("gen_ai.request.")} == {
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.top_p": 0.5,
        **stops,
    }


@pytest.mark.parametrize("adapter", ["openai", "openai-responses"])
def test_a_client_of_azure_that_is_passed_has_its_name(faulty: Any, collected: Collected, adapter: str) -> None:
    endpoint = faulty(http('{"error": {"message": "No."}}', 400)).url
    with openai.AzureOpenAI(api_key=KEY, azure_endpoint=endpoint, api_version="2024-10-21") as sdk:
        client = toolfan.wrap(sdk, adapter=adapter, model="m")
        assert client.adapter.name == adapter
        with pytest.raises(toolfan.RequestRejected):
            client.create(messages=USER, tools=(Weather,))
    (span,) = collected.spans
    assert attributes(span)["gen_ai.provider.name"] == "azure.ai.openai"


def test_it_is_set_up_once_and_can_be_ended(bench: Bench, collected: Collected) -> None:
    collected.instrument()
    ask(bench, "create", GOOD, tools=(Weather,))
    assert len(collected.spans) == 1
    otel.uninstrument()
    otel.uninstrument()
    ask(bench, "create", GOOD, tools=(Weather,))
    assert len(collected.spans) == 1


def test_without_a_set_up_of_opentelemetry_nothing_happens(bench: Bench) -> None:
    """Its API alone makes spans that go nowhere."""
    otel.instrument()
    try:
        assert len(ask(bench, "create", GOOD, tools=(Weather,))) == 1
    finally:
        otel.uninstrument()


def test_without_the_extra_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None\nimport toolfan.otel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert 'toolfan.otel needs opentelemetry-api. Run `pip install "toolfan[otel]"`.' in done.stderr


def test_opentelemetry_is_loaded_for_those_who_ask_for_it_alone() -> None:
    code = (
        "import sys, toolfan\n"
        "def now() -> str: ...\n"
        "with toolfan.connect('local') as client:\n"
        "    client.create(messages=[{'role': 'user', 'content': 'Hello?'}], tools=(now,))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
