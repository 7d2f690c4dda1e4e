"""Five hundred requests, a hundred at a time, in a process of their own: CPU of each request, and the peak of memory.

    python benchmarks/crowd.py ours|base ADDRESS COUNT

Prints CPU seconds of the requests and the peak of the process's memory in kB.  Knows: both interfaces.  Must not know:
how a row is printed.
"""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measuring import QUICK, Effort, Row, clean_environment
from workload import conversation, read_by_hand, tool_dicts, tool_models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

AT_ONCE = 100
REQUESTS = 500
ROUNDS = 7


def _ours(address: str) -> Callable[[], Awaitable[Any]]:
    import openai
    import toolfan

    client = toolfan.from_openai(openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="k"))
    tools = tuple(tool_models(3))

    async def ask() -> Any:
        return list(await client.create(model="k3", messages=conversation(2), tools=tools))

    return ask


def _base(address: str) -> Callable[[], Awaitable[Any]]:
    import openai

    client = openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="k")
    models = tool_models(3)
    tools: Any = tool_dicts(models)
    by_name = {model.__name__: model for model in models}

    async def ask() -> Any:
        messages: Any = conversation(2)
        return read_by_hand(await client.chat.completions.create(model="k3", messages=messages, tools=tools), by_name)

    return ask


async def _crowd(ask: Callable[[], Awaitable[Any]], count: int) -> None:
    async def some(share: int) -> None:
        for _ in range(share):
            if len(await ask()) != 3:
                raise RuntimeError("an answer without its calls")

    share = max(1, count // AT_ONCE)
    await asyncio.gather(*(some(share) for _ in range(min(count, AT_ONCE))))


def crowd_rows(address: str, effort: Effort) -> Iterator[Row]:
    """CPU and memory of both sides, each run in a new process, in turns."""
    count, rounds = (20, 1) if effort is QUICK else (REQUESTS, ROUNDS)
    cpu, memory = Row("500 requests, 100 at a time, CPU", bar=0.7), Row("the same, peak of memory", bar=1.0)
    for _ in range(rounds):
        base, ours = (_measured(side, address, count) for side in ("base", "ours"))
        cpu.ratios.append(ours[0] / base[0])
        memory.ratios.append(ours[1] / base[1])
    yield from (cpu, memory)


def _measured(side: str, address: str, count: int) -> tuple[float, float]:
    command = [sys.executable, str(Path(__file__).resolve()), side, address, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment(), timeout=120)
    seconds, kilobytes = done.stdout.split()
    return float(seconds), float(kilobytes)


def main() -> None:
    """One side, in this process."""
    side, address, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with asyncio.Runner() as runner:
        ask = _ours(address) if side == "ours" else _base(address)
        runner.run(_crowd(ask, 5))
        start = time.process_time()
        runner.run(_crowd(ask, count))
        print(time.process_time() - start, _peak())


def _peak() -> int:
    """The peak of this process's memory in kB; getrusage's is no less than that of the process that started it."""
    told = Path("/proc/self/status")
    if not told.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(next(line.split()[1] for line in told.read_text().splitlines() if line.startswith("VmHWM:")))


if __name__ == "__main__":
    main()
