"""`toolfan new-provider`: what it writes can be linted, compiled and imported; what it refuses harms nothing.

That the package installs and passes its own tests is proved in tests/packaging.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from toolfan.cli.app import app
from toolfan.registry.loading import clear_loaded_adapters
from toolfan.secrets.credentials import PROXIES
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    ".github/workflows/ci.yml",
    ".gitignore",
    "README.md",
    "pyproject.toml",
    "src/MODULE/__init__.py",
    "src/MODULE/adapter.py",
    "src/MODULE/client.py",
    "src/MODULE/messages.py",
    "src/MODULE/parsing.py",
    "src/MODULE/py.typed",
    "src/MODULE/settings.py",
    "src/MODULE/streaming.py",
    "src/MODULE/transport.py",
    "tests/conftest.py",
    "tests/service_NAME.py",
    "tests/test_NAME_conformance.py",
    "tests/test_NAME_over_http.py",
}
# The shortest and the longest name that may be among them, and names that sort before and after other imports.
NAMES = ("a", "acme", "zeta-2", "a-name-of-thirty-characters-00")
QUICK = "whole_answer and over_http or every_shape_is_rendered"  # of its own tests, with a law among them


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TOOLFAN")]:
        monkeypatch.delenv(name)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["new-provider", *arguments])


def python(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def installed(name: str, into: Path) -> Path:
    """The folder of a new package, which `pytest_in` finds installed."""
    assert run(name).exit_code == 0
    facts = into / "installed" / f"toolfan_{name.replace('-', '_')}-0.1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toolfan-{name}\nVersion: 0.1.0\n")
    project = tomllib.loads((into / f"toolfan-{name}/pyproject.toml").read_text())["project"]
    groups = project["entry-points"].items()
    told = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of.items()) for group, of in groups]
    (facts / "entry_points.txt").write_text("\n".join(told))
    return into / f"toolfan-{name}"


def pytest_in(root: Path, only: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """What `pytest` says in this folder: all is collected, and some tests are run; all of them take long."""
    path = [str(one) for one in (root / "installed", *root.glob("toolfan-*/src"), root)]
    plain = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(path)}
    # The plugin of an older anyio warns under a newer pytest.
    return python("-m", "pytest", "-q", "-p", "no:anyio", "-k", only, *arguments, cwd=root, **plain, **env)


def written(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_package_is_written(name: str, tmp_path: Path) -> None:
    """Every file, with no trace of a template, well styled by the rules that it brings, whatever the name."""
    pytest.importorskip("ruff")
    done = run(name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{len(FILES)} files were written to toolfan-{name}" in done.stdout
    folder, module = tmp_path / f"toolfan-{name}", f"toolfan_{name.replace('-', '_')}"
    identifier = name.replace("-", "_")
    assert written(folder) == {path.replace("MODULE", module).replace("NAME", identifier) for path in FILES}
    for path in folder.rglob("*"):
        left = re.findall(r"\{\{.*|\{%.*", path.read_text(encoding="utf-8")) if path.is_file() else []
        assert left == (["{{ matrix.python }}"] if path.name == "ci.yml" else [])
    checked = python("-m", "ruff", "check", "--no-cache", ".", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    if len(name) < 8:  # with a long one a formatter breaks some lines elsewhere
        formatted = python("-m", "ruff", "format", "--no-cache", "--diff", ".", cwd=folder)
        assert formatted.returncode == 0, formatted.stdout + formatted.stderr


def test_the_project_file_names_what_makes_it_found(tmp_path: Path) -> None:
    assert run("acme-chat").exit_code == 0
    project = tomllib.loads((tmp_path / "toolfan-acme-chat/pyproject.toml").read_text())["project"]
    assert project["name"] == "toolfan-acme-chat"
    assert project["entry-points"] == {
        "toolfan.adapters": {"acme-chat": "toolfan_acme_chat"},
        "toolfan.clients": {"toolfan_acme_chat": "toolfan_acme_chat"},
    }
    assert project["dependencies"][0] == "toolfan>=0.1,<0.2"


def test_its_readme_says_how_it_is_installed_from_a_clone_of_toolfan(tmp_path: Path) -> None:
    """No package index may have toolfan yet."""
    assert run("acme").exit_code == 0
    told = (tmp_path / "toolfan-acme/README.md").read_text()
    assert '.venv/bin/python -m pip install "/path/to/toolfan/core[cli]" -e ".[test]"' in told.splitlines()


def test_it_compiles_and_is_imported_without_its_sdk(tmp_path: Path) -> None:
    assert run("acme").exit_code == 0
    folder = tmp_path / "toolfan-acme"
    compiled = python("-W", "error", "-m", "compileall", "-q", ".", cwd=folder)
    assert compiled.returncode == 0, compiled.stdout
    code = (
        "import json, sys, toolfan_acme; adapter = toolfan_acme.toolfan_adapter(); "
        "print(json.dumps([adapter.name, 'httpx' in sys.modules]))"
    )
    told = python("-W", "error", "-c", code, cwd=folder, PYTHONPATH=str(folder / "src"))
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == ["acme", False]


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_two_of_them_are_tested_from_one_folder(mode: str, tmp_path: Path) -> None:
    """As in a repository of many packages: neither's modules are taken for the other's."""
    folders = [installed(name, tmp_path).name for name in ("acme", "zeta-2")]
    done = pytest_in(tmp_path, QUICK, f"--import-mode={mode}", *folders)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # the settings of neither
    done = pytest_in(tmp_path, QUICK, f"--import-mode={mode}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_its_tests_ask_no_proxy(tmp_path: Path) -> None:
    """The stand-in is on loopback, and a client is made whatever the environment names."""
    installed("acme", tmp_path)
    for proxy in ("http://127.0.0.1:9", "socks5://127.0.0.1:9"):  # the second needs a package that is not there
        done = pytest_in(tmp_path, "over_http and (whole or async)", "toolfan-acme", **dict.fromkeys(PROXIES, proxy))
        assert done.returncode == 0, done.stdout + done.stderr


def test_its_tests_run_beside_pytest_asyncio(tmp_path: Path) -> None:
    """Which warns of a setting of its own when pytest begins; any other warning is an error in the package."""
    installed("acme", tmp_path)
    said = 'The configuration option "asyncio_default_fixture_loop_scope" is unset.\nMore of it: words.'
    for warning, ends in ((f"pytest.PytestDeprecationWarning({said!r})", 0), ("UserWarning('another')", 3)):
        plugin = f"import pytest, warnings\n\ndef pytest_configure():\n    warnings.warn({warning})\n"
        (tmp_path / "warns.py").write_text(plugin)
        done = pytest_in(tmp_path, QUICK, "-p", "warns", "toolfan-acme")
        assert done.returncode == ends, done.stdout + done.stderr


def test_its_tests_take_arguments_in_any_spelling(tmp_path: Path) -> None:
    """In the turn that goes back it counts what the JSON says; but it must be there, and in the order of the calls."""
    adapter = installed("acme", tmp_path) / "src/toolfan_acme/adapter.py"
    text, uses = adapter.read_text(), 'with_ids(said["uses"], turn.calls, "id")'
    assert text.count(uses) == 1
    decoded = 'json.loads(one["input"])'
    for spelt in (decoded, f"json.dumps({decoded}, separators=(',', ':'), ensure_ascii=False)"):
        again = f'[{{**one, "input": {spelt}}} for one in {uses}]'
        adapter.write_text(text.replace(uses, again).replace("import os\n", "import json\nimport os\n"))
        done = pytest_in(tmp_path, "tools_are_run", "toolfan-acme")
        assert done.returncode == 0, done.stdout + done.stderr
    for wrong in ("[]", f"{uses}[::-1]"):
        adapter.write_text(text.replace(uses, wrong))
        assert "1 failed" in pytest_in(tmp_path, "tools_are_run", "toolfan-acme").stdout


def test_into(tmp_path: Path) -> None:
    """--into names the folder in which the package's folder is made."""
    (tmp_path / "here").mkdir()
    assert run("acme", "--into", "here").exit_code == 0
    assert (tmp_path / "here/toolfan-acme/pyproject.toml").is_file()
    (tmp_path / "over there").mkdir()
    assert "cd 'over there/toolfan-acme'" in run("acme", "--into", "over there").stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Acme", "small letters"),
        ("acme_chat", "small letters"),
        ("acme chat", "small letters"),
        ("acme-", "small letters"),
        ("-acme", ""),  # an option, to the command line
        ("4acme", "small letters"),
        ("../acme", "small letters"),
        ("acmé", "small letters"),
        ("acme\n", "small letters"),
        ("", "small letters"),
        ("a" * 31, "30 are the most"),
        ("toolfan-acme", "Write 'acme'"),
        ("toolfan_acme", "Write 'acme': the package is called toolfan-acme."),
        ("toolfan", "toolfan's own variables"),  # its key would be in TOOLFAN_API_KEY
        ("toolfans", "toolfan's own variables"),
        ("test", "pytest would take its classes for tests"),
        ("testing-acme", "pytest would take its classes for tests"),
        ("local", "of toolfan-local"),
        ("openai", "already"),
    ],
)
def test_names_that_cannot_be(name: str, said: str, tmp_path: Path) -> None:
    """Status 2, what a name is, and nothing written."""
    done = run(name)
    assert done.exit_code == 2
    assert said in done.stderr
    assert written(tmp_path) == set()


