"""A key in the place of a variable's name, a password in an address: they are refused, and shown nowhere."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

import pytest
import toolfan
from toolfan import ConfigError
from toolfan.cli.app import app
from typer.testing import CliRunner

# Of the forms of Cohere, Google, Groq, Azure (an older and a newer one), and of a vendor that nobody knows.
KEYS = [
    "Ab3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d",
    "AIzaSyPlanted_abcdefghijklmnopqrstuvwxy",
    "sk_planted1234567890",
    "gsk_plantedAbCdEfGhIjKl",
    "f00dbabe8c1d4e7fa9b2c3d4e5f60718",
    "acme_v1_q7Zt2Lw9Xc4Vb6Nm1Kj8Hg5F",
]
NAMES = ["MY_KEY", "ACME_KEY_2", "my_key", "MyKey1", "K", "OpenAiApiKeyOfTheHouse2", "AZURE_KEY_EASTUS2_2026_V1"]
SETTINGS = [
    ("openai", "api_key_env"),
    ("openai-responses", "api_key_env"),
    ("anthropic", "api_key_env"),
    ("cohere", "api_key_env"),
    ("gemini", "api_key_env"),
    ("vertex", "api_key_env"),
    ("vertex", "access_token_env"),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without configuration, an environment without toolfan."""
    for name in [name for name in os.environ if name.upper().startswith("TOOLFAN") or name.endswith("_BASE_URL")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_tools.py").write_text("def weather(city: str) -> None: ...\n")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    return tmp_path


def refusal(target: str, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        toolfan.connect(target, **settings)
    return "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("adapter", "setting"), SETTINGS)
def test_a_key_in_the_place_of_a_variable_is_not_repeated(adapter: str, setting: str, key: str) -> None:
    told = refusal(f"{adapter}:m", **{setting: key})
    assert key not in told
    assert f"the argument {setting} has the form of a key, and no environment variable has that name" in told
    assert f'Put the key itself into a variable, and name it: {setting} = "MY_KEY"' in told


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("adapter", "setting"), SETTINGS)
def test_a_name_of_a_variable_is_one(adapter: str, setting: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = refusal(f"{adapter}:m", **{setting: name})
    assert f"no key: the environment variable {name} is not set" in told
    monkeypatch.setenv(name, "k-0815")
    toolfan.connect(f"{adapter}:m", **{setting: name}).close()


@pytest.mark.parametrize("name", KEYS)
def test_a_variable_that_is_set_may_have_any_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "k-0815")
    toolfan.connect("openai:m", api_key_env=name).close()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "command", [["doctor"], ["doctor", "--json"], ["call", "hi", "--tools", "my_tools:weather", "--profile", "p"]]
)
def test_nor_is_it_by_the_command_line(command: list[str], key: str) -> None:
    Path("toolfan.toml").write_text(f'[profiles.p]\nadapter = "cohere"\nmodel = "m"\napi_key_env = "{key}"\n')
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert key not in done.output + done.stderr + repr(done.exception)
    assert "toolfan.toml, line 4 has the form of a key" in done.output + done.stderr


@pytest.mark.parametrize("key", KEYS)
def test_a_key_under_a_misspelt_name_is_not_shown(key: str) -> None:
    told = refusal("openai:m", keey=key)
    assert key not in told
    assert "there is no such setting; its value is (value not shown)" in told
