"""The suite as pytest runs it: nothing of it goes missing in silence, for third parties as for toolfan's own."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from acme_samples import AcmeSuite, events
from suite_runs import HERE, run
from toolfan import ConnectionFailed, Unsupported
from toolfan.adapter import WireRequest
from toolfan.testing import AdapterConformance, LawBroken, Sample, law, laws_of_transports, sending, ways
from toolfan.testing.guarding import laws_of
from toolfan.testing.lawbook import LawNotAsked
from toolfan_acme import AcmeAdapter
from toolfan_acme.reading import AcmeParser
from toolfan_local import LocalAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TESTS = HERE.parent


def ids(folder: Path, *where: str) -> dict[str, list[str]]:
    """What pytest collects there, by the class."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-n", "0", "-p", "no:cacheprovider", *where],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        cls, _, name = line.rpartition("::")
        if name.startswith("test_"):
            found.setdefault(cls, []).append(name)
    return found


def test_everyone_collects_the_same_tests() -> None:
    """Toolfan's own adapters by the entry that a third party uses; no test depends on the adapter or its samples."""
    root = TESTS.parent
    # LiteLLM has an environment of its own.
    own = [path for path in (TESTS / "providers").glob("*/test_conformance*.py") if path.parent.name != "litellm"]
    found = ids(root, "tests/acme/test_acme.py", *map(str, sorted(own)))
    assert len(found) > len(own)
    for cls, names in found.items():
        assert names == list(laws_of(AdapterConformance)), cls


@pytest.mark.parametrize(
    "body",
    [
        "test_rendering_is_kept = None",
        "def test_rendering_is_kept(self): pass",
        "@property\n    def test_rendering_is_kept(self): pass",
        "__test__ = False",
        "def __getattribute__(self, name): return print if 'test_' in name else object.__getattribute__(self, name)",
        "def __new__(cls): return object.__new__(object)",
        "def __init__(self): vars(self).update(test_rendering_is_kept=print)",
        "broken_laws = {'test_no_such_law': 'because'}",
        "broken_laws = {'test_rendering_is_kept': ''}",
    ],
)
def test_a_class_that_takes_a_law_away_cannot_be_made(tmp_path: Path, body: str) -> None:
    """Nor one that gives no reason."""
    done = run(tmp_path, f"class TestIt(AcmeSuite):\n    {body}\n")
    assert done.returncode == 2
    assert "TypeError: TestIt" in done.stdout


def test_nor_can_it_be_switched_off_by_a_mixin_or_later(tmp_path: Path) -> None:
    """`__test__` of a base, or set behind the class; a mixin's is overruled by one of the class's own."""
    off = "class Off:\n    __test__ = False\n"
    done = run(tmp_path, f"{off}class TestIt(Off, AcmeSuite): ...\n")
    assert done.returncode == 2
    assert "TypeError: TestIt sets __test__" in done.stdout
    done = run(tmp_path, "class TestIt(AcmeSuite): ...\nTestIt.__test__ = False\n")
    assert done.returncode == 4
    assert "TestIt sets __test__" in done.stdout + done.stderr
    done = run(tmp_path, f"{off}class TestIt(Off, AcmeSuite):\n    __test__ = True\n", "-k", "samples_show")
    assert done.returncode == 0
    assert "1 passed" in done.stdout


def test_a_mixin_that_hides_a_law_is_refused() -> None:
    """What stands before the suite among the bases would win."""

    class Hiding:
        def test_rendering_is_kept(self) -> None: ...

    with pytest.raises(TypeError, match="replaces test_rendering_is_kept"):
        type("TestIt", (Hiding, AcmeSuite), {})


def test_a_metaclass_that_hides_a_law_is_refused() -> None:
    """It would give another function for the name."""

    class Hiding(type):
        def __getattribute__(cls, name: str) -> object:
            return print if name.startswith("test_") else super().__getattribute__(name)

    with pytest.raises(TypeError, match="a metaclass that does"):
        Hiding("TestIt", (AcmeSuite,), {})


@pytest.mark.parametrize(
    ("hook", "workers"),
    [
        ("def pytest_pyfunc_call(pyfuncitem): return True\n", "0"),
        ("def pytest_pyfunc_call(pyfuncitem): return True\n", "1"),
        ("import pytest\n@pytest.fixture(autouse=True)\ndef f(request): request.node.obj = lambda: None\n", "0"),
        ("def pytest_collection_modifyitems(items):\n    for item in items: item.runtest = lambda: None\n", "0"),
    ],
)
def test_a_law_that_is_not_run_has_not_passed(tmp_path: Path, hook: str, workers: str) -> None:
    """Whatever stands in its place."""
    (tmp_path / "conftest.py").write_text(hook)
    source = "class TestIt(AcmeSuite): ...\n"
    done = run(tmp_path, source, "-n", workers, "-k", "samples_show or rendering_is_kept")
    assert done.returncode == 1
    assert "2 failed" in done.stdout
    assert "was not run" in done.stdout


