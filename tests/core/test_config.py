"""Configuration: profiles in files, the environment and arguments, and what is said when something is wrong."""

from __future__ import annotations

import importlib.metadata
import os
import pickle
import subprocess
import sys
import tomllib
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from toolfan.config.targets import Connection, resolve
from toolfan.config_files.finding import find_config
from toolfan.config_files.toml_places import toml_places
from toolfan.errors import AdapterNotFound, AdapterNotInstalled, ConfigError, ToolfanError, UsageError
from toolfan.registry import loading as registry
from toolfan.secrets.redaction import HIDDEN, looks_secret, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolfan.adapter import ParallelToolsAdapter

SECRET = "hunter2-hunter2"
SUBPROCESS = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}


class AcmeSettings(BaseModel):
    """What an adapter's settings may look like."""

    model_config = ConfigDict(extra="ignore")  # unknown keys are refused all the same

    base_url: str | None = None
    api_key_env: str | None = None
    project: str | None = None
    retries: int = 2
    default_headers: dict[str, str] = Field(default={}, alias="headers")


class StrangeSettings(BaseModel):
    """Settings with a required field, a secret of their own, and a rule over several."""

    model_config = ConfigDict(extra="allow")

    region: str
    api_key: SecretStr | None = None

    @model_validator(mode="after")
    def _agree(self) -> StrangeSettings:
        if self.region == "moon":
            raise ValueError(f"no moon with {self.api_key.get_secret_value() if self.api_key else ''}")
        return self


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory without configuration, an environment without toolfan, three installed adapters."""
    site = tmp_path / "site"
    here = tmp_path / "project" / "deep"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    for variable in [name for name in os.environ if name.upper().startswith("TOOLFAN")]:
        monkeypatch.delenv(variable)
    real = importlib.metadata.distributions
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: real(path=[str(site)]))
    registry.clear_loaded_adapters()
    for name, settings in (("acme", AcmeSettings), ("strange", StrangeSettings), ("local", AcmeSettings)):
        info = site / f"toolfan_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toolfan-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[toolfan.adapters]\n{name} = plugin_{name}\n")
        adapter = SimpleNamespace(
            name=name, api=1, settings_model=settings, option_names=frozenset({"temperature", "top_p"})
        )
        monkeypatch.setitem(registry._loaded, name, cast("ParallelToolsAdapter", adapter))
    yield here
    registry.clear_loaded_adapters()


def write(text: str, name: str = "toolfan.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path.absolute()


def connect(
    target: str | None = None, *, profile: str | None = None, model: str | None = None, **settings: Any
) -> Connection:
    return resolve(target, profile=profile, model=model, settings=settings)


def refusal(kind: type[ToolfanError] = ConfigError, **arguments: Any) -> str:
    """The text of the error that connect(**arguments) raises; no secret may be anywhere near it."""
    with pytest.raises(kind) as caught:
        connect(**arguments)
    assert type(caught.value) is kind
    seen = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
    assert SECRET not in seen
    assert caught.value.__context__ is None or SECRET not in repr(caught.value.__context__)
    assert pickle.loads(pickle.dumps(caught.value)) == caught.value
    return str(caught.value)


FAST = """\
default = "fast"

[profiles.fast]
adapter = "acme"
model = "acme-mini"
max_attempts = 5
deadline = 30
on_invalid = "keep"
parallel = 4
repairs = false
strict = true
base_url = "http://localhost:1/v1"
options = { temperature = 0.5 }

