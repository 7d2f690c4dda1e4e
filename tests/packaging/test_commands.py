"""The commands that ask, read and serve, from the wheels, by the script that they install."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from conftest import Venv

pytestmark = pytest.mark.packaging

TOOLS = """
from pydantic import BaseModel


class Weather(BaseModel):
    location: str
"""
QUESTION = "What is the weather in Oslo and Bergen?"
ASKED = ("--tools", "my_tools:Weather")
REPLAY = f"""
from my_tools import Weather
from toolfan.testing import replayed

messages = [{{"role": "user", "content": {QUESTION!r}}}]
print([one.location for one in replayed("traffic.json").create(messages=messages, tools=(Weather,))])
"""
WANTED = [{"location": "Oslo"}, {"location": "Bergen"}]


class Installed:
    """An environment with the command line, and the script of toolfan in it."""

    def __init__(self, venv: Venv, clean: Mapping[str, str]) -> None:
        self.path, self.python = venv.path, venv.python
        self.script = venv.python.with_name(f"toolfan{venv.python.suffix}")
        self.clean = dict(clean)

    def run(self, *command: str | Path, given: str = "", **variables: str) -> str:
        """What the command prints, in the folder of the tools."""
        done = subprocess.run(
            list(map(str, command)),
            input=given,
            cwd=self.path,
            env=self.clean | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def toolfan(self, *arguments: str, given: str = "", **variables: str) -> str:
        """What `toolfan ...` prints."""
        return self.run(self.script, *arguments, given=given, **variables)


@pytest.fixture(scope="module")
def installed(make_venv: Callable[..., Venv], clean: Mapping[str, str]) -> Installed:
    venv = make_venv("toolfan[cli,local,openai]")
    (venv.path / "my_tools.py").write_text(TOOLS)
    return Installed(venv, clean)


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_call_prints_the_calls(installed: Installed) -> None:
    for streamed in ((), ("--stream",)):
        printed = installed.toolfan("call", QUESTION, "--with", "local", *ASKED, "--json", *streamed)
        assert [line["arguments"] for line in lines(printed) if "arguments" in line] == WANTED


def test_request_prints_the_body(installed: Installed) -> None:
    body = json.loads(installed.toolfan("request", QUESTION, "--with", "openai:m", *ASKED))
    assert body["messages"] == [{"role": "user", "content": QUESTION}]
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Weather"]


def test_decode_reads_an_answer(installed: Installed) -> None:
    function = {"name": "Weather", "arguments": '{"location": "Oslo"}'}
    message = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    answer = json.dumps({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]})
    (call,) = lines(installed.toolfan("decode", "--with", "openai", *ASKED, given=answer))
    assert (call["id"], call["name"], call["arguments"]) == ("c", "Weather", {"location": "Oslo"})


def test_serve_answers_and_record_writes_it_down(installed: Installed) -> None:
    """Through the real SDK; the key is in no file."""
    command, about = [str(installed.script), "serve"], {"cwd": installed.path, "env": installed.clean}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **about) as serving:
        try:
            assert serving.stdout is not None
            address = next(word for line in serving.stdout for word in line.split() if word.endswith("/v1"))
            variables = {"OPENAI_API_KEY": "sk-of-the-test-0123456789", "OPENAI_BASE_URL": address}
            installed.toolfan("record", "traffic.json", QUESTION, "--with", "openai:m", *ASKED, **variables)
        finally:
            serving.terminate()
    recorded = (installed.path / "traffic.json").read_text()
    assert "Bergen" in recorded
    assert "sk-of-the-test" not in recorded
    assert installed.run(installed.python, "-c", REPLAY).strip() == "['Oslo', 'Bergen']"
