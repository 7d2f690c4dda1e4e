"""Measures toolfan beside the bare openai SDK, and beside its peers, as ratios of CPU time.

    python benchmarks/run.py [--quick] [--peers] [--cache DIR] [--json FILE]

Prints a line for each row: the median of the rounds' ratios, the middle half, all rounds, and PASS or FAIL where there
is a bar; ends with 0 whatever they say, unless `--strict` is given.  Everything runs on this machine: the only server
is on the loopback.  Knows: which rows there are.  Must not know: how anything is measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from calling import building_rows, call_rows, floor_rows
from crowd import crowd_rows
from importing import import_rows
from measuring import FULL, HEADER, QUICK, Effort, Row, loopback
from peers import peer_rows
from streaming import stream_rows
from waiting import waiting_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("toolfan", "toolfan-openai", "openai", "pydantic", "pydantic-core", "httpx2", "httpx", "anyio")


def versions() -> dict[str, str]:
    """What was measured."""
    found = {"python": platform.python_version()}
    for name in NAMES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def rows(effort: Effort, cache: Path) -> Iterator[Row]:
    """Every row about toolfan."""
    yield from import_rows(effort, None if effort is QUICK else cache / "pycache")
    yield from building_rows(effort)
    with loopback() as address:
        yield from floor_rows(address, effort)
        yield from call_rows(address, effort)
        yield from stream_rows(address, effort)
        yield from waiting_rows(address, effort)
        yield from crowd_rows(address, effort)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="tiny counts: whether it runs, not how fast")
    parser.add_argument("--peers", action="store_true", help="also the other libraries, each in its own environment")
    parser.add_argument("--cache", type=Path, default=Path(__file__).resolve().parent / ".bench")
    parser.add_argument("--json", type=Path, help="write the rows, with the ratio of every round, to this file")
    parser.add_argument("--strict", action="store_true", help="end with 1 if a bar is passed")
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    print(", ".join(f"{name} {number}" for name, number in versions().items()))
    print(HEADER)
    measured = []
    for row in rows(effort, given.cache):
        print(row.line(), flush=True)
        measured.append(row)
    peers = list(peer_rows(effort, given.cache)) if given.peers else []
    if given.json:
        data = {"versions": versions(), "rows": [row.data() for row in measured], "peers": peers}
        given.json.write_text(json.dumps(data, indent=1), encoding="utf-8")
    failed = [row.name for row in measured if row.verdict.startswith("FAIL")]
    bars = sum(row.bar is not None for row in measured)
    print(f"{bars - len(failed)} of {bars} bars are held")
    return 1 if failed and given.strict else 0


if __name__ == "__main__":
    sys.exit(main())
