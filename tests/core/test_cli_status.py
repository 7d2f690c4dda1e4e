"""The exit status of the command `toolfan`: 0 done, 1 the provider or the model failed, 2 wrong use."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from toolfan.cli.app import app
from toolfan.registry.listing import installed_adapters
from toolfan.registry.loading import clear_loaded_adapters
from toolfan_local import Server
from typer.testing import CliRunner

if TYPE_CHECKING:
    from toolfan import AdapterInfo

TOOLS = "from pydantic import BaseModel\n\nclass A(BaseModel):\n    x: int = 0\n"
CALL = ("call", "hi", "--tools", "status_tools:A", "--profile", "p")


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "status_tools.py").write_text(TOOLS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "status_tools", raising=False)
    for name in [name for name in os.environ if name.startswith(("TOOLFAN", "OPENAI"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", "k")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def profile(text: str) -> None:
    Path("toolfan.toml").write_text(f'[profiles.p]\nadapter = "openai"\nmodel = "m"\n{text}\n')


def test_a_text_that_cannot_be_sent_is_wrong_use() -> None:
    with Server() as server:
        profile(f'base_url = "{server.openai_url}"')
        done = run("call", "half a \ud83d", *CALL[2:])
    assert (done.exit_code, server.requests) == (2, [])
    assert done.stderr.startswith("RequestRejected: messages[0].content cannot be written as JSON")


def test_a_request_that_the_provider_refuses_is_none() -> None:
    with Server([{"error": {"status": 400, "message": "no such model"}}]) as server:
        profile(f'base_url = "{server.openai_url}"')
        done = run(*CALL)
    assert (done.exit_code, len(server.requests)) == (1, 1)
    assert done.stderr.startswith("RequestRejected: the provider answered 400")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('base_url = "http://[::1"', "profiles.p.base_url"),
        ('base_url = "nourl"', "begins with http:// or https://"),
        ("options = { temperature = nan }", "profiles.p.options.temperature"),
        ('azure_deployment = "d"', "azure_deployment needs azure_endpoint"),
    ],
)
def test_a_wrong_profile_is_wrong_use(text: str, said: str) -> None:
    profile(text)
    for command in (CALL, ("request", *CALL[1:])):
        done = run(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert said in done.stderr


@pytest.mark.parametrize("address", ["http://[::1", "nourl", "ftp://x"])
def test_a_wrong_address_in_a_variable_is_wrong_use(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    profile("")
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    done = run(*CALL)
    assert done.exit_code == 2
    assert "the environment variable OPENAI_BASE_URL" in done.stderr


@pytest.mark.parametrize("command", [("adapters",), ("call", "hi", "--tools", "status_tools:A", "--with", "local")])
def test_a_variable_that_is_nearly_right_is_wrong_use(monkeypatch: pytest.MonkeyPatch, command: tuple[str]) -> None:
    assert run(*command).exit_code == 0
    monkeypatch.setenv("TOOLFAN_DISABEL", "openai")
    done = run(*command)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Did you mean 'TOOLFAN_DISABLE'?" in done.stderr


@pytest.mark.slow
class TestDemo:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Only `local` and what a test installs: SDKs take long to load."""

        def listed(**options: bool) -> list[AdapterInfo]:
            theirs = ("anthropic", "bedrock", "cohere", "litellm", "openai", "openai-responses", "vertex", "gemini")
            return [info for info in installed_adapters(**options) if info.name not in theirs]

        monkeypatch.setattr("toolfan.cli.demo.installed_adapters", listed)
        clear_loaded_adapters()
        yield
        clear_loaded_adapters()

    def install(self, distribution: str, adapter: str, code: str) -> None:
        sys.modules.pop(f"acme_{distribution}", None)  # another test's
        info = Path(f"acme_{distribution}-1.0.dist-info")
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[toolfan.adapters]\n{adapter} = acme_{distribution}\n")
        Path(f"acme_{distribution}.py").write_text(code)

    def rows(self) -> tuple[int, list[list[str]]]:
        done = run("demo")
        cells = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
        return done.exit_code, [[row[0], row[-1]] for row in cells[1:]]

    def test_a_broken_adapter_is_a_row_and_a_failure(self) -> None:
        self.install("broken", "broken", "import nothing_like_it\n")
        status, (broken, local) = self.rows()
        assert status == 1
        assert broken[0] == "broken"
        assert "No module named 'nothing_like_it'" in broken[1]
        assert local == ["local", "ok"]

    def test_a_conflict_is_two_rows_and_a_failure(self) -> None:
        self.install("one", "twin", "")
        self.install("two", "twin", "")
        status, rows = self.rows()
        assert status == 1
        assert [row for row in rows if row[0] == "twin"] == [
            ["twin", "conflict: offered by acme-two 1.0 too"],
            ["twin", "conflict: offered by acme-one 1.0 too"],
        ]

    def test_one_that_is_switched_off_is_a_row_and_no_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.install("broken", "broken", "import nothing_like_it\n")
        monkeypatch.setenv("TOOLFAN_DISABLE", "broken")
        status, (broken, local) = self.rows()
        assert status == 0
        assert broken == ["broken", "blocked: switched off by the environment variable TOOLFAN_DISABLE"]
        assert local == ["local", "ok"]

    def test_with_all_switched_off_nothing_was_shown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOOLFAN_DISABLE", "local")
        assert self.rows() == (1, [["local", "blocked: switched off by the environment variable TOOLFAN_DISABLE"]])

    @pytest.mark.parametrize("body", ["raise LookupError('mine')", "return [5]", "yield from missing"])
    def test_stand_ins_that_fail_are_a_row_and_a_failure(self, body: str) -> None:
        """The others are asked all the same."""
        code = (
            "from dataclasses import dataclass\nfrom toolfan.hookspecs import hookimpl\n"
            "from toolfan_local import LocalAdapter\n\n@dataclass(frozen=True)\nclass Adapter(LocalAdapter):\n"
            f"    name: str = 'third'\n    def stand_ins(self, server):\n        {body}\n\n"
            "@hookimpl\ndef toolfan_adapter():\n    return Adapter()\n"
        )
        self.install("third", "third", code)
        status, (local, third) = self.rows()
        assert local == ["local", "ok"]
        assert status == 1
        assert third[1].startswith("its stand_ins() failed: ")


def test_json_of_the_commands_is_whole() -> None:
    profile("")
    done = run("request", *CALL[1:])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["model"] == "m"
