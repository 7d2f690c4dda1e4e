"""A client that is closed while another thread's run executes tools: what ran is told, and what still runs."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from loopback import USER, Bench
from toolfan.execution import executor, jobs

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0


def calls(*named: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"calls": [{"name": name, "arguments": arguments} for name, arguments in named]}


def error_of(client: toolfan.Client, tools: Any, **options: Any) -> toolfan.UsageError:
    """What the run raises, whose tools close the client."""
    with pytest.raises(toolfan.UsageError, match="was ended while they ran") as caught:
        client.run(model="m", messages=USER, tools=tools, **options)
    assert "Close the client when its runs have ended" in str(caught.value)
    return caught.value


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_round_that_was_cut_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, early: bool, is_async: bool
) -> None:
    for module in (executor, jobs):
        monkeypatch.setattr(module, "GRACE", 0.05)
    paid: list[int] = []
    both, released = threading.Event(), threading.Event()

    def pay(amount: int) -> str:
        paid.append(amount)
        if amount == 100:
            both.set()
        return "paid"

    def close() -> None:
        both.wait(PATIENCE)
        client.close()

    def slow() -> str:
        threading.Thread(target=close).start()
        released.wait(PATIENCE)
        return "late"

    async def slow_async() -> str:
        threading.Thread(target=close).start()
        await asyncio.sleep(PATIENCE)
        return "late"

    bench.serve(calls(("pay", {"amount": 1})), calls(("pay", {"amount": 100}), ("slow", {})), {"text": "done"})
    with bench.client() as client:
        error = error_of(client, (pay, toolfan.tool(slow_async if is_async else slow, name="slow")), early=early)
    released.set()
    run = error.run
    assert run is not None
    assert paid == [1, 100]
    assert [result.value for result in run.results] == ["paid", "paid", None]
    assert [result.call.name for result in run.abandoned] == ([] if is_async else ["slow"])
    assert "told to end" in str(run.results[2].error)
    assert ("still runs" in str(run.results[2].error)) is not is_async
    assert len(error.calls.outcomes if error.calls is not None else run.rounds[-1].calls.outcomes) == 2
    assert [message.get("role") for message in run.messages] == ["user", *["assistant", "tool"] * 2, "tool"]
    assert len(bench.server.requests) == 2


def test_calls_that_wait_are_not_begun(bench: Bench) -> None:
    def closes(n: int) -> int:
        client.close()
        time.sleep(0.1)  # the loop comes to it first
        return n

    closing: Callable[..., Any] = toolfan.tool(closes, sequential=True)
    bench.serve(calls(("closes", {"n": 1}), ("closes", {"n": 2})), {"text": "done"})
    with bench.client() as client:
        run = error_of(client, (closing,)).run
    assert run is not None
    assert [result.value for result in run.results] == [1, None]
    assert run.results[1].started is None
    assert "was not started" in str(run.results[1].error)


def test_ctrl_c_of_a_tool_passes_though_the_client_is_closed(bench: Bench) -> None:
    def closes() -> None:
        client.close()
        raise KeyboardInterrupt

    bench.serve(calls(("closes", {})), {"text": "done"})
    with bench.client() as client, pytest.raises(KeyboardInterrupt) as caught:
        client.run(model="m", messages=USER, tools=(closes,))
    assert any("calls that ran: closes" in note for note in caught.value.__notes__)
