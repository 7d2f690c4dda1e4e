"""The shape of the code: who may import whom, how long things may be, what a module says of itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core" / "src" / "toolfan"
PLUGINS = {path.name: path for path in sorted((ROOT / "providers").glob("*/src/toolfan_*"))}

# Lowest first: a module imports only from those above it here; so does a package, whose modules stand together.
ORDER = {
    "overloads": "",
    "moved": "",
    "other_names": "",
    "values": "",
    "error_details": "",
    "errors": "",
    "locks": "",
    "signals": "",
    "effects": "",
    "stream_effects": "",
    "calls": "",
    "keys": "",
    "mocks": "",
    "secrets": "held escapes masking redaction credentials known",
    "config_files": "toml_places finding blocking secret_names",
    "addresses": "",
    "wire": "",
    "schema": "json_schema recursion strict second_look of_types every_name told_names",
    "tools": (
        "parameters bound_calls definitions defining type_adapters local_names generics typeddicts functions "
        "tool_type wire_names ephemeral toolset"
    ),
    "signatures": "options forms create async_create stream async_stream",
    "hookspecs": "marking specs watched watching",
    "framing": "scanning server_sent_events decoder",
    "messages": "sdk_objects foreign_forms chat_parts chat rewriting parts",
    "adapter": "",
    "protocols": "",
    "assembly": "sealing slots open_wrappers call_order assembler",
    "translation": "construction retry_after error_words statuses raisers error_bodies ended_streams",
    "validation": "numerals duplicates scrutiny repairs wrappers call_errors outcomes",
    "registry": "plugins installed_observers admission unserved loading listing",
    "results": "answering replies calls_type storage",
    "request": "extras arguments",
    "conversation": "placing merging judging reasking rereading stream_judging asking stream_asking generator",
    "drivers": "again retries tally workers sockets pooled_sockets raised whole blocking streamed makers binding",
    "http": "keyless event_streams gzip_members exceptions sender post_sender async_events async_transport transport",
    "config": "profiles settings targets",
    "execution": "portals jobs ended_calls executor executing running run_drivers beginning runs async_runs",
    "client": "streams async_streams any_client sync_client async_client modes constructors",
    "otel": "",
    "__init__": "",
}
PLACES = [
    f"{package}.{module}" if module else package
    for package, modules in ORDER.items()
    for module in (modules.split() or [""])
]

# The one door upwards: `Calls.to_json` is a method, and storing needs tools and the registry.
DOORS = {("results.calls_type", "results.storage")}

SDKS = {"openai", "google", "vertexai", "anthropic", "boto3", "botocore", "cohere", "litellm"}
SDKS |= {"httpx", "httpx2", "requests", "grpc", "starlette", "uvicorn"}
FORBIDDEN = {"utils", "util", "base", "common", "helpers", "misc", "core", "shared", "tools_utils", "types"}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> list[Path]:
    """Every module of core and of the plugins."""
    return [path for folder in (CORE, *PLUGINS.values()) for path in sorted(folder.rglob("*.py"))]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def runtime_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run, wherever they stand: those for type checkers are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from (found for child in node.orelse for found in runtime_imports(child))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        else:
            yield from runtime_imports(node)


def place(path: Path) -> str:
    """Where a module of core stands: `secrets.masking`, `errors`."""
    return ".".join(path.relative_to(CORE).with_suffix("").parts)


def ordered() -> list[Path]:
    """The modules of core that have a place: what `cli` and `testing` import, and nothing of these."""
    return [
        path
        for path in sorted(CORE.rglob("*.py"))
        if path.relative_to(CORE).parts[0] not in ("cli", "testing")
        and (path.stem != "__init__" or path.parent == CORE)
    ]


def own_imports(path: Path) -> set[str]:
    """The places of core's modules that a module imports."""
    here = path.relative_to(CORE).parts[:-1]
    found: set[str] = set()
    for node in runtime_imports(parsed(path)):
        if isinstance(node, ast.Import) or (node.level == 0 and (node.module or "").split(".")[0] != "toolfan"):
            continue
        steps = (node.module or "").split(".") if node.module else []
        of = [*here[: len(here) + 1 - node.level], *steps] if node.level else steps[1:]
        for name in (alias.name for alias in node.names):
            whole = ".".join([*of, name])
            found.add(whole if whole in PLACES else ".".join(of) or "__init__")
    return found


