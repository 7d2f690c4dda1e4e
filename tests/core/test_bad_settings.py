"""What is configured and cannot be: options that are no JSON, lost scripts, variables that are nearly right."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest
import toolfan
from loopback import USER
from pydantic import BaseModel
from toolfan import ConfigError, ToolfanError
from toolfan.wire import nearest


class A(BaseModel):
    x: int = 0


@pytest.fixture(autouse=True)
def place(unconfigured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    return unconfigured


def write(text: str) -> Path:
    path = Path("toolfan.toml").absolute()
    path.write_text(f'default = "p"\n[profiles.p]\nadapter = "openai"\nmodel = "m"\n{text}\n')
    return path


@pytest.mark.parametrize(
    ("line", "key", "what"),
    [
        ("options.temperature = nan", "temperature", "is nan"),
        ("options.temperature = -inf", "temperature", "is -inf"),
        ("options = { metadata = { since = 2026-01-31 } }", "metadata.since", "is a date"),
        ("options = { metadata = { at = [1, 2026-01-31T10:00:00Z] } }", "metadata.at.1", "is a datetime"),
        ("[profiles.p.options]\nstop = ['x']\nuser = 07:32:00", "user", "is a time"),
    ],
)
def test_an_option_that_is_no_json(line: str, key: str, what: str) -> None:
    path = write(f"\n{line}")
    number = 6 + line.count("\n")
    with pytest.raises(ConfigError) as caught:
        toolfan.connect()
    expected = f"profiles.p.options.{key} in {path}, line {number} cannot be sent: it {what}"
    assert caught.value.message.startswith(expected)


def test_a_variable_or_an_argument_that_is_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    write("")
    with pytest.raises(ConfigError, match=r"the argument options.logit_bias.x cannot be sent: it is inf"):
        toolfan.connect(options={"logit_bias": {"x": float("inf")}})
    monkeypatch.setenv("TOOLFAN_PROFILES__P__OPTIONS__TEMPERATURE", "NaN")
    with pytest.raises(ConfigError, match=r"environment variable TOOLFAN_PROFILES__P__OPTIONS__TEMPERATURE .* is nan"):
        toolfan.connect()


def test_a_circle_in_the_options_is_no_endless_search() -> None:
    circle: dict[str, Any] = {}
    circle["again"] = [circle, circle]
    with toolfan.connect("openai:m", options={"metadata": circle}) as client, pytest.raises(ToolfanError):
        client.create(messages=USER, response_model=A)


ANSWER = [{"calls": [{"name": "A", "arguments": {"x": 7}}]}]


@pytest.mark.parametrize("file", ["toolfan.toml", "pyproject.toml"])
def test_a_script_lies_beside_the_file_that_names_it(place: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    prefix = "tool.toolfan." if file == "pyproject.toml" else ""
    Path(file).write_text(f'[{prefix}profiles.p]\nadapter = "local"\nscript = "answers/a.json"\n')
    Path("answers").mkdir()
    Path("answers/a.json").write_text(json.dumps(ANSWER))
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    with toolfan.connect(profile="p") as client:
        assert list(client.create(messages=USER, response_model=A)) == [A(x=7)]
    with pytest.raises(ConfigError) as caught:  # an argument counts from the working directory
        toolfan.connect(profile="p", script="answers/a.json")
    assert str(place / "deep" / "er" / "answers" / "a.json") in str(caught.value)
    monkeypatch.setenv("TOOLFAN_PROFILES__P__SCRIPT", "answers/a.json")  # and so does a variable
    with pytest.raises(ConfigError) as caught:
        toolfan.connect(profile="p")
    assert str(place / "deep" / "er" / "answers" / "a.json") in str(caught.value)


def test_a_script_that_is_missing_says_where_it_was_looked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("toolfan.toml").write_text('[profiles.p]\nadapter = "local"\nscript = "no.toml"\n')
    Path("deep").mkdir()
    monkeypatch.chdir("deep")
    with pytest.raises(ConfigError, match="the folder of the configuration file") as caught:
        toolfan.connect(profile="p")
    assert f"{place / 'no.toml'}: cannot be read" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("TOOLFAN_PROFLE", "TOOLFAN_PROFILE"),
        ("TOOLFAN_DEFAULT", "TOOLFAN_PROFILE"),
        ("toolfan_profil", "TOOLFAN_PROFILE"),
        ("TOOLFAN_PROFLES__P__MODEL", "TOOLFAN_PROFILES"),
        ("TOOLFAN_PROFILE__P__MODEL", "TOOLFAN_PROFILES"),
        ("TOOLFAN_DISABEL", "TOOLFAN_DISABLE"),
        ("TOOLFAN_DEBG", "TOOLFAN_DEBUG"),
    ],
)
def test_a_variable_that_is_nearly_right(monkeypatch: pytest.MonkeyPatch, variable: str, meant: str) -> None:
    write("")
    monkeypatch.setenv(variable, "p")
    with pytest.raises(ConfigError, match=f"variable {variable} configures nothing.*Did you mean '{meant}'"):
        toolfan.connect()


@pytest.mark.parametrize("variable", ["TOOLFAN_HOME", "TOOLFAN_WRITE_GOLDEN", "TOOLFANS_PROFLE", "MY_TOOLFAN_PROFLE"])
def test_a_variable_of_somebody_elses(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    write("")
    monkeypatch.setenv(variable, "p")
    with toolfan.connect() as client:
        assert client.adapter.name == "openai"


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("nope", ["openai", "gemini", "vertex", "local"], None),
        ("cloud", ["openai", "gemini", "vertex", "local"], None),
        ("opena", ["openai", "gemini", "vertex", "local"], "openai"),
        ("opneai", ["openai", "gemini", "vertex", "local"], "openai"),
        ("locl", ["openai", "gemini", "vertex", "local"], "local"),
        ("fats", ["fast"], "fast"),
        ("temprature", ["temperature", "top_p"], "temperature"),
    ],
)
def test_only_what_is_near_is_proposed(name: str, known: list[str], meant: str | None) -> None:
    assert nearest(name, known) == (f" Did you mean {meant!r}?" if meant else "")


def test_an_unknown_adapter_is_not_taken_for_another() -> None:
    with pytest.raises(ToolfanError) as caught:
        toolfan.connect("nope:m")
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("deadline", ["1e300", "1e9", "-1", "inf"])
def test_a_deadline_that_no_request_takes(deadline: str) -> None:
    """A profile takes what `create()` takes, and says where a wrong one stands."""
    path = write(f"deadline = {deadline}")
    with pytest.raises(ConfigError, match=r"seconds, at most 1e\+08, or 0 for no limit") as caught:
        toolfan.connect()
    assert caught.value.message.startswith(f"profiles.p.deadline in {path}, line 5 is ")
    with pytest.raises(toolfan.UsageError, match="deadline"):
        toolfan.connect("local").create(
            messages=[{"role": "user", "content": "hi"}], tools=(A,), deadline=float(deadline)
        )


@pytest.mark.parametrize("other", ['project = "p"', 'location = "l"', 'access_token_env = "T"'])
def test_settings_that_do_not_go_together_have_their_places(other: str) -> None:
    path = Path("toolfan.toml").absolute()
    path.write_text(f'[profiles.v]\nadapter = "vertex"\napi_key_env = "V"\n{other}\n')
    name = other.partition(" ")[0]
    with pytest.raises(ConfigError) as caught:
        toolfan.connect(profile="v")
    assert caught.value.message == (
        f"api_key_env (express mode) and {name} exclude each other (profiles.v.api_key_env in {path}, line 3, "
        f"profiles.v.{name} in {path}, line 4)"
    )
    assert caught.value.hint == f"Mend api_key_env or {name}."


def test_a_model_has_no_blanks_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `$(cat file)` without quotes, or a variable of a secret store, brings them."""
    write("")
    monkeypatch.setenv("TOOLFAN_PROFILES__P__MODEL", "gpt-5\n")
    for client in (toolfan.connect(), toolfan.connect(" openai:gpt-5 "), toolfan.connect("openai", model="\tgpt-5")):
        with client:
            assert "model='gpt-5'" in repr(client)


