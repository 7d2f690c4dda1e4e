"""Fixtures of these tests; makes samples of the Messages API importable."""

import sys
from pathlib import Path

from loopback import bench, closing, faulty

__all__ = ["bench", "closing", "faulty"]

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "anthropic"))
