"""What the commands do with streams: `serve` at a pace, `call --stream`, the times that `demo` shows."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
from toolfan.cli import timing
from toolfan.cli.app import app
from toolfan.registry.listing import installed_adapters
from toolfan_local import Pace, Server
from toolfan_local.faults import FaultServer
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
PLACE = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
TOOLS: list[Any] = [{"type": "function", "function": {"name": "Weather", "parameters": PLACE}}]
WEATHER = {"name": "Weather", "arguments": {"location": "Oslo"}}
BAD = {"name": "Weather", "arguments": {}}
MODELS = """
from pydantic import BaseModel

class Weather(BaseModel):
    location: str

class GoogleSearch(BaseModel):
    query: str

BOTH = (Weather, GoogleSearch)
"""


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stream_tools.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "stream_tools", raising=False)
    for name in [name for name in os.environ if name.startswith("TOOLFAN")]:
        monkeypatch.delenv(name)


def run(*arguments: str, **env: str) -> Any:
    return CliRunner().invoke(app, [*arguments], env=env)


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The base URL of a `toolfan serve` that runs."""
    command = [sys.executable, "-m", "toolfan.cli", "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            while "OPENAI_BASE_URL=" not in line and line:
                line = process.stdout.readline()
            yield line.partition("=")[2].strip()
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C to a child process is another thing there")
class TestServe:
    def times(self, url: str, model: str = "m") -> list[float]:
        """When each chunk came, in seconds after the request."""
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "tools": TOOLS}
        with openai.OpenAI(base_url=url, api_key="any", max_retries=0) as sdk:
            began = time.monotonic()
            return [time.monotonic() - began for _ in sdk.chat.completions.create(**asked, stream=True)]

    def test_the_pace_of_a_stream(self) -> None:
        with serving("--first-byte", "0.3", "--call-pace", "0.2", "--pace", "0.01") as url:
            times = self.times(url)
        assert times[0] >= 0.29
        assert times[-1] >= 0.29 + 2 * 0.2 + 0.01 * (len(times) - 2)

    def test_the_pace_of_faults(self) -> None:
        with serving("--faults", "--pace", "0") as url:
            times = self.times(url, "slow-drip-body")
        assert len(times) > 2

    def test_what_is_no_pace(self) -> None:
        done = run("serve", "--pace", "inf")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "a pace is in seconds" in done.stderr
        assert run("serve", "--pace", "-1").exit_code == 2


