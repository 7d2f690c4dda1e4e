"""The fixtures of this folder; makes the samples beside the tests importable."""

import sys
from pathlib import Path

from loopback import faulty

sys.path.insert(0, str(Path(__file__).resolve().parent))

__all__ = ["faulty"]
