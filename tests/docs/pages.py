"""Documentation pages read as a reader works through them: files are written, code and commands run, in order.

A page is one session in an empty directory.  Of its fenced blocks

* `python` is executed, in one namespace for the page; one that begins with `# name.py` is written to that file instead;
* `toml` and `json` that begin with `# name` or follow `<!-- file: name -->` are written to that file;
* `sh` lines that run `toolfan` are executed, the others are not;
* `text` after `<!-- output -->` is what the block before it must have printed.

`<!-- test: skip because REASON -->` before a block lets it be, but Python is compiled all the same.

Knows: Markdown, files.  Must not know: what any page says.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import re
import subprocess
import sys
import tomllib
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    path
    for path in sorted(
        [*ROOT.glob("*.md"), ROOT / "core/README.md", *ROOT.glob("providers/*/README.md"), *ROOT.glob("docs/**/*.md")]
    )
    if "_build" not in path.parts
]
_SKIP = re.compile(r"<!-- test: skip because (.+?) -->")
_FENCE = re.compile(r"^(`{3,})(\S*)\s*$")
_COMMAND = re.compile(r"^(\w+=\S* )*toolfan |\| toolfan |^export |^cd ")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, the line it starts on, and the HTML comment right before it."""

    language: str
    text: str
    line: int
    marker: str

    @property
    def skipped(self) -> str | None:
        """Why it is not executed, or None."""
        found = _SKIP.search(self.marker)
        return found[1].strip() if found else None

    @property
    def file_name(self) -> str | None:
        """The file that the reader writes it to, or None."""
        named = re.match(r"# ([\w./-]+\.\w+)\n", self.text) or re.search(r"<!-- file: (\S+) -->", self.marker)
        return named[1] if named else None


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order.  Raises ValueError for one that does not end."""
    fence: tuple[str, str, int] | None = None
    before, inside = "", []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = _FENCE.match(line)
        if fence is None:
            if found:
                fence, inside = (found[1], found[2], number), []
            elif line.strip():
                before = line
        elif found and found[1] == fence[0] and not found[2]:
            yield Block(fence[1], "\n".join(inside) + "\n", fence[2], before if before.startswith("<!--") else "")
            fence, before = None, ""
        else:
            inside.append(line)
    if fence:
        raise ValueError(f"{path}:{fence[2]}: the block does not end")


@dataclass
class Session:
    """One reader at work in one directory."""

    path: Path
    cwd: Path
    environment: dict[str, str]

    def __post_init__(self) -> None:
        self.module = types.ModuleType(f"page_{self.path.stem.replace('-', '_').lower()}")
        self.printed = ""

    def work_through(self) -> None:
        """Do what the page says.  Raises what its code raises, AssertionError for other output or a failed command."""
        sys.modules[self.module.__name__] = self.module
        try:
            for block in blocks(self.path):
                self._do(block)
        finally:
            del sys.modules[self.module.__name__]
            self._forget()

    def _forget(self) -> None:
        """Collect what the page left open, here and not in some other test: its reader's program would end now."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            self.module.__dict__.clear()
            gc.collect()

    def _do(self, block: Block) -> None:
        where = f"{self.path.relative_to(ROOT)}:{block.line}"
        if block.language == "python":
            code = compile("\n" * block.line + block.text, str(self.path), "exec", dont_inherit=True)
            if block.skipped is None and block.file_name is None:
                self._run(code)
        if block.file_name and block.skipped is None:
            target = self.cwd / block.file_name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        if block.language == "toml":
            data = tomllib.loads(block.text)
            if "name" in data.get("project", {}) and block.skipped is None:
                _install(data["project"], self.cwd)
        if block.language == "sh" and block.skipped is None:
            self._run_commands(block, where)
        if block.language == "text" and block.marker == "<!-- output -->":
            assert self.printed.rstrip() == block.text.rstrip(), f"{where}: it printed something else"

    def _run(self, code: types.CodeType) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, self.module.__dict__)
        self.printed = out.getvalue()

    def _run_commands(self, block: Block, where: str) -> None:
        commands = commands_of(block)
        if not any("toolfan " in command for command in commands):
            return
        script = "\n".join(['toolfan() { "$PYTHON" -m toolfan.cli "$@"; }', "set -e", *commands])
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=self.cwd,
            env={**os.environ, **self.environment, "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{where}: status {done.returncode}\n{done.stdout}{done.stderr}"
        assert not done.stderr, f"{where}: {done.stderr}"
        self.printed = done.stdout


def commands_of(block: Block) -> list[str]:
    """The lines of a shell block that are executed."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line for line in lines if _COMMAND.search(line)]


def _install(project: dict[str, object], site: Path) -> None:
    """The metadata of a project, as an installer would leave it beside its module."""
    info = site / f"{str(project['name']).replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = project.get("entry-points", {})
    assert isinstance(groups, dict)
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in names.items())
        for group, names in groups.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
