"""Streams that are left early, dropped, cancelled or interrupted: their connection ends; those that are read do not."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import json
import pickle
import signal
import threading
import time
import weakref
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, USER, http, until
from pydantic import BaseModel
from toolfan import Call, TextDelta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loopback import Bench


class A(BaseModel):
    x: int


ASKED: dict[str, Any] = {"model": "m", "messages": USER, "tools": (A,), "deadline": 30}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None) -> bytes:
    event = {"choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}]}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def call(at: int, x: Any) -> bytes:
    function = {"name": "A", "arguments": json.dumps({"x": x})}
    return chunk({"tool_calls": [{"index": at, "id": f"id{at}", "type": "function", "function": function}]})


class Streaming:
    """Streams one call for each number in the question; where it says "wait", then nothing until the client leaves."""

    def __init__(self) -> None:
        self.connections: set[Any] = set()
        self.requests = self.left = 0
        self.waiting = threading.Semaphore(0)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                words = asked["messages"][-1]["content"].split()
                outer.requests += 1
                outer.connections.add(self.client_address)
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                if "wait" in words:
                    self.wait_for_the_end(words)
                    return
                self.begin(words)
                self.say(chunk(finish="tool_calls") + b"data: [DONE]\n\n")
                if "linger" in words:
                    time.sleep(0.01)
                self.say(b"")

            def begin(self, words: list[str]) -> None:
                self.say(chunk({"role": "assistant", "content": "Well."}))
                for at, word in enumerate(word for word in words if word.isdigit()):
                    self.say(call(at, int(word)))

            def wait_for_the_end(self, words: list[str]) -> None:
                """A client that leaves with bytes unread resets the connection, which is leaving as well."""
                self.close_connection = True
                self.connection.settimeout(60)
                try:
                    self.begin(words)
                    outer.waiting.release()
                    gone = not self.connection.recv(1)
                except (ConnectionResetError, BrokenPipeError):
                    gone = True
                outer.left += gone

            def say(self, data: bytes) -> None:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
                self.wfile.flush()

            def log_message(self, *args: Any) -> None: ...

        class HTTPServer(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True
            block_on_close = False

        self._http = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Streaming]:
    made = Streaming()
    yield made
    made.close()


@pytest.fixture
def client(server: Streaming) -> Iterator[toolfan.Client]:
    with openai.OpenAI(api_key=KEY, base_url=server.url) as sdk:
        yield toolfan.from_openai(sdk, stop=ONCE)


def asking(text: str) -> dict[str, Any]:
    return {**ASKED, "messages": [{"role": "user", "content": text}]}


def in_loop(server: Streaming, work: Callable[[toolfan.AsyncClient], Any]) -> Any:
    """What `work` gives, which is awaited with an async client of the server."""

    async def main() -> Any:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk:
            return await work(toolfan.from_openai(sdk, stop=ONCE))

    return asyncio.run(main())


async def seen(condition: Callable[[], bool]) -> None:
    """Wait for a condition while the event loop goes on."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


# Leaving.


def leave_block(client: toolfan.Client) -> Any:
    with client.stream(**asking("1 2 wait")) as stream:
        for outcome in stream:
            assert isinstance(outcome, Call)
            break
    return stream


def close_it(client: toolfan.Client) -> Any:
    stream = client.create(**asking("1 2 wait"), stream=True)
    assert isinstance(next(stream), Call)
    stream.close()
    stream.close()
    return stream


def raise_in_block(client: toolfan.Client) -> Any:
    stream = client.stream(**asking("1 2 wait"))
    with contextlib.suppress(LookupError), stream:
        next(stream)
        raise LookupError
    return stream


def leave_events(client: toolfan.Client) -> Any:
    with client.stream(**asking("1 2 wait")) as stream:
        events = stream.events()
        assert next(events) == TextDelta("Well.")
        next(events)
    return stream


@pytest.mark.parametrize(
    "leave", [leave_block, close_it, raise_in_block, leave_events], ids=lambda leave: leave.__name__
)
def test_a_stream_that_is_left_ends_its_connection(client: toolfan.Client, server: Streaming, leave: Any) -> None:
    stream = leave(client)
    until(lambda: server.left == 1)
    assert client.abandoned == 0
    assert list(stream.calls) == [A(x=1)]
    assert stream.calls.warnings == ("the stream was left before its end",)
    assert list(stream) == []
    assert stream.until_done() == stream.calls
    assert "over, 1 calls so far" in repr(stream)


def test_a_stream_that_nobody_holds_ends_its_connection(client: toolfan.Client, server: Streaming) -> None:
    stream = client.stream(**asking("1 wait"))
    next(stream)
    del stream
    gc.collect()
    until(lambda: server.left == 1)


def test_a_stream_that_was_never_read_sends_nothing(client: toolfan.Client, server: Streaming) -> None:
    with client.stream(**asking("1")) as stream:
        pass
    assert list(stream) == []
    assert len(stream.calls) == server.requests == 0


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_stream_says_why_it_cannot_be_pickled_or_copied(
    client: toolfan.Client, server: Streaming, copied: Callable[[Any], Any]
) -> None:
    with client.stream(**asking("1")) as stream:
        next(stream)
        with pytest.raises(toolfan.UsageError, match=r"holds a connection.*\.calls can be"):
            copied(stream)


