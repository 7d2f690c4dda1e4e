"""The public names of `toolfan`: which they are, that checkers and the runtime see the same, and that they cost nothing
until they are used."""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import toolfan

_PUBLIC = """
    ADAPTER_API AdapterBroken AdapterConflict AdapterInfo AdapterNotFound AdapterNotInstalled AdapterTooNew Answer
    AsyncCallStream AsyncClient AsyncTransport AuthenticationError BadCall BadResponse BoundCall Call CallError
    CallStream Calls Capabilities Client ConfigError ConnectionFailed ContentFiltered DeadlineExceeded
    IncompleteStream InvalidArguments InvalidCalls JSON MalformedArguments Message Mode Outcome ParallelToolsAdapter
    PermissionDenied ProviderError QuotaExhausted RateLimited RawCall Refused RequestRejected Result Round Run
    RunRound StopReason StreamParser TextDelta TooManyCalls Tool ToolChoice ToolDefinitionError ToolRequest ToolSet
    ToolfanError Transport TruncatedCall Turn Unavailable UnknownTool Unsupported Usage UsageError WireRequest
    WireResponse __version__ connect connect_async execute execute_async from_openai from_vertexai hookimpl
    installed_adapters load_adapter observe tool unobserve wrap wrap_async
"""
PUBLIC = _PUBLIC.split()

HEAVY = ("pydantic", "openai", "tenacity", "anyio", "pluggy", "pydantic_settings", "typing_extensions", "asyncio")


def imported_for_checkers() -> dict[str, str]:
    """Name to module, of the imports in the `if TYPE_CHECKING:` block of `toolfan/__init__.py`."""
    tree = ast.parse(Path(toolfan.__file__).read_text(encoding="utf-8"))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: node.module or "" for node in imports for alias in node.names}


def home_of() -> dict[str, str]:
    """Name to module, as they are found when they are asked for."""
    return {name: module for module, names in toolfan._HOMES.items() for name in names.split()}


def test_the_public_names() -> None:
    assert sorted(toolfan.__all__) == sorted(PUBLIC)


def test_all_is_a_literal_that_checkers_can_read() -> None:
    tree = ast.parse(Path(toolfan.__file__).read_text(encoding="utf-8"))
    assigned = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert ast.literal_eval(assigned["__all__"]) == toolfan.__all__


def test_checkers_and_the_runtime_find_the_same_names_in_the_same_modules() -> None:
    assert imported_for_checkers() == home_of()
    assert {*imported_for_checkers(), "__version__"} == {*toolfan.__all__}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_importable_and_comes_from_its_home(name: str) -> None:
    value = getattr(toolfan, name)
    if name != "__version__":
        assert value is getattr(importlib.import_module(f"toolfan.{home_of()[name]}"), name)
    assert name in dir(toolfan)


def test_a_name_that_is_not_public_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match=r"module 'toolfan' has no attribute 'Wether'"):
        toolfan.Wether  # type: ignore[attr-defined]
    assert not hasattr(toolfan, "_nothing")
    with pytest.raises(AttributeError, match=r"'from_genai'\. wrap\(\) and wrap_async\(\) take"):
        toolfan.from_genai  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("from_provider", 'Write connect("openai:gpt-4o-mini")'),
        ("InstructorRetryException", "Here it is InvalidCalls, or a ProviderError"),
        ("Partial", "stream() gives each call as soon as it is whole"),
        ("Maybe", "Offer the model itself"),
        ("patch", "wrap() and wrap_async() take the clients"),
    ],
)
def test_a_name_of_instructor_is_refused_with_what_stands_in_its_place(name: str, said: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(f"module 'toolfan' has no attribute '{name}'. {said}")):
        getattr(toolfan, name)
    assert not hasattr(toolfan, name)


MOVED = {
    "adapter": {"protocols": "AsyncTransport ParallelToolsAdapter StreamParser Transport"},
    "calls": {"tools.bound_calls": "BoundCall picklable unpickled"},
    "errors": {"error_details": "ErrorDetails"},
    "registry": {"registry.listing": "AdapterInfo installed_adapters"},
    "schema": {"schema.strict": "to_strict"},
}


@pytest.mark.parametrize("old", MOVED)
def test_a_module_answers_for_what_is_at_home_elsewhere(old: str) -> None:
    module = importlib.import_module(f"toolfan.{old}")
    for home, names in MOVED[old].items():
        for name in names.split():
            assert getattr(module, name) is getattr(importlib.import_module(f"toolfan.{home}"), name)
            assert name in dir(module)
    assert "__name__" in dir(module)
    with pytest.raises(AttributeError, match=f"module 'toolfan.{old}' has no attribute 'Wether'"):
        module.Wether


