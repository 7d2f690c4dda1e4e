"""pytest on a conformance class that is written for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = """\
import pytest
from acme_samples import AcmeSuite
"""


def run(folder: Path, source: str, *options: str, name: str = "test_it.py") -> subprocess.CompletedProcess[str]:
    """pytest, in a process of its own, on a module with this source."""
    (folder / name).write_text(MODULE + source)
    path = os.pathsep.join(map(str, (HERE, HERE / "installed")))
    arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:hypothesispytest", *options, name]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