def test_the_deadline_ends_the_connection_and_what_had_come_is_kept(client: toolfan.Client, server: Streaming) -> None:
    stream = client.stream(**{**asking("1 2 wait"), "deadline": 0.3})
    with pytest.raises(toolfan.DeadlineExceeded) as caught:
        list(stream)
    until(lambda: server.left == 1 and client.abandoned == 0)
    assert list(caught.value.calls or ()) == list(stream.calls) == [A(x=1), A(x=2)]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_ctrl_c_ends_the_connection(client: toolfan.Client, server: Streaming) -> None:
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        server.waiting.acquire(timeout=60)
        time.sleep(0.3)  # until the main thread reads
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    stream = client.stream(**asking("1 wait"))
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    assert time.monotonic() - started < 20
    until(lambda: server.left == 1 and client.abandoned == 0)
    assert list(stream.calls) == [A(x=1)]


def test_an_async_stream_that_is_left_ends_its_connection(server: Streaming) -> None:
    async def work(client: toolfan.AsyncClient) -> None:
        async with client.stream(**asking("1 2 wait")) as stream:
            async for outcome in stream:
                assert isinstance(outcome, Call)
                break
        assert list(stream.calls) == [A(x=1)]
        other = await client.create(**asking("1 2 wait"), stream=True)
        assert isinstance(await anext(other), Call)
        await other.aclose()
        await other.aclose()
        assert [outcome async for outcome in other] == []
        await seen(lambda: server.left == 2)
        await seen(lambda: len(asyncio.all_tasks()) == 1)

    in_loop(server, work)


def test_an_async_stream_that_nobody_holds_ends_its_connection(server: Streaming) -> None:
    async def work(client: toolfan.AsyncClient) -> None:
        stream = client.stream(**asking("1 wait"))
        await anext(stream)
        del stream
        gc.collect()
        await seen(lambda: server.left == 1)

    in_loop(server, work)


