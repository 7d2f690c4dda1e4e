"""Clients are one per process and event loop, or refused with a clear error: never wrong."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from loopback import KEY, ONCE, Bench
from pydantic import BaseModel
from toolfan.drivers.binding import Binding

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork, beside threads
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class A(BaseModel):
    x: int


@pytest.fixture
def echoing(bench: Bench) -> Bench:
    """A server that answers question n with A(x=n)."""
    answers = [
        {
            "contains": f"={n}=",
            "times": "always",
            "calls": [{"name": "A", "arguments": {"x": n}}],
        }
        for n in range(100)
    ]
    bench.serve(*answers)
    return bench


def asked(n: int) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": f"={n}="}], "response_model": A}


@pytest.fixture
def connected(echoing: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("K", KEY)

    def connect(make: Callable[..., Any] = toolfan.connect) -> Any:
        return make("openai", base_url=echoing.server.openai_url, api_key_env="K")

    return connect


def in_children(question: Callable[[int], int], count: int = 4) -> list[int]:
    """What children say when all of them ask at once."""
    reads = []
    for n in range(1, count + 1):
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                for _ in range(5):
                    answer = question(n)
                os.write(write, str(answer).encode())
            finally:
                os._exit(0)
        os.close(write)
        reads.append(read)
    said = [os.read(read, 100).decode() for read in reads]
    for read in reads:
        os.close(read)
    for _ in reads:
        os.wait()
    return [int(one) for one in said if one]


@needs_fork
def test_a_client_that_toolfan_made_is_made_anew_in_each_child(connected: Callable[..., Any]) -> None:
    with connected() as client:
        assert list(client.create(**asked(0))) == [A(x=0)]
        assert in_children(lambda n: client.create(**asked(n))[0].x) == [1, 2, 3, 4]
        assert list(client.create(**asked(5))) == [A(x=5)]


@needs_fork
def test_so_is_one_that_your_function_makes(echoing: Bench) -> None:
    client = toolfan.from_openai(lambda: openai.OpenAI(api_key=KEY, base_url=echoing.server.openai_url))
    with client:
        assert list(client.create(**asked(0))) == [A(x=0)]
        assert in_children(lambda n: client.create(**asked(n))[0].x) == [1, 2, 3, 4]
        assert list(client.create(**asked(5))) == [A(x=5)]
    with pytest.raises(toolfan.UsageError, match="closed"):
        client.create(**asked(1))


@needs_fork
def test_one_that_you_passed_is_refused_in_a_child(echoing: Bench) -> None:
    client = echoing.client(max_retries=0)
    assert list(client.create(**asked(0))) == [A(x=0)]

    def refused(n: int) -> int:
        with pytest.raises(toolfan.UsageError, match=r"forked.*Pass a function that makes") as caught:
            client.create(**asked(n))
        return caught.value.requests + n

    assert in_children(refused) == [1, 2, 3, 4]


def test_a_second_event_loop_gets_a_client_of_its_own(connected: Callable[..., Any]) -> None:
    client = connected(toolfan.connect_async)
    made = []

    async def ask(*numbers: int) -> list[A]:
        answers = await asyncio.gather(*(client.create(**asked(n)) for n in numbers))
        made.append(client.sdk_client)
        await client.sdk_client.close()  # as `async with` would, but for this loop's alone
        return [value for calls in answers for value in calls]

    assert [asyncio.run(ask(n)) for n in range(3)] == [[A(x=0)], [A(x=1)], [A(x=2)]]
    assert asyncio.run(ask(*range(20))) == [A(x=n) for n in range(20)]
    assert len(set(map(id, made))) == 4


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the same, while Python collects
def test_clients_of_ended_loops_are_let_go(connected: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    client = connected(toolfan.connect_async)
    made = []

    async def ask(n: int) -> list[A]:
        calls = await client.create(**asked(n))
        made.append(weakref.ref(client.sdk_client))
        if n == 4:
            await client.aclose()
        return list(calls)

    assert [asyncio.run(ask(n)) for n in range(5)] == [[A(x=n)] for n in range(5)]
    gc.collect()
    assert [one() is None for one in made] == [True] * 4 + [False]
    assert "never retrieved" not in caplog.text


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_that_is_closed_closes_those_of_ended_loops(
    connected: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """What was left of them, the SDK tried to close in the loop that ran, and asyncio told that it failed."""

    async def last(client: toolfan.AsyncClient) -> None:
        async with client:
            await client.create(**asked(0))
            await asyncio.to_thread(asyncio.run, client.create(**asked(1)))
            made = weakref.ref(client.sdk_client)
        del client
        gc.collect()
        await asyncio.sleep(0.05)
        gc.collect()
        assert made() is None
        assert caplog.records == []

    clients = [connected(toolfan.connect_async)]
    asyncio.run(last(clients.pop()))


def test_a_function_makes_async_clients_too(echoing: Bench) -> None:
    made: list[openai.AsyncOpenAI] = []

    def make() -> openai.AsyncOpenAI:
        made.append(openai.AsyncOpenAI(api_key=KEY, base_url=echoing.server.openai_url))
        return made[-1]

    client = toolfan.from_openai(make)

    async def ask(n: int) -> list[A]:
        calls = await client.create(**asked(n))
        await made[-1].close()
        return list(calls)

    assert [asyncio.run(ask(n)) for n in range(3)] == [[A(x=0)], [A(x=1)], [A(x=2)]]
    assert len(made) == 3


def test_a_passed_async_client_is_refused_in_a_second_loop(echoing: Bench) -> None:
    sdk = openai.AsyncOpenAI(api_key=KEY, base_url=echoing.server.openai_url)
    client = toolfan.from_openai(sdk, stop=ONCE)

    async def ask(n: int) -> list[A]:
        return list(await client.create(**asked(n)))

    async def last() -> None:
        await ask(1)
        await sdk.close()

    with asyncio.Runner() as runner:
        assert runner.run(ask(0)) == [A(x=0)]
        with pytest.raises(toolfan.UsageError, match=r"another event loop.*Pass a function that makes"):
            in_thread(lambda: asyncio.run(ask(1)))
        runner.run(last())


def in_thread(work: Callable[[], Any]) -> Any:
    """`work()` in another thread, whose event loop is another one."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as exc:
            outcome.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


