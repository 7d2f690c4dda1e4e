"""Where gevent makes all threads parts of one, tools have an event loop only while no other runs there."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import toolfan
from toolfan.execution.portals import shared
from toolfan_local import Server


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Add 2 and 3."}], "tools": (add,)}


@pytest.fixture
def gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it had patched the threads of this process."""
    patching: Any = SimpleNamespace(is_module_patched=lambda name: name == "threading")
    monkeypatch.setitem(sys.modules, "gevent.monkey", patching)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    shared.close()  # of `execute`, which other tests may have called


@pytest.mark.usefixtures("gevent")
def test_a_second_loop_is_refused_before_anything_is_sent() -> None:
    with Server() as server, toolfan.connect("openai:m", base_url=server.openai_url) as client:

        async def beside_a_loop() -> None:
            with pytest.raises(toolfan.UsageError, match="under gevent a thread cannot have another"):
                client.run(**ASKED)
            assert not server.requests
            calls = client.create(**ASKED)
            with pytest.raises(toolfan.UsageError, match="under gevent"):
                toolfan.execute(calls)
            assert [call.run() for call in calls] == [5]

        asyncio.run(beside_a_loop())
        run = client.run(**ASKED)
    assert [result.value for result in run.results] == [5]


def test_without_it_a_loop_may_run_beside() -> None:
    async def beside_a_loop() -> list[Any]:
        with toolfan.connect("local") as client:
            return [result.value for result in client.run(**ASKED).results]

    assert asyncio.run(beside_a_loop()) == [5]