[profiles.other]
adapter = "local"
"""


# What is selected


def test_adapter_and_model_are_split_at_the_first_colon() -> None:
    """Models have colons and slashes."""
    found = connect("acme:org/model:free")
    assert (found.adapter.name, found.model, found.defaults, found.profile) == ("acme", "org/model:free", {}, None)


def test_an_adapter_alone() -> None:
    """A model is optional; `name:` is the same."""
    assert connect("local").adapter.name == "local"
    assert connect("local:").model is None


def test_adapter_with_colon_reads_no_configuration() -> None:
    """A broken file elsewhere does no harm."""
    write("not toml at all")
    assert connect("acme:m").model == "m"


def test_a_profile_gives_everything() -> None:
    """Core's fields as defaults, the rest as the adapter's settings."""
    write(FAST)
    found = connect(profile="fast")
    assert (found.adapter.name, found.model, found.profile) == ("acme", "acme-mini", "fast")
    assert found.settings == AcmeSettings(base_url="http://localhost:1/v1")
    assert found.defaults == {
        "max_attempts": 5,
        "deadline": 30.0,
        "on_invalid": "keep",
        "parallel": 4,
        "repairs": False,
        "strict": True,
        "options": {"temperature": 0.5},
    }


def test_the_default_profile_is_used_when_nothing_is_named() -> None:
    """`default` in the file."""
    write(FAST)
    assert connect().profile == "fast"


def test_a_profile_may_be_the_target() -> None:
    """`connect("fast")`, in any spelling of capitals."""
    write(FAST)
    assert connect("Fast").profile == "fast"


def test_the_variable_selects_over_the_file_and_the_argument_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOOLFAN_PROFILE."""
    write(FAST)
    monkeypatch.setenv("TOOLFAN_PROFILE", "OTHER")
    assert connect().profile == "other"
    assert connect(profile="fast").profile == "fast"
    assert connect("acme:m").profile is None


def test_the_nearest_file_counts(place: Path) -> None:
    """Upwards from the working directory, or from `start`."""
    write(FAST, "../toolfan.toml")
    assert connect().model == "acme-mini"
    write('default = "x"\n[profiles.x]\nadapter = "local"\n')
    assert connect().profile == "x"
    assert resolve(None, profile=None, model=None, settings={}, start=place.parent).profile == "fast"


def test_pyproject_counts_if_it_has_the_table() -> None:
    """toolfan.toml wins beside it; one without [tool.toolfan] is passed over, also if it is broken."""
    write(FAST, "../../toolfan.toml")
    write('[project]\nname = "x"\ndependencies = ["toolfan"]\n[tool.ruff]\n', "pyproject.toml")
    assert connect().profile == "fast"
    write("[broken", "../pyproject.toml")
    assert connect().profile == "fast"
    write('[tool.toolfan]\ndefault = "p"\n[tool.toolfan.profiles.p]\nadapter = "local"\n', "pyproject.toml")
    assert connect().profile == "p"
    write('default = "t"\n[profiles.t]\nadapter = "local"\n')
    assert connect().profile == "t"


def test_nothing_configured_shows_three_ways() -> None:
    """And answers with no adapter, not even the offline one."""
    text = refusal()
    assert 'toolfan.connect("openai:gpt-4o-mini")' in text
    assert '[profiles.fast]\n                   adapter = "openai"' in text
    assert "TOOLFAN_PROFILE=fast TOOLFAN_PROFILES__FAST__ADAPTER=openai" in text


def test_the_examples_of_that_error_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and the environment, as printed (with an adapter that is installed here)."""
    lines = refusal().replace("openai", "acme").splitlines()
    start = next(at for at, line in enumerate(lines) if "default =" in line)
    path = write("\n".join(lines[start : start + 4]))
    assert (connect().adapter.name, connect().model) == ("acme", "gpt-4o-mini")
    path.unlink()
    for setting in lines[-1].replace("environment", "").split():
        monkeypatch.setenv(*setting.split("="))
    assert (connect().adapter.name, connect().model) == ("acme", "gpt-4o-mini")


def test_profiles_without_a_default() -> None:
    """The message names them."""
    path = write("\n".join(FAST.splitlines()[1:]))
    text = refusal()
    assert f"configured profiles: fast, other in {path}" in text
    assert 'connect(profile="fast")' in text


def test_a_name_of_both_kinds_is_refused_with_both_spellings() -> None:
    """Each spelling then works."""
    write('[profiles.acme]\nadapter = "local"\n')
    text = refusal(target="acme")
    assert 'connect(profile="acme")' in text
    assert 'connect("acme:")' in text
    assert "line 1" in text
    assert connect(profile="acme").adapter.name == "local"
    assert connect("acme:").adapter.name == "acme"


def test_a_disabled_adapter_makes_no_ambiguity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the profile is left."""
    write('[profiles.acme]\nadapter = "local"\n')
    monkeypatch.setenv("TOOLFAN_DISABLE", "acme")
    assert connect("acme").adapter.name == "local"


