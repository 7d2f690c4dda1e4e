"""What an adapter raises that it should not: it comes out as it is, and whoever watches is told of it at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from pydantic import BaseModel
from toolfan import otel
from toolfan_local import LocalAdapter, LocalClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

USER = [{"role": "user", "content": "The weather in Oslo and Rome?"}]
WAYS = ("create", "stream", "run", "create async", "stream async", "run async")


class Weather(BaseModel):
    location: str


def weather(location: str) -> str:
    return f"sunny in {location}"


class Raises:
    """A transport that raises this, blocking."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def send(self, request: Any, **options: Any) -> Any:
        raise self.error

    def stream(self, request: Any, **options: Any) -> Any:
        raise self.error

    def close(self) -> None:
        pass


class RaisesAsync(Raises):
    """The same, awaited."""

    async def send(self, request: Any, **options: Any) -> Any:
        raise self.error

    async def close(self) -> None:  # type: ignore[override]
        pass


class Unsent(LocalAdapter):
    """Its transport raises `error`."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def transport(self, client: object, *, use_async: bool) -> Any:
        return (RaisesAsync if use_async else Raises)(self.error)


class Unread(LocalAdapter):
    """Its parser raises `error` at the first event after a call was whole."""

    def __init__(self, error: BaseException, whole: int = 0) -> None:
        super().__init__()
        self.error, self.whole = error, whole

    def parse_response(self, body: Mapping[str, Any]) -> toolfan.Turn:
        raise self.error

    def stream_parser(self) -> Any:
        parser, error, whole, came = super().stream_parser(), self.error, self.whole, 0

        class Faulty:
            text = ""

            def feed(self, event: Mapping[str, Any]) -> Any:
                nonlocal came
                if came >= whole:
                    raise error
                sealed = parser.feed(event)
                came += len(sealed)
                return sealed

            def close(self) -> toolfan.Turn:
                return parser.close()

        return Faulty()


class Watcher:
    def __init__(self) -> None:
        self.ends: list[BaseException | None] = []

    @toolfan.hookimpl
    def toolfan_after_turn(self) -> None:
        self.ends.append(None)

    @toolfan.hookimpl
    def toolfan_after_failure(self, error: BaseException) -> None:
        self.ends.append(error)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    seen = Watcher()
    toolfan.observe(seen)
    yield seen
    toolfan.unobserve(seen)


def ask(adapter: LocalAdapter, way: str, **options: Any) -> Any:
    """What comes of a request that is asked so."""
    asking = {"messages": USER, **options}
    tools = (weather,) if way.startswith("run") else (Weather,)
    if not way.endswith("async"):
        client = toolfan.wrap(LocalClient(), adapter=adapter)
        if way == "stream":
            return client.stream(tools=tools, **asking).until_done()
        return (client.run if way == "run" else client.create)(tools=tools, **asking)

    async def awaited() -> Any:
        client = toolfan.wrap_async(LocalClient(), adapter=adapter)
        if way == "stream async":
            return await client.stream(tools=tools, **asking).until_done()
        return await (client.run if way == "run async" else client.create)(tools=tools, **asking)

    return asyncio.run(awaited())


@pytest.mark.parametrize("deadline", [None, 60])
@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("way", WAYS)
def test_what_a_transport_raises_comes_out_and_is_told(
    watcher: Watcher, way: str, kind: Callable[[str], BaseException], deadline: float | None
) -> None:
    error = kind("boom")
    with pytest.raises(type(error)) as caught:
        ask(Unsent(error), way, deadline=deadline)
    # While the exception is held, with all the frames that it came through: nothing is left to the garbage collector.
    assert [type(end) for end in watcher.ends] == [type(caught.value)]


@pytest.mark.parametrize("deadline", [None, 60])
@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_some_iterator_of_the_sdk_is_no_answer(
    watcher: Watcher, way: str, kind: Callable[[], BaseException], deadline: float | None
) -> None:
    error = kind()
    with pytest.raises(RuntimeError, match=f"raised {type(error).__name__}") as caught:
        ask(Unsent(error), way, deadline=deadline)
    assert caught.value.__cause__ is error
    assert [type(end) for end in watcher.ends] == [RuntimeError]


@pytest.mark.parametrize("way", WAYS)
def test_what_a_parser_raises_comes_out_and_is_told(watcher: Watcher, way: str) -> None:
    with pytest.raises(KeyError, match="nothing"):
        ask(Unread(KeyError("nothing")), way)
    assert [type(end) for end in watcher.ends] == [KeyError]


@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_an_iterator_in_a_parser_is_no_answer(way: str) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        ask(Unread(StopIteration()), way)


@pytest.mark.parametrize("kind", [KeyError, toolfan.UsageError])
@pytest.mark.parametrize("use_async", [False, True])
def test_a_stream_whose_parser_fails_keeps_what_had_come(
    watcher: Watcher, use_async: bool, kind: Callable[[str], Exception]
) -> None:
    adapter = Unread(kind("nothing"), whole=1)
    stream: Any
    if use_async:
        stream = toolfan.wrap_async(LocalClient(), adapter=adapter).stream(messages=USER, tools=(Weather,))
        with pytest.raises(type(adapter.error)):
            asyncio.run(stream.until_done())
    else:
        stream = toolfan.wrap(LocalClient(), adapter=adapter).stream(messages=USER, tools=(Weather,))
        with pytest.raises(type(adapter.error)):
            stream.until_done()
    assert list(stream.calls) == [Weather(location="Oslo")]
    assert stream.calls.turn.model == "toolfan-local"  # and all else that the answer had said
    assert [type(end) for end in watcher.ends] == [type(adapter.error)]


def test_a_parser_that_cannot_even_end_does_not_hide_its_fault() -> None:
    class Broken(Unread):
        def stream_parser(self) -> Any:
            parser = super().stream_parser()
            parser.close = [].pop
            return parser

    stream = toolfan.wrap(LocalClient(), adapter=Broken(KeyError("nothing"), whole=1)).stream(
        messages=USER, tools=(Weather,)
    )
    with pytest.raises(KeyError, match="nothing"):
        stream.until_done()
    assert list(stream.calls) == [Weather(location="Oslo")]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("made", [Unsent, Unread])
def test_the_span_of_such_a_request_has_its_error(made: Callable[[BaseException], LocalAdapter], way: str) -> None:
    exporter, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    otel.instrument(tracer_provider=tracers)
    try:
        with pytest.raises(ZeroDivisionError):
            ask(made(ZeroDivisionError()), way)
        span: Any = exporter.get_finished_spans()[0]
        assert span.status.status_code is StatusCode.ERROR
        attributes: Any = span.attributes
        assert attributes["error.type"] == "ZeroDivisionError"
    finally:
        otel.uninstrument()
