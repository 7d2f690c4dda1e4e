"""Who reads a stream: one thread, task and process; what others are told, and what a reader sees of an early end."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from pydantic import BaseModel
from toolfan_local import Pace, Server

if TYPE_CHECKING:
    from collections.abc import Iterator


class City(BaseModel):
    name: str


CALLS = [{"name": "City", "arguments": {"name": str(at)}} for at in range(4)]
ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Cities?"}], "tools": (City,), "model": "m"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server([{"calls": CALLS}] * 4, pace=Pace(call=0.2)) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[toolfan.Client]:
    with openai.OpenAI(base_url=server.openai_url, api_key="test") as sdk:
        yield toolfan.from_openai(sdk)


def read_apart(stream: toolfan.CallStream[City]) -> tuple[threading.Thread, list[int]]:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(outcome.index for outcome in stream))
    thread.start()
    while not found:
        time.sleep(0.01)
    return thread, found


def test_a_second_thread_is_refused_and_the_first_one_loses_nothing(client: toolfan.Client) -> None:
    stream = client.stream(**ASKED)
    thread, found = read_apart(stream)
    with pytest.raises(toolfan.UsageError, match="another thread or task is reading it"):
        next(stream)
    thread.join()
    assert found == [0, 1, 2, 3]
    assert len(stream.calls) == 4


def test_closing_from_another_thread_ends_the_read(client: toolfan.Client) -> None:
    stream = client.stream(**ASKED)
    thread, found = read_apart(stream)
    stream.close()
    thread.join(20)
    assert not thread.is_alive()
    assert len(found) < 4
    assert len(stream.calls) == len(found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_is_refused_and_eats_nothing(client: toolfan.Client) -> None:
    stream = client.stream(**ASKED)
    assert next(stream).index == 0
    child = os.fork()
    if child == 0:
        try:
            next(stream)
        except toolfan.UsageError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [outcome.index for outcome in stream] == [1, 2, 3]


def test_a_stream_that_was_cancelled_does_not_look_complete(server: Server) -> None:
    async def read() -> None:
        async with openai.AsyncOpenAI(base_url=server.openai_url, api_key="test") as sdk:
            stream = toolfan.from_openai(sdk).stream(**ASKED)
            assert (await anext(stream)).index == 0
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.02)
            with pytest.raises(toolfan.UsageError, match="it was ended by CancelledError") as caught:
                await anext(stream)
            assert "asyncio.wait()" in caught.value.hint
            assert [call.name for call in stream.calls] == ["0"]

    asyncio.run(read())


def test_a_stream_that_failed_raises_again() -> None:
    with (
        Server([{"error": {"status": 400}}]) as server,
        openai.OpenAI(base_url=server.openai_url, api_key="test") as sdk,
    ):
        stream = toolfan.from_openai(sdk).stream(**ASKED)
        for _ in range(2):
            with pytest.raises(toolfan.RequestRejected):
                next(stream)
        with pytest.raises(toolfan.RequestRejected):
            stream.until_done()
