"""Spans and metrics by OpenTelemetry's conventions for generative AI; an observer, with the extra `otel`.

One span for each request and one for each tool that is executed, both below the span that is current where they begin.
Which exporter they go to is set up with OpenTelemetry's SDK, not here.

Knows: the hooks, OpenTelemetry's API.  Must not know: its SDK, any provider.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from .errors import UsageError
from .hookspecs.marking import hookimpl
from .hookspecs.watching import observe, unobserve
from .locks import ProcessLock
from .values import dataclass

try:
    from opentelemetry import metrics, trace
except ImportError as exc:
    raise UsageError("toolfan.otel needs opentelemetry-api", hint='Run `pip install "toolfan[otel]"`.') from exc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from .adapter import WireRequest
    from .calls import Call, RawCall, Result, Turn

_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_WANTED = ("true", "span_only", "span_and_event")
_SECONDS = [0.01 * 2**power for power in range(14)]
_TOKENS = [float(4**power) for power in range(14)]
# The conventions' name of an option, the type of its value, and how services spell it.
_OPTIONS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("temperature", int | float, ("temperature",)),
    ("top_p", int | float, ("top_p", "topP", "p")),
    ("top_k", int | float, ("top_k", "topK", "k")),
    ("max_tokens", int, ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens")),
    ("frequency_penalty", int | float, ("frequency_penalty", "frequencyPenalty")),
    ("presence_penalty", int | float, ("presence_penalty", "presencePenalty")),
    ("seed", int, ("seed",)),
    ("choice.count", int, ("n", "candidateCount")),
)
_LARGEST = 2**63  # exporters say no larger number
_CHOICES = "gen_ai.request.choice.count"
_STOPS = ("stop_sequences", "stopSequences", "stop")
_NESTED = ("inferenceConfig", "generationConfig")
_ESCAPED = ("utf-8", "backslashreplace")
_UNITS = 1_000_000_000  # nanoseconds in a second

_lock = ProcessLock()
_active: _Instrumentation | None = None


def instrument(
    *,
    content: bool | None = None,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Make spans and metrics of every request and every tool that is executed, until `uninstrument`.

    Without providers the global ones are used.  With `content` the spans also have what was asked, what the model said
    and called, and what tools returned; None asks the variable OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT, and
    without it there is no content.  Called again, it replaces what was set up before.
    """
    global _active  # noqa: PLW0603 - one a process, as the providers are
    if content is None:
        content = os.environ.get(_CAPTURE, "").strip().lower() in _WANTED
    made = _Instrumentation(content, tracer_provider, meter_provider)
    with _lock.here():
        if _active is not None:
            unobserve(_active)
        _active = made
        observe(made)


def uninstrument() -> None:
    """Make no more spans and metrics.  Without `instrument` before, nothing happens."""
    global _active  # noqa: PLW0603 - as above
    with _lock.here():
        if _active is not None:
            unobserve(_active)
        _active = None


@dataclass(slots=True)
class _Begun:
    """A request on its way; it holds the request, whose id is thus not given to another."""

    request: WireRequest
    span: Span
    about: dict[str, Any]
    began: float


