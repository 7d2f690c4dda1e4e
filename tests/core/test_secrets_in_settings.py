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
    given: dict[str, Any] = {setting: name}
    toolfan.connect(f"{adapter}:m", **given).close()


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


PASSWORD = "planted-pw"
ADDRESSES = [
    f"user:{PASSWORD}@localhost/v1",
    f"user:{PASSWORD}@localhost",
    f"{PASSWORD}@localhost:8000?x=1",
    f"HTTP:/user:{PASSWORD}@localhost/v1",
    f"http:user:{PASSWORD}@localhost/v1",
    f"https:\\\\user:{PASSWORD}@localhost",
    f"http://user:x/{PASSWORD}@localhost/v1",
    f"user:x/{PASSWORD}@localhost/v1",
    f"user:x?{PASSWORD}@localhost/v1",
    f"user:x#{PASSWORD}@localhost/v1",
    f"user:x@{PASSWORD}@localhost/v1",
    f"user:x {PASSWORD}@localhost/v1",
    f"localhost/v1?x={PASSWORD}",
    f"localhost/v1?key={PASSWORD}",
]
HOMES: list[tuple[str, dict[str, Any]]] = [
    ("openai", {"base_url": None}),
    ("openai", {"azure_endpoint": None, "api_version": "v"}),
    ("anthropic", {"base_url": None}),
    ("cohere", {"base_url": None}),
    ("gemini", {"base_url": None}),
    ("vertex", {"base_url": None}),
    ("bedrock", {"endpoint_url": None}),
    ("openai", {"bse_url": None}),
]
VARIABLES = [
    ("openai", "OPENAI_BASE_URL"),
    ("anthropic", "ANTHROPIC_BASE_URL"),
    ("cohere", "CO_API_URL"),
    ("gemini", "GOOGLE_GEMINI_BASE_URL"),
    ("bedrock", "AWS_ENDPOINT_URL"),
    ("bedrock", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"),
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("adapter", "settings"), HOMES)
def test_a_password_in_an_address_that_is_none(adapter: str, settings: dict[str, Any], address: str) -> None:
    """Without a scheme, or with half of one, it is a login all the same."""
    given = {name: value or address for name, value in settings.items()}
    told = refusal(f"{adapter}:m", **given)
    assert PASSWORD not in told
    assert "localhost" in told  # the rest helps to find it
    assert f"the argument {next(iter(settings))}" in told


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("adapter", "variable"), VARIABLES)
def test_nor_is_it_shown_from_a_variable(
    adapter: str, variable: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CO_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "k-0815")
    monkeypatch.setenv(variable, address)
    told = refusal(f"{adapter}:m")
    assert PASSWORD not in told
    assert f"the environment variable {variable} is " in told


@pytest.mark.parametrize("address", ADDRESSES)
def test_nor_by_doctor(address: str) -> None:
    Path("toolfan.toml").write_text(f"[profiles.p]\nadapter = 'openai'\nmodel = 'm'\nbase_url = '{address}'\n")
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 2
    assert PASSWORD not in done.output + done.stderr
    assert "profiles.p.base_url in" in done.output


@pytest.mark.parametrize(
    "address", ["localhost:8000/v1", "localhost/@team/v1", "localhost/v1?user=me@x", "http:/localhost:8000/v1?a=1"]
)
def test_the_rest_of_an_address_is_shown(address: str) -> None:
    assert repr(address) in refusal("openai:m", base_url=address)


def test_an_ignored_endpoint_of_aws_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is right is taken, also beside one that is wrong and reaches no further."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")
    with toolfan.connect("bedrock:m", region="us-east-1") as client:
        assert client.sdk_client.meta.endpoint_url == "http://127.0.0.1:9"
    monkeypatch.delenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    with toolfan.connect("bedrock:m", region="us-east-1") as client:
        assert "us-east-1" in client.sdk_client.meta.endpoint_url


def test_the_password_of_a_proxy_with_half_a_scheme_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore names the proxy in its error."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"localhost:/user:{PASSWORD}@127.0.0.1:9")

    def present() -> None: ...

    with (
        toolfan.connect("bedrock:m", region="us-east-1", endpoint_url="http://toolfan.invalid") as client,
        pytest.raises(toolfan.ConnectionFailed) as caught,
    ):
        client.create(messages=[{"role": "user", "content": "hi"}], tools=(present,), max_attempts=1)
    assert "localhost:/user:***@127.0.0.1:9" in str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
