"""Numbers that Python does not read or write, tables without end: a ConfigError says where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
import toolfan
from toolfan import ConfigError
from toolfan.cli.app import app
from typer.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable

DECIMAL = "1" * 5000
HEXADECIMAL = f"0x{DECIMAL}"
DEEP = "[" * 60_000 + "]" * 60_000
PROFILE = 'default = "fast"\n[profiles.fast]\nadapter = "openai"\nmodel = "m"\n'
COMMANDS = [["doctor"], ["request", "hi", "--tools", "my_tools:weather"], ["call", "hi", "--tools", "my_tools:weather"]]


@pytest.fixture(autouse=True)
def place(unconfigured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (unconfigured / "my_tools.py").write_text("def weather(city: str) -> None: ...\n")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    return unconfigured


def refusal(connect: Callable[[], Any] = toolfan.connect) -> str:
    with pytest.raises(ConfigError) as caught:
        connect()
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def write(text: str) -> Path:
    path = Path("toolfan.toml").absolute()
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("line", "at"),
    [
        (f"deadline = +{DECIMAL}", "line 5, column 13"),
        (f"options = {{ seed = -1_{DECIMAL} }}", "line 5, column 21"),
        (f"foo = 1\noptions.stop = [1, {DECIMAL}]", "line 6, column 20"),
    ],
)
def test_a_number_that_python_does_not_read_has_its_line(line: str, at: str) -> None:
    path = write(f"{PROFILE}{line}\n")
    assert f"{path}, {at}: not valid TOML: a whole number has more digits than Python reads" in refusal()


def test_nor_does_one_stop_what_needs_no_file() -> None:
    write(f"{PROFILE}deadline = {DECIMAL}\n")
    toolfan.connect("openai:m").close()
    with openai.OpenAI() as client:
        toolfan.wrap(client)
    assert "openai" in [info.name for info in toolfan.installed_adapters()]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (f"{PROFILE}deadline = {HEXADECIMAL}", "profiles.fast.deadline"),
        (f"{PROFILE}project = {HEXADECIMAL}", "profiles.fast.project"),
        (f"{PROFILE}foo = {HEXADECIMAL}", "profiles.fast.foo"),
        (f"{PROFILE}options = {{ seed = {HEXADECIMAL} }}", "profiles.fast.options.seed"),
        (f"{PROFILE}options = {{ stop = [1, {HEXADECIMAL}] }}", "profiles.fast.options.stop.1"),
        (f"default = {HEXADECIMAL}", "default"),
        (f"[profiles]\nfast = {HEXADECIMAL}", "profiles.fast"),
    ],
)
def test_a_number_that_python_does_not_write_has_its_place(text: str, key: str) -> None:
    path = write(f"{text}\n")
    told = refusal()
    assert f"{key} in {path}, line {text.count(chr(10)) + 1}" in told
    assert "is a number of more digits than Python writes" in told


@pytest.mark.parametrize("name", ["deadline", "base_url", "foo"])
def test_an_argument_may_be_one_too(name: str) -> None:
    told = refusal(lambda: toolfan.connect("openai:m", **{name: 10**5000}))
    assert f"the argument {name}" in told
    assert "is a number of more digits than Python writes" in told


@pytest.mark.parametrize("variable", ["__FAST__OPTIONS__STOP", "__FAST__OPTIONS__METADATA__A", "__FAST", ""])
def test_a_variable_that_is_nested_too_deeply(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(PROFILE)
    monkeypatch.setenv(f"TOOLFAN_PROFILES{variable}", DEEP)
    assert f"the environment variable TOOLFAN_PROFILES{variable} is nested too deeply" in refusal()


@pytest.mark.parametrize("key", ["MAX_ATTEMPTS", "OPTIONS", "NEEDS_END"])
def test_or_is_no_value_of_its_setting(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(PROFILE)
    monkeypatch.setenv(f"TOOLFAN_PROFILES__FAST__{key}", DEEP)
    # How deep is too deep is a matter of pydantic's version; else it is no value of that setting.
    told = f"the environment variable TOOLFAN_PROFILES__FAST__{key} is "
    assert f"{told}'[[" in (said := refusal()) or f"{told}nested too deeply" in said


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("number", [DECIMAL, HEXADECIMAL])
def test_the_command_line_ends_as_for_all_that_is_configured_wrongly(number: str, command: list[str]) -> None:
    path = write(f"{PROFILE}deadline = {number}\n")
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert f"{path}, line 5" in done.output + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_and_for_a_variable(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write(PROFILE)
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST__OPTIONS__STOP", DEEP)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert "TOOLFAN_PROFILES__FAST__OPTIONS__STOP is nested too deeply" in done.stderr