MADE = """\
import pytest
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    report = yield
    if report.when == "call":
        {change}
    return report
"""
TOLD = """\
import pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report):
    {change}
    return (yield)
"""


@pytest.mark.parametrize(
    ("hook", "change", "message"),
    [
        (MADE, "report.outcome = 'passed'", "there is no sample of an error"),
        (MADE, "report.outcome, report.longrepr = 'passed', None", "there is no sample of an error"),
        (MADE, "report.outcome, report.longrepr = 'skipped', ('', 0, 'later')", "cannot be skipped"),
        (MADE, "report.outcome, report.wasxfail = 'skipped', 'later'", "cannot be skipped"),
        (TOLD, "report.outcome, report.longrepr = 'passed', None", "there is no sample of an error"),
    ],
)
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_report_that_is_changed_is_set_right(
    tmp_path: Path, hook: str, change: str, message: str, workers: str
) -> None:
    """Of a law that does not hold, by a hook that has its say after the plugin's."""
    (tmp_path / "conftest.py").write_text(hook.format(change=change))
    done = run(tmp_path, "class TestIt(AcmeSuite):\n    errors = ()\n", "-n", workers, "-k", "samples_show")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert message in done.stdout


@pytest.mark.parametrize("other", ["lambda self: None", "None"])
def test_a_law_that_is_replaced_later_ends_the_run(tmp_path: Path, other: str) -> None:
    """Before any test is run."""
    done = run(tmp_path, f"class TestIt(AcmeSuite): ...\nTestIt.test_rendering_is_kept = {other}\n")
    assert done.returncode == 4
    assert "replaces test_rendering_is_kept" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.skip(reason='later')\nclass TestIt(AcmeSuite): ...\n",
        "@pytest.mark.xfail(reason='later')\nclass TestIt(AcmeSuite):\n    samples = ()\n",
        "class TestIt(AcmeSuite):\n    @pytest.fixture(autouse=True)\n    def later(self): pytest.skip('later')\n",
        "pytestmark = pytest.mark.skipif(True, reason='later')\nclass TestIt(AcmeSuite): ...\n",
    ],
)
def test_a_law_that_is_skipped_fails(tmp_path: Path, source: str) -> None:
    """By whatever means of pytest's."""
    done = run(tmp_path, source, "-k", "test_the_samples_show")
    assert done.returncode == 1
    assert "cannot be skipped" in done.stdout


BROKEN = """\
class TestIt(AcmeSuite):
    samples = [one for one in AcmeSuite.samples if one.stop != "length"]
    broken_laws = {"test_the_samples_show_what_the_laws_need": "no recording of a cut answer yet"}
"""


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_law_that_is_known_to_be_broken_shows_in_the_report(tmp_path: Path, workers: str) -> None:
    """With its reason, whatever pytest is asked to show."""
    done = run(tmp_path, BROKEN, "-n", workers, "-k", "samples_show")
    assert done.returncode == 0
    assert "laws of the conformance suite that do not hold" in done.stdout
    assert "test_the_samples_show_what_the_laws_need: no recording of a cut answer yet" in done.stdout


def test_a_law_that_holds_again_fails_until_it_is_taken_out(tmp_path: Path) -> None:
    """Of `broken_laws`."""
    done = run(tmp_path, BROKEN.replace('"length"', '"never"'), "-k", "samples_show")
    assert done.returncode == 1
    assert "no recording of a cut answer yet" in done.stdout


ABSENT = """\
from toolfan import AdapterNotInstalled
from toolfan_acme import AcmeAdapter

class Absent(AcmeAdapter):
    def connect(self, settings, *, use_async):
        raise AdapterNotInstalled("the SDK is not installed", adapter="acme", hint="Run: pip install acme.")

    def transport(self, client, *, use_async):
        import acme_sdk_that_is_not_there

class TestIt(AcmeSuite):
    adapter = Absent()
    plugin = "toolfan_acme"
    sdk = ("acme_sdk_that_is_not_there",)
"""
WITHOUT = "clients or missing or settings_are_heeded or fails or shows_the_key or key_of_a_client or " + (
    "built_is_sent or adds_is_sent or sent_once or redirects or deadline or were_sent or "
    "events_come_while or the_head_of or path_of_an_address or each_client or closing or second_event_loop"
)


