"""From settings to the SDK's client, and keys of clients that were passed."""

from __future__ import annotations

import pytest
import toolfan
from loopback import http
from toolfan.errors import ConfigError, UsageError
from vertex_models import ASK, WARNINGS, make_model
from vertex_samples import Ping

genai = pytest.importorskip("google.genai")

pytestmark = [pytest.mark.filterwarnings(warning) for warning in WARNINGS]

ADDRESSES = ["http://[::1", "nourl", "ftp://host", "http://", "http://host:abc", "http://host/\n"]
TARGETS = {"gemini": "GOOGLE_GEMINI_BASE_URL", "vertex": "GOOGLE_VERTEX_BASE_URL"}
SETTINGS = {"gemini": {}, "vertex": {"project": "p", "location": "us-central1", "access_token_env": "A_TOKEN"}}


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in (*TARGETS.values(), "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "planted")
    monkeypatch.setenv("A_TOKEN", "planted")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("adapter", TARGETS)
def test_a_setting_that_is_no_address(adapter, address):
    for connect in (toolfan.connect, toolfan.connect_async):
        with pytest.raises(ConfigError, match="the argument base_url is "):
            connect(f"{adapter}:m", base_url=address, **SETTINGS[adapter])


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("adapter", TARGETS)
def test_a_variable_of_the_sdk_that_is_no_address(monkeypatch, adapter, address):
    monkeypatch.setenv(TARGETS[adapter], address)
    for connect in (toolfan.connect, toolfan.connect_async):
        with pytest.raises(ConfigError, match=f"the environment variable {TARGETS[adapter]} is "):
            connect(f"{adapter}:m", **SETTINGS[adapter])


@pytest.mark.parametrize("adapter", TARGETS)
def test_an_empty_variable_counts_as_unset(monkeypatch, adapter):
    monkeypatch.setenv(TARGETS[adapter], "")
    with toolfan.connect(f"{adapter}:m", **SETTINGS[adapter]) as client:
        assert client.adapter.name == adapter


# At the ends google-genai strips blanks itself.
BAD_KEYS = ["AIza-planted\nX-Evil: 1", "AIza\r-planted", "AIza-\u00e4-planted", "AIza-\x00-planted"]


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("vertexai", [False, True])
def test_a_client_with_a_key_that_no_header_can_carry(serve, key, vertexai):
    server = serve({"text": "x"})
    sdk = genai.Client(vertexai=vertexai, api_key=key, http_options={"base_url": server.base_url})
    for wrap in (toolfan.wrap, toolfan.wrap_async):
        with pytest.raises(ConfigError, match="the key in the client") as caught:
            wrap(sdk, adapter="vertex" if vertexai else "gemini")
        assert "planted" not in str(caught.value)
    assert server.requests == []


def test_a_variable_with_such_a_key(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-planted\nX-Evil: 1")
    with pytest.raises(ConfigError, match="the key in the environment variable GEMINI_API_KEY") as caught:
        toolfan.connect("gemini:m")
    assert "planted" not in str(caught.value)


LABELS = [
    (5, "labels is a int"),
    (["ab"], "labels is a list"),
    ("ab", "labels is a str"),
    ({"team": 5}, "labels has 'team' with a int"),
    ({5: "x"}, "labels has 5 with a str"),
]


@pytest.mark.parametrize(("labels", "said"), LABELS)
@pytest.mark.parametrize("kind", ["GenerativeModel", "Client"])
def test_labels_of_a_wrong_type(serve, kind, labels, said):
    server = serve({"text": "x"})
    if kind == "Client":
        sdk = genai.Client(vertexai=False, api_key="k", http_options={"base_url": server.base_url})
        client = toolfan.wrap(sdk, adapter="gemini")
    else:
        pytest.importorskip("vertexai")
        client = toolfan.from_vertexai(make_model(server.base_url))
    with pytest.raises(UsageError, match=rf"the option {said}.*texts by texts"):
        client.create(model="m", messages=ASK, tools=(Ping,), labels=labels)
    assert server.requests == []


def test_a_token_without_its_variable_or_a_project(monkeypatch, tmp_path):
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "T"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # without credentials of gcloud
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(ConfigError, match="no key: the environment variable T is not set") as caught:
        toolfan.connect("vertex:m", access_token_env="T", project="p")
    assert caught.value.hint == "export T=..., or name another variable with access_token_env."
    monkeypatch.setenv("T", "planted")
    with pytest.raises(ConfigError, match="no project: neither the setting project") as caught:
        toolfan.connect("vertex:m", access_token_env="T")
    assert "gcloud" not in str(caught.value)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """No credentials and no project; keys of the Gemini API are there."""
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("GOOGLE_API_KEY", "planted-too")
    return monkeypatch


GOOD = http('{"candidates": [{"content": {"role": "model", "parts": [{"text": "x"}]}, "finishReason": "STOP"}]}')


def asked(server, **settings):
    """The path and the headers of what reached the server."""
    with toolfan.connect("vertex:m", base_url=server.url.removesuffix("/v1"), **settings) as client:
        assert client.create(messages=ASK, tools=(Ping,)).text == "x"
    ((_, path, headers, _),) = server.requests
    return path, headers


@pytest.mark.parametrize("place", ["GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION", "nowhere"])
def test_vertex_sends_no_key_that_nobody_named(faulty, bare, place):
    bare.setenv(place, "some")
    _, headers = asked(faulty(GOOD))
    assert headers["content-type"] == "application/json"
    assert "planted" not in str(headers)


def test_express_mode_needs_a_key_that_is_named(faulty, bare):
    with pytest.raises(ConfigError, match="cannot make a client: DefaultCredentialsError") as caught:
        toolfan.connect("vertex:m")
    assert "The key in GEMINI_API_KEY is sent to Vertex AI if api_key_env names it" in str(caught.value.hint)
    assert "planted" not in str(caught.value)
    path, headers = asked(faulty(GOOD), api_key_env="GEMINI_API_KEY")
    assert path.endswith("/publishers/google/models/m:generateContent")
    assert headers["x-goog-api-key"] == "planted"


def test_the_project_of_the_credentials_serves_though_a_key_is_there(bare):
    import google.auth
    from google.auth.credentials import AnonymousCredentials

    bare.setattr(google.auth, "default", lambda **_: (AnonymousCredentials(), "of-the-credentials"))
    with toolfan.connect("vertex:m") as client:
        inner = client.sdk_client._api_client
    assert (inner.api_key, inner.project, inner.location) == (None, "of-the-credentials", "global")


@pytest.mark.parametrize(("location", "said"), [("europe-west4", "europe-west4"), ("", "global")])
def test_a_token_goes_with_the_project_of_the_environment(faulty, bare, location, said):
    bare.setenv("GOOGLE_CLOUD_PROJECT", "house")
    bare.setenv("GOOGLE_CLOUD_LOCATION", location)
    path, headers = asked(faulty(GOOD), access_token_env="A_TOKEN")
    assert f"/projects/house/locations/{said}/publishers/google/models/m:" in path
    assert headers["authorization"] == "Bearer planted"
    assert "planted-too" not in str(headers)


@pytest.mark.parametrize("location", [None, "europe-west4"])
@pytest.mark.parametrize("variable", [True, False])
def test_a_token_is_not_left_out_for_want_of_a_project(faulty, bare, variable, location):
    server = faulty(GOOD)
    bare.setenv("GOOGLE_VERTEX_BASE_URL", server.url if variable else "")
    settings = {"access_token_env": "A_TOKEN", "base_url": None if variable else server.url, "location": location}
    with pytest.raises(ConfigError, match="no project: neither the setting project nor the environment"):
        toolfan.connect("vertex:m", **settings)
    with toolfan.connect("vertex:m", project="p", **settings) as client:
        client.create(messages=ASK, tools=(Ping,))
    assert [headers["authorization"] for _, _, headers, _ in server.requests] == ["Bearer planted"]