@pytest.mark.parametrize("target", ["acme", "acme:m", "fast"])
def test_target_and_profile_together_are_refused(target: str) -> None:
    """One of them."""
    write(FAST)
    assert "both a target" in refusal(target=target, profile="fast")


def test_two_models_are_refused_unless_they_agree() -> None:
    """In the target and as an argument."""
    assert "two models" in refusal(target="acme:a", model="b")
    assert connect("acme:a", model="a").model == "a"
    assert connect("acme", model="a").model == "a"


def test_an_unknown_target_tells_of_adapters_and_profiles() -> None:
    """It could have been either."""
    write(FAST)
    text = refusal(AdapterNotFound, target="fasst")
    for part in ("installed: acme, local, strange", "configured profiles: fast, other", "Did you mean 'fast'?"):
        assert part in text
    assert "did you mean" not in refusal(AdapterNotFound, target="zzz:m").lower()
    assert "Write 'local:some/model'." in refusal(AdapterNotFound, target="local/some/model")
    assert "Write '" not in refusal(AdapterNotFound, target="zzz/m")
    assert 'pip install "toolfan[openai]"' in refusal(AdapterNotInstalled, target="openai")


@pytest.mark.parametrize("arguments", [{"target": object()}, {"profile": 3}])
def test_what_is_no_text_is_refused(arguments: dict[str, Any]) -> None:
    """A client belongs into wrap()."""
    assert "toolfan.wrap(client)" in refusal(UsageError, **arguments)


def test_adapter_is_no_keyword() -> None:
    """It is the first argument."""
    assert "first argument" in refusal(adapter="acme")


# Layers


def test_arguments_win_over_environment_and_that_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Value by value; options are merged name by name."""
    write(FAST)
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST__MODEL", "from-env")
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST__MAX_ATTEMPTS", "7")
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST__OPTIONS__TOP_P", "0.25")
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST__PROJECT", "123")
    found = connect()
    assert (found.model, found.defaults["max_attempts"]) == ("from-env", 7)
    assert found.defaults["options"] == {"temperature": 0.5, "top_p": 0.25}
    assert found.settings == AcmeSettings(base_url="http://localhost:1/v1", project="123")
    found = connect(model="mine", max_attempts=1, options={"temperature": 1}, project="p", deadline=None, strict=None)
    assert (found.model, found.defaults["max_attempts"], found.settings.project) == ("mine", 1, "p")  # type: ignore[attr-defined]
    assert found.defaults["options"] == {"temperature": 1, "top_p": 0.25}
    assert found.defaults["deadline"] is None
    assert found.defaults["strict"] is None


def test_the_environment_alone_makes_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key, or as a JSON object."""
    monkeypatch.setenv("TOOLFAN_PROFILES__NEW__ADAPTER", "acme")
    monkeypatch.setenv("TOOLFAN_PROFILES__NEW__PARALLEL", "1")
    monkeypatch.setenv("TOOLFAN_PROFILES__NEW__REPAIRS", "False")
    monkeypatch.setenv("TOOLFAN_PROFILES__NEW__DEADLINE", "")
    found = connect(profile="new")
    assert found.defaults == {"parallel": 1, "repairs": False}
    assert found.defaults["parallel"] is not True
    monkeypatch.setenv("TOOLFAN_PROFILES", '{"Big-One": {"adapter": "local", "max_attempts": 2}}')
    assert connect(profile="big-one").defaults == {"max_attempts": 2}


