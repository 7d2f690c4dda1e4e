"""Plugins as distributions: built, installed beside core's wheel, and what the registry says of each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.packaging

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "{version}"
requires-python = ">=3.11"
dependencies = ["toolfan"]

[project.entry-points."toolfan.adapters"]
{name} = "{module}"

[project.entry-points."toolfan.clients"]
acme_sdk_{name} = "{module}"

[tool.hatch.build.targets.wheel]
packages = ["{module}"]
"""

SOUND = """\
from pydantic import BaseModel
from toolfan.adapter import ADAPTER_API, Capabilities
from toolfan.hookspecs.specs import hookimpl


class Settings(BaseModel):
    base_url: str | None = None


class Adapter:
    name = "{name}"
    api = ADAPTER_API
    capabilities = Capabilities(
        streaming=True, parallel_switch=True, tool_choice_required=True, tool_choice_subset=True, strict_schemas=True,
        system_messages=True, images=False, call_ids=True, max_tools=None, max_name_length=64, name_pattern=r"\\w+",
        batch=False,
    )
    settings_model = Settings
    option_names = frozenset({{"temperature"}})

    def render_tools(self, tools, *, strict): ...
    def build_request(self, request): ...
    def parse_response(self, body): ...
    def stream_parser(self): ...
    def build_answer(self, turn, answers): ...
    def connect(self, settings, *, use_async): ...
    def transport(self, client, *, use_async): ...


@hookimpl
def toolfan_adapter({arguments}):
    return Adapter()
"""


def sound(name: str, arguments: str = "") -> str:
    return SOUND.format(name=name, arguments=arguments)


# distribution: version, adapter's name, module, source
PLUGINS: dict[str, tuple[str, str, str, str]] = {
    "tfp-good": ("1.0", "good", "tfp_good", sound("good")),
    "tfp-importing": ("1.1", "importing", "tfp_importing", "import a_module_that_nobody_has\n"),
    "tfp-shape": ("1.2", "shape", "tfp_shape", sound("shape", "config, colour")),
    "tfp-hookless": ("1.3", "hookless", "tfp_hookless", sound("hookless").replace("@hookimpl", "")),
    "tfp-future": ("9.9", "future", "tfp_future", sound("future").replace("api = ADAPTER_API", "api = 99")),
    "tfp-past": ("0.1", "past", "tfp_past", sound("past").replace("api = ADAPTER_API", "api = 0")),
    "tfp-twin-a": ("1.0", "twin", "tfp_twin_a", sound("twin")),
    "tfp-twin-b": ("2.0", "twin", "tfp_twin_b", sound("twin")),
}

