"""What users wait for, by the clock: the first call of a slow stream, and tools that run while it still comes.

Each figure is the time taken, from the request on, through the time that no client could undercut: the server sends its
pieces at known moments, and the tools sleep.  Knows: toolfan, the moments.  Must not know: how a row is printed.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING, Any

import openai
import toolfan
from measuring import QUICK, Effort, Row
from server import pieces
from workload import conversation, tool_models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 5
SLOW = 0.95
"""Seconds of the first tool.  Early execution can gain most here, 1.95 s to 1.2 s: a factor of 1.625."""
_A, _B, _C = tool_models(3)


def _sealed(calls: int, size: int, at: int) -> float:
    """The share of the stream after which the call with this number is whole."""
    events = pieces(calls, size)
    per_call = (len(events) - 4) // calls
    return (1 + (at + 1) * per_call - 1) / len(events)


def _clients(address: str) -> tuple[toolfan.Client, toolfan.AsyncClient]:
    base = f"{address}/v1"
    blocking = toolfan.from_openai(openai.OpenAI(base_url=base, api_key="k"))
    return blocking, toolfan.from_openai(openai.AsyncOpenAI(base_url=base, api_key="k"))


def _row(name: str, took: Callable[[], float], optimum: float, effort: Effort, bar: float | None) -> Row:
    took()
    rounds = 1 if effort is QUICK else ROUNDS
    return Row(name, [took() / optimum for _ in range(rounds)], bar)


def waiting_rows(address: str, effort: Effort) -> Iterator[Row]:
    """Every row that is told by the clock."""
    scale = 0.05 if effort is QUICK else 1.0
    client, async_client = _clients(address)
    with asyncio.Runner() as runner:
        yield from _first_rows(client, async_client, runner, effort, 2.0 * scale)
        yield from _early_rows(client, async_client, runner, effort, scale)


def _first_rows(
    client: Any, async_client: Any, runner: asyncio.Runner, effort: Effort, seconds: float
) -> Iterator[Row]:
    asked = {"model": f"s16x2000p{seconds * 1000:.0f}", "messages": conversation(2), "tools": (_A, _B, _C)}
    optimum = seconds * _sealed(16, 2000, 0)

    def first() -> float:
        start = time.perf_counter()
        with client.stream(**asked) as stream:
            next(iter(stream))
            return time.perf_counter() - start

    async def first_async() -> float:
        start = time.perf_counter()
        async with async_client.stream(**asked) as stream:
            await anext(aiter(stream))
            return time.perf_counter() - start

    yield _row("first of 16 calls of a 2 s stream / optimum", first, optimum, effort, 1.1)
    yield _row("the same, async", lambda: runner.run(first_async()), optimum, effort, 1.1)


def _early_rows(client: Any, async_client: Any, runner: asyncio.Runner, effort: Effort, scale: float) -> Iterator[Row]:
    """Four calls in a stream of a second; the tools sleep 0.2 s, or the first of them longer."""
    sleeps = {"even": (0.2, 0.2, 0.2), "first": (SLOW, 0.2, 0.2)}
    bars = {"sync": 1.12, "async": 1.05}
    for kind, durations in sleeps.items():
        asked = {"model": f"s4x2000p{1000 * scale:.0f}", "messages": conversation(2)}
        seconds = [one * scale for one in durations]
        # The calls go to the tools in turn; of the first tool's two calls only the first one sleeps long.
        ends = [_sealed(4, 2000, at) * scale + (seconds[at] if at < 3 else 0.2 * scale) for at in range(4)]
        optimum = max(*ends, scale)
        taken: dict[str, float] = {}
        for mode, early in (("sync", True), ("async", True), ("sync", False), ("async", False)):
            run = _runs(client, async_client, runner, mode, early, asked, seconds, scale)
            name = f"request and 4 tools, {kind}, {mode}, {'early' if early else 'late'} / optimum"
            name = name.replace("even", "0.2 s each").replace(", first,", f", first {SLOW} s,")
            row = _row(name, run, optimum, effort, bars[mode] if early else None)
            taken[f"{mode} {early}"] = statistics.median(row.ratios)
            yield row
        if kind == "first":
            for mode in bars:
                ratio = taken[f"{mode} True"] / taken[f"{mode} False"]
                yield Row(f"request and 4 tools, first {SLOW} s, {mode}: early / late", [ratio], 1 / 1.6)


def _runs(
    client: Any,
    async_client: Any,
    runner: asyncio.Runner,
    mode: str,
    early: bool,
    asked: dict[str, Any],
    seconds: list[float],
    scale: float,
) -> Callable[[], float]:
    def tools(sleep: Any) -> tuple[Any, ...]:
        return tuple(
            toolfan.Tool(model, handler=_handler(sleep, first, 0.2 * scale))
            for model, first in zip((_A, _B, _C), seconds, strict=True)
        )

    def run() -> float:
        offered = tools(time.sleep)
        start = time.perf_counter()
        if early:
            _check(client.run(**asked, tools=offered, early=True, max_rounds=1).results)
        else:
            with client.stream(**asked, tools=offered) as stream:
                _check(toolfan.execute(stream.until_done()))
        return time.perf_counter() - start

    async def run_async() -> float:
        offered = tools(asyncio.sleep)
        start = time.perf_counter()
        if early:
            _check((await async_client.run(**asked, tools=offered, early=True, max_rounds=1)).results)
        else:
            async with async_client.stream(**asked, tools=offered) as stream:
                _check(await toolfan.execute_async(await stream.until_done()))
        return time.perf_counter() - start

    return run if mode == "sync" else lambda: runner.run(run_async())


def _handler(sleep: Any, first: float, later: float) -> Callable[[Any], Any]:
    left = [first]

    def seconds() -> float:
        return left.pop() if left else later

    if sleep is time.sleep:
        return lambda _: time.sleep(seconds())

    async def handle(_: Any) -> None:
        await asyncio.sleep(seconds())

    return handle


def _check(results: Any) -> None:
    if len(results) != 4 or any(result.error for result in results):
        raise RuntimeError(f"not every tool ran: {results!r}")