def test_names_of_profiles_fold_capitals_and_dashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment knows neither."""
    write('[profiles.Fast-Mini]\nadapter = "acme"\nmodel = "a"\n')
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST_MINI__MODEL", "b")
    monkeypatch.setenv("TOOLFAN_PROFILE", "fast_mini")
    assert connect().model == "b"
    assert connect("FAST-mini").model == "b"


@pytest.mark.parametrize(("deadline", "seconds"), [("0", None), ("0.0", None), ("1", 1.0), ("2.5", 2.5)])
def test_a_deadline_of_zero_is_no_limit(deadline: str, seconds: float | None) -> None:
    """TOML has no None."""
    write(f'[profiles.x]\nadapter = "acme"\ndeadline = {deadline}\n')
    assert connect("x").defaults == {"deadline": seconds}


def test_settings_may_have_aliases_and_come_as_arguments() -> None:
    """As the adapter's model spells them."""
    assert connect("acme:m", headers={"a": "b"}).settings == AcmeSettings(headers={"a": "b"})


def test_a_file_with_byte_order_mark_and_carriage_returns() -> None:
    """As some editors of Windows write it."""
    Path("toolfan.toml").write_bytes(b"\xef\xbb\xbf" + FAST.replace("\n", "\r\n").encode())
    assert connect().model == "acme-mini"


# What is wrong with a value


BESIDE_OPTIONS = ["deadline", "max_attempts", "strict", "parallel", "model", "on_invalid", "base_url"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("max_attempts = 'three'", "profiles.x.max_attempts in {file}, line 4 is 'three'"),
        ("max_attempts = 0", "is 0 [adapter acme]. It is a whole number from 1"),
        ("max_attempts = true", "is True"),
        ("max_attempts = 2.0", "is 2.0"),
        ("deadline = -1", "a number of seconds, at most 1e+08, or 0 for no limit"),
        ("deadline = nan", "is nan"),
        ("deadline = inf", "is inf"),
        ("deadline = true", "is True"),
        ('on_invalid = "reraise"', 'It is "reask", "raise" or "keep"'),
        ("parallel = 0", "true, false, or the largest number of calls"),
        ('strict = "yes"', "is 'yes'"),
        ("model = 4", "profiles.x.model in {file}, line 4 is 4"),
        ("options = 4", "is 4 [adapter acme]. It is a table of the provider's options"),
        ("options.temprature = 1", "profiles.x.options.temprature in {file}, line 4: the provider has no such option"),
        ("options = {\ttemprature = 1 }", "Did you mean 'temperature'?"),
        *((f"options.{key} = 3", f"write {key} beside options, not in it.") for key in BESIDE_OPTIONS),
        ("options = { timeout = 3 }", "write deadline beside options, not in it."),
        ("options = { parallel_tool_calls = true }", "write parallel beside options, not in it."),
        ("options = { tool_choice = 'auto' }", "It is said with each request: write tool_choice= in create()."),
        ("options = { stream = true }", "It is said with each request: write stream= in create()."),
        ("options = { extra_headers = {} }", "It is said with each request: write extra_headers= in create()."),
        ("temperature = 1", "options = {{ temperature = ... }}"),
        ("max_atempts = 3", "max_atempts in {file}, line 4: there is no such setting; its value is 3"),
        ("max_atempts = 3", "Did you mean 'max_attempts'?"),
        ('base_ulr = "http://me:secret@host/?api_key=abc&x=1"', "'http://***@host/?api_key=***&x=1'"),
        ('base_ulr = "http://host/?house=planted-value&x=1"', "'http://host/?house=***&x=1'"),
        ('base_ulr = "x"', "Did you mean 'base_url'?"),
        ("retries = 'many'", "profiles.x.retries in {file}, line 4 is 'many': Input should be a valid integer"),
        ("headers = { a = 1 }", "profiles.x.headers.a in {file}, line 4 is 1: Input should be a valid string"),
    ],
)
def test_a_wrong_line_is_told_with_its_place(line: str, says: str) -> None:
    """File, dotted key, line, value, what it should be, the nearest name."""
    path = write(f'# a comment\n[profiles.x] # more\nadapter = "acme"\n{line}\n')
    assert says.format(file=path) in refusal(profile="x")


