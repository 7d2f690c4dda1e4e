"""Calls that start while the model still speaks: each at once, none twice, none forgotten."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import openai
import pytest
import toolfan
from google_asking import WARNINGS
from loopback import KEY, ONCE, USER, Bench, FaultServer
from sdk_clients import connected
from toolfan import TruncatedCall, tool
from toolfan_local import LocalClient, Pace

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]
PATIENCE = 20.0
Step = dict[str, Any] | Callable[[], Any]
"""A delta to send, or what to do before the next one."""


def piece(index: int, call_id: str | None = None, name: str | None = None, arguments: str = "") -> dict[str, Any]:
    """A delta with a piece of a call."""
    part: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if call_id is not None:
        part |= {"id": call_id, "type": "function"}
        part["function"]["name"] = name
    return {"tool_calls": [part]}


def whole(index: int, name: str, call_id: str | None = None, **arguments: Any) -> dict[str, Any]:
    return piece(index, call_id or f"id_{index}", name, json.dumps(arguments))


def stream(*steps: Step, finish: str | None = "tool_calls") -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer of these deltas, each sent at once; without `finish` the connection breaks after them."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for step in steps:
            if callable(step):
                step()
            else:
                send(handler, step)
        if finish is not None:
            send(handler, {}, finish)
            handler.wfile.write(b"data: [DONE]\n\n")

    return answer


def send(handler: BaseHTTPRequestHandler, delta: dict[str, Any], finish: str | None = None) -> None:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
    handler.wfile.flush()


def says(text: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return stream({"role": "assistant", "content": text}, finish="stop")


@pytest.fixture(params=["sync", "async", "notebook"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[..., toolfan.Run]]:
    """`run(server, **options)`: `client.run` with OpenAI's SDK; blocking, awaited, blocking in a running loop."""
    with asyncio.Runner() as runner:

        async def awaited(url: str, options: dict[str, Any]) -> toolfan.Run:
            async with openai.AsyncOpenAI(api_key=KEY, base_url=url) as sdk:
                return await toolfan.from_openai(sdk, stop=ONCE).run(**options)

        def blocking(url: str, options: dict[str, Any]) -> toolfan.Run:
            with openai.OpenAI(api_key=KEY, base_url=url) as sdk, toolfan.from_openai(sdk, stop=ONCE) as client:
                return client.run(**options)

        async def nested(url: str, options: dict[str, Any]) -> toolfan.Run:
            return blocking(url, options)

        def run(server: FaultServer, **options: Any) -> toolfan.Run:
            options = {"model": "m", "messages": USER, **options}
            if request.param == "sync":
                return blocking(server.url, options)
            return runner.run((awaited if request.param == "async" else nested)(server.url, options))

        yield run


def bodies(server: FaultServer) -> list[Any]:
    return [json.loads(body) for _, _, _, body in server.requests]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("marked", ["tool", "run"])
def test_a_call_runs_before_the_next_has_come(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], is_async: bool, marked: str
) -> None:
    ran, seen = threading.Event(), []

    def first(n: int) -> int:
        ran.set()
        return n

    async def first_async(n: int) -> int:
        return first(n)

    server = faulty(
        stream(
            piece(0, "id_0", "first", '{"n": '),
            piece(0, arguments="1}"),
            lambda: seen.append(ran.wait(PATIENCE)),  # the rest is sent only when the first call has run
            whole(1, "first", n=2),
        ),
        says("done"),
    )
    early = tool(first_async if is_async else first, name="first", early=marked == "tool")
    done = run(server, tools=(early,), early=marked == "run")
    assert seen == [True]
    assert (done.text, done.stop, [result.value for result in done.results]) == ("done", "text", [1, 2])
    _, last = bodies(server)
    assert [(one["tool_call_id"], one["content"]) for one in last["messages"][2:]] == [("id_0", "1"), ("id_1", "2")]


