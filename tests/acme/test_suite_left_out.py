"""No law of the conformance suite is left out in silence, whatever pytest is told to collect."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from acme_samples import AcmeSuite
from suite_runs import MODULE, run
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
LEFT_OUT = "the run has failed: laws of the conformance suite were left out, though nobody asked pytest for that"
FAILED = "the run has failed: laws of the conformance suite failed"
ONE_LAW = "test_the_samples_show_what_the_laws_need"


def test_laws_that_were_not_run_are_counted(tmp_path: Path) -> None:
    """-k leaves them out, and it is told; a hook of a conftest.py that does so by itself fails the run."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items): items[:] = [i for i in items if 'rendering_is_kept' not in i.name]\n"
    )
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", "-k", "samples_show or rendering_is_kept")
    assert done.returncode == 1
    [told] = re.findall(f"TestIt: {COUNT - 1} of {COUNT} laws were not run: (.*)", done.stdout)
    assert {*told.split(", ")} == {f"{COUNT - 2} deselected (-k)", "1 dropped by a hook (test_rendering_is_kept)"}
    assert LEFT_OUT in done.stdout


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
    assert "dropped by a hook" in done.stdout
    assert LEFT_OUT in done.stdout
    assert done.returncode == 1


PASSED = "pytest.TestReport(item.nodeid, item.location, {}, 'passed', None, 'call')"


@pytest.mark.parametrize(
    "hook",
    [
        # Something else with the name of the law, and a report without the law.
        "class Other(pytest.Item):\n def runtest(self): ...\n"
        "def pytest_pycollect_makeitem(collector, name):\n"
        " return Other.from_parent(collector, name=name) if 'is_kept' in name else None\n",
        "def pytest_runtest_protocol(item):\n if 'is_kept' not in item.name: return\n"
        f" item.ihook.pytest_runtest_logreport(report={PASSED})\n return True\n",
    ],
)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_what_bears_the_name_of_a_law_is_not_the_law(tmp_path: Path, hook: str, workers: str) -> None:
    """Only what the plugin saw begin counts as run."""
    (tmp_path / "conftest.py").write_text(f"import pytest\n{hook}")
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", "-k", "samples_show or rendering_is_kept", "-n", workers)
    assert "2 passed" in done.stdout, done.stdout
    assert "1 dropped by a hook (test_rendering_is_kept)" in done.stdout
    assert done.returncode == 1


ZERO = "session.exitstatus = 0\n"


@pytest.mark.parametrize(
    "hook",
    [
        f"@pytest.hookimpl(trylast=True)\ndef pytest_sessionfinish(session): {ZERO}",
        f"@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n yield\n {ZERO}",
        "@pytest.hookimpl(wrapper=True)\ndef pytest_runtestloop(session):\n"
        " yield\n session.testsfailed = 0\n return True\n",
        f"def pytest_sessionstart(session): pytest.session = session\ndef pytest_unconfigure(): pytest.{ZERO}",
    ],
)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_the_exit_status_of_a_law_that_failed_is_not_0(tmp_path: Path, hook: str, workers: str) -> None:
    """Whatever a hook says last."""
    (tmp_path / "conftest.py").write_text(f"import pytest\n{hook}")
    done = run(tmp_path, "class TestIt(AcmeSuite):\n    errors = ()\n", "-k", "samples_show", "-n", workers)
    assert done.returncode == 1
    assert FAILED in done.stdout


def test_the_exit_status_of_others_is_theirs(tmp_path: Path) -> None:
    """A hook may say what it likes of tests that are no laws."""
    (tmp_path / "conftest.py").write_text(f"def pytest_sessionfinish(session): {ZERO}")
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\ndef test_other(): assert False\n", "-k", "test_other")
    assert done.returncode == 0
    assert "1 failed" in done.stdout