def test_a_wrong_variable_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is a place too."""
    write(FAST)
    monkeypatch.setenv("TOOLFAN_PROFILES__FAST__MAX_ATTEMPTS", "three")
    text = refusal()
    assert "in the environment variable TOOLFAN_PROFILES__FAST__MAX_ATTEMPTS is 'three'" in text
    monkeypatch.delenv("TOOLFAN_PROFILES__FAST__MAX_ATTEMPTS")
    monkeypatch.setenv("TOOLFAN_PROFILES", '{"fast": {"colour": 3}}')
    assert "profiles.fast.colour in the environment variable TOOLFAN_PROFILES:" in refusal()


def test_a_wrong_argument_is_told_by_its_name() -> None:
    """So are the arguments; the file's other values keep their place."""
    path = write(FAST.replace("base_url", "base_rul"))
    assert "the argument max_attempts is 0" in refusal(max_attempts=0)
    assert "the argument colour: there is no such setting; its value is 3" in refusal(target="acme:m", colour=3)
    assert "the argument options.colour" in refusal(target="acme:m", options={"colour": 3})
    assert f"profiles.fast.base_rul in {path}, line 12" in refusal(max_attempts=1)


def test_a_wrong_adapter_is_told_with_its_place() -> None:
    """One that is known but missing keeps its own error, with the command."""
    path = write(
        '[profiles.x]\nadapter = "acmee"\n[profiles.y]\nadapter = "vertex"\n[profiles.z]\n[profiles.w]\nadapter = 3'
    )
    text = refusal(profile="x")
    assert f"profiles.x.adapter in {path}, line 2 is 'acmee'" in text
    assert "Did you mean 'acme'?" in text
    text = refusal(AdapterNotInstalled, profile="y")
    assert 'pip install "toolfan[vertex]"' in text
    assert f"{path}, line 4" in text
    assert f"profiles.z in {path}, line 5 has no adapter" in refusal(profile="z")
    assert f"profiles.w.adapter in {path}, line 7 is 3" in refusal(profile="w")
    write('[profiles.f]\nadaptor = "acme"')
    text = refusal(profile="f")
    assert f"profiles.f.adaptor in {path}, line 2: there is no such setting; its value is 'acme'" in text
    assert "The profile has no adapter. Did you mean 'adapter'?" in text
    assert "Did you mean 'f'?" in refusal(profile="g")


def test_an_unknown_profile_is_told_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an argument, a variable, or the file's default."""
    path = write(FAST.replace('default = "fast"', 'default = "fsat"'))
    assert f"default in {path}, line 1 names the profile 'fsat'" in refusal()
    monkeypatch.setenv("TOOLFAN_PROFILE", "ohter")
    text = refusal()
    assert "the environment variable TOOLFAN_PROFILE names the profile 'ohter'" in text
    assert "Did you mean 'other'?" in text
    assert "the argument profile names the profile 'nix'" in refusal(profile="nix")


def test_a_missing_setting_names_the_profile() -> None:
    """There is no line to point to but the table's."""
    path = write('[profiles.x]\nadapter = "strange"\n')
    text = refusal(profile="x")
    assert "needs the setting region" in text
    assert f"{path}, line 1" in text
    assert "needs the setting region" in refusal(target="strange:m")


# Secrets


