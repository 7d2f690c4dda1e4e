"""A client that the SDK cannot make: the environment's proxies and certificates, and whatever else an SDK raises."""

from __future__ import annotations

import gc
import importlib.util
import socket
import traceback

import pytest
import toolfan
from toolfan.errors import ConfigError, ConnectionFailed
from toolfan.translation.construction import raise_unmade

# The end of a client that an SDK has half made raises, where nobody can catch it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CO_API_KEY", "GEMINI_API_KEY")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
PACKAGES = {"openai": "openai", "anthropic": "anthropic", "cohere": "cohere", "gemini": "google.genai"}
LOGIN = "me:hunter2secret"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in KEYS:
        monkeypatch.setenv(name, "offline")
    for name in (*PROXIES, *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield
    gc.collect()  # here, not in somebody else's test


@pytest.fixture(params=PACKAGES)
def adapter(request):
    pytest.importorskip(PACKAGES[request.param])
    return request.param


@pytest.mark.parametrize("connect", [toolfan.connect, toolfan.connect_async])
@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("ALL_PROXY", f"gopher://{LOGIN}@127.0.0.1:9", "Check the proxies.*: ALL_PROXY"),
        ("https_proxy", f"http://{LOGIN}@127.0.0.1:port", "Check the proxies.*: https_proxy"),
        ("SSL_CERT_FILE", "/no/such/file.pem", "Check the certificates.*: SSL_CERT_FILE"),
    ],
)
def test_what_the_environment_has_wrong_is_named(adapter, connect, variable, value, hint, monkeypatch, fresh_contexts):
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match=hint) as caught:
        connect(f"{adapter}:any")
    assert caught.value.adapter == adapter
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.fixture
def fresh_contexts(monkeypatch):
    """The tests share what was read of certificates; here it is read."""
    import ssl

    monkeypatch.setattr(ssl, "create_default_context", ssl.create_default_context.__wrapped__)


@pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="socksio is installed")
def test_a_socks_proxy_needs_a_package(adapter, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", f"socks5://{LOGIN}@127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"pip install socksio.*\(ALL_PROXY\)") as caught:
        toolfan.connect(f"{adapter}:any")
    assert "hunter2" not in repr(caught.value)


def test_whatever_a_connect_raises_is_a_configuration_error(monkeypatch):
    from toolfan.registry.loading import load_adapter

    def connect(settings, *, use_async):
        raise TypeError("takes no such argument")

    monkeypatch.setattr(type(load_adapter("local")), "connect", staticmethod(connect))
    with pytest.raises(ConfigError, match="the SDK cannot make a client: TypeError: takes no such argument") as caught:
        toolfan.connect("local")
    assert isinstance(caught.value.__cause__, TypeError)
    package = __name__.partition(".")[0]
    assert caught.value.hint == f"It was raised in {package}: see its documentation, or report it to its authors."


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (lambda path: FileNotFoundError(2, "No such file or directory"), True),  # ssl says no name
        (lambda path: PermissionError(13, "Permission denied", path), True),
        (lambda path: PermissionError(13, "Permission denied", "/of/credentials.json"), False),
        (lambda path: ConnectionRefusedError(111, "Connection refused"), False),
        (lambda path: TimeoutError("timed out"), False),
    ],
)
def test_certificates_are_named_where_it_may_be_them(made, named, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/of/certificates.pem")
    with pytest.raises(ConfigError) as caught:
        raise_unmade(made("/of/certificates.pem"), adapter="acme", hint="Mend it.")
    assert caught.value.hint == (
        "Check the certificates that the environment names: SSL_CERT_FILE." if named else "Mend it."
    )


def test_the_text_of_a_secret_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://{LOGIN}@127.0.0.1:9")
    with pytest.raises(ConfigError) as caught:
        raise_unmade(ValueError("hunter2secret is no proxy"), adapter="acme", sdk="acme's SDK", hint="Mend it.")
    assert str(caught.value).startswith("acme's SDK cannot make a client: ValueError: *** is no proxy [adapter acme]")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("proxied", [True, False])
def test_a_connection_that_failed_names_the_proxies_it_went_through(proxied, monkeypatch):
    pytest.importorskip("openai")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        if proxied:
            monkeypatch.setenv("http_proxy", f"http://{LOGIN}@{address}")
        once = toolfan.connect("openai:any", base_url=f"http://{address}/v1", stop=lambda state: True)
        with once as client, pytest.raises(ConnectionFailed) as caught:
            client.create(messages=[{"role": "user", "content": "Hi"}], tools=(add,))
    hint = "Check the network and the base URL"
    proxies = ", and the proxy of the environment (http_proxy; NO_PROXY names hosts to ask without it)"
    assert caught.value.hint == f"{hint}{proxies if proxied else ''}."


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
