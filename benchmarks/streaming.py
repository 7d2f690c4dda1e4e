"""Streams through toolfan and through the bare SDK, in this process, against the loopback server.

The bare side is what one writes without a library: `create(stream=True)`, pieces of arguments put together by index,
and `model_validate_json` for each call at the end.  Knows: both interfaces.  Must not know: how time is taken.
"""

from __future__ import annotations

import asyncio
import functools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import openai
import toolfan
from measuring import QUICK, Batch, Effort, Row, compare, times
from workload import conversation, tool_dicts, tool_models

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = ((16, 200, None), (16, 2000, 0.15), (16, 20_000, None), (1, 2000, None), (64, 2000, None), (256, 2000, None))
GROWTH = ((16, 20_000, 16, 2000, 10), (256, 2000, 16, 2000, 16), (256, 20_000, 16, 20_000, 16))
SLACK = 1.3
"""How much more than in proportion the time may grow that a larger stream takes."""


def _arguments(count: int, size: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The arguments for toolfan, those for the bare SDK, and the models by name."""
    models = tool_models(3)
    shared = {"model": f"s{count}x{size}", "messages": conversation(2)}
    by_name = {model.__name__: model for model in models}
    return {**shared, "tools": tuple(models)}, {**shared, "tools": tool_dicts(models), "stream": True}, by_name


class _Pieces:
    """The calls of a stream, put together by hand."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.texts: defaultdict[int, list[str]] = defaultdict(list)

    def add(self, chunk: Any) -> None:
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                if call.function.name:
                    self.names[call.index] = call.function.name
                if call.function.arguments:
                    self.texts[call.index].append(call.function.arguments)

    def calls(self, by_name: dict[str, Any]) -> list[Any]:
        return [by_name[name].model_validate_json("".join(self.texts[at])) for at, name in self.names.items()]


def _sync(count: int, size: int, address: str) -> tuple[Batch, Batch]:
    sdk = openai.OpenAI(base_url=f"{address}/v1", api_key="k")
    client = toolfan.from_openai(sdk)
    for_us, for_sdk, by_name = _arguments(count, size)

    def ours() -> Any:
        with client.stream(**for_us) as stream:
            return [outcome.value for outcome in stream if isinstance(outcome, toolfan.Call)]

    def base() -> Any:
        pieces = _Pieces()
        for chunk in sdk.chat.completions.create(**for_sdk):
            pieces.add(chunk)
        return pieces.calls(by_name)

    _check(ours(), base(), count)
    return times(ours), times(base)


def _async(count: int, size: int, address: str, runner: asyncio.Runner) -> tuple[Batch, Batch]:
    sdk = openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="k")
    client = toolfan.from_openai(sdk)
    for_us, for_sdk, by_name = _arguments(count, size)

    async def ours(times: int) -> Any:
        for _ in range(times):
            async with client.stream(**for_us) as stream:
                calls = [outcome.value async for outcome in stream if isinstance(outcome, toolfan.Call)]
        return calls

    async def base(times: int) -> Any:
        for _ in range(times):
            pieces = _Pieces()
            async for chunk in await sdk.chat.completions.create(**for_sdk):
                pieces.add(chunk)
            calls = pieces.calls(by_name)
        return calls

    _check(runner.run(ours(1)), runner.run(base(1)), count)
    return lambda count: runner.run(ours(count)), lambda count: runner.run(base(count))


def _check(ours: list[Any], base: list[Any], count: int) -> None:
    if ours != base or len(ours) != count:
        raise RuntimeError(f"toolfan and the bare SDK do not agree: {ours!r:.500}, {base!r:.500}")


def stream_rows(address: str, effort: Effort) -> Iterator[Row]:
    """Streams beside the bare SDK's, and larger ones beside smaller ones."""
    part = 20 if effort is QUICK else 1
    for count, size, bar in CASES:
        name = f"stream: {count} calls of {size} characters"
        yield compare(name, *_sync(count, size // part, address), effort, bar=bar)
    with asyncio.Runner() as runner:
        yield compare(
            "stream: async, 16 calls of 2000 characters", *_async(16, 2000, address, runner), effort, bar=0.15
        )
    for count, size, base_count, base_size, factor in GROWTH:
        name = f"stream: {count} of {size} / {base_count} of {base_size}, per character"
        large, small = _sync(count, size // part, address)[0], _sync(base_count, base_size // part, address)[0]
        in_proportion = functools.partial(_repeated, small, factor)
        yield compare(name, large, in_proportion, effort, bar=SLACK)


def _repeated(batch: Batch, factor: int, times: int) -> object:
    return batch(times * factor)
