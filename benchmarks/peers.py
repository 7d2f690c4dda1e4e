"""The peers' environments, and running each peer's benchmark in its own.

One that does not install, or does not run, is reported as such and does not end the run.  Knows: `uv`, `venv`, `pip`,
processes.  Must not know: how a peer is used.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from measuring import HERE, Effort, Row, clean_environment, loopback

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What is installed for each; litellm imports mcp without requiring it.
PACKAGES = {
    "instructor": ("instructor",),
    "pydantic-ai-slim": ("pydantic-ai-slim[openai]",),
    "langchain-openai": ("langchain-openai",),
    "litellm": ("litellm", "mcp"),
    "magentic": ("magentic",),
    "mirascope": ("mirascope[openai]",),
}
INSTALL_SECONDS = 300
MEASURE_SECONDS = 300
# Nothing may leave this machine.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "DO_NOT_TRACK": "1",
    "OPENAI_API_KEY": "k",
}


class NotRunning(Exception):
    """A peer could not be installed or measured; the text says why."""


def _run(command: list[str], seconds: float, environment: dict[str, str], cwd: Path) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=environment, cwd=cwd, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotRunning(f"not done after {seconds:.0f} s") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise NotRunning(lines[-1][:300])
    return done.stdout


def environment_python(name: str, cache: Path) -> Path:
    """The Python of the peer's environment, made if need be.  Raises NotRunning."""
    folder = cache.resolve() / "peers" / name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (folder / "complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    clean, packages = clean_environment(), PACKAGES[name]
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--python", sys.executable, str(folder)], 60, clean, cache)
        install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *packages]
    else:
        _run([sys.executable, "-m", "venv", str(folder)], 120, clean, cache)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-input", *packages]
    _run(install, INSTALL_SECONDS, clean, cache)
    (folder / "complete").touch()
    return python


def measure(name: str, address: str, effort: Effort, cache: Path) -> list[dict[str, Any]]:
    """The lines that the peer's benchmark printed.  Raises NotRunning."""
    python = environment_python(name, cache)
    rounds = max(2, effort.rounds // 2)
    command = [str(python), str(HERE / "peer_calls.py"), name, f"{address}/v1", str(rounds), str(effort.round_seconds)]
    printed = _run(command, MEASURE_SECONDS, {**clean_environment(), **QUIET}, cache)
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def peer_rows(effort: Effort, cache: Path) -> Iterator[dict[str, Any]]:
    """Every peer, one after the other; prints as it goes."""
    cache.mkdir(parents=True, exist_ok=True)
    print("\nPeers, each beside the bare openai SDK of its own environment")
    for name in PACKAGES:
        found: dict[str, Any] = {"peer": name}
        try:
            with loopback() as address:
                about, *rows = measure(name, address, effort, cache)
        except NotRunning as exc:
            print(f"{name}: not measured: {exc}", flush=True)
            yield {**found, "error": str(exc)}
            continue
        print(f"{name} {about['version']} ({about['way']}), openai {about['openai']}")
        for row in rows:
            line = f"{row['name']}: {row['error']}" if "error" in row else Row(row["name"], row["ratios"]).line()
            print(line, flush=True)
        yield {**found, **about, "rows": rows}
