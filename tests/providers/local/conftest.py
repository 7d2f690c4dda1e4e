"""Makes the modules beside these tests importable, and gives them a running server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from toolfan_local.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent))
from limit_cases import scripted  # noqa: F401 - a fixture; found by the line above


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server without a script: the planner answers."""
    with Server() as running:
        yield running
