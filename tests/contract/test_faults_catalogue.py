"""The catalogue of faults is covered: every line of it by a test here, or by one that is named here with the reason.

The lines on Google's services (section 6) have tests of their own.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest
from shared_data import ROOT, shared_path
from toolfan_local.faults import CATALOGUE

sys.path.insert(0, str(Path(__file__).resolve().parent))

MODULES = {
    "1": ["test_faults_transport"],
    "2": ["test_faults_status"],
    "3": ["test_faults_streamed"],
    "4.1": ["test_faults_arguments"],
    "4.2": ["test_faults_names"],
    "4.3": ["test_faults_shapes"],
    "5": ["test_faults_reasking"],
    "7": ["test_faults_process"],
    "8": [],
    "9": ["test_faults_configuration"],
}
PLUGINS, REGISTRY = "tests/packaging/test_plugins.py", "tests/core/test_registry.py"
BROKEN = f"{REGISTRY}::test_a_broken_plugin_is_told_with_its_distribution_and_cause"
ELSEWHERE: dict[str, dict[str, tuple[str, list[str]]]] = {
    "8": {
        "one plugin raises ImportError": (
            "needs distributions that are installed",
            [
                f"{PLUGINS}::test_a_sound_plugin_loads_beside_broken_ones",
                f"{PLUGINS}::test_each_fault_is_an_error_of_its_own",
                BROKEN,
            ],
        ),
        "two distributions, one name": (
            "needs distributions that are installed",
            [
                f"{PLUGINS}::test_the_command_of_a_conflict_mends_it",
                f"{REGISTRY}::test_two_distributions_with_one_name_are_a_conflict",
                f"{REGISTRY}::test_two_distributions_that_serve_one_sdk_are_a_conflict",
            ],
        ),
        "misspelt or unknown hook": ("needs a plugin of its own", [BROKEN]),
        "hook signature mismatch": (
            "needs a plugin of its own",
            [f"{PLUGINS}::test_each_fault_is_an_error_of_its_own", BROKEN],
        ),
        "one plugin raises in a hook": (
            "needs several plugins",
            [f"{REGISTRY}::test_loading_imports_that_plugin_alone", BROKEN],
        ),
        "`firstresult` hook": (
            "needs several plugins: the adapter is chosen by its name, never by who answers first",
            [f"{REGISTRY}::test_loading_imports_that_plugin_alone", BROKEN],
        ),
        "wrong contract version": (
            "needs a plugin of its own",
            [
                f"{PLUGINS}::test_each_fault_is_an_error_of_its_own",
                f"{REGISTRY}::test_another_protocol_version_names_both_and_who_must_upgrade",
            ],
        ),
        "provider not installed / unknown": (
            "needs environments without the provider",
            [
                f"{PLUGINS}::test_each_fault_is_an_error_of_its_own",
                f"{REGISTRY}::test_a_known_adapter_that_is_missing_says_how_to_install_it",
                f"{REGISTRY}::test_an_unknown_adapter_lists_what_is_installed_and_the_nearest_name",
            ],
        ),
    },
    "7": {
        "`kill -9` with a journal, torn last line": ("toolfan keeps no journal: it has no runs of many rows", []),
        "disk full": ("toolfan writes no file", []),
        "worker killed in a cluster": ("toolfan distributes no rows; a client cannot be pickled, and says so", []),
    },
}


def played(section: str) -> set[str]:
    """The titles of the lines that the modules of this section play."""
    return {row for name in MODULES[section] for row in importlib.import_module(name).ROWS}


def lines(section: str) -> list[str]:
    """The titles of the lines of this section of the catalogue."""
    text = shared_path("facts/faults.md").read_text(encoding="utf-8")
    found = re.search(rf"^##+ {re.escape(section)}\.? .*?$(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, section
    rows = [line.split(" | ")[0].removeprefix("| ").strip() for line in found[1].splitlines() if line.startswith("| ")]
    assert rows[0] == "fault"
    return rows[1:]


@pytest.mark.parametrize("section", MODULES)
def test_every_line_of_the_catalogue_is_tested(section: str) -> None:
    """And no test claims a line that is not there."""
    elsewhere = ELSEWHERE.get(section, {}).keys()
    assert played(section) | elsewhere == set(lines(section))
    assert not played(section) & elsewhere


def test_the_tests_that_are_named_here_exist() -> None:
    for row, (reason, names) in ((row, why) for rows in ELSEWHERE.values() for row, why in rows.items()):
        assert reason, row
        assert [name for name in names if not exists(name)] == [], row


def test_the_tests_that_the_documents_name_exist() -> None:
    page = (ROOT / "docs/explanation/reliability.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[^`]*)`", page)
    assert len(named) > 15
    assert [name for name in named if not exists(name)] == []


def exists(name: str) -> bool:
    """Whether there is a test of this name, as pytest writes it."""
    file, _, function = name.partition("::")
    path = ROOT / file
    return (
        path.exists() and re.search(rf"^(async )?def {function}\(", path.read_text("utf-8"), re.MULTILINE) is not None
    )


def test_every_fault_of_the_server_is_played() -> None:
    """Those in OpenAI's dialect: a fault that nobody asks for proves nothing."""
    names = {name for module in MODULES.values() for name in module}
    asked = {name.removesuffix("-once") for module in names for name in faults_of(module)}
    known = [one for one in CATALOGUE.values() if one.section in MODULES and "openai" in one.dialects]
    assert len(known) > 100
    assert [one.name for one in known if one.name not in asked] == []


def faults_of(module: str) -> set[str]:
    """The faults in the tables of a module, and the texts that it asks with."""
    found = importlib.import_module(module)
    tables = [value for value in vars(found).values() if isinstance(value, list)]
    cases = {case.fault for table in tables for case in table if hasattr(case, "fault")}
    source = (Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8")
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    return cases | {text for text in texts if isinstance(text, str)}