@pytest.mark.parametrize("workers", ["0", "1"])
def test_laws_that_need_the_sdk_are_skipped_without_it(tmp_path: Path, workers: str) -> None:
    """And stand in the report, each with the reason."""
    done = run(tmp_path, ABSENT, "-n", workers, "-k", WITHOUT)
    assert done.returncode == 0, done.stdout
    assert "2 passed, 22 skipped" in done.stdout  # what a missing SDK is told as is asked
    assert "laws of the conformance suite that were not asked" in done.stdout
    told = re.findall(r"::(test_\w+): the SDK is not installed here: there is no module (\w+)", done.stdout)
    assert {name for name, _ in told} == {
        "test_clients_of_others_are_refused",
        "test_clients_are_of_the_kind_that_was_asked_for",
        "test_a_missing_key_is_told",
        "test_nothing_shows_the_key",
        "test_the_key_of_a_client_is_known",
        "test_settings_are_heeded",
        "test_what_fails_is_an_error_of_the_provider",
        "test_no_error_shows_the_key",
        "test_what_was_built_is_sent",
        "test_what_the_user_adds_is_sent",
        "test_a_request_is_sent_once",
        "test_redirects_are_not_followed",
        "test_the_deadline_ends_a_request",
        "test_whole_answers_come_as_they_were_sent",
        "test_streams_come_as_they_were_sent",
        "test_events_come_while_the_stream_runs",
        "test_the_head_of_an_answer_comes",
        "test_the_path_of_an_address_is_kept",
        "test_closing_closes_the_connections",
        "test_each_client_has_its_own_key_and_address",
        "test_closing_a_client_leaves_the_others_open",
        "test_a_client_works_in_a_second_event_loop",
    }
    assert {module for _, module in told} == {"acme_sdk_that_is_not_there"}


def test_an_sdk_that_is_there_is_no_excuse(tmp_path: Path) -> None:
    """An adapter that always says that its SDK is missing breaks the laws."""
    done = run(tmp_path, ABSENT.replace('sdk = ("acme_sdk_that_is_not_there",)', 'sdk = ("acme_sdk",)'), "-k", WITHOUT)
    assert done.returncode == 1
    assert "skipped" not in done.stdout


def test_pytest_starts_without_toolfan() -> None:
    """The plugin is loaded at every start of pytest: it brings along neither pydantic nor what toolfan does."""
    code = (
        "import sys, pytest; pytest.main(['--co', '-q', '-p', 'no:cacheprovider']); "
        "print(*(m for m in sys.modules if m.split('.')[0] in ('pydantic', 'toolfan')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE / "installed", capture_output=True, text=True, timeout=60, check=True
    )
    assert set(done.stdout.splitlines()[-1].split()) == {
        "toolfan",
        "toolfan.moved",
        "toolfan.testing",
        "toolfan.testing.left_out",
        "toolfan.testing.plugin",
    }


def test_a_law_says_what_is_wrong_and_how_to_mend_it() -> None:
    """Each has a docstring of more than the fact."""
    for name, function in laws_of(AdapterConformance).items():
        assert function.__doc__, name

    class Suite(AcmeSuite):
        errors = ()

    with pytest.raises(LawBroken, match=r"- there is no sample of an error.*\n(.*\n)*.*Add samples"):
        Suite().test_the_samples_show_what_the_laws_need()


def test_pieces_that_the_suite_does_not_know_are_told_of() -> None:
    """A law that finds none of the pieces that it would mix has proved nothing."""

    class Parser(AcmeParser):
        def take_more(self, text: Any) -> None:
            super().take_more("".join(text) if isinstance(text, list) else text)

    class Letters(AcmeAdapter):
        def stream_parser(self) -> AcmeParser:
            return Parser(self.name)

    def spelt(body: Any) -> list[Any]:
        return [{**one, "more": [*one["more"]]} if "more" in one else one for one in events(body)]

    class TestLetters(AcmeSuite):
        adapter = Letters()
        samples = [replace(one, stream_bytes=None, events=spelt(one.body)) for one in AcmeSuite.samples]  # noqa: RUF012

        def events_of(self, body: Any) -> Any:
            return spelt(body)

    TestLetters().test_a_stream_says_what_the_whole_answer_says()
    with pytest.raises(LawNotAsked, match="the pieces of calls in 'two calls' are not known"):
        TestLetters().test_pieces_in_turn_are_told_apart()
    AcmeSuite().test_pieces_in_turn_are_told_apart()


