"""The benchmark runs and prints every row; what it measures is nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_quick_benchmark_prints_every_row(tmp_path: Path) -> None:
    written = tmp_path / "rows.json"
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "run.py", "--quick", "--cache", tmp_path, "--json", written],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(written.read_text(encoding="utf-8"))["rows"]
    assert len(rows) == 53
    assert sum(row["bar"] is not None for row in rows) == 25
    for row in rows:
        assert row["name"] in done.stdout
        assert row["ratios"]
        assert all(ratio > 0 for ratio in row["ratios"])
    assert "of 25 bars are held" in done.stdout