def test_only_early_tools_start_early(faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]) -> None:
    order: list[str] = []
    ran = threading.Event()

    def soon(k: int) -> None:
        order.append("soon")
        ran.set()

    def later() -> None:
        order.append("later")

    def check() -> None:
        assert ran.wait(PATIENCE)
        order.append("the end of the answer")

    server = faulty(stream(whole(0, "later"), whole(1, "soon", k=1), check), says("done"))
    done = run(server, tools=(later, tool(soon, early=True)))
    assert order == ["soon", "the end of the answer", "later"]
    assert [result.call.name for result in done.results] == ["later", "soon"]


def test_without_an_early_tool_nothing_is_streamed(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    def nothing() -> None: ...

    server = faulty(stream(whole(0, "nothing")), says("done"))
    assert run(server, tools=(nothing,), early=True).text == "done"
    assert [body["stream"] for body in bodies(server)] == [True, True]
    with pytest.raises(toolfan.BadResponse):  # the server streams to one who did not ask for it
        run(server, tools=(nothing,))
    assert "stream" not in bodies(server)[2]


def test_what_ran_is_told_when_the_stream_breaks(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    count: list[int] = []
    ran = threading.Event()

    def first(n: int) -> int:
        count.append(n)
        ran.set()
        return n

    breaks = stream(whole(0, "first", n=1), lambda: ran.wait(PATIENCE), piece(1, "id_1", "first", '{"n"'), finish=None)
    server = faulty(breaks)
    with pytest.raises(toolfan.IncompleteStream) as caught:
        run(server, tools=(first,), early=True)
    error = caught.value
    assert (count, len(server.requests)) == ([1], 1), "it was asked again, or ran twice"
    assert error.run is not None
    assert [(result.call.id, result.value) for result in error.run.results if not result.error] == [("id_0", 1)]
    assert (error.run.requests, error.run.attempts, error.requests) == (1, 1, 1)
    assert "go on from error.run.messages, not from the start" in str(error)


def test_what_ran_is_told_when_the_answer_is_filtered(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    """Also where the same request would not help: what follows must not begin at the start."""
    server = faulty(stream(whole(0, "echo", n=1), finish="content_filter"))

    def echo(n: int) -> int:
        return n

    with pytest.raises(toolfan.ContentFiltered) as caught:
        run(server, tools=(echo,), early=True)
    assert caught.value.run is not None
    assert [result.value for result in caught.value.run.results] == [1]
    assert "Change the prompt" in str(caught.value)
    assert "go on from error.run.messages, not from the start" in str(caught.value)


def test_a_stream_that_breaks_in_a_later_round_keeps_the_earlier_ones(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    def first(n: int) -> int:
        return n

    server = faulty(stream(whole(0, "first", n=1)), stream(whole(0, "first", n=2), finish=None))
    with pytest.raises(toolfan.IncompleteStream) as caught:
        run(server, tools=(first,), early=True)
    assert caught.value.run is not None
    assert [result.value for result in caught.value.run.results] == [1, 2]
    assert caught.value.requests == 2


@pytest.mark.parametrize("again", [True, False])
def test_a_call_that_ran_is_not_run_again_when_others_are_asked_for_again(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], again: bool
) -> None:
    count: list[int] = []

    def first(n: int) -> int:
        count.append(n)
        return n

    repeated = [whole(0, "first", "id_9", n=1)] if again else []  # the model repeats the good call too
    mended = whole(len(repeated), "first", "id_8", n=2)
    server = faulty(stream(whole(0, "first", n=1), whole(1, "first", m=2)), stream(*repeated, mended), says("done"))
    done = run(server, tools=(first,), early=True, on_invalid="reask")
    assert sorted(count) == [1, 2]
    assert [result.value for result in done.results] == [1, 2]
    assert (done.text, done.requests) == ("done", 3)
    last = bodies(server)[-1]["messages"]
    asked = [call["id"] for one in last for call in one.get("tool_calls") or ()]
    assert [one["tool_call_id"] for one in last if one["role"] == "tool"] == asked


def test_max_calls_holds_for_early_calls(faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]) -> None:
    count: list[int] = []

    def first(n: int) -> int:
        count.append(n)
        return n

    server = faulty(stream(*[whole(n, "first", n=n) for n in range(4)]))
    done = run(server, tools=(first,), early=True, max_calls=2)
    assert (done.stop, sorted(count)) == ("max_calls", [0, 1])
    assert [type(result.error) for result in done.results[2:]] == [toolfan.TooManyCalls] * 2


def test_system_exit_of_an_early_tool_ends_the_stream(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    ran = threading.Event()

    def stops(n: int) -> None:
        ran.set()
        raise SystemExit(n)

    server = faulty(stream(whole(0, "stops", n=3), lambda: ran.wait(PATIENCE), whole(1, "stops", n=3)), says("done"))
    with pytest.raises(SystemExit):
        run(server, tools=(stops,), early=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_system_exit_of_an_early_tool_passes_though_the_server_is_silent(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], is_async: bool
) -> None:
    released = threading.Event()

    def stops(n: int) -> None:
        raise SystemExit(n)

    async def stops_async(n: int) -> None:
        raise SystemExit(n)

    server = faulty(stream(whole(0, "stops", n=3), lambda: released.wait(PATIENCE)), says("done"))
    started = time.monotonic()
    with pytest.raises(SystemExit):
        run(server, tools=(tool(stops_async if is_async else stops, name="stops", early=True),))
    assert time.monotonic() - started < PATIENCE / 2
    released.set()
    assert len(server.requests) == 1


def test_system_exit_passes_while_others_are_asked_for_again(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    reasked, released = threading.Event(), threading.Event()

    def stops(n: int) -> None:
        reasked.wait(PATIENCE)
        raise SystemExit(3)

    def silent() -> None:
        reasked.set()
        released.wait(PATIENCE)

    server = faulty(stream(whole(0, "stops", n=1), whole(1, "stops", m=1)), stream({"content": "Hm"}, silent))
    started = time.monotonic()
    with pytest.raises(SystemExit):
        run(server, tools=(stops,), early=True, on_invalid="reask")
    assert time.monotonic() - started < PATIENCE / 2
    released.set()


@pytest.mark.parametrize("broken", [False, True])
def test_a_sequential_call_keeps_its_turn(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], broken: bool
) -> None:
    order: list[str] = []

    def reserve(n: int) -> None:
        order.append(f"reserve {n}")

    def pay(n: int) -> None:
        order.append(f"pay {n}")

    def look(n: int) -> None:
        order.append(f"look {n}")

    def check() -> None:
        order.append("the end of the answer")

    first = whole(1, "reserve", m=1) if broken else whole(1, "reserve", n=1)
    said = stream(
        whole(0, "look", n=0), lambda: time.sleep(0.3), first, whole(2, "pay", n=2), whole(3, "look", n=3), check
    )
    server = faulty(said, stream(whole(0, "reserve", n=1)), says("done")) if broken else faulty(said, says("done"))
    tools = (tool(reserve, sequential=True), tool(pay, sequential=True, early=True), tool(look, early=True))
    run(server, tools=tools, on_invalid="reask")
    assert order == ["look 0", "the end of the answer", "reserve 1", "pay 2", "look 3"]


def test_a_sequential_call_does_not_start_before_one_that_still_comes(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    order: list[str] = []

    def reserve(n: int) -> None:
        order.append("reserve")

    def pay(n: int) -> None:
        order.append("pay")

    server = faulty(
        stream(
            piece(0, "id_0", "reserve", '{"n": '),
            whole(1, "pay", n=1),
            lambda: time.sleep(0.3),
            piece(0, arguments="1}"),
        ),
        says("done"),
    )
    run(server, tools=(tool(reserve, sequential=True), tool(pay, sequential=True, early=True)))
    assert order == ["reserve", "pay"]


def test_an_early_tool_that_hangs_past_the_deadline_is_told(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    release = threading.Event()

    def hang() -> None:
        release.wait(60)

    server = faulty(stream(whole(0, "hang")))
    done = run(server, tools=(hang,), early=True, deadline=1.0)
    release.set()
    assert (done.stop, len(done.abandoned)) == ("deadline", 1)


def test_the_deadline_in_a_stream_keeps_what_ran(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    released = threading.Event()

    def first(n: int) -> int:
        return n

    server = faulty(stream(whole(0, "first", n=1), lambda: released.wait(PATIENCE)))
    done = run(server, tools=(first,), early=True, deadline=1.0)
    released.set()
    assert (done.stop, [result.value for result in done.results], done.requests) == ("deadline", [1], 1)


def test_a_run_that_the_deadline_ended_in_a_stream_goes_on_with_what_ran(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run]
) -> None:
    released, count = threading.Event(), list[int]()

    def first(n: int) -> int:
        count.append(n)
        return n

    def waits() -> None:
        released.wait(PATIENCE)

    server = faulty(stream(whole(0, "first", n=1), piece(1, "id_1", "first", '{"n": 2'), waits), says("done"))
    done = run(server, tools=(first,), early=True, deadline=1.0)
    released.set()
    assert (done.stop, [type(result.error) for result in done.results]) == ("deadline", [type(None), TruncatedCall])
    _, turn, told, cut = done.messages
    assert [call["id"] for call in turn["tool_calls"]] == ["id_0", "id_1"]
    assert (told["tool_call_id"], told["content"], cut["tool_call_id"]) == ("id_0", "1", "id_1")
    assert run(server, messages=done.messages, tools=(first,), early=True).text == "done"
    assert (count, bodies(server)[-1]["messages"]) == ([1], [*done.messages])


@pytest.mark.parametrize("reasked", [True, False])
def test_calls_that_had_come_but_not_begun_are_answered_too(
    faulty: Callable[..., FaultServer], run: Callable[..., toolfan.Run], reasked: bool
) -> None:
    released = threading.Event()

    def first(n: int) -> int:
        return n

    def second(n: int) -> int:
        raise AssertionError("it shall not run")

    if reasked:
        answers = [stream(whole(0, "first", n=1), whole(1, "second", m=2)), stream(lambda: released.wait(PATIENCE))]
    else:
        answers = [stream(whole(0, "first", n=1), whole(1, "second", n=2), lambda: released.wait(PATIENCE))]
    server = faulty(*answers)
    options = {"on_invalid": "reask"} if reasked else {}
    done = run(server, tools=(tool(first, early=True), second), deadline=1.0, **options)
    released.set()
    kinds = [type(None), toolfan.InvalidArguments if reasked else RuntimeError]
    assert (done.stop, [type(result.error) for result in done.results]) == ("deadline", kinds)
    assert [one["tool_call_id"] for one in done.messages[2:]] == ["id_0", "id_1"]


@pytest.mark.parametrize("kind", ["openai-responses", "anthropic", "gemini", "vertex", "rest"])
def test_every_provider_is_told_what_ran_before_its_stream_was_left(bench: Bench, kind: str) -> None:
    def first(n: int) -> int:
        return n

    slow = {"calls": [{"name": "first", "arguments": {"n": n}} for n in range(9)]}
    bench.serve(slow, {"text": "done"}, pace=Pace(call=0.5))
    with connected(bench, kind) as client:
        done = client.run(model="gemini-2.5-flash", messages=USER, tools=(first,), early=True, deadline=3)
        assert done.stop == "deadline"
        assert done.results[0].value == 0
        again = client.run(model="gemini-2.5-flash", messages=done.messages, tools=(first,))
    assert again.text == "done"  # the server refuses calls without answers, and answers without calls


def test_a_provider_without_streams_refuses_early_and_ignores_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    def first() -> int:
        return 1

    script = [{"calls": [{"name": "first", "arguments": {}}]}, {"text": "done"}]
    client = toolfan.wrap(LocalClient(script))
    denied = replace(client.adapter.capabilities, streaming=False)
    monkeypatch.setattr(client, "adapter", replace(cast("Any", client.adapter), capabilities=denied))
    with pytest.raises(toolfan.Unsupported, match=r"does not offer streams.*early=True"):
        client.run(messages=USER, tools=(first,), early=True)
    assert client.run(messages=USER, tools=(tool(first, early=True),)).text == "done"
