"""The deadline is total and returns control on time; workers, threads, forks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import openai
import pytest
import toolfan
from loopback import KEY, USER, Bench, FaultServer, Faulty, call, completion, http, raw, until
from pydantic import AfterValidator, BaseModel, create_model
from toolfan import DeadlineExceeded, Unavailable, UsageError
from toolfan.drivers import workers
from toolfan.http.event_streams import EventStream
from toolfan.request.arguments import DEFAULT_DEADLINE, prepare
from toolfan_local import LocalClient
from toolfan_local.adapter import LocalAdapter

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

Start = Callable[..., FaultServer]


class A(BaseModel):
    x: int = 0


def slow_headers(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


def dripping_body(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(http(b"", length=10_000))
    for _ in range(30):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def dripping_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for at in range(30):
        handler.wfile.write(f"x-{at}: y\r\n".encode())
        handler.wfile.flush()
        time.sleep(0.05)


SLOW = [slow_headers, dripping_headers, dripping_body]


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def test_the_default_is_600_seconds_and_reaches_the_transport(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    prepared = prepare(toolfan.load_adapter("openai"), {}, messages=USER, response_model=A, options={"model": "m"})
    assert prepared.policy.deadline == DEFAULT_DEADLINE == 600
    given: list[Any] = []
    client = bench.answered(call("A", {}))
    transport = client._binding.transport()
    send = transport.send
    monkeypatch.setattr(transport, "send", lambda *a, **k: given.append(k["timeout"]) or send(*a, **k))
    client.create(model="m", messages=USER, response_model=A)
    assert 599 < given[0] <= 600


@pytest.mark.parametrize("slow", SLOW, ids=lambda slow: slow.__name__)
def test_a_sync_call_returns_on_time_and_what_it_left_is_counted(bench: Bench, faulty: Start, slow: Faulty) -> None:
    server = faulty(slow)
    client = bench.client(base_url=server.url, timeout=30)
    with at_most(0.8), pytest.raises(DeadlineExceeded, match=r"within the deadline of 0\.3 s") as caught:
        client.create(model="m", messages=USER, response_model=A, deadline=0.3)
    assert (caught.value.requests, caught.value.attempts, caught.value.retryable) == (1, 1, False)
    assert client.abandoned in (0, 1)
    until(lambda: client.abandoned == 0)
    assert len(server.requests) == 1


@pytest.mark.parametrize("slow", SLOW, ids=lambda slow: slow.__name__)
def test_an_async_call_is_cancelled_at_the_deadline(faulty: Start, slow: Faulty) -> None:
    server = faulty(slow)

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url, timeout=30) as sdk:
            with at_most(0.8), pytest.raises(DeadlineExceeded, match=r"0\.3 s"):
                await toolfan.from_openai(sdk).create(model="m", messages=USER, response_model=A, deadline=0.3)

    asyncio.run(main())


@pytest.mark.parametrize("streams", [False, True])
def test_when_the_time_ends_after_a_failure_that_failure_is_told_too(
    bench: Bench, faulty: Start, streams: bool
) -> None:
    busy = http('{"error": {"message": "we are busy", "type": "overloaded"}}', 503)
    client = toolfan.from_openai(bench.sdk(base_url=faulty(busy, slow_headers).url), wait=lambda _: 0)
    options: dict[str, Any] = {"model": "m", "messages": USER, "response_model": A, "deadline": 0.4}
    with pytest.raises(DeadlineExceeded) as caught:
        client.stream(**options).until_done() if streams else client.create(**options)
    assert (caught.value.requests, caught.value.retryable) == (2, False)
    assert "within the deadline of 0.4 s; the request before it failed: Unavailable: " in str(caught.value)
    assert "we are busy" in str(caught.value)
    assert caught.value.args == (caught.value.message,)


def test_a_late_answer_is_never_used(bench: Bench, faulty: Start) -> None:
    def late(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        handler.wfile.write(http('{"choices": "late"}'))

    good = http(__import__("json").dumps(completion(call("A", {"x": 2}))))
    server = faulty(late, good)
    client = bench.client(base_url=server.url)
    with pytest.raises(DeadlineExceeded):
        client.create(model="m", messages=USER, response_model=A, deadline=0.1)
    assert list(client.create(model="m", messages=USER, response_model=A)) == [A(x=2)]


@pytest.mark.parametrize("deadline", [None, 5, 5.5, 10**8])
def test_a_call_that_is_in_time(bench: Bench, deadline: Any) -> None:
    bench.serve(raw(completion(call("A", {}))) | {"delay": 0.05})
    assert list(bench.client().create(model="m", messages=USER, response_model=A, deadline=deadline)) == [A()]


def test_cancelling_an_async_call_passes_the_cancellation_on(faulty: Start) -> None:
    server = faulty(slow_headers)

    async def main() -> None:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as sdk:
            client = toolfan.from_openai(sdk)
            task = asyncio.ensure_future(client.create(model="m", messages=USER, response_model=A))
            until_sent = asyncio.get_running_loop().time() + 2
            while not server.requests and asyncio.get_running_loop().time() < until_sent:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.create(model="m", messages=USER, response_model=A)

    with at_most(1.4):
        asyncio.run(main())


def test_forty_threads_on_one_client_each_get_their_own_answer(bench: Bench) -> None:
    bench.serve(*({"contains": f"<{at}>", "calls": [{"name": "A", "arguments": {"x": at}}]} for at in range(40)))
    client = bench.client()
    got: dict[int, list[A]] = {}

    def ask(at: int) -> None:
        messages = [{"role": "user", "content": f"<{at}>"}]
        got[at] = list(client.create(model="m", messages=messages, response_model=A))

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == {at: [A(x=at)] for at in range(40)}


def test_one_async_client_serves_many_tasks(bench: Bench) -> None:
    bench.serve(*({"contains": f"<{at}>", "calls": [{"name": "A", "arguments": {"x": at}}]} for at in range(20)))

    async def main() -> list[Any]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.server.openai_url) as sdk:
            client = toolfan.from_openai(sdk)
            asked = [
                client.create(model="m", messages=[{"role": "user", "content": f"<{at}>"}], response_model=A)
                for at in range(20)
            ]
            return [calls[0].x for calls in await asyncio.gather(*asked)]

    assert asyncio.run(main()) == list(range(20))


# the worker pool


def nothing(change: int) -> None: ...


def test_workers_are_reused() -> None:
    pool = workers.WorkerPool()
    idents = {pool.run(threading.get_ident, 5, nothing) for _ in range(20)}
    assert len(idents) <= 2


def test_an_error_in_a_worker_is_raised_in_the_caller() -> None:
    def fails() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        workers.WorkerPool().run(fails, 5, nothing)


def test_context_variables_reach_the_worker() -> None:
    import contextvars

    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)
    assert workers.WorkerPool().run(variable.get, 5, nothing) == 7


def test_jobs_left_behind_are_bounded_and_named() -> None:
    pool, release, told = workers.WorkerPool(max_abandoned=2), threading.Event(), []
    for _ in range(2):
        with pytest.raises(TimeoutError):
            pool.run(lambda: release.wait(5), 0.01, told.append)
    with pytest.raises(workers.TooManyAbandoned, match="2 requests that passed their deadline"):
        pool.run(lambda: 1, 1, nothing)
    assert (pool.abandoned, told) == (2, [1, 1])
    release.set()
    until(lambda: pool.abandoned == 0)
    assert told == [1, 1, -1, -1]
    assert pool.run(lambda: 1, 1, nothing) == 1


def test_too_many_abandoned_requests_are_an_error_that_may_be_retried(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "pool", workers.WorkerPool(max_abandoned=0))
    bench.serve({"text": "never asked"})
    client = bench.client(http_client=openai.DefaultHttpxClient(event_hooks={"request": [lambda request: None]}))
    with pytest.raises(Unavailable, match="still running") as caught:
        client.create(model="m", messages=USER, response_model=A)
    assert caught.value.retryable
    assert bench.bodies == []


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")
def test_ctrl_c_returns_at_once_and_leaves_the_job_counted() -> None:
    pool, started, release, told = workers.WorkerPool(), threading.Event(), threading.Event(), list[int]()
    main = threading.main_thread().ident or 0

    def job() -> None:
        started.set()
        release.wait(120)

    def interrupt() -> None:
        started.wait(60)
        time.sleep(0.3)  # until the main thread waits for the job, which it handed over just before
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with at_most(60), pytest.raises(KeyboardInterrupt):
        pool.run(job, 120, told.append)
    assert (pool.abandoned, told) == (1, [1])
    release.set()
    until(lambda: told == [1, -1], 60)
    assert pool.abandoned == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_workers_of_its_own() -> None:
    assert workers.pool.run(lambda: 1, 5, nothing) == 1
    assert in_child(lambda: workers.pool.run(lambda: 2, 5, nothing) == 2 and workers.pool.abandoned == 0)
    assert workers.pool.run(lambda: 3, 5, nothing) == 3


def in_child(work: Callable[[], bool]) -> bool:
    """Whether `work()` is true in a forked child."""
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            code = 0 if work() else 1
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_client_that_was_used_is_refused_in_a_forked_child(bench: Bench) -> None:
    bench.serve({"text": "x", "times": "always"})
    client, unused = bench.client(max_retries=0), bench.client(max_retries=0)

    def ask(of: toolfan.Client) -> str:
        return of.create(model="m", messages=USER, response_model=A).text

    def refused() -> bool:
        with pytest.raises(UsageError, match="Pass a function that makes"):
            ask(client)
        return True

    assert ask(client) == "x"
    assert in_child(refused)
    assert in_child(lambda: ask(unused) == "x")
    assert ask(client) == ask(unused) == "x"


def test_a_client_cannot_be_pickled_and_says_what_to_do(bench: Bench) -> None:
    import pickle

    with pytest.raises(UsageError, match="Make one in each process"):
        pickle.dumps(bench.client())


class Late(LocalAdapter):
    """The planner's form, over a connection that cannot be ended: its second call comes after the deadline."""

    go = threading.Event()

    def transport(self, client: object, *, use_async: bool) -> Any:
        del client, use_async
        return self

    @contextlib.contextmanager
    def stream(self, *args: Any, **options: Any) -> Iterator[EventStream]:
        del args, options
        yield EventStream(self.events())

    def events(self) -> Iterator[Any]:
        for at in range(3):
            yield {"calls": [{"id": str(at), "name": "A", "arguments": {"x": at}}]}
            self.go.wait(10)


