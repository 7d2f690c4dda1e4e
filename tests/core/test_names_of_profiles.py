"""Profiles that are not there: what is said of the name, and that a table written as it says is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import toolfan
from toolfan import ConfigError
from toolfan.cli.app import app
from typer.testing import CliRunner

NAMES = ["gpt-4.1", "my prof", "a.b.c", "ü", 'so "called"', "back\\slash", "a=b", "#1", "x]"]
OTHER = '[profiles.other]\nadapter = "local"\n'
BODY = 'adapter = "openai"\nmodel = "m"\n'


@pytest.fixture(autouse=True)
def place(unconfigured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    return unconfigured


def refusal(profile: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        toolfan.connect(profile=profile)
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("prefix", ["", "tool.toolfan."])
def test_the_table_of_the_hint_is_read(name: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("pyproject.toml" if prefix else "toolfan.toml")
    other = OTHER.replace("[", f"[{prefix}")
    file.write_text(other)
    monkeypatch.setenv("TOOLFAN_PROFILE", name)
    said = re.search(r"or write a table (\[.*\])\. Did you mean 'other'\?$", refusal())
    assert said is not None
    file.write_text(f"{other}{said[1]}\n{BODY}")
    with toolfan.connect() as client:
        assert client.adapter.name == "openai"


def test_a_bare_name_has_no_quotes() -> None:
    Path("toolfan.toml").write_text(OTHER)
    assert "or write a table [profiles.Fast-2]." in refusal("Fast-2")


@pytest.mark.parametrize("name", ["a:b", "a__b", "a-_b"])
def test_a_name_that_no_profile_can_have(name: str) -> None:
    Path("toolfan.toml").write_text(OTHER)
    told = refusal(name)
    assert "or write a table of another name: it has no colon and no two underscores side by side." in told


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_called_empty(name: str) -> None:
    path = Path("toolfan.toml").absolute()
    path.write_text(OTHER)
    ending = f"names no profile: the name is empty; configured profiles: other in {path}. Name one of them."
    assert refusal(name) == f"the argument profile {ending} Did you mean 'other'?"
    path.write_text(f'default = "{name}"\n{OTHER}')
    assert refusal() == f"default in {path}, line 1 {ending} Did you mean 'other'?"
    path.write_text(f'default = "{name}"\n')
    assert refusal().endswith("Write a table [profiles.NAME], and name it.")


def test_the_command_line_says_so_too() -> None:
    Path("toolfan.toml").write_text(OTHER)
    Path("my_tools.py").write_text("def weather(city: str) -> None: ...\n")
    done = CliRunner().invoke(app, ["request", "hi", "--tools", "my_tools:weather", "--profile", ""])
    assert done.exit_code == 2
    assert "names no profile: the name is empty" in done.stderr


SPLIT = 'A name with dots stands in quotes: write [profiles."gpt-4.1"].'


@pytest.mark.parametrize("above", ["", f"[profiles.gpt-4]\n{BODY}", f"[profiles.gpt-4.5]\n{BODY}"])
def test_a_name_with_dots_that_has_no_quotes(above: str) -> None:
    """TOML reads the key 1 of a profile gpt-4."""
    Path("toolfan.toml").write_text(f"[profiles.gpt-4.1]\n{BODY}{above}")
    told = refusal("gpt-4.1")
    assert "names the profile 'gpt-4.1', which does not exist" in told
    assert told.endswith(SPLIT)
    assert 'A name with dots stands in quotes: write [profiles."gpt-4.' in refusal("gpt-4")
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 2
    assert "A name with dots stands in quotes" in done.output
