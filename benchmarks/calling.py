"""Whole calls through toolfan and through the bare SDK, in this process, against the loopback server.

toolfan runs with its default settings.  The bare side is what one writes without a library: `create` with tool dicts
made beforehand, and `model_validate_json` for each call.  Knows: both interfaces.  Must not know: how time is taken.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai
import toolfan
from measuring import Batch, Effort, Row, compare, times
from toolfan.adapter import ToolRequest
from toolfan.registry.loading import load_adapter
from toolfan.tools.toolset import tool_set
from toolfan_openai.transport import PATH
from workload import conversation, read_by_hand, tool_dicts, tool_models

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Case:
    """What is asked: so many calls in the answer, tools offered, messages sent."""

    name: str
    calls: int = 3
    tools: int = 3
    messages: int = 2
    bar: float | None = None
    kind: str = "sync"


CASES = (
    *(Case("", calls=calls, bar=0.45 if calls == 3 else None) for calls in (1, 3, 16, 128)),
    *(Case("async, ", calls=calls, bar=0.45 if calls == 3 else None, kind="async") for calls in (1, 3, 16, 128)),
    Case("", tools=100, bar=0.12),
    Case("async, ", tools=100, bar=0.12, kind="async"),
    Case("", messages=50),
    Case("", messages=200, bar=0.12),
    Case("async, ", messages=200, bar=0.12, kind="async"),
    Case("Azure, ", kind="azure"),
    Case("Azure, ", tools=100, bar=0.35, kind="azure"),
    Case("Azure, ", messages=200, bar=0.35, kind="azure"),
)


def _title(case: Case) -> str:
    messages = f", {case.messages} messages" if case.messages > 2 else ""
    calls = f"{case.calls} call{'s' if case.calls > 1 else ''}"
    return f"call: {case.name}{calls}, {case.tools} tools{messages}"


def _sdk_client(kind: str, address: str) -> Any:
    if kind == "azure":
        return openai.AzureOpenAI(azure_endpoint=address, api_key="k", api_version="2024-10-21")
    return (openai.AsyncOpenAI if kind == "async" else openai.OpenAI)(base_url=f"{address}/v1", api_key="k")


def _asked(case: Case) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The arguments for toolfan, those for the bare SDK, and the models by name."""
    models, messages = tool_models(case.tools), conversation(case.messages)
    shared = {"model": f"k{case.calls}", "messages": messages}
    by_name = {model.__name__: model for model in models}
    return {**shared, "tools": tuple(models)}, {**shared, "tools": tool_dicts(models)}, by_name


def _check(ours: Any, base: Any, case: Case) -> None:
    if list(ours) != list(base) or len(list(ours)) != case.calls:
        raise RuntimeError(f"toolfan and the bare SDK do not agree: {ours!r}, {base!r}")


def _sync_batches(case: Case, address: str) -> tuple[Batch, Batch]:
    sdk = _sdk_client(case.kind, address)
    client = toolfan.from_openai(sdk)
    for_us, for_sdk, by_name = _asked(case)

    def ours() -> Any:
        return list(client.create(**for_us))

    def base() -> Any:
        return read_by_hand(sdk.chat.completions.create(**for_sdk), by_name)

    _check(ours(), base(), case)
    return times(ours), times(base)


def _async_batches(case: Case, address: str, runner: asyncio.Runner) -> tuple[Batch, Batch]:
    sdk = _sdk_client("async", address)
    client = toolfan.from_openai(sdk)
    for_us, for_sdk, by_name = _asked(case)

    async def ours(count: int) -> Any:
        for _ in range(count):
            calls = list(await client.create(**for_us))
        return calls

    async def base(count: int) -> Any:
        for _ in range(count):
            calls = read_by_hand(await sdk.chat.completions.create(**for_sdk), by_name)
        return calls

    _check(runner.run(ours(1)), runner.run(base(1)), case)
    return lambda count: runner.run(ours(count)), lambda count: runner.run(base(count))


def floor_rows(address: str, effort: Effort) -> Iterator[Row]:
    """What toolfan cannot go below: the SDK's own `post` of bytes made beforehand, its answer left as bytes."""
    for case in (Case("", tools=3), Case("", tools=100)):
        sdk = _sdk_client("sync", address)
        _, for_sdk, by_name = _asked(case)
        content = json.dumps(for_sdk).encode()

        def floor() -> Any:
            return sdk.post(PATH, cast_to=_response_class(), content=content).content  # noqa: B023

        def base() -> Any:
            return read_by_hand(sdk.chat.completions.create(**for_sdk), by_name)  # noqa: B023

        name = _title(case).replace("call: ", "floor: client.post alone, ")
        yield compare(name, times(floor), times(base), effort)


def _response_class() -> Any:
    if int(openai.__version__.split(".", maxsplit=1)[0]) >= 3:
        from httpx2 import Response
    else:
        from httpx import Response
    return Response


def call_rows(address: str, effort: Effort) -> Iterator[Row]:
    """Every case, one after the other."""
    with asyncio.Runner() as runner:
        for case in CASES:
            batches = _async_batches(case, address, runner) if case.kind == "async" else _sync_batches(case, address)
            yield compare(_title(case), *batches, effort, bar=case.bar)


def building_rows(effort: Effort) -> Iterator[Row]:
    """Building a request again: beside rendering the tools by hand, and with many tools beside few."""
    adapter = load_adapter("openai")
    builders = {}
    for count in (2, 20, 100):
        models = tool_models(count)
        request = ToolRequest("m", tuple(conversation(2)), tool_set(tools=tuple(models)))
        build = builders[count] = times(lambda request=request: adapter.build_request(request))
        render = times(lambda models=models: tool_dicts(models))
        yield compare(f"build_request / rendering anew, {count} tools", build, render, effort)
    for count in (20, 100):
        name = f"build_request, {count} tools / 2 tools"
        yield compare(name, builders[count], builders[2], effort, bar=1.5 if count == 100 else None)
