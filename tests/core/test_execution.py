"""`execute` and `execute_async`: calls run at the same time, in order, within limits, each apart from the others."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import functools
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import toolfan
from loopback import until
from toolfan import Tool, tool
from toolfan.drivers import workers
from toolfan.execution import portals as portals_module
from toolfan_local import LocalClient

PATIENCE = 20.0
"""Seconds that something may take which comes at once on an idle machine."""
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@dataclass
class Note:
    text: str


def made(tools: Any, *calls: tuple[str, dict[str, Any]]) -> toolfan.Calls[Any]:
    """These calls, as `create` returns them."""
    script = [{"calls": [{"name": name, "arguments": arguments} for name, arguments in calls]}]
    messages = [{"role": "user", "content": "Go."}]
    return toolfan.wrap(LocalClient(script)).create(messages=messages, tools=tools, on_invalid="keep")


Run = Callable[..., list[toolfan.Result[Any]]]


def sync(*args: Any, **options: Any) -> list[toolfan.Result[Any]]:
    return toolfan.execute(*args, **options)


def awaited(*args: Any, **options: Any) -> list[toolfan.Result[Any]]:
    return asyncio.run(toolfan.execute_async(*args, **options))


def nested(*args: Any, **options: Any) -> list[toolfan.Result[Any]]:
    """The blocking form inside a running event loop, as in a notebook."""

    async def cell() -> list[toolfan.Result[Any]]:
        return toolfan.execute(*args, **options)

    return asyncio.run(cell())


@pytest.fixture(params=[sync, awaited, nested], ids=["sync", "async", "notebook"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.param  # type: ignore[no-any-return]


class Gauge:
    """A tool that counts how many of it run, and waits until `together` do (or for a moment, to let others come)."""

    def __init__(self, together: int = 1) -> None:
        self.together, self.now, self.most, self.order = together, 0, 0, list[int]()
        self._change = threading.Condition()

    def enter(self, n: int) -> int:
        with self._change:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(n)
            self._change.notify_all()
            self._change.wait_for(lambda: self.most >= self.together, PATIENCE)
        time.sleep(0.01)
        with self._change:
            self.now -= 1
        return n


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """A function that ends only after the test; what is left behind is counted for the test alone."""
    release = threading.Event()
    monkeypatch.setattr(workers, "tools", workers.WorkerPool(what="tool"))

    def hang() -> str:
        release.wait(60)
        return "late"

    yield hang
    release.set()
    until(lambda: workers.tools.abandoned == 0, PATIENCE)


def values(results: list[toolfan.Result[Any]]) -> list[Any]:
    return [result.content for result in results]


def test_functions_coroutine_functions_and_handlers_run(run: Run) -> None:
    def plain(x: int) -> int:
        return x + 1

    async def coroutine(x: int) -> int:
        await asyncio.sleep(0)
        return x + 2

    def gives_awaitable(x: int) -> Awaitable[int]:
        return coroutine(x)

    class Callables:
        async def __call__(self, note: Note) -> str:
            return note.text.upper()

    class Service:
        async def __call__(self, x: int) -> int:
            return x + 4

    async def write(note: Note) -> str:
        return note.text * 2

    tools = (
        plain,
        coroutine,
        gives_awaitable,
        tool(functools.partial(coroutine), name="partial"),
        tool(Service(), name="service"),
        Tool(Note, handler=lambda note: note.text),
        Tool(Note, name="Async", handler=write),
        Tool(Note, name="Object", handler=Callables()),
    )
    named = [("plain", 1), ("coroutine", 1), ("gives_awaitable", 1), ("partial", 1), ("service", 1)]
    notes = [(name, {"text": "a"}) for name in ("Note", "Async", "Object")]
    calls = made(tools, *[(name, {"x": x}) for name, x in named], *notes)
    assert calls.failed == ()
    results = run(calls)
    assert values(results) == [2, 3, 3, 3, 5, "a", "aa", "A"]
    assert [result.call for result in results] == list(calls.outcomes)
    assert all(result.error is None and result.seconds >= 0 and not result.abandoned for result in results)


def test_what_generators_yield_is_a_list(run: Run) -> None:
    def plain() -> Iterator[int]:
        yield from (1, 2)

    async def asynchronous() -> AsyncIterator[int]:
        yield 3

    def fails() -> Iterator[int]:
        yield 4
        raise LookupError

    tools = (plain, asynchronous, fails)
    results = run(made(tools, ("plain", {}), ("asynchronous", {}), ("fails", {})))
    assert [result.value for result in results] == [[1, 2], [3], None]
    assert isinstance(results[2].error, LookupError)


def test_results_come_in_call_order_whoever_ends_first(run: Run) -> None:
    ended: list[int] = []
    third = threading.Event()

    def wait(n: int) -> int:
        if n == 0:
            assert third.wait(PATIENCE)
        ended.append(n)
        if n == 3:
            third.set()
        return n

    calls = made((wait,), *[("wait", {"n": n}) for n in range(4)])
    assert values(run(calls)) == [0, 1, 2, 3]
    assert ended.index(3) < ended.index(0)


def test_they_run_at_the_same_time_and_no_more_than_allowed(run: Run) -> None:
    gauge = Gauge(together=5)
    calls = made((tool(gauge.enter),), *[("enter", {"n": n}) for n in range(40)])
    assert values(run(calls, max_concurrency=5)) == list(range(40))
    assert gauge.most == 5


def test_two_hundred_calls_at_eight(run: Run) -> None:
    gauge = Gauge(together=8)
    calls = made((tool(gauge.enter),), *[("enter", {"n": n}) for n in range(200)])
    assert values(run(calls)) == list(range(200))
    assert gauge.most == 8


def test_a_sequential_tool_runs_beside_none_in_its_turn(run: Run) -> None:
    gauge, alone = Gauge(), []

    def single(n: int) -> int:
        alone.append(gauge.now)
        gauge.enter(n)
        alone.append(gauge.now)
        return n

    tools = (tool(gauge.enter), tool(single, sequential=True))
    calls = made(tools, *[("single" if n % 3 == 1 else "enter", {"n": n}) for n in range(12)])
    assert values(run(calls)) == list(range(12))
    assert set(alone) == {0}
    assert [n for n in gauge.order if n % 3 == 1] == [1, 4, 7, 10]
    assert gauge.order.index(0) < gauge.order.index(1) < min(gauge.order.index(2), gauge.order.index(3))


def test_what_a_tool_raises_is_its_own(run: Run) -> None:
    class Odd(Exception):
        pass

    def fails(how: str) -> str:
        if how == "stop":
            raise StopIteration
        if how == "odd":
            raise Odd("no")
        if how == "cancelled":
            raise asyncio.CancelledError
        return how

    async def fails_too(how: str) -> str:
        if how == "cancelled":
            raise asyncio.CancelledError
        raise Odd(how)

    names = [("fails", "stop"), ("fails", "odd"), ("fails", "cancelled"), ("fails", "good")]
    names += [("fails_too", "odd"), ("fails_too", "cancelled")]
    results = run(made((fails, fails_too), *[(name, {"how": how}) for name, how in names]))
    kinds = [StopIteration, Odd, asyncio.CancelledError, type(None), Odd, asyncio.CancelledError]
    assert [type(result.error) for result in results] == kinds
    assert [result.value for result in results] == [None, None, None, "good", None, None]


def test_a_hanging_function_is_left_behind_and_touches_nobody(run: Run, hang: Callable[[], str]) -> None:
    def quick() -> str:
        return "quick"

    tools = (tool(hang, name="hang", timeout=0.2), quick)
    started = time.monotonic()
    results = run(made(tools, ("hang", {}), ("quick", {}), ("hang", {}), ("quick", {})), max_concurrency=2)
    assert time.monotonic() - started < PATIENCE
    assert [result.value for result in results] == [None, "quick", None, "quick"]
    assert [result.abandoned for result in results] == [True, False, True, False]
    assert isinstance(results[0].error, TimeoutError)
    assert str(results[0].error) == "hang took longer than 0.2 s, could not be ended and still runs"
    assert results[0].seconds >= 0.2
    assert workers.tools.abandoned == 2


@pytest.mark.parametrize("yields", [False, True])
def test_a_coroutine_function_that_blocks_its_loop_is_left_behind(yields: bool) -> None:
    """Blocking code gives coroutine functions a loop of their own, so that what watches them goes on."""
    released = threading.Event()

    async def blocks() -> None:
        released.wait(PATIENCE)

    async def blocks_and_yields() -> AsyncIterator[int]:
        released.wait(PATIENCE)
        yield 1

    def quick() -> str:
        return "quick"

    blocking = tool(blocks_and_yields if yields else blocks, name="blocks", timeout=0.2)
    started = time.monotonic()
    results = toolfan.execute(made((blocking, quick), ("blocks", {}), ("quick", {})))
    assert time.monotonic() - started < PATIENCE / 2
    released.set()
    assert [result.value for result in results] == [None, "quick"]
    assert [result.abandoned for result in results] == [True, False]
    assert isinstance(results[0].error, TimeoutError)


def test_a_coroutine_function_past_its_time_is_cancelled(run: Run) -> None:
    cleaned = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(True)

    (result,) = run(made((tool(hang, timeout=0.1),), ("hang", {})))
    assert isinstance(result.error, TimeoutError)
    assert str(result.error) == "hang took longer than 0.1 s"
    assert (result.abandoned, cleaned) == (False, [True])


def test_what_a_coroutine_function_awaits_to_clean_up_is_not_ended(run: Run) -> None:
    """It is cancelled once, as asyncio cancels: a connection that it closes, or a transaction, comes to its end."""
    cleaned = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            await asyncio.sleep(0.01)
            cleaned.append("hang")

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("items")

    calls = made((tool(hang, timeout=0.1), tool(items, timeout=0.1)), ("hang", {}), ("items", {}))
    results = run(calls)
    assert [str(result.error) for result in results] == ["hang took longer than 0.1 s", "items took longer than 0.1 s"]
    assert [result.abandoned for result in results] == [False, False]
    assert sorted(cleaned) == ["hang", "items"]


def test_a_generator_that_has_begun_ends_in_the_task_where_it_did(run: Run) -> None:
    """What it keeps for a while is the task's: a timeout, a group of tasks, a span."""

    async def items() -> AsyncIterator[str]:
        token = variable.set("begun")
        async with asyncio.timeout(PATIENCE):
            yield "first"
            await asyncio.sleep(0.001)
            yield variable.get()
        variable.reset(token)

    async def rest() -> AsyncIterator[str]:
        begun = items()
        await anext(begun)
        return begun

    (result,) = run(made((rest,), ("rest", {})))
    assert (result.error, result.value) == (None, ["begun"])


