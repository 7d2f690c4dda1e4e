"""The plugin of pytest: laws of the conformance suite cannot be skipped, and what is known to be broken is shown.

It is imported at every start of pytest, so it imports next to nothing itself: a conformance class that is collected
has imported what is needed.

Knows: pytest's hooks.  Must not know: what a law says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .left_out import FAILED, LAW, LeftOut, module

if TYPE_CHECKING:
    from collections.abc import Generator

_REASON = "toolfan_broken_law"
_UNASKED = "toolfan_law_not_asked"
_left_out = pytest.StashKey[LeftOut]()
_running: dict[str, pytest.Item] = {}
"""The laws that are run now, by the node id that their reports bear."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[_left_out] = LeftOut(config)
    config.pluginmanager.register(config.stash[_left_out], "toolfan_laws_left_out")


def _is_law(item: Any) -> bool:
    book, cls = module("lawbook"), getattr(item, "cls", None)
    if book is None or cls is None or not issubclass(cls, book.Lawful):
        return False
    return _name(item) in book.laws_of(cls)


def _name(item: Any) -> str:
    return str(getattr(item, "originalname", item.name))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Raises UsageError for a class that cannot be asked, or was changed after it was made; marks known broken laws."""
    if module("lawbook") is None:
        return
    for cls, _ in config.stash[_left_out].to_be_run():
        _check(cls)
    for item in items:
        if _is_law(item):
            broken: Any = getattr(item, "cls", None)
            _mark(item, broken.broken_laws.get(_name(item)))


def _check(cls: type) -> None:
    subject, attributes = module("subject"), module("attributes")
    try:
        module("guarding").check(cls)
        if subject is not None and issubclass(cls, subject.Subject):
            attributes.check_attributes(cls)
            attributes.check_complete(cls)
    except TypeError as exc:
        raise pytest.UsageError(str(exc)) from None


def _mark(item: pytest.Item, reason: str | None) -> None:
    if reason is not None:
        item.user_properties.append((_REASON, reason))
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """From now on a law is asked: what was found before counts no more."""
    if _is_law(item):
        _running[item.nodeid] = item
        for found in (module("lawbook").verdicts, module("lawbook").unasked):
            found.pop((getattr(item, "cls", None), _name(item)), None)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A law that says that it cannot be asked here is skipped, and shown with its reason."""
    try:
        return (yield)
    except Exception:
        if _is_law(pyfuncitem) and (why := _unasked(pyfuncitem)) is not None:
            pytest.skip(why)
        raise


def _unasked(item: Any) -> str | None:
    why: str | None = module("lawbook").unasked.get((item.cls, _name(item)))
    return why


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A law that was asked here says so in its report, which may be told by another process (that of `--forked`)."""
    report = yield
    key = getattr(item, "cls", None), _name(item)
    if item.nodeid in _running and (key in module("lawbook").verdicts or key in module("lawbook").unasked):
        vars(report)[LAW] = True
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> Generator[None]:
    """What is told of a law is what was found: here every hook that makes or changes a report has had its say.

    A law that is skipped, or expected to fail without `broken_laws`, fails; so does one that is told to have passed
    although it was not asked, or did not hold.
    """
    item = _running.get(report.nodeid)
    said: Any = None if item is None else _denied(report, item)
    if said is not None or (item is not None and report.failed):
        report.user_properties.append((FAILED, said or report.longreprtext))
    if said is None and item is not None and report.skipped and (why := _unasked(item)) is not None:
        report.user_properties.append((_UNASKED, why))
    if item is not None:
        vars(report)[LAW] = True
    said = dict(report.user_properties).get(FAILED)  # also where another process has found it
    if said is not None and not report.failed:
        report.outcome, report.longrepr = "failed", f"{report.nodeid}: {said}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    if report.when == "teardown":
        _running.pop(report.nodeid, None)
    return (yield)


def _denied(report: pytest.TestReport, item: Any) -> str | None:
    """Why the report cannot be true; None if it can."""
    verdict = module("lawbook").verdicts.get((item.cls, _name(item)))
    if report.when == "call" and report.passed and verdict != "":
        if verdict is None:
            return (
                "it is reported as passed, and was not run: a hook or a fixture has put something else in the place of "
                "this law of the conformance suite."
            )
        return f"it is reported as passed, and does not hold: a hook has changed the report.\n{verdict}"
    if report.skipped and _unasked(item) is None and not any(name == _REASON for name, _ in item.user_properties):
        return (
            "a law of the conformance suite cannot be skipped. If it does not hold yet, write "
            f'broken_laws = {{"{_name(item)}": "the reason"}} into the class.'
        )
    return None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The laws that are known not to hold, with their reasons, and how many were not run: whatever pytest is told.

    So are those that failed, and are not among what pytest shows as failed.
    """
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    told = [(report.nodeid, dict(getattr(report, "user_properties", ()))) for report in reports if _called(report)]
    broken = [f"{where}: {about[_REASON]}" for where, about in told if _REASON in about]
    unasked = [f"{where}: {about[_UNASKED]}" for where, about in told if _UNASKED in about]
    config = terminalreporter.config
    found = config.stash[_left_out]
    left = [] if config.option.collectonly else [*found.lines()]
    shown = {report.nodeid for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, ())}
    hidden = [f"{where}: {said}" for where, said in found.failed.items() if where not in shown]
    sections = {
        "do not hold": broken,
        "were not asked": unasked,
        "were left out": left,
        "failed, though a hook told something else": hidden,
    }
    for title, lines in sections.items():
        if lines:
            terminalreporter.section(f"laws of the conformance suite that {title}")
            for line in lines:
                terminalreporter.write_line(line)


def _called(report: Any) -> bool:
    return getattr(report, "when", None) == "call"
