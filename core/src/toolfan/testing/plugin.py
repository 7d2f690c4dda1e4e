"""The plugin of pytest: laws of the conformance suite cannot be skipped, and what is known to be broken is shown.

It is imported at every start of pytest, so it imports nothing itself: a conformance class that is collected has
imported what is needed.

Knows: pytest's hooks.  Must not know: what a law says.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_REASON = "toolfan_broken_law"


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
    for item in items:
        if not _is_law(item):
            continue
        cls: Any = item.cls  # type: ignore[attr-defined]  # a function of a class has one
        if gone := book.repealed(cls):
            raise pytest.UsageError(f"{cls.__name__}: {', '.join(gone)} was replaced; a law cannot be.")
        reason = cls.broken_laws.get(item.name)
        if reason is not None:
            item.user_properties.append((_REASON, reason))
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A law that is skipped, or expected to fail without `broken_laws`, fails."""
    report = yield
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
    """The laws that are known not to hold, with their reasons, whatever options pytest was given."""
    reports: Sequence[Any] = terminalreporter.stats.get("xfailed", ())
    lines = [
        f"{report.nodeid}: {dict(report.user_properties)[_REASON]}"
        for report in reports
        if _REASON in dict(getattr(report, "user_properties", ()))
    ]
    if lines:
        terminalreporter.section("laws of the conformance suite that do not hold")
        for line in lines:
            terminalreporter.write_line(line)