REPORT = """
import json, sys
from toolfan.registry.loading import load_adapter
try:
    adapter = load_adapter({name!r})
except Exception as exc:
    cause = exc.__cause__
    report = dict(kind=type(exc).__name__, text=str(exc), cause=type(cause).__name__ if cause else None)
else:
    report = dict(kind="ok", text=adapter.name, cause=None)
report["imported"] = sorted(name for name in sys.modules if name.startswith("tfp_"))
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def venv(
    make_venv: Callable[..., Any],
    build_wheel: Callable[[Path, Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """One environment with core and every throwaway plugin: a broken one must harm only itself."""
    sources, wheels = tmp_path_factory.mktemp("plugins"), tmp_path_factory.mktemp("plugin-wheels")
    for distribution, (version, name, module, source) in PLUGINS.items():
        package = sources / distribution / module
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)
        text = PYPROJECT.format(distribution=distribution, version=version, name=name, module=module)
        (package.parent / "pyproject.toml").write_text(text)
        build_wheel(package.parent, wheels)
    return make_venv("toolfan", *wheels.glob("*.whl"))


def loaded(venv: Any, name: str) -> dict[str, Any]:
    """What became of load_adapter(name) in the environment."""
    report: dict[str, Any] = json.loads(venv.run(REPORT.format(name=name)).stdout)
    return report


def test_a_sound_plugin_loads_beside_broken_ones(venv: Any) -> None:
    """And it alone is imported."""
    assert loaded(venv, "good") == {"kind": "ok", "text": "good", "cause": None, "imported": ["tfp_good"]}


@pytest.mark.parametrize(
    ("name", "kind", "parts", "cause"),
    [
        ("openai", "AdapterNotInstalled", ['pip install "toolfan[openai]"'], None),
        ("openai-responses", "AdapterNotInstalled", ['pip install "toolfan[openai]"'], None),
        ("anthropic", "AdapterNotInstalled", ['pip install "toolfan[anthropic]"'], None),
        ("bedrock", "AdapterNotInstalled", ['pip install "toolfan[bedrock]"'], None),
        ("cohere", "AdapterNotInstalled", ['pip install "toolfan[cohere]"'], None),
        ("litellm", "AdapterNotInstalled", ['pip install "toolfan[litellm]"'], None),
        ("vertex", "AdapterNotInstalled", ['pip install "toolfan[vertex]"'], None),
        ("gemini", "AdapterNotInstalled", ['pip install "toolfan[gemini]"'], None),
        ("local", "AdapterNotInstalled", ['pip install "toolfan[local]"'], None),
        ("goood", "AdapterNotFound", ["Did you mean 'good'?", "future, good, hookless, importing, past, shape"], None),
        (
            "importing",
            "AdapterBroken",
            ["tfp-importing 1.1", "tfp_importing", "No module named 'a_module_that_nobody_has'",
             "pip install --upgrade --force-reinstall tfp-importing", "pip uninstall tfp-importing"],
            "ModuleNotFoundError",
        ),
        ("shape", "AdapterBroken", ["tfp-shape 1.2", "colour", "toolfan_adapter"], "PluginValidationError"),
        ("hookless", "AdapterBroken", ["tfp-hookless 1.3", "without @toolfan.hookimpl"], None),
        ("future", "AdapterTooNew", ["tfp-future 9.9", "version 99", "pip install --upgrade toolfan`"], None),
        ("past", "AdapterTooNew", ["tfp-past 0.1", "version 0", "pip install --upgrade tfp-past`"], None),
        (
            "twin",
            "AdapterConflict",
            ["tfp-twin-a 1.0", "tfp-twin-b 2.0", "pip uninstall tfp-twin-a", "pip uninstall tfp-twin-b"],
            None,
        ),
    ],
)  # fmt: skip
def test_each_fault_is_an_error_of_its_own(
    venv: Any, name: str, kind: str, parts: list[str], cause: str | None
) -> None:
    """It names the distribution and the command that mends it, and keeps the cause."""
    report = loaded(venv, name)
    assert (report["kind"], report["cause"]) == (kind, cause)
    for part in parts:
        assert part in report["text"]


def test_listing_tells_all_without_importing(venv: Any) -> None:
    """With load=True each status is proved."""
    code = (
        "import sys; from toolfan.registry.listing import installed_adapters\n"
        "quick = installed_adapters(); assert not [m for m in sys.modules if m.startswith('tfp_')]\n"
        "assert len(quick) == 8 and {i.api for i in quick} == {None}, quick\n"
        "print(*(f'{i.distribution}={i.status}' for i in installed_adapters(load=True)))"
    )
    assert venv.run(code).stdout.split() == [
        "tfp-future=broken",
        "tfp-good=ok",
        "tfp-hookless=broken",
        "tfp-importing=broken",
        "tfp-past=broken",
        "tfp-shape=broken",
        "tfp-twin-a=conflict",
        "tfp-twin-b=conflict",
    ]


def test_a_client_is_matched_to_its_plugin_without_importing_it(venv: Any) -> None:
    """By the module of its class."""
    code = (
        "import sys; from toolfan.registry.listing import adapter_for_client\n"
        "client = type('Client', (), {'__module__': 'acme_sdk_good.deep'})()\n"
        "print(adapter_for_client(client), [m for m in sys.modules if m.startswith('tfp_')])"
    )
    assert venv.run(code).stdout.strip() == "good []"


def test_the_command_of_a_conflict_mends_it(venv: Any) -> None:
    """Last in this module: it changes the environment."""
    venv.uninstall("tfp-twin-b")
    assert loaded(venv, "twin")["kind"] == "ok"


def test_first_party_providers_come_in_by_the_same_door(make_venv: Callable[..., Any]) -> None:
    """An extra brings its distribution, found by its entry points."""
    venv = make_venv("toolfan[local]")
    code = (
        "from toolfan.registry.listing import installed_adapters\n"
        "print(*(f'{i.name}={i.distribution}={i.status}' for i in installed_adapters()))"
    )
    assert venv.run(code).stdout.split() == ["local=toolfan-local=ok"]
    assert not {"openai", "google-genai", "google-cloud-aiplatform"} & venv.distributions()
