"""The plugin of pytest: laws of the conformance suite cannot be skipped, and what is known to be broken is shown.

It is imported at every start of pytest, so it imports nothing itself: a conformance class that is collected has
imported what is needed.

Knows: pytest's hooks.  Must not know: what a law says.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

_REASON = "toolfan_broken_law"
_LEFT_OUT = "toolfan_laws_left_out"
_BEFORE = pytest.StashKey[int]()


def _lawbook() -> Any:
    return sys.modules.get("toolfan.testing.lawbook")


def _is_law(item: Any) -> bool:
    book, cls = _lawbook(), getattr(item, "cls", None)
    if book is None or cls is None or not issubclass(cls, book.Lawful):
        return False
    return getattr(item, "originalname", item.name) in book.laws_of(cls)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Raises UsageError for a class whose laws were changed after it was made; marks the known broken ones."""
    book = _lawbook()
    if book is None:
        return
    run: Counter[type] = Counter()
    for item in items:
        cls: Any = getattr(item, "cls", None)
        if cls is None or not issubclass(cls, book.Lawful):
            continue
        if gone := book.repealed(cls):
            raise pytest.UsageError(f"{cls.__name__}: {', '.join(gone)} was replaced; a law cannot be.")
        if _is_law(item):
            run[cls] += 1
            _mark(item, cls.broken_laws.get(item.name))
    for item in items:
        if _is_law(item):
            cls = getattr(item, "cls", type(None))
            known = len(book.laws_of(cls))
            if known > run[cls]:
                told = f"{cls.__name__}: {known - run[cls]} of {known} laws were not run"
                item.user_properties.append((_LEFT_OUT, told))


def _mark(item: pytest.Item, reason: str | None) -> None:
    if reason is not None:
        item.user_properties.append((_REASON, reason))
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def _held(item: Any) -> int:
    """How often the law was found to hold."""
    return int(_lawbook().held[item.cls, getattr(item, "originalname", item.name)])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remembers what `pytest_runtest_makereport` compares."""
    if _is_law(item):
        item.stash[_BEFORE] = _held(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A law that is skipped, or expected to fail without `broken_laws`, fails; so does one that was not asked."""
    report = yield
    if report.when == "call" and report.passed and _is_law(item) and _held(item) == item.stash.get(_BEFORE, -1):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid}: it is reported as passed, and was not run: a hook or a fixture has put something else in "
            "the place of this law of the conformance suite."
        )
    if report.skipped and _is_law(item) and not any(name == _REASON for name, _ in item.user_properties):
        report.outcome = "failed"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
        report.longrepr = (
            f"{item.nodeid}: a law of the conformance suite cannot be skipped. If it does not hold yet, write "
            f'broken_laws = {{"{item.name}": "the reason"}} into the class.'
        )
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The laws that are known not to hold, with their reasons, and how many were not run: whatever pytest is told."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    told = [(report.nodeid, dict(getattr(report, "user_properties", ()))) for report in reports if _called(report)]
    broken = [f"{where}: {about[_REASON]}" for where, about in told if _REASON in about]
    left = sorted({about[_LEFT_OUT] for _, about in told if _LEFT_OUT in about})
    for title, lines in (("do not hold", broken), ("were left out", left)):
        if lines:
            terminalreporter.section(f"laws of the conformance suite that {title}")
            for line in lines:
                terminalreporter.write_line(line)


def _called(report: Any) -> bool:
    return getattr(report, "when", None) == "call"
