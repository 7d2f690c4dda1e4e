"""What the documentation shows is executed, what it lists is complete, what it links to is there."""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import toolfan
from toolfan.config.targets import resolve
from toolfan.hookspecs import specs as hookspecs
from toolfan.registry.loading import clear_loaded_adapters
from toolfan.signatures.options import Options
from toolfan_local import Server, load_script, stand_ins

sys.path.insert(0, str(Path(__file__).parent))
from pages import PAGES, ROOT, Session, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = ROOT / "docs"
PAGE_IDS = [str(path.relative_to(ROOT)) for path in PAGES]
MOST_SKIPPED = 4
MY_TOOLS = """\
from typing import Literal

from pydantic import BaseModel


class Weather(BaseModel):
    location: str
    units: Literal["imperial", "metric"]


class GoogleSearch(BaseModel):
    query: str
"""
ANSWER = (
    '{"choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [{"id": "call_1", '
    '"type": "function", "function": {"name": "Weather", "arguments": "{\\"location\\": \\"Toronto\\", \\"units\\": '
    '\\"metric\\"}"}}]}}]}'
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def environment(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A reader's environment: the variables of the SDKs point at the embedded server, the directory is empty."""
    variables = stand_ins.environment(server.base_url, server.openai_url, server.anthropic_url)
    others = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CO_API_KEY")
    for name in ("AZURE_OPENAI_API_KEY", "HOUSE_KEY", "OPENROUTER_API_KEY", *others):
        variables[name] = "offline"
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return variables


@pytest.fixture
def google_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = pytest.importorskip("google.auth")
    credentials = pytest.importorskip("google.oauth2.credentials")
    monkeypatch.setattr(auth, "default", lambda *_, **__: (credentials.Credentials(token="offline"), "offline"))


@pytest.mark.parametrize("path", PAGES, ids=PAGE_IDS)
def test_what_a_page_shows_works(
    path: Path, environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each page is worked through, in order, in an empty directory; see `pages`."""
    if "import vertexai" in path.read_text(encoding="utf-8"):
        pytest.importorskip("vertexai")
    if path.parent.name == "litellm":
        pytest.importorskip("litellm", reason="LiteLLM has an environment of its own: it holds openai back")
    else:
        request.getfixturevalue("google_credentials")
    if path.parent == ROOT:  # the pages at the root show commands only, and say that these files are yours
        (tmp_path / "my_tools.py").write_text(MY_TOOLS)
        (tmp_path / "answer.json").write_text(ANSWER)
    before = set(sys.modules)
    clear_loaded_adapters()  # a page may bring one of a name that other tests have used
    modules = {name: sys.modules.pop(name) for name in list(sys.modules) if name in ("my_tools", "toolfan_acme")}
    try:
        _configure(path, tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Session(path, tmp_path, environment).work_through()
    finally:
        for name in set(sys.modules) - before:
            module = getattr(sys.modules[name], "__file__", None)
            if module and Path(module).is_relative_to(tmp_path):
                del sys.modules[name]
        sys.modules.update(modules)
        clear_loaded_adapters()


def _configure(path: Path, cwd: Path) -> None:
    """The first configuration file that the page shows, where the page does not say which file it is."""
    for block in blocks(path):
        if block.language == "toml" and "profiles" in tomllib.loads(block.text):
            (cwd / "toolfan.toml").write_text(block.text)
            return


@pytest.mark.parametrize("path", PAGES, ids=PAGE_IDS)
def test_configuration_and_scripts_are_valid(path: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """Every profile that a page shows resolves, every script loads."""
    for block in blocks(path):
        if block.language != "toml":
            continue
        data = tomllib.loads(block.text)
        table = data.get("tool", {}).get("toolfan") or (data if "profiles" in data else {})
        if table:
            name = "toolfan.toml" if table is data else "pyproject.toml"
            (tmp_path / name).write_text(block.text)
            for profile in table["profiles"]:
                assert resolve(None, profile=profile, model=None, settings={}, start=tmp_path).profile
            if "default" in table:
                assert resolve(None, profile=None, model=None, settings={}, start=tmp_path).profile
            (tmp_path / name).unlink()
        elif "answers" in data:
            assert load_script(data).answers


def test_what_is_not_executed_says_why() -> None:
    """A marker has a reason, is spelled as the tests know it, and there are few."""
    skipped = []
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        reasons = [block.skipped for block in blocks(path) if block.skipped]
        assert text.count("<!-- test:") == len(reasons), f"{path}: a marker without a reason, or not before a block"
        assert all(len(reason.split()) >= 3 for reason in reasons), path
        if path.name != "verification.md":  # one for each provider, which asks its live service
            skipped += [f"{path.relative_to(ROOT)}: {reason}" for reason in reasons]
    assert len(skipped) <= MOST_SKIPPED, "\n".join(skipped)


def test_every_block_has_a_language() -> None:
    """A block of another language would be passed over in silence."""
    known = {"python", "toml", "json", "sh", "text", "toctree", "eval-rst", "{toctree}", "{eval-rst}"}
    for path in PAGES:
        for block in blocks(path):
            assert block.language in known, f"{path}:{block.line}"


@pytest.mark.parametrize("path", PAGES, ids=PAGE_IDS)
def test_links_between_pages_hold(path: Path) -> None:
    """Relative links point to files that exist, and to headings that exist in them."""
    text = re.sub(r"^(`{3,}).*?^\1$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{path}: {target}"
        if anchor:
            assert anchor in _anchors(linked), f"{path}: {target}"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_public_name_is_in_the_reference() -> None:
    """autodoc's directives name each of `toolfan.__all__`."""
    reference = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    named = set(re.findall(r"^\.\. (?:auto\w+|py:\w+):: toolfan\.(\w+)$", reference, flags=re.MULTILINE))
    assert set(toolfan.__all__) - named == {"__version__"}
    assert "`toolfan.__version__`" in reference
    assert named <= set(toolfan.__all__)


def test_every_option_of_create_is_in_the_reference() -> None:
    """toolfan's own options of `create()`, and those of the providers, stand in the reference."""
    text = (DOCS / "reference/clients.md").read_text(encoding="utf-8")
    assert [name for name in Options.__annotations__ if f"`{name}`" not in text] == []


def test_every_hook_is_documented_with_its_arguments() -> None:
    """Each specification stands in the reference exactly as it is called."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in (DOCS / "reference").glob("*.md"))
    hooks = [value for name, value in vars(hookspecs).items() if name.startswith("toolfan_")]
    assert hooks
    for hook in hooks:
        assert f"`{hook.__name__}({', '.join(inspect.signature(hook).parameters)})`" in text


def test_every_setting_is_documented() -> None:
    """What a profile may set, core's own fields and each adapter's, stands in the reference."""
    from toolfan.config.settings import Defaults

    text = (DOCS / "reference/configuration.md").read_text(encoding="utf-8")
    names = {"adapter", "model", *Defaults.__annotations__}
    for info in toolfan.installed_adapters():
        if info.distribution.startswith("toolfan-"):
            names |= set(toolfan.load_adapter(info.name).settings_model.model_fields)
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_every_adapter_has_a_live_command() -> None:
    """One command for each, as the README says."""
    text = (DOCS / "explanation/verification.md").read_text(encoding="utf-8")
    projects = [tomllib.loads(path.read_text(encoding="utf-8")) for path in ROOT.glob("providers/*/pyproject.toml")]
    names = {name for project in projects for name in project["project"]["entry-points"]["toolfan.adapters"]}
    assert {"openai", "litellm", "local"} <= names
    assert [name for name in sorted(names) if not re.search(rf"--with {name}[:\n]", text)] == []


def test_every_module_of_core_is_in_the_architecture() -> None:
    """The table of modules is whole."""
    text = (DOCS / "explanation/architecture.md").read_text(encoding="utf-8")
    rows = {cells[1].strip(): row for row in text.splitlines() if len(cells := row.split("|")) == 4}
    core = ROOT / "core/src/toolfan"
    missing = []
    for path in core.rglob("*.py"):
        parts = path.relative_to(core).parts
        if path.stem != "__init__" and parts[0] not in ("cli", "testing"):
            row = rows[f"`{parts[0]}`" if len(parts) > 1 else "at the top"]
            missing += [path] if f"`{path.stem}`" not in row else []
    assert missing == []


def test_every_command_is_documented() -> None:
    """The commands of the command line and their options stand in the reference."""
    from toolfan.cli.app import app
    from typer.main import get_command

    text = (DOCS / "reference/command-line.md").read_text(encoding="utf-8")
    group: Any = get_command(app)
    for name, command in group.commands.items():
        assert f"toolfan {name}" in text
        for parameter in command.params:
            for option in parameter.opts:
                assert not option.startswith("--") or option == "--help" or f"`{option}`" in text, f"{name} {option}"


def test_the_readme_can_be_run() -> None:
    """The two commands stand in one block each, after their markers, and do all set-up from the root of a clone."""
    marked = {block.marker: block for block in blocks(ROOT / "README.md")}
    demo, test = marked["<!-- ci:demo -->"], marked["<!-- ci:test -->"]
    tests = '.venv/bin/python -m pytest -n 6 --dist worksteal -m "not packaging"'
    for block, end in ((demo, ".venv/bin/toolfan demo"), (test, tests)):
        assert block.language == "sh"
        assert len(block.text.splitlines()) == 1
        assert block.text.startswith("python3 -m venv .venv && .venv/bin/python -m pip install ")
        assert block.text.rstrip().endswith(end)
        for project in ("core", "providers/openai", "providers/vertex", "providers/local"):
            assert f"./{project}" in block.text


def test_every_law_of_the_suite_is_listed() -> None:
    """With the first sentence of its docstring, and there is none that is not."""
    from toolfan.testing import AdapterConformance
    from toolfan.testing.guarding import laws_of

    text = (DOCS / "plugin-authors/conformance.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(test_\w+)` \| (.+) \|$", text, flags=re.MULTILINE))
    said = {
        name: " ".join(inspect.getdoc(law).split("\n\n")[0].split())
        for name, law in laws_of(AdapterConformance).items()
    }
    assert listed == said


def test_every_name_for_tests_is_in_the_reference() -> None:
    """`toolfan.testing.__all__`."""
    from toolfan import testing

    text = (DOCS / "reference/testing.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\.\. auto\w+:: toolfan\.testing\.(\w+)$", text, flags=re.MULTILINE)) == {*testing.__all__}
