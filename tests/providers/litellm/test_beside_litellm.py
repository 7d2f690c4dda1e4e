"""What the adapter does beside LiteLLM, without it: the timeout that it is given, the module, words of connections."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import httpx
import pytest
import toolfan

WHY = "toolfan-litellm has an environment of its own"
translated = pytest.importorskip("toolfan_litellm.border", reason=WHY).translated
load = pytest.importorskip("toolfan_litellm.client", reason=WHY).load
_coarse = pytest.importorskip("toolfan_litellm.transport", reason=WHY)._coarse


def test_what_a_deadline_leaves_behind_ends_soon() -> None:
    """Its thread counts until then, and too many of them let nothing more be sent."""
    for seconds in (0.25, 0.3, 1, 17, 33, 59.99, 60, 129, 599.9, 1e8):
        assert seconds <= _coarse(seconds) <= 1.25 * seconds
    assert _coarse(0) == _coarse(1e-9) == 0.25
    assert len({_coarse(at / 100) for at in range(6001)}) < 35


def test_any_object_in_the_place_of_the_module_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As tests put one there: it says nothing of how it was imported."""
    fake = SimpleNamespace(completion=print, acompletion=print)
    monkeypatch.setitem(sys.modules, "litellm", fake)
    assert load() is fake


def test_words_of_tls_are_of_a_connection() -> None:
    """An alert like "illegal parameter" tells nothing of an answer that would be no HTTP."""
    cause = httpx.ConnectError("[SSL: SSLV3_ALERT_ILLEGAL_PARAMETER] ssl/tls alert illegal parameter")
    exc = type("APIConnectionError", (Exception,), {})("Connection error.")
    exc.__cause__ = cause
    error = translated(exc, adapter="litellm", timeout=None, secrets=(), keyless=False, begun=False)
    assert isinstance(error, toolfan.ConnectionFailed)
    assert error.retryable