def test_what_comes_to_a_read_that_was_left_behind_changes_nothing_that_was_told() -> None:
    """The turn of the error would go back with a call that nobody answers."""
    client = toolfan.wrap(LocalClient([]), adapter=Late())
    stream = client.stream(messages=USER, tools=[A], deadline=0.3)
    with pytest.raises(DeadlineExceeded) as caught:
        list(stream)
    assert client.abandoned == 1
    Late.go.set()
    until(lambda: client.abandoned == 0)
    turn, calls = caught.value.turn, caught.value.calls
    assert (turn and turn.replay["calls"], list(calls or ())) == (
        [{"id": "0", "name": "A", "arguments": {"x": 0}}],
        [A(x=0)],
    )


def test_a_call_that_is_being_judged_at_the_deadline_is_told_once() -> None:
    """A validator holds the thread that reads; the call is judged for the error, and then comes from there, too."""
    client = toolfan.wrap(LocalClient([]), adapter=Late())
    judged, released = [], threading.Event()

    def check(value: int) -> int:
        judged.append(value)
        if len(judged) == 1:
            released.wait(10)
        else:
            released.set()
            until(lambda: client.abandoned == 0)
        return value

    tool = create_model("A", x=(Annotated[int, AfterValidator(check)], ...))
    with pytest.raises(DeadlineExceeded) as caught:
        list(client.stream(messages=USER, tools=[tool], deadline=0.3))
    turn, calls = caught.value.turn, caught.value.calls
    assert (judged, [call.index for call in turn.calls] if turn else None) == ([0, 0], [0])
    assert calls
    assert [outcome.index for outcome in calls.outcomes] == [0]