def test_names_of_toolfans_own_providers_are_refused_where_they_are_not_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The registry knows where they are to be had."""
    clear_loaded_adapters()
    for module in ("registry.loading", "registry.listing"):
        monkeypatch.setattr(f"toolfan.{module}.candidates", lambda *_: [])
    done = run("vertex")
    assert done.exit_code == 2
    assert "there is an adapter 'vertex' already, of toolfan itself" in done.stderr
    assert written(tmp_path) == set()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there stays as it is, were it empty."""
    for make in ("empty", "full", "file"):
        folder = tmp_path / f"toolfan-{make}"
        if make == "file":
            folder.write_text("mine")
        else:
            folder.mkdir()
        if make == "full":
            (folder / "README.md").write_text("mine")
    before = written(tmp_path)
    for name in ("empty", "full", "file"):
        done = run(name)
        assert done.exit_code == 2
        assert f"toolfan-{name} exists already, and nothing was written" in done.stderr
    assert written(tmp_path) == before
    assert (tmp_path / "toolfan-full/README.md").read_text() == "mine"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = run("acme", "--into", "nowhere")
    assert done.exit_code == 2
    assert "nowhere is no folder" in done.stderr
    assert written(tmp_path) == set()


def test_without_the_templating_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = run("acme")
    assert done.exit_code == 2
    assert 'pip install "toolfan[cli]"' in done.stderr
    assert list(tmp_path.iterdir()) == []
