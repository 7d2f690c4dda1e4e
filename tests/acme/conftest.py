"""The package of this folder is as good as installed, for the tests of this folder: its metadata is beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata would show in every listing of adapters, were it always there."""
    monkeypatch.syspath_prepend(HERE / "installed")
