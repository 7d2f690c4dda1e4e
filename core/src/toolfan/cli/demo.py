"""`toolfan demo`: one question through every installed provider's real SDK, over HTTP, to the embedded server.

Which clients can be pointed at the server is not told here: toolfan_local offers a stand-in for each dialect that its
server speaks, and an adapter of anyone else takes part by a method `stand_ins(server)` that yields its own (`StandIn`
below says what one is).  An adapter with neither is listed as not offered.

Knows: adapters by the list of the installed ones.  Must not know: any SDK, any dialect.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol

import typer
from pydantic import BaseModel

from ..client.constructors import wrap, wrap_async
from ..errors import ToolfanError
from ..registry.listing import AdapterInfo, installed_adapters
from ..registry.loading import load_adapter
from . import timing
from .embedded import started_server
from .output import outcome_text, print_table, print_text
from .waterfall import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from ..results.calls_type import Calls

QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
_COLUMNS = ("provider", "client", "calls", "tokens in/out", "ms", "result")


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str


class StandIn(Protocol):
    """A vendor's client that talks to the embedded server."""

    @property
    def adapter(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def make(self) -> Callable[[], object]: ...
    @property
    def use_async(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Row:
    provider: str
    client: str
    calls: Calls[Any] | None
    seconds: float
    result: str
    good: bool

    def cells(self) -> tuple[str, ...]:
        if self.calls is None:
            return self.provider, self.client, "", "", "", self.result
        used = self.calls.usage
        return (
            self.provider,
            self.client,
            "\n".join(map(outcome_text, self.calls.outcomes)),
            f"{used.input_tokens}/{used.output_tokens}",
            f"{self.seconds * 1000:.0f}",
            self.result,
        )


def demo() -> None:
    """Ask one question through every installed provider, offline: no key, no network, no language model.

    Ends with status 0 only if every provider gave the three calls: an adapter that is broken or in conflict is a
    failure, one that is switched off or has no stand-in is none.  Then it shows, for one of them, when each call of a
    stream comes and its tool runs, and what that saves against one request per call.
    """
    server = started_server("demo", script=timing.SCRIPT)
    try:
        print_text(f"The question: {QUESTION}")
        print_text(
            "The answers come from toolfan-local's offline planner, which works by rules: not from a language model."
        )
        print_text(
            "The SDKs and the HTTP are real; the server is embedded in this process. Times include the SDK's start."
        )
        with _without_proxies():
            infos = installed_adapters(load=True)
            rows = [row for info in infos for row in _rows(info, server)]
            print_table(_COLUMNS, [row.cells() for row in rows])
            streams = [info.name for info in infos if info.status == "ok" and _streams(info.name)]
            timed = _timed([one for one in _local_stand_ins(server) if one.adapter in streams and not one.use_async])
    finally:
        server.close()
    if not (timed and all(row.good for row in rows) and any(row.calls is not None for row in rows)):
        raise typer.Exit(1)


def _timed(offered: list[StandIn]) -> bool:
    """Shows when things happen, through the first of these clients.  False if that fails."""
    for stand_in in offered[:1]:
        print_text(
            f"The same question, streamed through {stand_in.label}. Made up: the first byte takes the server "
            f"{timing.FIRST_BYTE_SECONDS} s, each call {timing.CALL_SECONDS} s, each tool {timing.TOOL_SECONDS} s. "
            "Measured:"
        )
        try:
            parallel, single = _measured(stand_in)
        except Exception as exc:  # noqa: BLE001 - a foreign SDK may raise anything
            print_text(f"The streams failed: {type(exc).__name__}: {exc}", err=True)
            return False
        took, longer = timing.total(parallel), timing.total(single)
        draw([*timing.by_call(parallel)], took)
        print_text(f"Parallel calls: {took:.2f} s. One request per call: {longer:.2f} s. Saved: {longer - took:.2f} s.")
        return timing.count(parallel) == timing.count(single) == 3
    return True


def _measured(stand_in: StandIn) -> tuple[list[timing.Span], list[timing.Span]]:
    sdk = stand_in.make()
    try:
        client = wrap(sdk, adapter=stand_in.adapter)
        asked = _question()
        client.create(**asked)  # the first request connects, and loads what the SDK loads late
        del asked["model"]
        return timing.in_one_request(client, asked), timing.one_by_one(client, asked)
    finally:
        _closed(sdk)


def _streams(name: str) -> bool:
    return load_adapter(name).capabilities.streaming


def _rows(info: AdapterInfo, server: Any) -> Iterator[_Row]:
    if info.status != "ok":
        switched_off = info.status == "blocked"  # on purpose
        yield _Row(info.name, "", None, 0, f"{info.status}: {info.reason}", good=switched_off)
        return
    try:
        offered = [stand_in for stand_in in _stand_ins(info.name, server) if stand_in.adapter == info.name]
    except Exception as exc:  # noqa: BLE001 - a foreign adapter may raise anything; the others go on
        yield _Row(info.name, "", None, 0, f"its stand_ins() failed: {type(exc).__name__}: {exc}", good=False)
        return
    if not offered:
        yield _Row(info.name, "", None, 0, "not offered by the embedded server", good=True)
    for stand_in in offered:
        if sys.stderr.isatty():  # the first import of an SDK can take long
            print_text(f"asking {stand_in.adapter} through {stand_in.label} ...", err=True)
        yield _asked(stand_in)


def _stand_ins(name: str, server: Any) -> Iterable[StandIn]:
    own = getattr(load_adapter(name), "stand_ins", None)
    found: Iterable[StandIn] = own(server) if own else _local_stand_ins(server)
    return found


def _local_stand_ins(server: Any) -> Iterable[StandIn]:
    found: Iterable[StandIn] = import_module("toolfan_local.stand_ins").stand_ins(server)
    return found


def _asked(stand_in: StandIn) -> _Row:
    began = time.perf_counter()
    try:
        calls = asyncio.run(_ask_async(stand_in)) if stand_in.use_async else _ask(stand_in)
    except ToolfanError as exc:
        return _Row(stand_in.adapter, stand_in.label, None, 0, f"{type(exc).__name__}: {exc}", good=False)
    except Exception as exc:  # noqa: BLE001 - a foreign SDK may raise anything; the others go on
        result = f"the client failed: {type(exc).__name__}: {exc}"
        return _Row(stand_in.adapter, stand_in.label, None, 0, result, good=False)
    seconds = time.perf_counter() - began
    good = [type(call).__name__ for call in calls] == ["Weather", "Weather", "GoogleSearch"] and not calls.failed
    result = "ok" if good else f"three calls were expected, {len(calls)} good ones came"
    return _Row(stand_in.adapter, stand_in.label, calls, seconds, result, good=good)


def _question() -> dict[str, Any]:
    model = import_module("toolfan_local.stand_ins").MODEL
    tools = (Weather, GoogleSearch)
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}], "tools": tools, "on_invalid": "keep"}


def _ask(stand_in: StandIn) -> Calls[Any]:
    client = stand_in.make()
    try:
        calls: Calls[Any] = wrap(client, adapter=stand_in.adapter).create(**_question())
        return calls
    finally:
        _closed(client)


async def _ask_async(stand_in: StandIn) -> Calls[Any]:
    client = stand_in.make()
    try:
        calls: Calls[Any] = await wrap_async(client, adapter=stand_in.adapter).create(**_question())
        return calls
    finally:
        if inspect.isawaitable(closing := _closed(client)):
            await closing


def _closed(client: object) -> Any:
    close = getattr(client, "close", None)
    return close() if callable(close) else None


@contextmanager
def _without_proxies() -> Generator[None, None, None]:
    """A proxy that the environment names must not see requests to loopback, nor keep a client from being made."""
    before = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    for name in before:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)
