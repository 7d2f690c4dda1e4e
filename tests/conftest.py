"""What all tests share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# The modules beside the tests are importable.
sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_make_parametrize_id(val: Any) -> str | None:
    """No address in the id of a test: it must be the same in every process that collects it."""
    return type(val).__name__ if " at 0x" in repr(val) else None
