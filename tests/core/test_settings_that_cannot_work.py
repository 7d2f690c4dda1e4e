"""Profiles of which no request can be made, or none can be sent: said when they are read, and by `toolfan doctor`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import toolfan
from toolfan import ConfigError
from toolfan.cli.app import app
from typer.testing import CliRunner

VARIABLES = (
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "AWS_DEFAULT_REGION",
)
UNSENDABLE = ["x\n", " x", "x\x00", "ü", "x\r\nAuthorization: y"]
HEADERS = [
    ("openai", "organization"),
    ("openai", "project"),
    ("openai-responses", "organization"),
    ("openai-responses", "project"),
    ("vertex", "project"),
    ("vertex", "location"),
    ("bedrock", "region"),
]
OF_SDKS = [
    ("openai", "OPENAI_ORG_ID"),
    ("openai-responses", "OPENAI_PROJECT_ID"),
    ("vertex", "GOOGLE_CLOUD_PROJECT"),
    ("vertex", "GOOGLE_CLOUD_LOCATION"),
    ("bedrock", "AWS_DEFAULT_REGION"),
]


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without configuration, an environment with keys alone."""
    for name in [name for name in os.environ if name.upper().startswith("TOOLFAN") or name in VARIABLES]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TOKEN"):
        monkeypatch.setenv(name, "k-0815")


def refusal(*args: str, **settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        toolfan.connect(*args, **settings)
    return str(caught.value)


def doctor() -> str:
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 2
    return done.output


def profile(adapter: str, text: str) -> Path:
    path = Path("toolfan.toml").absolute()
    path.write_text(f'default = "p"\n[profiles.p]\nadapter = "{adapter}"\nmodel = "m"\n{text}\n')
    return path


@pytest.mark.parametrize("value", UNSENDABLE)
@pytest.mark.parametrize(("adapter", "setting"), HEADERS)
def test_a_setting_that_no_header_can_carry(adapter: str, setting: str, value: str) -> None:
    path = profile(adapter, f"{setting} = {json.dumps(value)}")
    place = f"profiles.p.{setting} in {path}, line 5 is {value!r}: it has a line break, a blank at an end or"
    assert place in refusal()
    assert place in doctor()


@pytest.mark.parametrize("value", [value for value in UNSENDABLE if "\x00" not in value])
@pytest.mark.parametrize(("adapter", "variable"), OF_SDKS)
def test_nor_a_variable_that_an_sdk_reads(
    adapter: str, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    told = refusal(f"{adapter}:m", **({"access_token_env": "TOKEN"} if adapter == "vertex" else {}))
    assert f"the environment variable {variable} is {value!r}: it has a line break, a blank at an end or" in told
    assert f"Mend {variable}, or unset it." in told


def test_a_setting_is_taken_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "x\n")
    toolfan.connect("openai:m", organization="o", project="p").close()
    toolfan.connect("vertex:m", project="p", location="l", access_token_env="TOKEN").close()
    toolfan.connect("bedrock:m", region="us-east-1").close()


@pytest.mark.parametrize("adapter", ["gemini", "vertex"])
def test_an_option_in_two_spellings(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = profile(adapter, "[profiles.p.options]\nmaxOutputTokens = 3\nmax_output_tokens = 4")
    told = (
        f"profiles.p.options.max_output_tokens in {path}, line 7 says again what "
        f"profiles.p.options.maxOutputTokens in {path}, line 6 says"
    )
    assert told in refusal()
    assert told in doctor()
    profile(adapter, "[profiles.p.options]\nmaxOutputTokens = 3")
    assert "the argument options.max_output_tokens says again what profiles.p.options.maxOutputTokens in" in refusal(
        options={"max_output_tokens": 4}
    )


@pytest.mark.parametrize(
    ("adapter", "text", "says"),
    [
        ("gemini", "options = { topP = 1, generation_config = { top_p = 1 } }", "the option topP is given twice"),
        ("gemini", "options = { generationConfig = 3 }", "the option generation_config is a int"),
        ("gemini", "options = { labels = 'x' }", "the option labels is a str"),
        ("local", "strict = true", "strict"),
    ],
)
def test_doctor_finds_that_no_request_can_be_made(adapter: str, text: str, says: str) -> None:
    profile(adapter, text)
    told = doctor()
    assert "see below" in told
    assert says in told


def test_doctor_needs_no_model() -> None:
    """It may come with each call."""
    Path("toolfan.toml").write_text('[profiles.p]\nadapter = "openai"\n')
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 0