def test_a_model_in_two_lines_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    write("")
    with pytest.raises(
        ConfigError, match=r"argument model is 'a\\nb' .*It is the name of a model, without line breaks"
    ):
        toolfan.connect("openai", model="a\nb")
    monkeypatch.setenv("TOOLFAN_PROFILES__P__MODEL", "a\r\nb")
    with pytest.raises(ConfigError, match=r"the environment variable TOOLFAN_PROFILES__P__MODEL is 'a\\r\\nb'"):
        toolfan.connect()


@pytest.mark.parametrize("sign", [":", "/"])
def test_an_adapter_with_a_model_is_two_keys(sign: str) -> None:
    path = Path("toolfan.toml").absolute()
    path.write_text(f'default = "p"\n[profiles.p]\nadapter = "openai{sign}some/gpt:5"\n')
    with pytest.raises(ConfigError, match=r"Write adapter = 'openai' and model = 'some/gpt:5'\.$") as caught:
        toolfan.connect()
    assert caught.value.message.startswith(f"profiles.p.adapter in {path}, line 3 is")
    path.write_text(f'default = "p"\n[profiles.p]\nadapter = "nobody{sign}m"\n')
    with pytest.raises(ConfigError, match="Install the package that offers it"):
        toolfan.connect()


def test_a_key_in_the_place_of_a_model_is_told_as_a_key() -> None:
    key = "sk-abcdefghijkl0123"
    for written in (f"openai:{key}", key):
        Path("toolfan.toml").write_text(f'default = "p"\n[profiles.p]\nadapter = "{written}"\n')
        with pytest.raises(ConfigError, match="That looks like a key: keys stand in variables") as caught:
            toolfan.connect()
        assert key not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("written", ["openai:", "openai/"])
def test_an_adapter_with_nothing_for_a_model_is_one_key(written: str) -> None:
    Path("toolfan.toml").write_text(f'default = "p"\n[profiles.p]\nadapter = "{written}"\n')
    with pytest.raises(ConfigError, match="Did you mean 'openai'") as caught:
        toolfan.connect()
    assert "model = " not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "meant"),
    [("max_retries = 2", "max_attempts"), ("timeout = 3", "deadline"), ("parallel_tool_calls = true", "parallel")],
)
def test_a_setting_by_the_name_that_others_give_it(line: str, meant: str) -> None:
    write(line)
    with pytest.raises(ConfigError, match=rf"there is no such setting.*Known are adapter, .*Did you mean '{meant}'\?$"):
        toolfan.connect()
