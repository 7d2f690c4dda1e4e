"""What the commands do with streams: `serve` at a pace."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
from toolfan.cli.app import app
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTION = "What is the weather in toronto and dallas and who won the super bowl?"
PLACE = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
TOOLS: list[Any] = [{"type": "function", "function": {"name": "Weather", "parameters": PLACE}}]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


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
