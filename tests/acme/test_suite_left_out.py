"""No law of the conformance suite is left out in silence, whatever pytest is told to collect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acme_samples import AcmeSuite
from suite_runs import run
from toolfan.testing.guarding import laws_of

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = (
    "class TestIt(AcmeSuite): ...\n"
    "def test_other(): ...\n"
    "def it_is_another(): ...\n"
    "class CheckIt:\n def test_it(self): ...\n"
)
COUNT = len(laws_of(AcmeSuite))
NONE = f"TestIt: none of {COUNT} laws was run"


def test_laws_that_were_not_run_are_counted(tmp_path: Path) -> None:
    """A hook of a conftest.py, or -k, that leaves some out does not do it unseen."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items): items[:] = [i for i in items if 'kept' not in i.name]\n"
    )
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", "-k", "samples_show or rendering_is_kept")
    assert done.returncode == 0
    count = len(laws_of(AcmeSuite))
    assert f"TestIt: {count - 1} of {count} laws were not run" in done.stdout


REMOVED = "session.items[:] = [one for one in session.items if 'kept' not in one.name]\n"


LAST = "@pytest.hookimpl(trylast=True)\ndef pytest_collection_modifyitems(session): " + REMOVED


@pytest.mark.parametrize(
    ("hook", "options"),
    [
        (LAST, ()),
        (LAST, ("-n", "1")),
        ("@pytest.hookimpl(wrapper=True)\ndef pytest_collection_modifyitems(session):\n yield\n " + REMOVED, ()),
        ("def pytest_collection_finish(session): " + REMOVED, ()),
        ("def pytest_runtest_protocol(item): return True if 'kept' in item.name else None\n", ()),
        ("def pytest_pycollect_makeitem(name): return [] if 'kept' in name else None\n", ()),
    ],
)
def test_hooks_that_have_the_last_word_leave_none_out_unseen(
    tmp_path: Path, hook: str, options: tuple[str, ...]
) -> None:
    """What counts is what was run in the end, whoever dropped the others, and in whichever process."""
    (tmp_path / "conftest.py").write_text(f"import pytest\n{hook}")
    source = "class TestIt(AcmeSuite):\n def test_of_ours(self): ...\n"
    done = run(tmp_path, source, "-k", "samples_show or rendering_is_kept or of_ours", *options)
    assert "2 passed" in done.stdout, done.stdout
    assert f"TestIt: {COUNT - 1} of {COUNT} laws were not run" in done.stdout


PARAMETERS = "@pytest.fixture(autouse=True, params=['a::b', '@'])\ndef both(request): ...\n"
NESTED = "pytest_plugins = ['pytester']\n"
INNER = "def test_inner(pytester):\n pytester.makepyfile('def test_it(): ...')\n pytester.runpytest_inprocess()\n"


@pytest.mark.parametrize(
    ("conftest", "options", "count"),
    [
        (PARAMETERS, (), 4),
        (PARAMETERS, ("-n", "1"), 4),
        (NESTED, (), 3),
    ],
)
def test_laws_that_were_run_are_not_told_to_be_left_out(
    tmp_path: Path, conftest: str, options: tuple[str, ...], count: int
) -> None:
    """Whatever pytest writes after their names, and also if another session is run inside of this one."""
    (tmp_path / "conftest.py").write_text(f"import pytest\n{conftest}")
    source = f"class TestIt(AcmeSuite): ...\n{INNER if conftest == NESTED else ''}"
    done = run(tmp_path, source, "-k", "samples_show or rendering_is_kept or inner", *options)
    assert f"{count} passed" in done.stdout, done.stdout
    assert f"TestIt: {COUNT - 2} of {COUNT} laws were not run" in done.stdout


def test_classes_that_tests_make_are_not_left_out(tmp_path: Path) -> None:
    """They are none of those that pytest was to run."""
    source = "class TestIt(AcmeSuite):\n def test_of_ours(self):\n  class TestMade(AcmeSuite): ...\n"
    assert "TestMade" not in run(tmp_path, source, "-k", "of_ours").stdout


@pytest.mark.parametrize(
    "options",
    [
        ("-o", "python_functions=it_*"),
        ("-o", "python_classes=Check*"),
        ("-o", "python_classes=Check*", "-n", "1"),
        ("-k", "test_other"),
        ("-k", "nothing_at_all"),
    ],
)
def test_a_class_of_which_no_law_is_run_is_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Also where pytest does not take it for tests, and where workers collect."""
    done = run(tmp_path, OTHERS, *options)
    assert NONE in done.stdout
    assert "laws of the conformance suite that were left out" in done.stdout


@pytest.mark.parametrize("hidden", ["del TestIt", "TestIt = None", "class Outer:\n class TestIn(AcmeSuite): ..."])
def test_so_is_one_that_pytest_cannot_see(tmp_path: Path, hidden: str) -> None:
    """Because its name is gone, or it is inside of a class that is no test."""
    done = run(tmp_path, f"{OTHERS}\n{hidden}\n", "-o", "python_functions=test_other")
    assert NONE in done.stdout
    assert ("TestIn: none of" in done.stdout) == ("TestIn" in hidden)


@pytest.mark.parametrize(("options", "told"), [(("-p", "no:toolfan"), True), ((), False)])
def test_a_run_without_the_plugin_is_told_of(tmp_path: Path, options: tuple[str, ...], told: bool) -> None:
    """Nothing would see there that laws are skipped; and how to have it."""
    done = run(tmp_path, "@pytest.mark.skip\nclass TestIt(AcmeSuite): ...\n", *options)
    assert ("skipped laws go unseen: add -p toolfan.testing.plugin" in done.stdout) == told
    assert (done.returncode == 0) == told


def test_a_class_that_others_derive_from_need_not_be_run(tmp_path: Path) -> None:
    """If one of them is; nor one without an adapter."""
    source = "from toolfan.testing import AdapterConformance\nclass Bare(AdapterConformance): ...\n"
    source += "class Ours(AcmeSuite): ...\nclass TestIt(Ours): ...\n"
    done = run(tmp_path, source, "-k", "it_is_an_adapter")
    assert "1 passed" in done.stdout
    assert f"TestIt: {COUNT - 1} of {COUNT} laws were not run" in done.stdout
    assert "none of" not in done.stdout


def test_a_law_that_failed_is_named_whatever_the_last_hook_says(tmp_path: Path) -> None:
    """A hook after ours makes pytest count it as passed."""
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtest_logreport(report): report.outcome = 'passed'\n"
    )
    done = run(tmp_path, "class TestIt(AcmeSuite):\n    errors = ()\n", "-k", "samples_show or rendering_is_kept")
    assert done.returncode == 1
    assert "2 passed" in done.stdout
    title = "laws of the conformance suite that failed, though a hook told something else"
    assert title in done.stdout
    told = done.stdout[done.stdout.index(title) :]
    assert "TestIt::test_the_samples_show_what_the_laws_need: " in told
    assert "there is no sample of an error" in told
    assert "rendering_is_kept:" not in told
