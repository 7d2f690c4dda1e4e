"""Plugins that share, repeat or fork tests, and pytest's own lists: what they do with laws is no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from acme_samples import AcmeSuite
from suite_runs import run
from toolfan.testing.guarding import laws_of

if TYPE_CHECKING:
    from pathlib import Path

COUNT = len(laws_of(AcmeSuite))
ONE_LAW = "test_the_samples_show_what_the_laws_need"
PARAMETERS = "@pytest.fixture(autouse=True, params=['a::b', '@'])\ndef both(request): ...\n"
SHARES = (
    "def pytest_addoption(parser): parser.addoption('--num-shards', type=int, default=1)\n"
    "def pytest_collection_modifyitems(config, items):\n"
    " if config.option.num_shards > 1: items[:] = [one for one in items if 'rendering_is_kept' not in one.name]\n"
)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_laws_that_another_run_has_are_no_fault(tmp_path: Path, workers: str) -> None:
    """Of several runs that share the tests each is told what it leaves to the others, and passes."""
    (tmp_path / "conftest.py").write_text(SHARES)
    options = "-k", "samples_show or rendering_is_kept", "-n", workers
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", *options, "--num-shards", "2")
    assert "1 left to another run (--num-shards)" in done.stdout, done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("option", ["--fixtures", "--fixtures-per-test"])
def test_nothing_is_left_out_where_nothing_was_to_be_run(tmp_path: Path, option: str) -> None:
    """Pytest collects tests for its lists of fixtures, too."""
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", option)
    assert done.returncode == 0
    assert "laws" not in done.stdout.rpartition("fixture")[2], done.stdout
    assert "left out" not in done.stdout


def test_a_law_at_which_a_worker_crashed_is_not_left_out(tmp_path: Path) -> None:
    """It failed, and is told as that."""
    (tmp_path / "conftest.py").write_text(
        "import os\ndef pytest_runtest_call(item):\n if 'rendering_is_kept' in item.name: os._exit(3)\n"
    )
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", "-k", "samples_show or rendering_is_kept", "-n", "1")
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert f"TestIt: {COUNT - 2} of {COUNT} laws were not run: deselected (-k)" in done.stdout


# Each test in a process of its own, whose reports the first one tells.
FORKED = """\
import json, os
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item):
    hook, (out, into) = item.config.hook, os.pipe()
    if not os.fork():
        told = [hook.pytest_report_to_serializable(config=item.config, report=one)
                for one in runtestprotocol(item, log=False)]
        os.write(into, json.dumps(told).encode())
        os._exit(0)
    os.wait()
    for one in json.loads(os.read(out, 1 << 16)):
        item.ihook.pytest_runtest_logreport(report=hook.pytest_report_from_serializable(config=item.config, data=one))
    return True
"""


def test_laws_that_processes_of_their_own_were_asked_are_not_left_out(tmp_path: Path) -> None:
    """But for those that were skipped there."""
    (tmp_path / "conftest.py").write_text(FORKED)
    options = "-k", "samples_show or rendering_is_kept"
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\n", *options)
    assert "2 passed" in done.stdout, done.stdout
    assert f"TestIt: {COUNT - 2} of {COUNT} laws were not run: deselected (-k)" in done.stdout
    assert done.returncode == 0
    assert run(tmp_path, "@pytest.mark.skip\nclass TestIt(AcmeSuite): ...\n", *options).returncode == 1


def test_what_is_known_to_be_broken_is_so_with_every_parameter(tmp_path: Path) -> None:
    """Plugins that repeat tests give each of them one."""
    (tmp_path / "conftest.py").write_text(f"import pytest\n{PARAMETERS}")
    source = f"class TestIt(AcmeSuite):\n    errors = ()\n    broken_laws = {{{ONE_LAW!r}: 'none yet'}}\n"
    done = run(tmp_path, source, "-k", "samples_show")
    assert "2 xfailed" in done.stdout, done.stdout
    assert done.returncode == 0
