"""Servers of this package are reached past the environment's proxies."""

from __future__ import annotations

import os
import socket
import urllib.request

import pytest
import toolfan
from toolfan_local import Server
from toolfan_local.direct import exemptions
from toolfan_local.faults import FaultServer

EXEMPTIONS = ("NO_PROXY", "no_proxy")


@pytest.fixture
def proxy(monkeypatch):
    """A proxy that never answers, for every scheme."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, address)
        for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield address


@pytest.mark.parametrize("name", ["openai", "anthropic", "cohere", "gemini", "bedrock"])
def test_a_server_is_reached_whatever_proxy_the_environment_names(name, proxy, monkeypatch):
    pytest.importorskip(f"toolfan_{'vertex' if name == 'gemini' else name}")

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "CO_API_KEY", "GEMINI_API_KEY", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(variable, "offline")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "offline")
    with Server() as server:
        address = {"openai": server.openai_url, "anthropic": server.anthropic_url}.get(name, server.base_url)
        where = {"endpoint_url": address, "region": "us-east-1"} if name == "bedrock" else {"base_url": address}
        with toolfan.connect(f"{name}:any", **where) as client:
            messages = [{"role": "user", "content": "Add 2 and 3."}]
            calls = client.create(messages=messages, tools=(add,))
    assert [call.run() for call in calls] == [5]


def test_the_exemption_ends_with_the_last_server(proxy, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    first, second = Server(), FaultServer()
    first.start()
    second.start()
    try:
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"
        first.close()
        first.close()
        assert os.environ["no_proxy"] == "intranet.example,127.0.0.1,localhost"
    finally:
        first.close()
        second.close()
    assert os.environ["NO_PROXY"] == "intranet.example"
    assert "no_proxy" not in os.environ


def test_what_somebody_else_has_set_meanwhile_stays(proxy, monkeypatch):
    with Server():
        monkeypatch.setenv("NO_PROXY", "elsewhere.example")
    assert os.environ["NO_PROXY"] == "elsewhere.example"


def test_without_proxies_nothing_is_exempt(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert exemptions() == {}
    with Server():
        assert "NO_PROXY" not in os.environ


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_all_hosts_stay_exempt(name, proxy, monkeypatch):
    """Some libraries know `*` only where it stands alone."""
    monkeypatch.setenv(name, "*")
    with Server():
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "*"
        assert urllib.request.proxy_bypass_environment("far.example")
    assert (os.environ.get("NO_PROXY"), os.environ.get("no_proxy")).count("*") == 1


def test_a_server_is_exempt_though_another_began_before_the_proxies_were_named(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", *EXEMPTIONS):
        monkeypatch.delenv(name, raising=False)
    with FaultServer():
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        with FaultServer():
            assert [os.environ[name] for name in EXEMPTIONS] == ["127.0.0.1,localhost"] * 2
        assert not [name for name in EXEMPTIONS if name in os.environ]
    assert not [name for name in EXEMPTIONS if name in os.environ]
