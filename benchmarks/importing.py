"""What importing costs: whole processes, one after the other, with every module compiled beforehand.

Knows: processes and their CPU.  Must not know: how the rows are reported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from measuring import Effort, Row, clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PYDANTIC = "from pydantic import BaseModel, TypeAdapter"
TOOLFAN = "import toolfan"
NAMES = "from toolfan import Calls, Client, Tool, ToolSet, from_openai"
OPENAI = "import openai; openai.OpenAI(api_key='k', base_url='http://127.0.0.1:9')"
WRAPPED = (
    "import openai, toolfan; toolfan.from_openai(openai.OpenAI(api_key='k', base_url='http://127.0.0.1:9'), model='m')"
)


def spent(code: str, environment: Mapping[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of a process that runs `code`."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], env=dict(environment), cwd=tempfile.gettempdir())
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{code!r} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall


def import_rows(effort: Effort, pycache: Path | None) -> list[Row]:
    """`import toolfan` beside pydantic, and a first client beside the SDK's own.

    `pycache` holds the compiled modules; None takes what the environment has, compiled or not.
    """
    environment = clean_environment(pycache)
    pairs = (
        ("import toolfan / import pydantic", TOOLFAN, PYDANTIC, 1.2),
        ("from toolfan import Client ... / import pydantic", NAMES, PYDANTIC, None),
        ("first from_openai() / first openai.OpenAI()", WRAPPED, OPENAI, None),
    )
    rows = []
    for name, ours, base, bar in pairs:
        by_cpu, by_wall = Row(f"{name}, CPU", bar=bar), Row(f"{name}, wall")
        for at in range(-1 if pycache else 0, effort.import_rounds):
            order = (ours, base) if at % 2 else (base, ours)
            costs = {code: spent(code, environment) for code in order}
            if at >= 0:  # the first round wrote the compiled files
                by_cpu.ratios.append(costs[ours][0] / costs[base][0])
                by_wall.ratios.append(costs[ours][1] / costs[base][1])
        rows += [by_cpu, by_wall]
    return rows