@pytest.mark.parametrize("kind", ["passed", "connected", "function"])
def test_forty_threads_share_a_client(echoing: Bench, connected: Callable[..., Any], kind: str) -> None:
    url = echoing.server.openai_url
    sdk = openai.OpenAI(api_key=KEY, base_url=url)
    made = {
        "passed": lambda: toolfan.from_openai(sdk),
        "connected": connected,
        "function": lambda: toolfan.from_openai(lambda: openai.OpenAI(api_key=KEY, base_url=url)),
    }
    answers: dict[int, list[int]] = {}
    with sdk, made[kind]() as client:

        def ask(n: int) -> None:
            answers[n] = [client.create(**asked(n))[0].x for _ in range(3)]

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert answers == {n: [n] * 3 for n in range(40)}


class Meeting:
    """`os.getpid` for threads that shall come upon a client at the same moment."""

    def __init__(self, count: int, process: int) -> None:
        self.barrier, self.process, self.met = threading.Barrier(count), process, threading.local()

    def getpid(self) -> int:
        if not hasattr(self.met, "once"):
            self.met.once = True
            self.barrier.wait(10)
        return self.process


def at_once(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any], process: int, count: int = 8) -> list[Any]:
    with monkeypatch.context() as patch, ThreadPoolExecutor(count) as pool:
        patch.setattr("toolfan.drivers.binding.os", Meeting(count, process))
        return list(pool.map(lambda _: work(), range(count)))


def test_a_passed_client_is_first_used_by_many_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, process = toolfan.load_adapter("openai"), os.getpid()
    for _ in range(20):
        binding = Binding(adapter, openai.OpenAI(api_key=KEY), use_async=False)
        transports = at_once(monkeypatch, binding.transport, process)
        assert len(set(map(id, transports))) == 1


def test_many_threads_of_a_new_process_make_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[openai.OpenAI] = []

    def make() -> openai.OpenAI:
        time.sleep(0.01)  # so that the others come meanwhile
        made.append(openai.OpenAI(api_key=KEY))
        return made[-1]

    binding = Binding(toolfan.load_adapter("openai"), make(), use_async=False, maker=make)
    first = binding.transport()
    transports = at_once(monkeypatch, binding.transport, os.getpid() + 1)
    assert len(set(map(id, transports))) == 1
    assert transports[0] is not first
    assert len(made) == 2


def test_event_loops_that_begin_at_once_share_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, process = toolfan.load_adapter("openai"), os.getpid()

    def make() -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(api_key=KEY)

    for _ in range(5):
        binding = Binding(adapter, make(), use_async=True, maker=make)

        async def ask(binding: Binding = binding) -> Any:
            return binding.transport()

        transports = at_once(monkeypatch, lambda ask=ask: asyncio.run(ask()), process)
        assert len(set(map(id, transports))) == len(transports)


def test_a_function_that_makes_no_client(echoing: Bench) -> None:
    with pytest.raises(toolfan.UsageError, match="no client of the openai SDK"):
        toolfan.from_openai(lambda: 3)  # type: ignore[arg-type, return-value]
    with pytest.raises(toolfan.UsageError, match="is not async"):
        toolfan.wrap_async(echoing.sdk)