def test_every_module_of_core_has_its_place_in_the_order() -> None:
    assert sorted(place(path) for path in ordered()) == sorted(PLACES)


def test_imports_point_downwards() -> None:
    upwards = {
        (place(path), other)
        for path in ordered()
        for other in own_imports(path)
        if PLACES.index(other) >= PLACES.index(place(path))
    }
    assert upwards == DOORS  # and these are in use


@pytest.mark.parametrize("package", [package for package, modules in ORDER.items() if modules])
def test_a_package_only_answers_for_its_modules(package: str) -> None:
    """Importing a package loads none of its modules; what it offers is loaded for whoever asks, and checkers see it."""
    init = parsed(CORE / package / "__init__.py")
    assert own_imports(CORE / package / "__init__.py") <= {"moved"}
    seen = {alias.name for node in ast.walk(init) if isinstance(node, ast.ImportFrom) for alias in node.names}
    module = import_module(f"toolfan.{package}")
    offered = {name for name in dir(module) if name.isidentifier() and name[0] != "_"} - {
        "TYPE_CHECKING",
        "annotations",
        "moved",
    }
    offered -= set(ORDER[package].split())  # those that are loaded
    assert offered == seen - {"TYPE_CHECKING", "annotations", "moved"}
    for name in offered:
        assert getattr(module, name) is not None


def outside(path: Path) -> set[str]:
    found: set[str] = set()
    for node in runtime_imports(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif node.level == 0:
            found.add((node.module or "").split(".")[0])
    return found


def test_core_imports_no_sdk_and_no_plugin() -> None:
    # The command line serves the embedded server, when it is installed.
    forbidden = {
        (shown(path), name)
        for path in CORE.rglob("*.py")
        for name in outside(path)
        if name in SDKS or (name.startswith("toolfan_") and (path.parent.name, name) != ("cli", "toolfan_local"))
    }
    assert forbidden == set()


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_imports_no_sdk(name: str) -> None:
    if name == "toolfan_litellm" and find_spec(name) is None:
        pytest.skip("toolfan-litellm has an environment of its own: its SDK holds openai back")
    code = (
        f"import sys, {name}; {name}.toolfan_adapter(); "
        f"print(*({{m.partition('.')[0] for m in sys.modules}} & {SDKS - {'google'}!r}), "
        "*(m for m in sys.modules if m.startswith(('google.genai', 'google.cloud.aiplatform'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


def test_files_are_short_and_well_named() -> None:
    long = [shown(path) for path in modules() if len(path.read_text(encoding="utf-8").splitlines()) > 300]
    assert long == []
    assert [shown(path) for path in modules() if path.stem in FORBIDDEN] == []


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each function of core and of the plugins, and where it stands."""
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{shown(path)}:{node.lineno} {node.name}", node


def test_functions_are_short_and_take_few_positional_arguments() -> None:
    long, taking_many = [], []
    for place, function in functions():
        if (function.end_lineno or 0) - function.lineno >= 50:
            long.append(place)
        positional = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        if len([name for name in positional if name not in ("self", "cls")]) > 5:
            taking_many.append(place)
    assert (long, taking_many) == ([], [])


def test_no_keyword_arguments_are_swallowed() -> None:
    """`**kwargs` that are never looked at would hide a typo; `**options` and the like are passed on or checked."""
    swallowed = []
    for place, function in functions():
        taken = function.args.kwarg
        if taken is not None:
            overload = any(isinstance(name, ast.Name) and name.id == "overload" for name in function.decorator_list)
            used = any(isinstance(node, ast.Name) and node.id == taken.arg for node in ast.walk(function))
            if taken.arg in ("kwargs", "kw") or not (used or overload or _only_declares(function)):
                swallowed.append(f"{place} **{taken.arg}")
    assert swallowed == []


def _only_declares(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A stub: nothing but a docstring, `...` or `raise`."""
    return all(isinstance(node, ast.Raise | ast.Pass | ast.Expr) for node in function.body)


def test_a_module_says_what_it_is() -> None:
    """A first line, and beside it what the module knows or must not know."""
    silent = []
    for path in modules():
        text = ast.get_docstring(parsed(path)) or ""
        entry = path.name in ("__init__.py", "__main__.py")
        if not text.split("\n")[0].strip() or not (entry or "know" in text.lower()):
            silent.append(shown(path))
    assert silent == []
