"""The adapter objects: what they say of themselves, importing them, connecting, finding the sender of a client."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import pytest
import toolfan
from pydantic import ValidationError
from toolfan.adapter import ADAPTER_API, ParallelToolsAdapter
from toolfan.errors import AdapterNotInstalled, ConfigError, UsageError
from toolfan_vertex import toolfan_adapter
from toolfan_vertex.codec import GEMINI, VERTEX
from toolfan_vertex.connecting import read_secret
from toolfan_vertex.settings import GeminiSettings, VertexSettings

BOTH = pytest.mark.parametrize("adapter", [VERTEX, GEMINI], ids=lambda adapter: adapter.name)


@BOTH
def test_adapters_are_values(adapter):
    assert isinstance(adapter, ParallelToolsAdapter)
    assert adapter.api == ADAPTER_API
    assert pickle.loads(pickle.dumps(adapter)) == adapter == copy.deepcopy(adapter)
    assert hash(adapter) == hash(pickle.loads(pickle.dumps(adapter)))
    assert VERTEX != GEMINI
    with pytest.raises(AttributeError):
        adapter.name = "other"


def test_both_are_found_by_name():
    assert toolfan.load_adapter("vertex") == VERTEX == toolfan_adapter()
    assert toolfan.load_adapter("gemini") == GEMINI


def test_plugin_modules_import_nothing_of_google():
    code = (
        "import sys; before = set(sys.modules)\n"
        "import toolfan_vertex, toolfan_vertex.gemini, toolfan_vertex.codec, toolfan_vertex.transport\n"
        "import toolfan_vertex.genai, toolfan_vertex.generative_model, toolfan_vertex.connecting\n"
        "bad = [name for name in set(sys.modules) - before if name.split('.')[0] in"
        " ('google', 'vertexai', 'grpc', 'proto', 'httpx', 'httpx2', 'requests', 'aiohttp')]\n"
        "sys.exit(repr(bad) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False
    )
    assert done.returncode == 0


@BOTH
@pytest.mark.parametrize("use_async", [False, True])
def test_other_objects_are_no_clients(adapter, use_async):
    with pytest.raises(UsageError, match=r"builtins.object is not a client") as caught:
        adapter.transport(object(), use_async=use_async)
    assert "google.genai.Client" in str(caught.value)


@pytest.mark.parametrize("part", ["models", "aio"])
def test_parts_of_a_client_are_no_clients(part):
    genai = pytest.importorskip("google.genai")
    client = genai.Client(api_key="k", vertexai=False)
    with pytest.raises(UsageError, match="is not a client"):
        GEMINI.transport(getattr(client, part), use_async=part == "aio")


def test_subclasses_of_a_client_are_served():
    genai = pytest.importorskip("google.genai")

    class Traced(genai.Client):
        pass

    GEMINI.transport(Traced(api_key="k", vertexai=False), use_async=False)


@pytest.mark.parametrize("settings", [VertexSettings, GeminiSettings])
def test_settings_know_their_names(settings):
    with pytest.raises(ValidationError):
        settings(api_key="never written")


@pytest.fixture
def no_keys(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY", "MINE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    "value", ["", " ", "sécret", "secret\n", "sec\nret", " secret", "sec\x7fret", "secret ", "\u200bsecret"]
)
def test_keys_that_cannot_be_sent_are_refused_without_being_shown(no_keys, value):
    no_keys.setenv("MINE", value)
    with pytest.raises(ConfigError) as caught:
        read_secret(("MINE",), "gemini")
    assert "MINE" in str(caught.value)
    assert "secret" not in repr(caught.value)


def test_keys_are_looked_for_in_order(no_keys):
    with pytest.raises(ConfigError, match="GEMINI_API_KEY or GOOGLE_API_KEY"):
        GEMINI.connect(GeminiSettings(), use_async=False)
    no_keys.setenv("GOOGLE_API_KEY", "second")
    assert read_secret(("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini") == "second"
    no_keys.setenv("GEMINI_API_KEY", "first")
    assert read_secret(("GEMINI_API_KEY", "GOOGLE_API_KEY"), "gemini") == "first"


def test_express_mode_goes_without_a_project(no_keys):
    no_keys.setenv("MINE", "k")
    with pytest.raises(ConfigError, match=r"api_key_env .* and project exclude each other"):
        toolfan.connect("vertex:m", api_key_env="MINE", project="p")
    assert VERTEX.connect(VertexSettings(api_key_env="MINE"), use_async=False).vertexai


def test_settings_of_another_adapter_are_refused():
    with pytest.raises(ConfigError, match="not this adapter's"):
        VERTEX.connect(object(), use_async=False)


@BOTH
def test_without_the_sdk_the_message_says_what_to_install(adapter, monkeypatch):
    google = pytest.importorskip("google")
    monkeypatch.delattr(google, "genai", raising=False)
    monkeypatch.setitem(sys.modules, "google.genai", None)
    with pytest.raises(AdapterNotInstalled, match=r'pip install "toolfan\[gemini\]"'):
        adapter.connect(adapter.settings_model(), use_async=False)
