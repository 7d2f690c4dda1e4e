"""The package of this folder is as good as installed, for the tests of this folder: its metadata is beside it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The metadata would show in every listing of adapters, were it always there; so would an adapter once loaded."""
    monkeypatch.syspath_prepend(HERE / "installed")
    yield
    from toolfan.registry.loading import clear_loaded_adapters  # pytest starts without toolfan

    clear_loaded_adapters()
