"""`toolfan serve --faults`, run as a program."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from fault_client import GOOD, ask, openai_calls, openai_request
from toolfan_local.faults import CATALOGUE, SECTIONS

COMMAND = (sys.executable, "-m", "toolfan.cli", "serve")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_it_serves_until_it_is_told_to_end() -> None:
    with subprocess.Popen([*COMMAND, "--faults"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            while "GOOGLE_CLOUD_LOCATION" not in said[-1] and said[-1]:
                said.append(process.stdout.readline())
            assert "--faults --list" in said[0]
            address = SimpleNamespace(port=int(said[1].rpartition(":")[2].partition("/")[0]))
            assert ask(address, openai_request("503")).status == 503  # type: ignore[arg-type]
            assert openai_calls(ask(address, openai_request("good"))) == GOOD  # type: ignore[arg-type]
        finally:
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert f"  export OPENAI_BASE_URL=http://127.0.0.1:{address.port}/v1\n" in said
    assert rest == "The server has ended.\n"


def test_the_list_is_the_catalogue() -> None:
    first, *rest = run("--faults", "--list").stdout.splitlines()
    assert first.split("\t")[:3] == ["name", "section", "what it does"]
    assert [line.split("\t")[0] for line in rest] == [*CATALOGUE]
    rows = [json.loads(line) for line in run("--faults", "--list", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == [*CATALOGUE]
    assert {row["section"] for row in rows} == {*SECTIONS}
    assert set(rows[0]) == {"name", "section", "description", "dialects", "expectation"}


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--list"], "toolfan serve --faults --list"),
        (["--faults", "--json"], "--list"),
        (["--faults", "--script", "script.toml"], "--script"),
        (["--faults", "--call-pace", "1"], "--call-pace"),
        (["--faults", "--first-byte", "1"], "--first-byte"),
    ],
)
def test_options_that_do_nothing_are_refused(arguments: list[str], part: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert part in done.stderr


def test_a_taken_port_is_a_clear_error() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("--faults", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "cannot listen on 127.0.0.1" in done.stderr