def test_a_plugin_that_is_taken_out_is_told_of(tmp_path: Path) -> None:
    """Nothing would see then that laws are skipped."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_configure(config): config.pluginmanager.unregister(config.pluginmanager.get_plugin('toolfan'))\n"
    )
    done = run(tmp_path, "import pytest\n@pytest.mark.skip\nclass TestIt(AcmeSuite): ...\n")
    assert done.returncode == 1
    assert "the plugin of the conformance suite was taken out, so skipped laws go unseen" in done.stdout


@pytest.mark.parametrize(
    ("options", "status", "cause"),
    [
        (("-k", "test_other"), 0, "deselected (-k)"),
        (("-k", "test_other", "-n", "1"), 0, "deselected (-k)"),
        (("-m", "no_such_mark"), 5, "deselected (-m)"),
        (("--deselect", "test_it.py::TestIt"), 0, "deselected (--deselect)"),
        (("test_that.py::test_other",), 0, "not among the tests that are named"),
        ((f"test_that.py::TestThat::{ONE_LAW}",), 0, "not among the tests that are named"),
        (("--setup-only",), 0, "only set up"),
        (("-o", "python_functions=it_*"), 0, "not collected (python_classes and python_functions"),
        (("-o", "python_classes=Check*"), 0, "not collected (python_classes and python_functions"),
    ],
)
def test_the_cause_is_told(tmp_path: Path, options: tuple[str, ...], status: int, cause: str) -> None:
    """What a user asks for is no fault."""
    (tmp_path / "test_that.py").write_text(f"{MODULE}{OTHERS.replace('TestIt', 'TestThat')}")
    done = run(tmp_path, OTHERS, *options)
    name = "TestThat" if "test_that" in options[0] else "TestIt"
    assert re.search(f"{name}: .* of {COUNT} laws .*: {re.escape(cause)}", done.stdout), done.stdout
    assert done.returncode == status
    assert "the run has failed" not in done.stdout


def test_a_run_that_is_stopped_says_so(tmp_path: Path) -> None:
    """With workers, too."""
    for workers in "01":
        done = run(tmp_path, "class TestIt(AcmeSuite):\n    samples = ()\n", "-x", "-n", workers)
        assert done.returncode in (1, 2)
        assert "left when the run was stopped" in done.stdout
        assert "dropped" not in done.stdout


@pytest.mark.parametrize(
    "source",
    ["pytest.skip('later', allow_module_level=True)\n", "pytest.importorskip('no_such_module')\n"],
)
def test_a_class_whose_module_is_skipped_fails_the_run(tmp_path: Path, source: str) -> None:
    """Once it was made."""
    (tmp_path / "test_beside.py").write_text("def test_it(): ...\n")
    done = run(tmp_path, f"class TestIt(AcmeSuite): ...\n{source}", "test_beside.py")
    assert done.returncode == 1
    assert f"{NONE}: skipped with the module" in done.stdout


def test_a_class_that_a_hook_drops_fails_the_run(tmp_path: Path) -> None:
    """With all of its laws."""
    (tmp_path / "conftest.py").write_text(
        "def pytest_pycollect_makeitem(name): return [] if name == 'TestIt' else None\n"
    )
    done = run(tmp_path, OTHERS)
    assert done.returncode == 1
    assert f"{NONE}: dropped by a hook" in done.stdout


def test_failures_alone_can_be_run_again(tmp_path: Path) -> None:
    """--lf looks through no module that had none."""
    (tmp_path / "test_beside.py").write_text("def test_it(): assert False\n")
    source = "class TestIt(AcmeSuite): ...\n"
    cached = ("-p", "cacheprovider", "test_beside.py")
    assert run(tmp_path, source, *cached, "-k", "samples_show or test_it").returncode == 1
    (tmp_path / "test_beside.py").write_text("def test_it(): ...\n")
    done = run(tmp_path, source, *cached, "--lf")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


GROUP = "def pytest_itemcollected(item): item.add_marker(pytest.mark.xdist_group('group'))\n"
PARAMETERS = "@pytest.fixture(autouse=True, params=['a::b', '@'])\ndef both(request): ...\n"
NESTED = "pytest_plugins = ['pytester']\n"
INNER = "def test_inner(pytester):\n pytester.makepyfile('def test_it(): ...')\n pytester.runpytest_inprocess()\n"


@pytest.mark.parametrize(
    ("conftest", "options", "count"),
    [
        (PARAMETERS, (), 4),
        (PARAMETERS, ("-n", "1"), 4),
        (GROUP, ("-n", "1", "--dist", "loadgroup"), 2),
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