@pytest.mark.parametrize("key", ["api_key", "access_token", "client_secret", "password"])
def test_a_literal_secret_is_refused_wherever_it_stands(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file, the environment and the arguments; the value is never shown."""
    path = write(f'[profiles.x]\nadapter = "acme"\n{key} = "{SECRET}"\n')
    text = refusal(profile="x")
    assert f"profiles.x.{key} in {path}, line 3 holds a secret" in text
    assert 'api_key_env = "MY_KEY"' in text
    path.unlink()
    monkeypatch.setenv("TOOLFAN_PROFILES__X__ADAPTER", "acme")
    monkeypatch.setenv(f"TOOLFAN_PROFILES__X__{key.upper()}", SECRET)
    assert f"variable TOOLFAN_PROFILES__X__{key.upper()} holds a secret" in refusal(profile="x")
    assert f"the argument {key} holds a secret" in refusal(target="acme:m", **{key: SECRET})  # type: ignore[arg-type]


def test_a_secret_in_the_place_of_a_variable_is_not_shown() -> None:
    """`api_key_env` holds a name."""
    write(f'[profiles.x]\nadapter = "acme"\napi_key_env = "{SECRET}"\n')
    assert "does not hold the name of an environment variable" in refusal(profile="x")


def test_an_adapter_may_have_a_secret_setting_of_its_own() -> None:
    """Then it passes, hidden in every message and repr."""
    found = connect("strange:m", region="mars", api_key=SECRET, extra=1)
    assert cast("StrangeSettings", found.settings).api_key == SecretStr(SECRET)
    assert SECRET not in repr(found)
    assert "no moon with ***" in refusal(target="strange:m", region="moon", api_key=SECRET)
    text = refusal(target="strange:m", region=3, api_key=SECRET)
    assert "the argument region is 3" in text
    assert HIDDEN in refusal(target="strange:m", region="mars", api_key=[SECRET])


def test_a_mistyped_table_is_not_shown() -> None:
    """It may hold anything."""
    assert "headers is a list" in refusal(target="acme:m", headers=[SECRET])
    assert HIDDEN in refusal(target="acme:m", headers={"Authorization": 3})


@pytest.mark.parametrize("value", [f"{{{SECRET}", f'["{SECRET}"]', SECRET])
@pytest.mark.parametrize("variable", ["TOOLFAN_PROFILES", "TOOLFAN_PROFILES__X"])
def test_a_variable_that_holds_no_table_is_not_shown(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, it may be a key."""
    monkeypatch.setenv(variable, value)
    assert f"{variable} does not hold a table" in refusal(profile="x")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("api_key", True), ("apiKey", True), ("OPENAI_API_KEY", True), ("x-api-key", True), ("token", True),
        ("Authorization", True), ("api_key_env", True), ("max_tokens", False), ("top_k", False), ("keyboard", False),
        ("project", False), ("base_url", False),
    ],
)  # fmt: skip
def test_names_of_secrets(name: str, secret: bool) -> None:
    """By words, not by letters."""
    assert looks_secret(name) is secret


def test_values_are_shown_briefly() -> None:
    """And never if they look like a key."""
    assert shown("sk-abcdef", ("base_url",)) == HIDDEN
    assert len(shown("x" * 1000, ())) < 100
    assert shown(object(), ()) == "a value of type object"


# Files that cannot be used


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a = 1\nb = = 2\n", "line 2, column 5: not valid TOML: Invalid value"),
        (b"[profiles.x\n", "line 1, column 12"),
        (b"default = 'a", "not valid TOML"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"a = 1\nb = '\xff'\n", "not UTF-8: byte 0xff in line 2"),
        ("default = 'x'".encode("utf-16"), "not UTF-8"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
        (
            b"profile = 'x'\n",
            "line 1: there is no such key; its value is 'x'. Known are default, disable and profiles.",
        ),
        (b"default = 3\n", "default in {file}, line 1 is 3"),
        (b"disable = 'acme'\n", "disable in {file}, line 1 is not a list of names"),
        (b"[default]\n", "default in {file}, line 1 is a table"),
        (b"profiles = 3\n", "profiles in {file}, line 1 is 3"),
        (b"[profiles]\nfast = 'acme'\n", "profiles.fast in {file}, line 2 is 'acme', not a table"),
        (b"[profiles.a-b]\n[profiles.A_B]\n", "profiles.A_B in {file}, line 2 has the same name as 'a-b'"),
        (b"[profiles.'a:b']\n", "cannot be the name of a profile"),
        (b"[profiles.a__b]\n", "cannot be the name of a profile"),
        (b"[profiles.'']\n", "cannot be the name of a profile"),
    ],
)
def test_a_file_of_a_wrong_form_is_told_with_line_and_column(content: bytes, says: str) -> None:
    """Syntax, encoding, shape."""
    path = Path("toolfan.toml").absolute()
    path.write_bytes(content)
    text = refusal()
    assert says.format(file=path) in text
    assert str(path) in text


def test_a_directory_and_a_dangling_link_in_place_of_the_file() -> None:
    """Not passed over in silence."""
    Path("toolfan.toml").mkdir()
    assert "is a directory" in refusal()
    Path("toolfan.toml").rmdir()
    Path("toolfan.toml").symlink_to("nowhere")
    assert "cannot be read" in refusal()


