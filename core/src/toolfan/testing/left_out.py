"""Which laws were to be run in a session of pytest, which were, and why the others were not.

What the user asked for (`-k`, a name on the command line, a setting) is told.  What a hook leaves out, or skips with
its module, makes the run fail; so does a law that failed, whatever becomes of pytest's exit status.

Knows: pytest's hooks.  Must not know: what a law says.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator

FAILED = "toolfan_law_failed"
LAW = "toolfan_law"
_TOLD = "toolfan_laws_left_out"
_NAMED = 3
_FATAL = frozenset({"dropped by a hook", "skipped with the module", "left when the run was stopped"})
_NOT_COLLECTED = "not collected (python_classes and python_functions say what pytest collects, by its name)"
_OPTIONS = {"keyword": "-k", "markexpr": "-m", "deselect": "--deselect", "lf": "--lf", "stepwise": "--stepwise"}
# Of plugins that give each of several runs a part of the tests, and do not say to pytest which ones they take out.
_SHARES = {"num_shards": "--num-shards", "test-group-count": "--test-group-count"}


def module(name: str) -> Any:
    """A module of the suite, if it is loaded."""
    return sys.modules.get(f"{__package__}.{name}")


@dataclass
class _Found:
    """What was collected and deselected, as one process saw it.  `classes`: name, laws, nodes of pytest's, and a cause.

    The cause is why there are no nodes.
    """

    classes: list[tuple[str, Collection[str], Collection[str], str]] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)
    deselected: list[str] = field(default_factory=list)


class LeftOut:
    """One session; it may run inside another one, as those of pytester do."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.session: pytest.Session | None = None
        self.found = _Found()
        self.nodes: set[str] = set()
        self.failed: dict[str, str] = {}
        """Why a law failed, by node id: hooks that come after this plugin's may tell something else."""
        self.stopped = False
        self.begun = False
        """Whether tests were to be run: `--fixtures` collects them for something else."""
        self._modules: dict[str, str] = {}
        self._classes: dict[str, type] = {}
        config.add_cleanup(self.settle)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, pytest.CollectReport]:
        """Remembers which modules and classes are looked through for tests."""
        report: Any = yield
        if isinstance(collector, pytest.Class):
            self._classes[collector.nodeid] = collector.obj
        elif isinstance(collector, pytest.Module) and report.passed and (report.result or not self._option("lf")):
            self._modules[getattr(collector.obj, "__name__", "")] = "passed"
        elif isinstance(collector, pytest.Module) and report.skipped:
            self._modules.setdefault(collector.path.stem, "skipped")
        return report  # type: ignore[no-any-return]

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        book = module("lawbook")
        if book is not None and issubclass(getattr(item, "cls", None) or type(None), book.Lawful):
            self.found.collected.append(item.nodeid)

    def pytest_deselected(self, items: Collection[pytest.Item]) -> None:
        self.found.deselected += [item.nodeid for item in items]

    def pytest_collection_finish(self) -> None:
        """What is written by now is to be run; tests may make classes of their own."""
        if module("guarding") is not None:
            for cls, nodes in self.to_be_run():
                laws = list(module("guarding").laws_of(cls))
                self.found.classes.append((cls.__name__, laws, nodes, "" if nodes else self._hidden(cls)))

    def to_be_run(self) -> Iterator[tuple[type, list[str]]]:
        """Each class whose laws are to be run, and the nodes below which pytest has them."""
        for cls in module("guarding").written():
            nodes = [node for node, one in self._classes.items() if one is cls]
            derived = any(isinstance(one, type) and issubclass(one, cls) for one in self._classes.values())
            if nodes or (not derived and _stands_alone(cls) and self._state(cls)):
                yield cls, nodes

    def _state(self, cls: type) -> str:
        """Whether the module was looked through, or skipped."""
        last = cls.__module__.rpartition(".")[2]
        gone = self._modules.get(last) == "skipped" and cls.__module__ not in sys.modules
        return "skipped" if gone else self._modules.get(cls.__module__, "")

    def _hidden(self, cls: type) -> str:
        """Why pytest has not collected a class."""
        if self._state(cls) == "skipped":
            return "skipped with the module"
        home = sys.modules.get(cls.__module__)
        patterns = self.config.getini("python_classes")
        named = any(cls.__name__.startswith(one) or fnmatch(cls.__name__, one) for one in patterns)
        seen = named and getattr(home, cls.__name__, None) is cls
        return "dropped by a hook" if seen and not self._chosen() else ""

    def _option(self, name: str) -> Any:
        return self.config.getoption(name, None)

    def _chosen(self) -> bool:
        """Whether single tests or classes are named on the command line."""
        return any("::" in one for one in self.config.args)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        self.begun = True
        return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Here every hook that changes a report has had its say, and so has the plugin.

        What another process tells of one that crashed is a failure, and not marked as a law's.
        """
        if report.failed or (getattr(report, LAW, False) and report.when == "call"):
            self.nodes.add(report.nodeid)
        if (said := dict(report.user_properties).get(FAILED)) is not None:
            self.failed[report.nodeid] = str(said)
        return (yield)

    def pytest_keyboard_interrupt(self) -> None:
        """Also of `pytest.exit`."""
        self.stopped = True

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """In a worker of pytest-xdist: the process that reports asks for what was found."""
        told: Any = getattr(session.config, "workeroutput", None)
        if told is not None:
            told[_TOLD] = asdict(self.found)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended."""
        told = _Found(**getattr(node, "workeroutput", {}).get(_TOLD, {}))
        self.found.classes += told.classes
        self.found.collected += told.collected
        self.found.deselected += told.deselected

    def lines(self) -> Iterator[str]:
        """What is told of classes whose laws were not run, all or some."""
        for name, count, causes in self._causes():
            missing = sum(map(len, causes.values()))
            said = [_cause(cause, laws, missing) for cause, laws in causes.items()]
            some = f"none of {count} laws was run" if missing == count else f"{missing} of {count} laws were not run"
            yield f"{name}: {some}: {', '.join(said)}"

    def _causes(self) -> Iterator[tuple[str, int, dict[str, list[str]]]]:
        """Each class of which laws were not run, how many it has, and those that were not, by cause."""
        asked = self.found.classes if self.begun or self.stopped else ()
        classes = {(name, tuple(laws), tuple(nodes), hidden) for name, laws, nodes, hidden in asked}
        for name, laws, nodes, hidden in sorted(classes):
            run, collected, deselected = (
                {law for node in nodes for law in _laws(node, found)}
                for found in (self.nodes, self.found.collected, self.found.deselected)
            )
            causes: dict[str, list[str]] = defaultdict(list)
            for law in laws:
                if law not in run:
                    causes[hidden or self._cause(law, collected, deselected)].append(law)
            if causes:
                yield name, len(laws), causes

    def _cause(self, law: str, collected: set[str], deselected: set[str]) -> str:
        if law in deselected:
            used = [name for dest, name in _OPTIONS.items() if self._option(dest)]
            return f"deselected ({', '.join(used) or 'by a plugin'})"
        if law not in collected and (self._chosen() or not collected):
            return "not among the tests that are named" if self._chosen() else _NOT_COLLECTED
        if self._option("setuponly"):
            return "only set up"
        session = self.session
        interrupted = session is not None and session.exitstatus == pytest.ExitCode.INTERRUPTED
        if self.stopped or interrupted or (session is not None and (session.shouldstop or session.shouldfail)):
            return "left when the run was stopped"
        shares = [name for dest, name in _SHARES.items() if (self._option(dest) or 1) > 1]
        return f"left to another run ({', '.join(shares)})" if shares else "dropped by a hook"

    def settle(self) -> None:
        """The last word on the exit status: after all hooks."""
        config, session = self.config, self.session
        if session is None or session.exitstatus != 0 or hasattr(config, "workeroutput") or self._option("collectonly"):
            return
        if self.found.classes and not config.pluginmanager.is_registered(module("plugin")):
            said = "the plugin of the conformance suite was taken out, so skipped laws go unseen"
        elif self.failed:
            said = "laws of the conformance suite failed"
        elif any(_FATAL & {*causes} for _, _, causes in self._causes()):
            said = "laws of the conformance suite were left out, though nobody asked pytest for that"
        else:
            return
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"the run has failed: {said}")


def _laws(below: str, nodes: Collection[str]) -> Iterator[str]:
    """The names of those below a node; parameters, and the groups of pytest-xdist, are written after them."""
    for node in nodes:
        if node.startswith(f"{below}::"):
            yield node[len(below) + 2 :].partition("[")[0].partition("@")[0]


def _cause(cause: str, laws: Collection[str], missing: int) -> str:
    count = "" if len(laws) == missing else f"{len(laws)} "
    if cause not in _FATAL or len(laws) > _NAMED:
        return f"{count}{cause}"
    return f"{count}{cause} ({', '.join(laws)})"


def _stands_alone(cls: Any) -> bool:
    """Whether it can be asked; what has no adapter is there to be derived from."""
    subject = module("subject")
    return subject is None or not issubclass(cls, subject.Subject) or module("attributes").has_adapter(cls)
