"""The four type checkers, run as users run them, on what users write.

Knows: how each checker is called and how it reports.  Must not know: how the types are made.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import toolfan
from toolfan.request.arguments import DEFAULTS
from toolfan.signatures.options import Options, StreamOptions

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
ACCEPTED = ("accepted.py", "accepted_streams.py")
ADAPTERS = {  # and how the reference calls each
    "openai": "OpenAI:",
    "openai-responses": "OpenAI's Responses API:",
    "anthropic": "Anthropic:",
    "bedrock": "Bedrock:",
    "cohere": "Cohere:",
    "litellm": "LiteLLM:",
    "vertex": "Vertex AI",
}
FILES = (*ACCEPTED, "rejected.py")
OLDEST = "3.11"

# Where a path-installed or editable toolfan comes from; an installed one is found in the environment as by anyone.
_SOURCE = Path(toolfan.__file__).resolve().parent.parent
_INSTALLED = Path(sysconfig.get_path("purelib")).resolve()
SOURCE = str(_SOURCE) if _SOURCE != _INSTALLED else None


def mypy(program: str, at: Path) -> list[str]:
    options = ["--strict", "--no-incremental", "--hide-error-context", "--no-color-output", "--no-error-summary"]
    return [program, *options, "--config-file=", f"--python-version={OLDEST}", f"--python-executable={sys.executable}"]


def pyright(program: str, at: Path) -> list[str]:
    config = {"typeCheckingMode": "strict", "pythonVersion": OLDEST, "extraPaths": [SOURCE] if SOURCE else []}
    # A bare expression that has a type error is what rejected.py is about; in use it is flagged for itself.
    config |= {"reportUnusedExpression": False, "reportUnusedCoroutine": False}
    (at / "pyrightconfig.json").write_text(json.dumps(config))
    return [program, f"--pythonpath={sys.executable}", "--project=pyrightconfig.json"]


def ty(program: str, at: Path) -> list[str]:
    search = [f"--extra-search-path={SOURCE}"] if SOURCE else []
    options = ["--output-format=concise", "--color=never", "--no-progress"]
    return [program, "check", *options, f"--python={sys.executable}", f"--python-version={OLDEST}", *search]


def pyrefly(program: str, at: Path) -> list[str]:
    (at / "pyrefly.toml").write_text("")  # nobody's configuration further up
    search = [f"--search-path={SOURCE}"] if SOURCE else []
    options = ["--output-format=min-text", "--color=never", "--config=pyrefly.toml"]
    python = [f"--python-interpreter-path={sys.executable}", f"--python-version={OLDEST}"]
    return [program, "check", *options, *python, *search]


CHECKERS: dict[str, Callable[[str, Path], list[str]]] = {
    "mypy": mypy,
    "pyright": pyright,
    "ty": ty,
    "pyrefly": pyrefly,
}


def program(checker: str) -> str | None:
    """The checker next to this Python, or on the PATH."""
    return shutil.which(checker, path=str(Path(sys.executable).parent)) or shutil.which(checker)


@functools.cache
def errors(checker: str) -> dict[str, dict[int, str]]:
    """What the checker says of the files: file, line, the line's reports."""
    command = program(checker)
    if command is None:
        pytest.skip(f"{checker} is not installed")
    if importlib.util.find_spec("openai") is None:
        pytest.skip("openai, whose types the files name, is not installed")
    # Away from the project, so that neither its configuration nor its files take part.
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        for name in FILES:
            shutil.copy(HERE / name, at)
        environment = {key: value for key, value in os.environ.items() if key not in ("MYPYPATH", "VIRTUAL_ENV")}
        if SOURCE:
            environment["MYPYPATH"] = SOURCE
        whole = CHECKERS[checker](command, at)
        arguments = whole if checker == "pyright" else [*whole, *FILES]
        done = subprocess.run(
            arguments, cwd=at, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
    assert done.returncode in (0, 1), f"{checker} failed:\n{done.stdout}\n{done.stderr}"
    found: dict[str, dict[int, str]] = {name: {} for name in FILES}
    for line in done.stdout.splitlines():
        report = re.search(r"\b(accepted|accepted_streams|rejected)\.py:(\d+):(.*)", line)
        if report and "error" in line.lower():
            lines = found[f"{report[1]}.py"]
            lines[int(report[2])] = lines.get(int(report[2]), "") + report[3].strip() + "\n"
    assert found["rejected.py"], f"{checker} reports nothing, so it did not run:\n{done.stdout}\n{done.stderr}"
    return found


def option_names(adapter: str) -> frozenset[str]:
    pytest.importorskip(f"toolfan_{adapter.partition('-')[0]}")
    names: frozenset[str] = toolfan.load_adapter(adapter).option_names
    return names


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_option_of_an_adapter_is_typed(adapter: str) -> None:
    names = option_names(adapter)
    if adapter == "vertex":  # Google's names also pass in the spelling of the wire, which stays untyped
        names = frozenset(name for name in names if name == name.lower())
    assert names - Options.__annotations__.keys() == set()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_every_option_of_an_adapter_is_in_the_reference(adapter: str) -> None:
    page = (HERE.parents[1] / "docs/reference/clients.md").read_text(encoding="utf-8")
    told = page[page.index("Of the provider, under its own names") :]
    names = option_names(adapter) - (option_names("openai") if adapter == "litellm" else frozenset())
    entry = next(part for part in told.split("\n* ") if part.startswith(ADAPTERS[adapter]))
    listed = set(re.findall(r"`(\w+)`", entry.partition("\n\n")[0]))
    assert listed == {name for name in names if adapter != "vertex" or name == name.lower()}


def test_every_typed_option_is_one_of_toolfan_or_of_an_adapter() -> None:
    known = set(DEFAULTS)
    for adapter in ADAPTERS:
        known |= option_names(adapter)
    assert DEFAULTS.keys() - Options.__annotations__.keys() == set()
    assert Options.__annotations__.keys() - known == set()
    assert Options.__annotations__.keys() - StreamOptions.__annotations__.keys() == {"stream"}


@pytest.mark.typing
@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", ACCEPTED)
def test_what_users_write_has_the_types_stated(file: str, checker: str) -> None:
    found = errors(checker)[file]
    assert not found, "\n".join(f"{file}:{at}: {said}" for at, said in sorted(found.items()))


@pytest.mark.typing
@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_wrong_is_refused_line_by_line(checker: str) -> None:
    lines = (HERE / "rejected.py").read_text().splitlines()
    marked = {at for at, line in enumerate(lines, 1) if line.endswith("# error")}
    found = errors(checker)["rejected.py"]
    passed = [f"rejected.py:{at}: passed: {lines[at - 1].strip()}" for at in sorted(marked - found.keys())]
    extra = [f"rejected.py:{at}: {found[at]}" for at in sorted(found.keys() - marked)]
    assert not passed + extra, "\n".join(passed + extra)