@pytest.mark.skipif(openai.__version__.startswith("2."), reason="its httpcore cannot close without an event loop")
def test_a_stream_that_is_left_when_the_loop_ends_is_no_noise(
    server: Streaming, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        client = toolfan.from_openai(openai.AsyncOpenAI(api_key=KEY, base_url=server.url))
        async for _ in client.stream(**asking("1 wait")):
            break

    asyncio.run(work())
    assert caplog.records == []
    until(lambda: server.left == 1)


@pytest.mark.skipif(openai.__version__.startswith("2."), reason="its httpcore cannot close without an event loop")
@pytest.mark.parametrize("of", ["calls", "events", "one"])
def test_an_event_loop_whose_last_act_is_to_leave_a_stream_is_let_go(server: Streaming, of: str) -> None:
    """A job each, with `asyncio.run`, over one client: of each loop almost a megabyte stayed for ever."""
    loops = []

    async def job(client: toolfan.AsyncClient) -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        stream = client.stream(**asking("1 wait"))
        if of == "one":
            await anext(stream)
            return
        async for _ in stream.events() if of == "events" else stream:
            del stream
            break

    client = toolfan.from_openai(lambda: openai.AsyncOpenAI(api_key=KEY, base_url=server.url))
    for _ in range(5):
        asyncio.run(job(client))
    asyncio.run(client.aclose())
    until(lambda: server.left == 5)
    gc.collect()
    assert [one() for one in loops[:-1]] == [None] * 4


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the connections that such a program leaves open
def test_an_event_loop_that_is_closed_before_a_stream_that_was_left_is_let_go(server: Streaming) -> None:
    """By a program that calls `run_until_complete` and `close` itself, and finishes nothing between them."""
    loops = []

    async def job(client: toolfan.AsyncClient) -> None:
        async for _ in client.stream(**asking("1 wait")):
            break

    client = toolfan.from_openai(lambda: openai.AsyncOpenAI(api_key=KEY, base_url=server.url))
    for _ in range(5):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(job(client))
        loop.close()
        loops.append(weakref.ref(loop))
        del loop
    asyncio.run(client.aclose())
    gc.collect()
    assert [one() for one in loops[:-1]] == [None] * 4


@pytest.mark.parametrize("words", ["wait", "1 wait"])
def test_a_task_that_is_cancelled_ends_the_connection(server: Streaming, words: str) -> None:
    async def work(client: toolfan.AsyncClient) -> None:
        stream = client.stream(**asking(words))

        async def read() -> None:
            async with stream:
                async for _ in stream:
                    pass

        task = asyncio.ensure_future(read())
        await seen(lambda: server.waiting.acquire(blocking=False))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await seen(lambda: server.left == 1)
        assert len(stream.calls) == words.count("1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.stream(**asking("wait")).until_done()
        await seen(lambda: server.left == 2)
        await seen(lambda: len(asyncio.all_tasks()) == 1)

    in_loop(server, work)


# Reading on.


@pytest.mark.parametrize("words", ["1 2", "1 linger"])
def test_streams_one_after_another_share_a_connection(client: toolfan.Client, server: Streaming, words: str) -> None:
    for _ in range(5):
        assert len(list(client.stream(**asking(words)))) == len(words.split()) - words.count("linger")
    assert (server.requests, len(server.connections)) == (5, 1)


def test_async_streams_one_after_another_share_a_connection(server: Streaming) -> None:
    async def work(client: toolfan.AsyncClient) -> None:
        for words in ["1 2", "1 linger"] * 3:
            assert len((await client.stream(**asking(words)).until_done()).outcomes) >= 1

    in_loop(server, work)
    assert (server.requests, len(server.connections)) == (6, 1)


def test_forty_threads_stream_over_one_client(client: toolfan.Client, server: Streaming) -> None:
    got: dict[int, list[A]] = {}
    start = threading.Barrier(40)

    def ask(at: int) -> None:
        start.wait(30)
        for turn in range(3):
            with client.stream(**asking(f"{at} {at * 100 + turn}")) as stream:
                values = [outcome.value for outcome in stream if isinstance(outcome, Call)]
            got.setdefault(at, []).extend(values)

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == {at: [A(x=x) for turn in range(3) for x in (at, at * 100 + turn)] for at in range(40)}
    assert (server.requests, client.abandoned) == (120, 0)


def test_a_hundred_async_streams_at_once(server: Streaming) -> None:
    async def work(client: toolfan.AsyncClient) -> list[list[int]]:
        async def ask(at: int) -> list[int]:
            async with client.stream(**asking(f"{at} {at + 1000}")) as stream:
                return [outcome.value.x async for outcome in stream if isinstance(outcome, Call)]

        return await asyncio.gather(*(ask(at) for at in range(100)))

    assert in_loop(server, work) == [[at, at + 1000] for at in range(100)]
    assert server.requests == 100


@pytest.mark.parametrize("leave", ["break", "close", "raise"])
def test_what_had_come_is_kept_though_nobody_took_it(bench: Bench, faulty: Any, leave: str) -> None:
    """The text, the model, the usage and the calls that came with the one that was handed out."""
    pieces = [
        {"index": at, "id": f"i{at}", "function": {"name": "A", "arguments": f'{{"x": {at}}}'}} for at in range(3)
    ]
    pieces.append({"index": 3, "id": "i3", "function": {"name": "A", "arguments": '{"x'}})
    events = [
        {"model": "m-1", "choices": [{"index": 0, "delta": {"content": "Let me see."}}]},
        {"model": "m-1", "choices": [{"index": 0, "delta": {"tool_calls": pieces}}]},
    ]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    server = faulty(http(body, content_type="text/event-stream"))
    stream = bench.client(base_url=server.url).stream(model="m", messages=USER, tools=(A,))
    with contextlib.suppress(ZeroDivisionError), stream:  # the stream breaks off, but nobody is there to see it
        assert next(stream).index == 0
        if leave == "close":
            stream.close()
        if leave == "raise":
            raise ZeroDivisionError
    assert (stream.text, stream.calls.model) == ("Let me see.", "m-1")
    assert [outcome.id for outcome in stream.calls.outcomes] == ["i0", "i1", "i2"]
    assert list(stream.calls) == [A(x=0), A(x=1), A(x=2)]


WRAPPER = {
    "name": "multi_tool_use.parallel",
    "arguments": {"tool_uses": [{"recipient_name": "functions.A", "parameters": {"x": x}} for x in (1, 2)]},
}
CUT = {"name": "A", "arguments": '{"x": '}


@pytest.mark.parametrize(
    ("calls", "good"),
    [
        ([WRAPPER, {"name": "A", "arguments": {"x": 3}}], [1, 2, 3]),
        ([{"name": "A", "arguments": {"x": 1}}, CUT], [1]),
        ([{"name": "A", "arguments": {"x": 1}}, {"name": "A", "arguments": ""}], [1]),
        ([CUT, {"name": "A", "arguments": {"x": 1}}, {"name": "A", "arguments": {"x": 2}}], [1, 2]),
    ],
    ids=["a wrapper", "one that is cut", "one without arguments", "a failed one first"],
)
def test_what_had_come_can_be_answered(bench: Bench, calls: list[Any], good: list[int]) -> None:
    """Each call of the turn that goes back once: a wrapper as one, and one that had not come whole as cut."""
    bench.serve({"calls": calls}, calls_together=True)
    with bench.client().stream(model="m", messages=USER, tools=(A,)) as stream:
        next(stream)
    assert [one.x for one in stream.calls] == good
    turn, *told = stream.calls.reply({one.id: "fine" for one in stream.calls.good})
    assert [one["tool_call_id"] for one in told] == [one["id"] for one in turn["tool_calls"]]
    assert sum(one["content"].count("fine") for one in told) == len(good)
    assert all("fine" in one["content"] or "the answer was cut" in one["content"] for one in told)
    assert toolfan.Calls.from_json(stream.calls.to_json(), tools=(A,)) == stream.calls
