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
    from collections.abc import Generator, Iterator

_REASON = "toolfan_broken_law"
_LEFT_OUT = "toolfan_laws_left_out"
_UNASKED = "toolfan_law_not_asked"
_FAILED = "toolfan_law_failed"
_known = pytest.StashKey[list[tuple[str, tuple[str, ...], tuple[str, ...]]]]()
_modules = pytest.StashKey[set[str]]()
_classes = pytest.StashKey[dict[str, type]]()
_running: dict[str, pytest.Item] = {}
"""The laws that are run now, by the node id that their reports bear."""
_failed: dict[str, str] = {}
"""Why a law failed, by node id: hooks that come after this plugin's may tell something else."""


class _Asked:
    """What was run, or failed before, in one session: hooks may drop tests till the last moment.

    A session may run inside another one, as those of pytester do.
    """

    def __init__(self) -> None:
        self.nodes: set[str] = set()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        if report.when == "call" or report.failed:
            self.nodes.add(report.nodeid)
        return (yield)

    def laws(self, below: str) -> set[str]:
        """The names of those below a node; parameters are written after them."""
        return {node[len(below) + 2 :].partition("[")[0] for node in self.nodes if node.startswith(f"{below}::")}


_asked = pytest.StashKey[_Asked]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_asked] = _Asked()
    config.pluginmanager.register(config.stash[_asked], "toolfan_laws_asked")


def _module(name: str) -> Any:
    return sys.modules.get(f"toolfan.testing.{name}")


def _is_law(item: Any) -> bool:
    book, cls = _module("lawbook"), getattr(item, "cls", None)
    if book is None or cls is None or not issubclass(cls, book.Lawful):
        return False
    return _name(item) in book.laws_of(cls)


def _name(item: Any) -> str:
    return str(getattr(item, "originalname", item.name))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, object, object]:
    """Remembers which modules and classes are looked through for tests."""
    report = yield
    if isinstance(collector, pytest.Module) and getattr(report, "passed", False):
        collector.config.stash.setdefault(_modules, set()).add(getattr(collector.obj, "__name__", ""))
    elif isinstance(collector, pytest.Class):
        collector.config.stash.setdefault(_classes, {})[collector.nodeid] = collector.obj
    return report


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Raises UsageError for a class that cannot be asked, or was changed after it was made; marks known broken laws."""
    book = _module("lawbook")
    if book is None:
        return
    config.stash.setdefault(_known, []).extend(_to_be_run(config))
    seen: set[type] = set()
    for item in items:
        cls: Any = getattr(item, "cls", None)
        if cls is None or not issubclass(cls, book.Lawful):
            continue
        if cls not in seen:
            _check(cls)
            seen.add(cls)
        if _is_law(item):
            _mark(item, cls.broken_laws.get(item.name))


def _to_be_run(config: pytest.Config) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Each class whose laws are to be run: its name, those of its laws, and the nodes below which pytest has them.

    There is no such node where settings of pytest's keep it from a class.
    """
    known, modules = _module("guarding"), config.stash.get(_modules, set())
    collected = config.stash.get(_classes, {})
    for cls in known.written():
        nodes = tuple(node for node, one in collected.items() if one is cls)
        derived = any(isinstance(one, type) and issubclass(one, cls) for one in collected.values())
        if nodes or (cls.__module__ in modules and _stands_alone(cls) and not derived):
            yield cls.__name__, tuple(known.laws_of(cls)), nodes


def _left_out(config: pytest.Config) -> Iterator[str]:
    """What is told of classes whose laws were not run, all or some."""
    for name, laws, nodes in sorted({*config.stash.get(_known, [])}):
        asked = {law for node in nodes for law in config.stash[_asked].laws(node)}
        missing = [law for law in laws if law not in asked]
        if len(missing) == len(laws):
            where = "python_classes and python_functions say what pytest collects"
            yield f"{name}: none of {len(laws)} laws was run; {where}"
        elif missing:
            yield f"{name}: {len(missing)} of {len(laws)} laws were not run"


def _stands_alone(cls: Any) -> bool:
    """Whether it can be asked; what has no adapter is there to be derived from."""
    subject = _module("subject")
    return subject is None or not issubclass(cls, subject.Subject) or _module("attributes").has_adapter(cls)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a worker of pytest-xdist: the process that reports asks for the classes whose laws are to be run."""
    told: Any = getattr(session.config, "workeroutput", None)
    if told is not None:
        told[_LEFT_OUT] = session.config.stash.get(_known, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended."""
    told = getattr(node, "workeroutput", {}).get(_LEFT_OUT, [])
    node.config.stash.setdefault(_known, []).extend((name, tuple(laws), tuple(nodes)) for name, laws, nodes in told)


def _check(cls: type) -> None:
    subject, attributes = _module("subject"), _module("attributes")
    try:
        _module("guarding").check(cls)
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
        for found in (_module("lawbook").verdicts, _module("lawbook").unasked):
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
    why: str | None = _module("lawbook").unasked.get((item.cls, _name(item)))
    return why


@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> Generator[None]:
    """What is told of a law is what was found: here every hook that makes or changes a report has had its say.

    A law that is skipped, or expected to fail without `broken_laws`, fails; so does one that is told to have passed
    although it was not asked, or did not hold.
    """
    item = _running.get(report.nodeid)
    said: Any = None if item is None else _denied(report, item)
    if said is not None or (item is not None and report.failed):
        report.user_properties.append((_FAILED, said or report.longreprtext))
    if said is None and item is not None and report.skipped and (why := _unasked(item)) is not None:
        report.user_properties.append((_UNASKED, why))
    said = dict(report.user_properties).get(_FAILED)  # also where another process has found it
    if said is not None and not report.failed:
        report.outcome, report.longrepr = "failed", f"{report.nodeid}: {said}"
        if hasattr(report, "wasxfail"):
            del report.wasxfail
    if said is not None:
        _failed[report.nodeid] = str(said)
    if report.when == "teardown":
        _running.pop(report.nodeid, None)
    return (yield)


def _denied(report: pytest.TestReport, item: Any) -> str | None:
    """Why the report cannot be true; None if it can."""
    verdict = _module("lawbook").verdicts.get((item.cls, _name(item)))
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
            f'broken_laws = {{"{item.name}": "the reason"}} into the class.'
        )
    return None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The laws that are known not to hold, with their reasons, and how many were not run: whatever pytest is told.

    So are those that failed, and are not among what pytest shows as failed.
    """
    reports = [report for found in terminalreporter.stats.values() for report in found]
    told = [(report.nodeid, dict(getattr(report, "user_properties", ()))) for report in reports if _called(report)]
    broken = [f"{where}: {about[_REASON]}" for where, about in told if _REASON in about]
    unasked = [f"{where}: {about[_UNASKED]}" for where, about in told if _UNASKED in about]
    config = terminalreporter.config
    left = [] if config.option.collectonly else [*_left_out(config)]
    shown = {report.nodeid for kind in ("failed", "error") for report in terminalreporter.stats.get(kind, ())}
    hidden = [f"{where}: {said}" for where, said in _failed.items() if where not in shown]
    _failed.clear()
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