def test_what_moved_loads_for_whoever_asks() -> None:
    homes = {f"toolfan.{home}" for homes in MOVED.values() for home in homes}
    modules = ", ".join(f"toolfan.{old}" for old in MOVED)
    assert homes & set(fresh(f"import sys, {modules}; print(*sys.modules)").split()) == set()


@pytest.mark.parametrize(
    ("pickled", "value"),
    [
        (b"ctoolfan.client\nMode\n(Vparallel_tool_call\ntR.", toolfan.Mode.PARALLEL_TOOLS),
        (b"ctoolfan.registry\nAdapterInfo\n.", toolfan.AdapterInfo),
        (b"ctoolfan.results\nCalls\n.", toolfan.Calls),
    ],
)
def test_a_pickle_that_names_the_package_loads(pickled: bytes, value: object) -> None:
    assert pickle.loads(pickled) == value


WALK = """
import sys
import toolfan, toolfan.testing, toolfan.testing.plugin

def hello() -> int:
    return 1

if asked:
    toolfan.connect("local").create(messages=[{"role": "user", "content": "Hello?"}], tools=(hello,))
before = {name for name in sys.modules if name.startswith("toolfan")}
__name__ = "freezegun.api"  # which takes them so
for name in before:
    for attribute in dir(sys.modules[name]):
        getattr(sys.modules[name], attribute, None)
print(*{name for name in sys.modules if name.startswith("toolfan")} - before)
"""


@pytest.mark.parametrize("asked", [False, True])
def test_the_walk_of_freezegun_through_all_modules_loads_none(asked: bool) -> None:
    """freezegun takes each attribute of each module, its clock standing; pytest loads the plugin in every project."""
    assert fresh(f"asked = {asked}\n{WALK}").split() == []


@pytest.mark.parametrize(("package", "name"), [("toolfan", "connect"), ("toolfan.testing", "scripted")])
def test_a_mock_of_a_package_has_what_it_offers(package: str, name: str) -> None:
    code = f"from unittest import mock; import {package} as it; made = mock.Mock(spec=it); "
    assert fresh(f"{code}print(callable(made.{name}), hasattr(made, 'nothing_like_it'))").split() == ["True", "False"]


@pytest.mark.parametrize(("package", "name"), [("toolfan", "connect"), ("toolfan.http", "PostSender")])
def test_the_documentation_of_a_package_tells_of_what_it_offers(package: str, name: str) -> None:
    code = f"import pydoc, {package} as it; print(pydoc.plain(pydoc.render_doc(it)))"
    assert f"    {name}(" in fresh(code) or f"    class {name}(" in fresh(code)


def test_everything_of_a_package_is_what_it_offers() -> None:
    code = "before = {*dir(), 'before'}\nfrom toolfan.tools import *\nprint(*sorted({*dir()} - before))"
    assert fresh(code).split() == ["BoundCall", "NameMap", "Tool", "ToolSet", "tool"]


@pytest.mark.parametrize("name", ["AsyncTransport", "ParallelToolsAdapter", "StreamParser", "Transport"])
def test_the_hints_of_a_protocols_methods_can_be_read(name: str) -> None:
    named = vars(getattr(toolfan, name)).items()
    methods = [it for key, it in named if inspect.isfunction(it) and not key.startswith("_")]
    assert methods
    assert all(typing.get_type_hints(method) for method in methods)
    told = toolfan.StreamParser.close, toolfan.ParallelToolsAdapter.build_request
    assert [typing.get_type_hints(method)["return"] for method in told] == [toolfan.Turn, toolfan.WireRequest]


@pytest.mark.parametrize(
    "name", ["AsyncCallStream", "BoundCall", "Call", "CallStream", "Calls", "Outcome", "Result", "Tool", "ToolSet"]
)
def test_what_is_generic_takes_a_type_at_run_time(name: str) -> None:
    generic = getattr(toolfan, name)

    def function(given: generic[int]) -> list[generic[str]]: ...  # type: ignore[valid-type]

    assert generic[int] in (typing.get_type_hints(function, localns={"generic": generic})["given"],)
    assert "int" in str(generic[int])


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_importing_toolfan_imports_nothing_heavy() -> None:
    before = "import sys; before = set(sys.modules); "
    after = "new = sorted({name.split('.')[0] for name in set(sys.modules) - before}); print(*new)"
    new = set(fresh(f"{before}import toolfan; {after}").split())
    assert new & set(HEAVY) == set()
    assert "toolfan" in new


def test_errors_are_importable_without_anything_heavy() -> None:
    loaded = fresh("import toolfan, sys; toolfan.RateLimited; toolfan.InvalidCalls; print(*sys.modules)").split()
    assert {"pydantic", "openai", "tenacity", "anyio", "pluggy"} & set(loaded) == set()


def test_star_import_gives_the_public_names() -> None:
    found = fresh("from toolfan import *; print(*(name for name in dir() if name != '__builtins__'))").split()
    assert set(PUBLIC) <= set(found)