class _Instrumentation:
    def __init__(
        self, content: bool, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None
    ) -> None:
        self._content = content
        self._tracer = trace.get_tracer("toolfan", tracer_provider=tracer_provider)
        meter = metrics.get_meter("toolfan", meter_provider=meter_provider)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._begun: dict[int, _Begun] = {}

    @hookimpl
    def toolfan_before_send(self, provider: str, request: WireRequest, attempt: int) -> None:
        operation = "generate_content" if provider.startswith("gcp.") else "chat"
        about: dict[str, Any] = {"gen_ai.operation.name": operation, "gen_ai.provider.name": provider}
        if request.model:
            about["gen_ai.request.model"] = request.model
        name = f"{operation} {request.model}" if request.model else operation
        attributes = {**about, **_options(request.body), "toolfan.attempt": attempt}
        span = self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes)
        if self._content and span.is_recording():
            span.set_attribute("toolfan.request.body", _json(request.body))
        self._begun[id(request)] = _Begun(request, span, about, time.perf_counter())

    @hookimpl
    def toolfan_after_turn(self, request: WireRequest, turn: Turn) -> None:
        begun = self._begun.pop(id(request), None)
        if begun is None:
            return
        if turn.model:
            begun.about["gen_ai.response.model"] = turn.model
        for kind, count in (("input", turn.usage.input_tokens), ("output", turn.usage.output_tokens)):
            if count:
                self._tokens.record(count, {**begun.about, "gen_ai.token.type": kind})
        self._duration.record(time.perf_counter() - begun.began, begun.about)
        if begun.span.is_recording():
            begun.span.set_attributes(_of_turn(turn))
            if self._content:
                begun.span.set_attribute("gen_ai.output.messages", _json([_said(turn)]))
        begun.span.end()

    @hookimpl
    def toolfan_after_failure(self, request: WireRequest, error: BaseException) -> None:
        begun = self._begun.pop(id(request), None)
        if begun is None:
            return
        if isinstance(error, GeneratorExit):
            begun.span.set_attribute("toolfan.left_early", True)
        else:
            begun.about["error.type"] = type(error).__name__
            self._failed(begun.span, error)
        self._duration.record(time.perf_counter() - begun.began, begun.about)
        begun.span.end()

    @hookimpl
    def toolfan_after_execute(self, call: Call[Any], result: Result[Any]) -> None:
        if result.started is None:
            return
        now = time.time_ns()
        span = self._tracer.start_span(
            f"execute_tool {call.name}",
            start_time=now - int(result.seconds * _UNITS),
            attributes={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": call.name,
                "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": call.id,
            },
        )
        if result.error is not None:
            self._failed(span, result.error)
        if self._content and span.is_recording():
            span.set_attribute("gen_ai.tool.call.arguments", _words(call.raw.arguments))
            if result.error is None:
                span.set_attribute("gen_ai.tool.call.result", _json(result.value))
        span.end(now)

    def _failed(self, span: Span, error: BaseException) -> None:
        """Mark the span; what the error says may repeat content, and is left out without it."""
        span.set_attribute("error.type", type(error).__name__)
        status = getattr(error, "status", None)
        if isinstance(status, int):
            span.set_attribute("http.response.status_code", status)
        span.set_status(trace.StatusCode.ERROR, _words(error) if self._content else None)


def _options(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the request says of how the model shall answer, by the conventions' names."""
    said = dict(body)
    for nested in _NESTED:
        if isinstance(inner := body.get(nested), dict):
            said |= inner
    found: dict[str, Any] = {}
    for name, kind, spellings in _OPTIONS:
        value = next((said[spelling] for spelling in spellings if said.get(spelling) is not None), None)
        if value is not None and isinstance(value, kind) and not isinstance(value, bool) and abs(value) < _LARGEST:
            found[f"gen_ai.request.{name}"] = value
    if found.get(_CHOICES) == 1:  # the conventions name what is not as usual
        del found[_CHOICES]
    stops = next((said[spelling] for spelling in _STOPS if said.get(spelling)), None)
    stops = [stops] if isinstance(stops, str) else stops
    if isinstance(stops, list | tuple) and all(isinstance(stop, str) for stop in stops):
        found["gen_ai.request.stop_sequences"] = list(map(_words, stops))
    return found


def _of_turn(turn: Turn) -> dict[str, Any]:
    usage = turn.usage
    found: dict[str, Any] = {
        "gen_ai.response.id": turn.response_id,
        "gen_ai.response.model": turn.model,
        "gen_ai.response.finish_reasons": [turn.stop.raw] if turn.stop.raw else None,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    return {key: value for key, value in found.items() if value}


def _said(turn: Turn) -> dict[str, Any]:
    """The answer in the conventions' form of a message."""
    parts: list[dict[str, Any]] = [{"type": "text", "content": turn.text}] if turn.text else []
    parts += [_called(call) for call in turn.calls]
    return {"role": "assistant", "parts": parts, "finish_reason": turn.stop.raw or turn.stop.kind}


def _called(call: RawCall) -> dict[str, Any]:
    """The call, its arguments as an object where they are one."""
    arguments: Any = call.arguments
    with contextlib.suppress(ValueError):
        read = from_json(call.arguments)
        arguments = read if isinstance(read, dict) else arguments
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": arguments}


def _json(value: Any) -> str:
    """JSON text, whatever the value: a tool may return what no JSON can say.  Raises nothing."""
    with contextlib.suppress(Exception):
        return to_json(value, fallback=str, inf_nan_mode="strings").decode()
    with contextlib.suppress(Exception):
        return json.dumps(value, default=_words)  # lone surrogates are escaped
    return json.dumps(_words(value))


def _words(value: object) -> str:
    """What the value says of itself, as UTF-8 can say it; its type where it fails.  Raises nothing."""
    try:
        return (str(value) if isinstance(value, str | BaseException) else repr(value)).encode(*_ESCAPED).decode()
    except Exception:  # noqa: BLE001 - a tool's own object may do anything
        return f"({type(value).__name__} that cannot be shown)"
