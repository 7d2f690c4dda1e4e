"""The fixtures of this folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from loopback import bench, closing, faulty

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["bench", "closing", "faulty"]


@pytest.fixture
def unconfigured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without configuration, an environment without toolfan."""
    for name in [name for name in os.environ if name.upper().startswith("TOOLFAN")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