def test_an_unreadable_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's word for it."""
    write(FAST)

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert "cannot be read: Permission denied" in refusal()


def test_pyproject_of_a_wrong_form() -> None:
    """The keys are told with their prefix, and the line of that file."""
    path = write("[project]\n\n[tool.toolfan.profiles.x]\nadapter = 3\n", "pyproject.toml")
    assert f"tool.toolfan.profiles.x.adapter in {path}, line 4 is 3" in refusal(profile="x")
    write("[tool]\ntoolfan = 3\n", "pyproject.toml")
    assert f"tool.toolfan in {path}, line 2 is not a table" in refusal()
    write("[tool.toolfan]\nbroken\n", "pyproject.toml")
    assert "line 2, column 7" in refusal()


def test_a_deleted_working_directory_has_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment still works."""

    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "cwd", gone)
    assert find_config(None) is None


@pytest.mark.parametrize(
    "variable",
    ["TOOLFAN_PROFILE__FAST__MODEL", "TOOLFAN_PROFILES_FAST_MODEL", "TOOLFAN_PROFILES__", "TOOLFAN_PROFILEX"],
)
def test_a_misspelt_variable_is_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be ignored otherwise."""
    monkeypatch.setenv(variable, "x")
    assert f"{variable} configures nothing" in refusal()


# Places

DOCUMENT = '''
# comment
default = "fast" # = [
a.b . "c d" = 1
"q\\u0041" = 'x # ]'
[profiles.fast]
options = { temperature = 0.5, stop = ["a", "b,]}", { x = 1 }], n.m = 2 }
list = [
  1, # one ]
  [2, 3], """a
b]""",
]
t = """x\\"""" # four
u = """a"b""c"""
v = """ends"""""
w = \'\'\'ends\'\'\'\'\'
when = 1979-05-27T07:32:00Z
[[array]]
x = 1
[array.sub]
y = 2
[[array]]
[[array.in]]
z = 1
[ "we.ird" . 'k' ]
z = 1
[empty]
'''


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from paths(child, (*path, key))


def test_every_key_of_a_document_has_its_line() -> None:
    """What tomllib reads, and nothing else."""
    places = toml_places(DOCUMENT)
    assert set(places) == set(paths(tomllib.loads(DOCUMENT)))
    lines = DOCUMENT.split("\n")
    for path, line in places.items():
        name = path[-1]
        if isinstance(name, str) and name not in ("qA",):
            assert name in lines[line - 1]
    assert places["profiles", "fast", "options", "n", "m"] == 7
    assert places["profiles", "fast", "list", 1, 1] == 10
    assert places["array", 1, "in", 0, "z"] == 24


KEYS = st.text("ab.\"'#=[] \\é", max_size=4)
SCALARS = st.one_of(st.integers(), st.booleans(), st.text("ab\"'#,=[]{}\n\\", max_size=8))
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def dumped(value: Any, quote: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"""\n{escaped}"""' if quote == '"""' else '"' + escaped.replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[ # ]\n" + "".join(f"{dumped(item, quote)},\n" for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumped(key, '')} = {dumped(item, quote)}" for key, item in value.items()) + "}"
    return str(value)


@given(st.dictionaries(KEYS, TREES, max_size=4), st.sampled_from(['"', '"""']))
def test_places_agree_with_tomllib(data: Mapping[str, Any], quote: str) -> None:
    """Any keys, any values, quoted either way."""
    text = "".join(f"{dumped(key, '')} = {dumped(value, quote)}\n" for key, value in data.items())
    assert set(toml_places(text)) == set(paths(tomllib.loads(text)))


@example(text='"\\="')
@given(st.text("ab=[]{}\"'#,.\n\\ ", max_size=40))
def test_places_never_fail(text: str) -> None:
    """Also for what is not TOML."""
    toml_places(text)


def test_configuration_loads_nothing_heavy() -> None:
    """No SDK, no plugin machinery."""
    code = (
        "import sys; import toolfan.config\n"
        "print(sorted({'pluggy', 'openai', 'google.genai', 'vertexai', 'tenacity', 'anyio'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=SUBPROCESS)
    assert ran.stdout.strip() == "[]"
