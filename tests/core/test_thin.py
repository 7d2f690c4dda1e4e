"""The `--thin` of the tests themselves: no test is left out, of long tables only a part is run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_alone(): ...

@pytest.mark.parametrize("n", range(3))
def test_short_table(n): ...

@pytest.mark.parametrize("n", range(41))
def test_long_table(n): ...
"""


@pytest.mark.slow
@pytest.mark.parametrize(("options", "long"), [([], 41), (["--thin", "1"], 41), (["--thin", "10"], 5)])
def test_every_test_runs_with_each_so_many_th_of_a_long_table(
    pytester: pytest.Pytester, options: list[str], long: int
) -> None:
    own = Path(__file__).parents[1] / "conftest.py"
    pytester.makeconftest(own.read_text(encoding="utf-8"))
    beside = own.with_name("without_proxies.py").read_text(encoding="utf-8")
    pytester.makepyfile(TESTS, without_proxies=beside)
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
    done.assert_outcomes(passed=1 + 3 + long, deselected=41 - long)
