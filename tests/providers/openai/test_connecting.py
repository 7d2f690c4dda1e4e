"""From settings to the SDK's client: addresses, and settings that do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
import toolfan
from toolfan import ConfigError

BAD_ADDRESSES = [
    ("http://[::1", "host or port cannot be read"),
    ("http://host:abc/v1", "host or port cannot be read"),
    ("http://host:99999/v1", "host or port cannot be read"),
    ("nourl", "begins with http:// or https://"),
    ("//host/v1", "begins with http:// or https://"),
    ("ftp://host", "begins with http:// or https://"),
    ("http://", "it names no host"),
    ("http:/host/v1", "it names no host"),
    ("http://host/v1\n", "no blanks and no line breaks"),
    (" http://host/v1", "no blanks and no line breaks"),
]
AZURE = {"azure_endpoint": "https://name.example", "api_version": "2024-10-21"}


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, "sk-planted")


@pytest.mark.parametrize(("address", "said"), BAD_ADDRESSES)
def test_a_setting_that_is_no_address(address: str, said: str) -> None:
    for connect in (toolfan.connect, toolfan.connect_async):
        with pytest.raises(ConfigError, match=f"the argument base_url is .*{said}"):
            connect("openai:m", base_url=address)
        with pytest.raises(ConfigError, match=f"the argument azure_endpoint is .*{said}"):
            connect("openai:m", **{**AZURE, "azure_endpoint": address})


@pytest.mark.parametrize(("address", "said"), [*BAD_ADDRESSES, ("", "begins with http:// or https://")])
def test_a_variable_of_the_sdk_that_is_no_address(monkeypatch: pytest.MonkeyPatch, address: str, said: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    for connect in (toolfan.connect, toolfan.connect_async):
        with pytest.raises(ConfigError, match=f"the environment variable OPENAI_BASE_URL is .*{said}"):
            connect("openai:m")
    with toolfan.connect("openai:m", base_url="http://127.0.0.1:9/v1") as client:  # then nobody reads it
        assert "127.0.0.1" in str(client.sdk_client.base_url)


def test_a_profile_is_told_with_file_and_line() -> None:
    path = Path("toolfan.toml").absolute()
    path.write_text('[profiles.p]\nadapter = "openai"\nmodel = "m"\nbase_url = "http://me:hunter2@[::1"\n')
    with pytest.raises(ConfigError) as caught:
        toolfan.connect(profile="p")
    assert f"profiles.p.base_url in {path}, line 4 is 'http://***@[::1'" in str(caught.value)
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__context__)


def test_what_only_the_sdk_refuses_is_a_configuration_error_too() -> None:
    with pytest.raises(ConfigError, match="the SDK cannot make a client: InvalidURL"):
        toolfan.connect("openai:m", base_url="http://xn--\N{SNOWMAN}/v1")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"azure_deployment": "d"}, "azure_deployment needs azure_endpoint"),
        ({"api_version": "2024-10-21"}, "api_version needs azure_endpoint"),
        ({"azure_deployment": "d", "base_url": "http://host/v1"}, "azure_deployment needs azure_endpoint"),
        ({**AZURE, "base_url": "http://host/v1"}, "base_url and azure_endpoint exclude each other"),
        ({"azure_endpoint": "https://name.example"}, "azure_endpoint needs api_version"),
        ({**AZURE, "api_version": ""}, "azure_endpoint needs api_version"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        toolfan.connect("openai:m", **settings)
    lines = "".join(f'{key} = "{value}"\n' for key, value in settings.items())
    path = Path("toolfan.toml").absolute()
    path.write_text(f'[profiles.p]\nadapter = "openai"\n{lines}')
    with pytest.raises(ConfigError, match=said) as caught:
        toolfan.connect(profile="p")
    named = said.split(maxsplit=1)[0]
    line = 3 + [*settings].index(named)
    assert f"profiles.p.{named} in {path}, line {line}" in str(caught.value)


def test_the_project_reaches_azure_too() -> None:
    with toolfan.connect("openai:m", **AZURE, project="proj", azure_deployment="d") as client:
        assert isinstance(client.sdk_client, openai.AzureOpenAI)
        assert client.sdk_client.project == "proj"
        assert str(client.sdk_client.base_url) == "https://name.example/openai/deployments/d/"