def test_the_end_of_the_event_loop_cancels_once_too() -> None:
    """It cancels each of its tasks: what runs a tool, and what waits for that, which does not cancel it again."""
    cleaned: list[str] = []
    kept = []

    async def hang() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            for _ in range(3):
                await asyncio.sleep(0.001)
            cleaned.append("hang")

    async def main() -> None:
        calls = made((hang,), *[("hang", {})] * 5)
        kept.append(asyncio.create_task(toolfan.execute_async(calls)))
        await asyncio.sleep(0.01)

    for _ in range(10):  # in which order is left to chance
        asyncio.run(main())
    assert len(cleaned) == 50


def test_one_that_was_left_behind_is_cancelled_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling it again at each step of the event loop would be the whole work of that loop."""
    monkeypatch.setattr("toolfan.execution.jobs.GRACE", 0.1)
    told = 0

    async def stubborn() -> None:
        nonlocal told
        while not freed.is_set():
            try:
                await freed.wait()
            except asyncio.CancelledError:
                told += 1

    freed = asyncio.Event()

    async def main() -> toolfan.Result[Any]:
        (result,) = await toolfan.execute_async(made((tool(stubborn, timeout=0.1),), ("stubborn", {})))
        await asyncio.sleep(0.1)
        freed.set()
        return result

    assert asyncio.run(main()).abandoned
    assert told == 1


@pytest.mark.parametrize(
    ("grace", "limit", "all_of_them", "told"),
    [
        (0.1, 0.1, None, "stubborn took longer than 0.1 s"),
        (60, 0.1, 0.2, "stubborn took longer than 0.1 s"),
        (60, 5, 0.2, "stubborn had not ended at the deadline for all calls"),
        (60, None, 0.2, "stubborn had not ended at the deadline for all calls"),
    ],
)
def test_one_that_refuses_to_end_is_left_behind_too(
    monkeypatch: pytest.MonkeyPatch, grace: float, limit: float | None, all_of_them: float | None, told: str
) -> None:
    """Within its grace, and at the deadline for all of them, whatever its grace."""
    monkeypatch.setattr("toolfan.execution.jobs.GRACE", grace)
    stop = threading.Event()
    started = time.monotonic()

    async def stubborn() -> str:
        while not stop.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
        return "late"

    async def quick() -> str:
        return "quick"

    try:
        calls = made((tool(stubborn, timeout=limit), quick), ("stubborn", {}), ("quick", {}))
        results = toolfan.execute(calls, timeout=all_of_them)
    finally:
        stop.set()
    assert time.monotonic() - started < PATIENCE
    assert str(results[0].error) == f"{told}, could not be ended and still runs"
    assert [result.abandoned for result in results] == [True, False]
    assert results[1].value == "quick"


def test_the_time_for_all_ends_what_runs_and_starts_nothing_more(run: Run, hang: Callable[[], str]) -> None:
    calls = made((tool(hang, name="hang"),), *[("hang", {})] * 3)
    started = time.monotonic()
    results = run(calls, timeout=0.2, max_concurrency=2)
    assert time.monotonic() - started < PATIENCE
    assert all(isinstance(result.error, TimeoutError) for result in results)
    assert [result.started is None for result in results] == [False, False, True]
    assert [result.abandoned for result in results] == [True, True, False]
    assert "was not started" in str(results[2].error)


def test_too_many_that_hang_fail_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang() -> None:
        release.wait(60)

    async def fine() -> str:
        return "fine"

    monkeypatch.setattr(workers, "tools", workers.WorkerPool(max_abandoned=2, what="tool"))
    tools = (tool(hang, timeout=0.1), fine)
    assert [one.abandoned for one in toolfan.execute(made(tools, ("hang", {}), ("hang", {})))] == [True, True]
    refused, good = toolfan.execute(made(tools, ("hang", {}), ("fine", {})))
    assert str(refused.error) == (
        "2 tools that passed their deadline are still running; nothing more is started until some of them end"
    )
    assert good.value == "fine"
    release.set()
    until(lambda: workers.tools.abandoned == 0, PATIENCE)
    assert toolfan.execute(made(tools, ("hang", {})))[0].error is None


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_async", [False, True])
def test_what_ends_the_program_passes(run: Run, kind: type[BaseException], is_async: bool) -> None:
    def ends() -> None:
        raise kind("now")

    async def ends_async() -> None:
        raise kind("now")

    async def waits() -> None:
        await asyncio.sleep(60)

    def never() -> None:
        raise AssertionError

    tools = (tool(ends_async if is_async else ends, name="ends"), waits, never)
    calls = made(tools, ("waits", {}), ("ends", {}), ("never", {}))
    started = time.monotonic()
    with pytest.raises(kind, match="now") as caught:
        run(calls, max_concurrency=2)
    assert time.monotonic() - started < PATIENCE
    notes = " ".join(caught.value.__notes__)
    assert "ends" in notes
    assert "never" not in notes
    assert values(toolfan.execute(made((tool(lambda: 1, name="one"),), ("one", {})))) == [1]  # the portal lives


def test_cancelling_ends_what_can_be_ended_and_tells_the_rest(
    hang: Callable[[], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("toolfan.execution.jobs.GRACE", 0.2)
    cleaned: list[str] = []
    hangs = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append("waits")

    def ends_soon() -> None:
        assert hangs.wait(PATIENCE)
        time.sleep(0.05)
        cleaned.append("ends_soon")

    def hanging() -> str:
        hangs.set()
        return hang()

    def never() -> None:
        cleaned.append("never")

    calls = made(
        (waits, ends_soon, hanging, never), *[(name, {}) for name in ("waits", "ends_soon", "hanging", "never")]
    )

    async def main() -> None:
        task = asyncio.create_task(toolfan.execute_async(calls, max_concurrency=3))
        while not hangs.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert sorted(cleaned) == ["ends_soon", "waits"]
    assert [record.name for record in caplog.records] == ["toolfan"]
    assert "hanging" in caplog.text
    assert "waits" not in caplog.text


@pytest.mark.parametrize("again", [1, 2])
def test_who_cancels_again_waits_no_longer_and_is_told_what_still_runs(
    hang: Callable[[], str], caplog: pytest.LogCaptureFixture, again: int
) -> None:
    running, freed = threading.Event(), threading.Event()

    def quick() -> None: ...

    def hanging() -> str:
        running.set()
        return hang()

    async def stubborn() -> None:
        while not freed.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    calls = made((quick, hanging, stubborn), ("quick", {}), ("hanging", {}), ("stubborn", {}))

    async def main() -> BaseException:
        task = asyncio.create_task(toolfan.execute_async(calls))
        while not running.is_set():
            await asyncio.sleep(0.01)
        for _ in range(1 + again):
            task.cancel()
            await asyncio.sleep(0.05)
        freed.set()
        assert task.done()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    ran, still = asyncio.run(main()).__notes__
    assert "quick" in ran
    assert all(name in still and name in caplog.text for name in ("hanging", "stubborn"))


def test_ctrl_c_ends_a_blocking_execution(tmp_path: Any) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio, os, signal, threading, time, toolfan, toolfan_local\n"
        "def hang(): time.sleep(120)\n"
        "async def waits(): await asyncio.sleep(120)\n"
        "def interrupts():\n"
        "    time.sleep(0.3)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.1)\n"
        "script = [{'calls': [{'name': n, 'arguments': {}} for n in ('hang', 'waits', 'interrupts')]}]\n"
        "messages = [{'role': 'user', 'content': 'Go.'}]\n"
        "tools = (hang, waits, interrupts)\n"
        "calls = toolfan.wrap(toolfan_local.LocalClient(script)).create(messages=messages, tools=tools)\n"
        "try:\n"
        "    toolfan.execute(calls)\n"
        "except KeyboardInterrupt as exc:\n"
        "    print(*exc.__notes__, sep='\\n')\n"
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 60, "it waited for the tools"
    ran, left = done.stdout.splitlines()
    assert "interrupts" in ran
    assert "hang" in left
    assert "waits" not in left


def test_a_hanging_function_does_not_keep_the_interpreter() -> None:
    program = (
        "import time, toolfan, toolfan_local\n"
        "def hang(): time.sleep(120)\n"
        "script = [{'calls': [{'name': 'hang', 'arguments': {}}]}]\n"
        "messages = [{'role': 'user', 'content': 'Go.'}]\n"
        "calls = toolfan.wrap(toolfan_local.LocalClient(script)).create(messages=messages, tools=(hang,))\n"
        "print(toolfan.execute(calls, timeout=1)[0].abandoned)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_tools_see_the_callers_context(run: Run) -> None:
    def plain() -> str:
        return variable.get()

    async def coroutine() -> str:
        return variable.get()

    def handler(note: Note) -> str:
        return variable.get()

    calls = made(
        (plain, coroutine, Tool(Note, handler=handler)), ("plain", {}), ("coroutine", {}), ("Note", {"text": ""})
    )
    token = variable.set("mine")
    try:
        assert values(run(calls)) == ["mine"] * 3
    finally:
        variable.reset(token)


def test_a_failed_call_is_not_run_and_has_its_own_error(run: Run) -> None:
    def count(x: int) -> int:
        return x

    calls = made((count,), ("count", {"x": 1}), ("count", {"x": "many"}), ("nothing", {}), ("count", {"x": 2}))
    results = run(calls)
    assert [result.value for result in results] == [1, None, None, 2]
    assert [type(result.error) for result in results[1:3]] == [toolfan.InvalidArguments, toolfan.UnknownTool]
    assert [result.started is None for result in results] == [False, True, True, False]
    told = calls.reply(results)
    assert told == calls.reply({results[0].call.id: 1, results[3].call.id: 2})
    assert told == calls.reply({result.call.id: result.error or result.value for result in results})


def test_a_type_without_a_handler_is_refused_before_anything_runs(run: Run) -> None:
    ran = []

    def acts() -> None:
        ran.append(True)

    with pytest.raises(toolfan.UsageError, match=r"calls of Note cannot be executed.*Tool\(Note, handler="):
        run(made((acts, Note), ("acts", {}), ("Note", {"text": "a"})))
    assert ran == []


def test_calls_from_elsewhere_are_given_their_tools(run: Run) -> None:
    tools = (Tool(Note, handler=lambda note: note.text),)
    calls = made(tools, ("Note", {"text": "a"}))
    for stored in (pickle.loads(pickle.dumps(calls)), list(calls.outcomes), calls.good):
        with pytest.raises(toolfan.UsageError, match=r"execute\(calls, tools=...\)"):
            run(stored)
        assert values(run(stored, tools=tools)) == ["a"]
    assert values(run(toolfan.Calls.from_json(calls.to_json(), tools=tools))) == ["a"]
    assert pickle.loads(pickle.dumps(calls)) == calls


def test_functions_run_from_a_bare_list(run: Run) -> None:
    def one() -> int:
        return 1

    calls = made((one,), ("one", {}))
    assert values(run([*calls.good, *calls.good])) == [1, 1]
    assert run([]) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_concurrency": 0}, "max_concurrency is 0"),
        ({"max_concurrency": True}, "max_concurrency is True"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": "1"}, "timeout is '1'"),
        ({"timeout": float("nan")}, "timeout is nan"),
    ],
)
def test_bad_limits_are_refused(run: Run, options: dict[str, Any], says: str) -> None:
    with pytest.raises(toolfan.UsageError, match=says):
        run([], **options)


@pytest.mark.parametrize("calls", ["text", 3, [3], None, {"a": 1}])
def test_what_is_no_call_is_refused(run: Run, calls: Any) -> None:
    with pytest.raises(toolfan.UsageError, match="which is no call"):
        run(calls)


def test_one_call_is_refused_with_the_right_spelling(run: Run) -> None:
    def greet() -> str:
        return "hello"

    (call,) = made((tool(greet),), ("greet", {})).good
    with pytest.raises(toolfan.UsageError, match=r"given Call, which is one call, and no list of them.*\[call\]"):
        run(call)


def test_a_result_compares_pickles_and_copies() -> None:
    def fails() -> None:
        raise LookupError("no such place")

    (result,) = toolfan.execute(made((tool(fails),), ("fails", {})))
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(result)  # a local function
    assert copy.copy(result) == result
    bad: toolfan.Result[Any] = toolfan.Result(
        toolfan.BadCall(0, "i", "n", toolfan.RawCall(0, "i", "n", ""), toolfan.UnknownTool("x"))
    )
    assert pickle.loads(pickle.dumps(bad)) == bad
    assert bad != result


def test_a_tool_may_execute_calls_itself_but_not_block_the_loop_with_it() -> None:
    def one() -> int:
        return 1

    inner = made((one,), ("one", {}))

    def outer() -> Any:
        return toolfan.execute(inner)[0].value

    async def outer_async() -> Any:
        return (await toolfan.execute_async(inner))[0].value

    async def blocks() -> Any:
        return toolfan.execute(inner)

    results = toolfan.execute(made((outer, outer_async, blocks), ("outer", {}), ("outer_async", {}), ("blocks", {})))
    assert [result.value for result in results] == [1, 1, None]
    assert isinstance(results[2].error, toolfan.UsageError)
    assert "Await execute_async()" in str(results[2].error)


def test_tasks_may_start_where_they_are_made() -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("eager tasks came with Python 3.12")

    async def coroutine(n: int) -> int:
        return n

    def plain(n: int) -> int:
        return n

    async def main() -> list[Any]:
        asyncio.get_running_loop().set_task_factory(factory)
        return values(await toolfan.execute_async(calls, max_concurrency=3))

    tools = (coroutine, tool(plain, sequential=True))
    calls = made(tools, *[("plain" if n % 50 == 1 else "coroutine", {"n": n}) for n in range(400)])
    assert asyncio.run(main()) == list(range(400))


def test_an_event_loop_that_a_tool_has_stopped_is_replaced() -> None:
    threads = []

    async def stops() -> None:
        threads.append(threading.current_thread())
        asyncio.get_running_loop().stop()
        await asyncio.sleep(60)

    async def one() -> int:
        return 1

    (result,) = toolfan.execute(made((stops,), ("stops", {})))
    assert isinstance(result.error, asyncio.CancelledError)
    until(lambda: not threads[0].is_alive(), PATIENCE)
    assert values(toolfan.execute(made((one,), ("one", {})))) == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_has_threads_and_a_loop_of_its_own() -> None:
    async def coroutine() -> int:
        return os.getpid()

    def plain() -> int:
        return os.getpid()

    calls = made((plain, coroutine), ("plain", {}), ("coroutine", {}))
    assert values(toolfan.execute(calls)) == [os.getpid()] * 2
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            good = values(toolfan.execute(calls)) == [os.getpid()] * 2
        finally:
            os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert values(toolfan.execute(calls)) == [os.getpid()] * 2


def test_an_exception_that_is_raised_again_and_again_keeps_the_last_notes() -> None:
    stops = SystemExit(3)
    stops.add_note("mine")

    def raises(n: int) -> None:
        raise stops

    for n in range(20):
        with pytest.raises(SystemExit):
            toolfan.execute(made((raises,), ("raises", {"n": n})))
    assert len(stops.__notes__) < 10
    assert stops.__notes__[0] == "mine"
    assert "calls that ran: raises" in stops.__notes__[-1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_waits_for_no_thread_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    started, forked, genuine = threading.Event(), threading.Event(), portals_module.Loop

    def slow() -> Any:
        if not forked.is_set():
            started.set()
            forked.wait(PATIENCE)
        return genuine()

    def one() -> int:
        return 1

    def used(client: Any) -> list[Any]:
        done = client.run(messages=[{"role": "user", "content": "Go."}], tools=(one,))
        return [result.value for result in done.results]

    monkeypatch.setattr(portals_module, "Loop", slow)
    script = [{"calls": [{"name": "one", "arguments": {}}]}, {"text": "done"}]
    with toolfan.wrap(functools.partial(LocalClient, script)) as client:
        thread = threading.Thread(target=used, args=(client,))
        thread.start()
        started.wait(PATIENCE)  # it holds the lock of the client's portal
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            forked.set()
            good = False
            try:
                good = used(client) == [1]
            finally:
                os._exit(0 if good else 1)
        forked.set()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        thread.join(PATIENCE)
        assert not thread.is_alive()


def portals() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "toolfan-portal"}


def test_a_clients_portal_ends_with_the_client() -> None:
    async def coroutine() -> int:
        return 1

    script = [{"calls": [{"name": "coroutine", "arguments": {}}]}, {"text": "done"}] * 2
    gc.collect()  # clients of other tests
    others = portals()
    with toolfan.wrap(LocalClient(script)) as client:
        assert client.run(messages=[{"role": "user", "content": "Go."}], tools=(coroutine,)).results[0].value == 1
        assert len(portals() - others) == 2  # and that of the tools
    until(lambda: portals() <= others, PATIENCE)
    forgotten = toolfan.wrap(LocalClient(script))
    assert forgotten.run(messages=[{"role": "user", "content": "Go."}], tools=(coroutine,)).text == "done"
    assert len(portals() - others) == 2
    del forgotten
    gc.collect()
    until(lambda: portals() <= others, PATIENCE)
