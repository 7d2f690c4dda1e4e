"""When the pieces of a stream come: pace, a server that ends, a reader that leaves.  Asked through OpenAI's SDK."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import httpx2
import pytest
from test_openai_streams import CALLS, asked, client
from toolfan_local import Pace, ScriptError, load_script
from toolfan_local.server import Server


class TestPace:
    """Bounds are generous: only waiting too little is a fault."""

    def times(self, server: Server, **changes: Any) -> list[float]:
        began = time.monotonic()
        with client(server) as sdk:
            times = [0.0]
            for _ in sdk.chat.completions.create(**asked(stream=True, **changes)):
                times.append(time.monotonic() - began)
        return times

    def test_first_byte_and_chunk(self) -> None:
        with Server([{"text": "a b c"}], pace=Pace(first_byte=0.3, chunk=0.1)) as server:
            times = self.times(server)
        assert times[1] >= 0.29
        assert times[-1] >= 0.29 + 4 * 0.1  # "", a, b, c, the finish reason
        assert all(after - before > 0.02 for before, after in itertools.pairwise(times[1:]))

    def test_a_call_takes_its_time_however_many_chunks_it_has(self) -> None:
        calls = [{"name": "A", "arguments": {"text": "x" * 100}}, {"name": "B", "arguments": {}}]
        with Server([{"calls": calls}], pace=Pace(call=0.3)) as server:
            times = self.times(server)
        assert 0.59 <= times[-1] < 5

    def test_a_number_is_the_wait_before_each_chunk_and_an_answer_may_have_its_own(self) -> None:
        fast, own = {"text": "a"}, {"text": "a", "pace": {"first_byte": 0.2}}
        with Server([fast, fast | {"pace": 0}, own], pace=0.2) as server:
            paced, unpaced, late = self.times(server), self.times(server), self.times(server)
        assert paced[-1] >= 0.39
        assert unpaced[-1] < paced[-1]
        assert 0.19 <= late[1] <= late[-1]

    def test_an_answer_that_is_not_streamed_comes_when_its_stream_would_have_ended(self) -> None:
        with Server([{"calls": CALLS}], pace=Pace(first_byte=0.1, call=0.2)) as server, client(server) as sdk:
            began = time.monotonic()
            sdk.chat.completions.create(**asked())
            assert time.monotonic() - began >= 0.49

    @pytest.mark.parametrize("pace", [-1, float("inf"), float("nan")])
    def test_what_is_no_time_to_wait(self, pace: float) -> None:
        with pytest.raises(ValueError, match="0 or more"):
            Server(pace=pace)
        with pytest.raises(ScriptError, match="pace"):
            load_script([{"text": "a", "pace": pace}])
        with pytest.raises(ScriptError, match="call"):
            load_script([{"text": "a", "pace": {"call": pace}}])

    @pytest.mark.parametrize("pace", [None, "0.1", True, (1, 2)])
    def test_what_is_no_pace(self, pace: Any) -> None:
        with pytest.raises(ValueError, match="a pace is in seconds, 0 for none, or a Pace"):
            Server(pace=pace)
        with pytest.raises(ValueError, match="0 or more"):
            Pace(call=pace)


def test_a_server_that_ends_leaves_the_stream_unfinished() -> None:
    server = Server([{"text": "a b"}], pace=3600).start()
    lines: list[str] = []

    def read() -> None:
        with httpx2.stream(
            "POST",
            server.openai_url + "/chat/completions",
            json=asked(stream=True),
            headers={"authorization": "Bearer k"},
            timeout=60,
        ) as answer:
            lines.extend(answer.iter_lines())

    thread = threading.Thread(target=read)
    thread.start()
    while not server.requests and thread.is_alive():
        time.sleep(0.01)
    time.sleep(0.2)
    server.close()
    thread.join(30)
    assert [line for line in lines if line] == lines[:1]
    assert '"role":"assistant"' in lines[0]


def test_who_leaves_early_holds_nothing_up() -> None:
    with Server([{"text": "word " * 500, "times": "always"}], pace=0.05) as server, client(server) as sdk:
        for _ in range(2):
            stream = sdk.chat.completions.create(**asked(stream=True))
            assert next(iter(stream)).choices
            stream.close()
        began = time.monotonic()
    assert time.monotonic() - began < 10  # the streams would have taken 25 s