def spoiled(spoil: Callable[[dict[str, Any]], Any]) -> type[AdapterConformance]:
    """An adapter that is told each event otherwise, and one sample."""

    class Hasty(LocalAdapter):
        def stream_parser(self) -> Any:
            class Parser(type(super().stream_parser())):  # type: ignore[misc]
                def feed(self, event: Any) -> Any:
                    return super().feed(spoil(event))

            return Parser(self.name)

    calls = [{"id": one, "name": "Weather", "arguments": {"location": one}} for one in ("Oslo", "Bergen")]
    end = {"id": "r1", "model": "m", "stop": "calls", "usage": {"input": 1, "output": 2}}
    told = [("Weather", call["arguments"]) for call in calls]
    said: list[Any] = [{"text": "Two "}, {"text": "places."}, *({"calls": [call]} for call in calls)]
    body = {**end, "text": "Two places.", "calls": calls}
    events = [*said, {**end, "text": "", "end": True}]

    class TestIt(AdapterConformance):
        adapter = Hasty()
        stream_field = False
        samples = (Sample(name="two", body=body, events=events, calls=told, text="Two places."),)

    return TestIt


def test_two_calls_in_one_event_are_two() -> None:
    """Though the samples have one in each."""
    suite = spoiled(lambda event: {**event, "calls": event["calls"][:1]} if "calls" in event else event)
    suite().test_a_stream_says_what_the_whole_answer_says()
    with pytest.raises(LawBroken, match="two calls in one event"):
        suite().test_pieces_in_turn_are_told_apart()
    spoiled(lambda event: event)().test_pieces_in_turn_are_told_apart()


def test_a_text_in_the_last_event_is_read() -> None:
    """Though it is empty in the samples."""
    suite = spoiled(lambda event: {**event, "text": ""} if "end" in event else event)
    suite().test_a_stream_says_what_the_whole_answer_says()
    with pytest.raises(LawBroken, match="with a piece of text later, the text is 'Two '"):
        suite().test_pieces_in_turn_are_told_apart()


@pytest.mark.parametrize("blocks", [True, False])
def test_who_waits_does_not_block_the_event_loop(monkeypatch: pytest.MonkeyPatch, blocks: bool) -> None:
    class Waiting:
        async def send(self, request: Any, *, timeout: float, **_: Any) -> Any:
            time.sleep(timeout) if blocks else await asyncio.sleep(timeout)
            raise ConnectionFailed("no answer", adapter="acme")

        async def close(self) -> None:
            pass

    adapter = AcmeAdapter(capabilities=replace(AcmeAdapter.capabilities, streaming=False))
    made: Any = SimpleNamespace(reply=None, outlasted=False, goes_on=threading.Event())
    said = [sending.waited(way, WireRequest("m", {}), made) for way in ways._awaited(adapter, Waiting())]
    monkeypatch.setattr(laws_of_transports, "_heard", lambda suite: {"waited": said, "halted": []})
    if blocks:
        with pytest.raises(LawBroken, match=r"(?s)async send, no answer: nothing else ran while .*asyncio\.to_thread"):
            AcmeSuite().test_the_deadline_ends_a_request()
    else:
        AcmeSuite().test_the_deadline_ends_a_request()


class Choosing(AcmeAdapter):
    """Another process has to find it."""

    def build_request(self, request: Any) -> Any:
        if request.tool_choice.tools is not None:
            raise Unsupported("no choice of tools", adapter=self.name)
        return super().build_request(request)


def test_a_request_that_cannot_be_built_breaks_no_law_of_packages() -> None:
    """What it breaks are the laws of requests: a process that fell over would tell nothing of the others."""

    class TestIt(AcmeSuite):
        adapter = Choosing()

    with pytest.raises(LawBroken, match="no choice of tools"):
        TestIt().test_a_subset_of_the_tools_goes_out()
    TestIt().test_it_is_the_same_in_every_process()
    TestIt().test_a_missing_key_is_told()


def test_what_is_wrong_again_and_again_is_said_once() -> None:
    class TestIt(AcmeSuite):
        @law
        def test_it(self) -> Iterator[str]:
            """Never holds."""
            yield from ["the same"] * 20
            yield "another"

    with pytest.raises(LawBroken) as caught:
        TestIt().test_it()
    assert str(caught.value) == "- the same\n- another\n\nNever holds."


def test_a_law_of_your_own() -> None:
    """Authors may add laws; they bind their subclasses."""

    class Suite(AcmeSuite):
        @law
        def test_mine(self):  # type: ignore[no-untyped-def]
            """Mend it."""
            yield "it does not hold"

    with pytest.raises(LawBroken, match="- it does not hold\n\nMend it"):
        Suite().test_mine()
    with pytest.raises(TypeError, match="replaces test_mine"):
        type("Sub", (Suite,), {"test_mine": None})
