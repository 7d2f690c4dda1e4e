"""Large answers: the right outcome, in time that grows with their size and no faster.

Time is the CPU's, of the thread that asks: the whole of toolfan and the SDK (without a deadline no other thread works
for them), nothing of the server or of other processes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import time
import tracemalloc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from loopback import USER, FaultServer, call, completion, http
from pydantic import BaseModel
from toolfan import InvalidCalls

if TYPE_CHECKING:
    from fault_asking import Asker

pytestmark = pytest.mark.slow
Start = Callable[..., FaultServer]
FACTOR = 8
"""How much longer four times as much may take; linear is 4, quadratic 16."""


class Note(BaseModel):
    text: str


class Numbers(BaseModel):
    values: list[int]


def many_calls(n: int) -> list[dict[str, Any]]:
    return [call("Note", {"text": f"number {at}"}, f"id{at}") for at in range(n)]


def equal_calls(n: int) -> list[dict[str, Any]]:
    return [call("Note", {"text": "the same"}, "one id") for _ in range(n)]


def bad_calls(n: int) -> list[dict[str, Any]]:
    return [call("Note", {"text": at}, f"id{at}") for at in range(n)]


def unknown_calls(n: int) -> list[dict[str, Any]]:
    return [call(f"Nothing{at}", "{}", None) for at in range(n)]


def wrapped_calls(n: int) -> list[dict[str, Any]]:
    uses = [{"recipient_name": "functions.Note", "parameters": {"text": str(at)}} for at in range(n)]
    return [call("multi_tool_use.parallel", {"tool_uses": uses})]


def wrappers(n: int) -> list[dict[str, Any]]:
    use = {"recipient_name": "functions.Note", "parameters": {"text": 3}}
    return [call("multi_tool_use.parallel", {"tool_uses": [use]}, f"w{at}") for at in range(n)]


def long_text(n: int) -> list[dict[str, Any]]:
    return [call("Note", {"text": "x\n" * (n * 500)})]


def long_list(n: int) -> list[dict[str, Any]]:
    return [call("Numbers", {"values": list(range(n * 50))})]


def bad_list(n: int) -> list[dict[str, Any]]:
    return [call("Numbers", {"values": ["no"] * (n * 5)})]


KINDS: list[tuple[Callable[[int], list[dict[str, Any]]], int]] = [
    (many_calls, 400),
    (equal_calls, 400),
    (bad_calls, 120),
    (unknown_calls, 120),
    (wrapped_calls, 400),
    (wrappers, 120),
    (long_text, 400),
    (long_list, 400),
    (bad_list, 80),
]


def seconds(ask: Asker, faulty: Start, calls: list[dict[str, Any]], max_attempts: int) -> float:
    """The least CPU time of two, to read an answer with these calls and to ask again as often as that."""
    server = faulty(http(json.dumps(completion(*calls))))
    client, least = ask.client(base_url=server.url), []
    for _ in range(2):
        gc.collect()
        started = time.thread_time()
        with contextlib.suppress(InvalidCalls):
            ask.create(
                client, model="m", messages=USER, tools=(Note, Numbers), deadline=None, max_attempts=max_attempts
            )
        least.append(time.thread_time() - started)
    return min(least)


@pytest.mark.parametrize(("kind", "size"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_four_times_as_much_takes_four_times_as_long(
    ask: Asker, faulty: Start, kind: Callable[[int], list[dict[str, Any]]], size: int
) -> None:
    """Reading, judging, telling what is wrong, merging."""
    little = seconds(ask, faulty, kind(size), max_attempts=2)
    much = seconds(ask, faulty, kind(4 * size), max_attempts=2)
    assert much <= FACTOR * little, f"{little:.3f} s became {much:.3f} s"


def peak(ask: Asker, client: Any) -> int:
    """The most bytes that Python held at one moment while it read and asked again."""
    gc.collect()
    tracemalloc.start()
    try:
        with contextlib.suppress(InvalidCalls):
            ask.create(client, model="m", messages=USER, tools=(Note, Numbers), deadline=None, max_attempts=2)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [many_calls, bad_calls, wrappers, long_text, bad_list], ids=lambda kind: kind.__name__)
def test_four_times_as_much_takes_four_times_the_memory(
    ask: Asker, faulty: Start, kind: Callable[[int], list[dict[str, Any]]]
) -> None:
    held = []
    for size in (100, 400):
        server = faulty(http(json.dumps(completion(*kind(size)))))
        held.append(peak(ask, ask.client(base_url=server.url)))
    assert held[1] <= FACTOR * held[0], held
