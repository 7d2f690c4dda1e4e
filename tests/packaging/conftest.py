"""Wheels built once a session, and fresh environments to install them into; with `uv` where it is, else with pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from without_proxies import PROXIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = (
    "core",
    "providers/anthropic",
    "providers/bedrock",
    "providers/cohere",
    "providers/litellm",
    "providers/openai",
    "providers/vertex",
    "providers/local",
)
UV = shutil.which("uv")
# What the developer's environment says of paths and of toolfan is not for the environments under test.
CLEAN = {
    name: value
    for name, value in {**os.environ, **PROXIES}.items()
    if name not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME") and not name.upper().startswith("TOOLFAN")
}


def run(*command: str | Path, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command; if it fails and `check`, fail the test with what it said."""
    # Away from this repository, whose uv settings are not for the environments under test.
    where = cwd or Path(tempfile.gettempdir())
    parts = [str(part) for part in command]
    done = subprocess.run(parts, cwd=where, env=CLEAN, capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.fail(f"{' '.join(parts)}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done


def _build(project: Path, into: Path) -> None:
    if UV:
        run(UV, "build", "--quiet", "--wheel", project, "--out-dir", into)
    else:
        run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", into, project)


@pytest.fixture(scope="session")
def clean() -> Mapping[str, str]:
    """The environment's variables without what it says of paths and of toolfan."""
    return CLEAN


@pytest.fixture(scope="session")
def build_wheel() -> Callable[[Path, Path], None]:
    """`build_wheel(project, into)`: build the wheel of the project in one folder into another."""
    return _build


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of core and of every provider, built from a copy of the sources."""
    made = tmp_path_factory.mktemp("wheels")
    for project in PROJECTS:
        copy = tmp_path_factory.mktemp("build") / Path(project).name
        shutil.copytree(ROOT / project, copy, ignore=shutil.ignore_patterns("__pycache__", "dist", "build", ".venv"))
        _build(copy, made)
    return made


@dataclass(frozen=True)
class Venv:
    """A virtual environment; `pins` are the arguments that make our own distributions come from the wheels."""

    path: Path
    own: Mapping[str, Path]
    pins: tuple[str | Path, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def install(self, *requirements: str | Path) -> None:
        """Install requirements or wheels, as a user would."""
        if UV:
            tool: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", self.python]
        else:
            tool = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run(*tool, *self.pins, *map(self._direct, requirements))

    def _direct(self, requirement: str | Path) -> str | Path:
        wheel = self.own.get(str(requirement).partition("[")[0])
        return f"{requirement} @ {wheel.as_uri()}" if wheel else requirement

    def uninstall(self, *distributions: str) -> None:
        """Remove distributions."""
        if UV:
            run(UV, "pip", "uninstall", "--quiet", "--python", self.python, *distributions)
        else:
            run(self.python, "-m", "pip", "uninstall", "--quiet", "--yes", *distributions)

    def distributions(self) -> set[str]:
        """The names of what is installed."""
        code = "import importlib.metadata as m; print(*{d.metadata['Name'].lower() for d in m.distributions()})"
        return set(self.run(code).stdout.split())

    def run(self, code: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`python -c code`, away from the sources."""
        return run(self.python, "-I", "-c", code, cwd=self.path, check=check)


@pytest.fixture(scope="session")
def make_venv(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Venv]:
    """`make_venv("toolfan[openai]", other_wheel)`: a fresh environment with these installed.

    Names of our own distributions mean the wheels just built, also where others require them.
    """
    constraints = tmp_path_factory.mktemp("constraints") / "constraints.txt"
    own = {path.name.split("-")[0].replace("_", "-"): path for path in wheels.glob("*.whl")}
    # pip knows no address for a name with extras from a constraint: there the version must do.
    pins = [f"{name} @ {path.as_uri()}" if UV else f"{name}=={path.name.split('-')[1]}" for name, path in own.items()]
    constraints.write_text("\n".join(pins))
    arguments = ("--constraint", constraints, "--find-links", wheels)

    def make(*requirements: str | Path) -> Venv:
        venv = Venv(tmp_path_factory.mktemp("venv"), own, arguments)
        if UV:
            run(UV, "venv", "--quiet", "--clear", "--python", sys.executable, venv.path)
        else:
            run(sys.executable, "-m", "venv", venv.path)
        if requirements:
            venv.install(*requirements)
        return venv

    return make