class TestCall:
    def asked(self, *options: str, url: str = "", model: str = "m") -> list[str]:
        """`call`, of a script in the working directory or of a server."""
        adapter = f'adapter = "openai"\nmodel = "{model}"\nbase_url = "{url}"\napi_key_env = "KEY"\n'
        local = 'adapter = "local"\nscript = "answers.json"\n'
        Path("toolfan.toml").write_text(f"[profiles.p]\n{adapter if url else local}")
        return ["call", QUESTION, "--tools", "stream_tools:BOTH", "--profile", "p", "--stream", *options]

    def scripted(self, *answers: list[dict[str, Any]]) -> None:
        Path("answers.json").write_text(json.dumps([{"calls": calls} for calls in answers]))

    @pytest.mark.parametrize("form", [[], ["--json"]])
    def test_it_prints_what_it_prints_without(self, form: list[str]) -> None:
        self.scripted(*[[WEATHER | {"id": "a"}, WEATHER]] * 2)
        streamed = run(*self.asked(*form))
        whole = run(*[word for word in self.asked(*form) if word != "--stream"])
        assert (streamed.exit_code, streamed.stderr) == (0, "")
        first, second = streamed.stdout.replace(', "attempt": 1}', "}").splitlines()
        assert [first.partition('"id": "call')[0], second.partition('"id": "call')[0]] == [
            line.partition('"id": "call')[0] for line in whole.stdout.splitlines()
        ]

    def test_each_call_comes_out_at_once(self) -> None:
        with Server(pace=Pace(call=1)) as server:
            command = [sys.executable, "-m", "toolfan.cli", *self.asked(url=server.openai_url)]
            env = {**os.environ, "KEY": "any"}
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
                assert process.stdout
                lines, times = [], []
                for line in process.stdout:
                    lines.append(line)
                    times.append(time.monotonic())
        assert process.returncode == 0
        assert lines == [
            "Weather(location='Toronto')\n",
            "Weather(location='Dallas')\n",
            "GoogleSearch(query='who won the super bowl')\n",
        ]
        assert times[2] - times[0] > 1  # together they would come within moments

    def test_a_call_that_is_mended_comes_again_under_its_index(self) -> None:
        self.scripted([BAD, WEATHER], [WEATHER | {"arguments": {"location": "Bergen"}}])
        done = run(*self.asked("--json"))
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.exit_code == 0
        assert [(line["index"], "error" in line) for line in said] == [(0, True), (1, False), (0, False)]
        assert [line["attempt"] for line in said] == [1, 1, 2]

    def test_invalid_calls_end_with_1_and_are_shown_once(self) -> None:
        self.scripted(*[[BAD, WEATHER]] * 2)
        asked = self.asked("--json")
        Path("toolfan.toml").write_text(Path("toolfan.toml").read_text() + "max_attempts = 1\n")
        done = run(*asked)
        assert done.exit_code == 1
        assert ["error" in json.loads(line) for line in done.stdout.splitlines()] == [True, False]
        assert done.stderr.startswith("InvalidCalls: 1 of 2 calls failed")
        assert "--keep" in done.stderr
        done = run(*asked, "--keep")
        assert (done.exit_code, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)

    def test_a_stream_that_breaks_off_ends_with_1_after_what_came(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KEY", "any")
        with FaultServer() as server:
            done = run(*self.asked(url=server.openai_url, model="sse-cut-after-first-call"))
        assert (done.exit_code, len(done.stdout.splitlines())) == (1, 1)
        assert done.stderr.startswith("IncompleteStream")
        assert "What came whole is printed." in done.stderr
        assert ".calls" not in done.stderr

    def test_no_call_is_said_on_standard_error(self) -> None:
        Path("answers.json").write_text(json.dumps([{"text": "I would rather talk."}]))
        done = run(*self.asked())
        assert (done.exit_code, done.stdout) == (0, "")
        assert "I would rather talk." in done.stderr


@pytest.mark.slow
class TestDemo:
    LABELS = (
        "request to first byte",
        "call Weather(location='Toronto', units='metric')",
        "tool Weather",
        "call Weather(location='Dallas', units='imperial')",
        "tool Weather",
        "call GoogleSearch(query='who won the super bowl')",
        "tool GoogleSearch",
    )
    SAVED = r"Parallel calls: \d+\.\d\d s\. One request per call: \d+\.\d\d s\. Saved: -?\d+\.\d\d s\."

    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown(monkeypatch, "local")

    def shown(self, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        """The demo sees these adapters alone."""
        infos = [info for info in installed_adapters(load=True) if info.name in names]
        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", lambda **_: infos)

    @pytest.mark.parametrize(("name", "client"), [("local", "LocalClient, in process"), ("openai", "OpenAI")])
    def test_what_happens_when(self, name: str, client: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown(monkeypatch, name)
        done = run("demo")
        assert done.exit_code == 0, done.output
        told = done.stdout.partition("The same question, streamed through ")[2].splitlines()
        assert told[0].startswith(f"{client}. Made up: ")
        lines = [re.fullmatch(r"  ([ =]{40})  (\d+\.\d\d)-(\d+\.\d\d) s  (.*)", line) for line in told[1:-1]]
        assert [line and line[4] for line in lines] == [*self.LABELS]
        assert all(line and "=" in line[1] for line in lines)
        spans = [(float(line[2]), float(line[3])) for line in lines if line]
        assert all(tool[0] >= call[1] for call, tool in zip(spans[1::2], spans[2::2], strict=True))
        assert re.fullmatch(self.SAVED, told[-1])
        assert "\t" not in "".join(told)

    def test_on_a_terminal_there_are_bars(self) -> None:
        done = run("demo", FORCE_COLOR="1", COLUMNS="80", TERM="xterm")
        assert done.exit_code == 0
        assert done.stdout.count("━━") >= len(self.LABELS)

    def test_streams_that_fail_are_a_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(timing, "in_one_request", lambda *_: 1 / 0)
        done = run("demo")
        assert done.exit_code == 1
        assert "ZeroDivisionError" in done.stderr
        assert "local\tLocalClient, in process" in done.stdout

    def test_fewer_calls_are_a_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        measured = timing.in_one_request
        monkeypatch.setattr(timing, "in_one_request", lambda *given: measured(*given)[:-1])
        assert run("demo").exit_code == 1

    def test_what_is_measured_is_what_happens(self) -> None:
        """The tools of one request overlap with its stream; one request per call waits for all, one after the other."""
        import toolfan
        from toolfan.cli.demo import GoogleSearch, Weather
        from toolfan_local import LocalClient

        client = toolfan.wrap(LocalClient(timing.SCRIPT))
        asked = {"messages": [{"role": "user", "content": QUESTION}], "tools": (Weather, GoogleSearch)}
        spans = timing.in_one_request(client, asked)
        calls, tools = ([span for span in spans if span.kind == kind] for kind in ("call", "tool"))
        assert (len(calls), len(tools)) == (3, 3)
        assert spans[0].end >= timing.FIRST_BYTE_SECONDS - 0.01
        assert [span.label for span in timing.by_call(spans)] == [*self.LABELS]
        each = timing.FIRST_BYTE_SECONDS + timing.CALL_SECONDS + timing.TOOL_SECONDS
        single = timing.one_by_one(client, asked)
        assert timing.count(single) == 3
        assert timing.total(single) >= 3 * each - 0.03
        assert all(before.end <= after.start for before, after in itertools.pairwise(single))
