"""The suite's other process: SDKs that hang, keep a thread, print at their end; and who started it blocks signals."""

from __future__ import annotations

import atexit
import signal
import threading
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from acme_mutants import suite_of
from toolfan.adapter import WireRequest
from toolfan.testing import LawBroken, outside, stopping
from toolfan.testing.listening import listening
from toolfan.testing.sending import PLAIN
from toolfan.testing.ways import Way
from toolfan_acme import AcmeAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator


class Hanging(AcmeAdapter):
    """Its SDK waits for a lock that it has itself."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        made = super().connect(settings, use_async=use_async)
        lock = threading.Lock()
        with lock:
            lock.acquire()
        return made


@pytest.mark.slow
def test_what_hangs_is_told_with_the_place_and_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_AT_WORK", 10.0)
    suite = suite_of(Hanging)()
    asked = outside._asked.cache_info().misses
    for law in ("test_settings_are_heeded", "test_a_request_is_sent_once", "test_importing_it_imports_no_sdk"):
        with pytest.raises(LawBroken, match=r"the other process failed:(?s:.)*test_suite_processes\.py.* in connect"):
            getattr(suite, law)()
    assert outside._asked.cache_info().misses == asked + 1


class Attending(AcmeAdapter):
    """Its clients have a thread each, which ends when they are closed."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        made = super().connect(settings, use_async=use_async)
        threading.Thread(target=threading.Event().wait).start()
        return made


class Parting(AcmeAdapter):
    """Its SDK prints at the end of a process, and after what it was asked no line ends."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        atexit.register(print, "Goodbye.")
        print("Welcome.", end="")
        return super().connect(settings, use_async=use_async)


class Blocked(AcmeAdapter):
    """Asked by a process in which no interrupt comes."""


@pytest.mark.slow
@pytest.mark.parametrize("made", [Attending, Parting])
def test_what_an_sdk_leaves_behind_does_not_stop_the_suite(made: type[AcmeAdapter]) -> None:
    suite_of(made)().test_clients_are_of_the_kind_that_was_asked_for()


class Direct(AcmeAdapter):
    """Its SDK asks whatever proxy the environment names, or the settings of the system where it names none."""

    def connect(self, settings: Any, *, use_async: bool) -> object:
        if not urllib.request.proxy_bypass_environment("127.0.0.1") or "http" in urllib.request.getproxies():
            raise OSError("a proxy is asked for 127.0.0.1")
        return super().connect(settings, use_async=use_async)


@pytest.mark.slow
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", ""])
def test_its_services_are_asked_past_every_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    outside._asked.cache_clear()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    suite_of(Direct)().test_clients_are_of_the_kind_that_was_asked_for()


@pytest.fixture
def no_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


needs_signals = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to threads here")


@pytest.mark.slow
@needs_signals
@pytest.mark.usefixtures("no_interrupts")
def test_interrupts_come_though_who_started_it_blocks_them() -> None:
    suite_of(Blocked)().test_who_stops_a_request_stops_it()


@needs_signals
def test_an_interrupt_that_comes_with_the_answer_ends_no_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    class Event(threading.Event):
        """The interrupt comes when the request is over, and that is not said yet."""

        late = True

        def set(self) -> None:
            if Event.late:
                Event.late = False
                raise KeyboardInterrupt
            super().set()

    handler = signal.getsignal(signal.SIGINT)
    names = {name: getattr(threading, name) for name in ("Thread", "get_ident")}
    monkeypatch.setattr(stopping, "threading", SimpleNamespace(**names, Event=Event))
    way = Way("send", False, False, lambda *_, **__: None, lambda *_: [])  # type: ignore[arg-type,return-value]
    with listening(PLAIN) as service:
        watch = stopping._Watch(service, lambda: False, closes=True)
        monkeypatch.setattr(watch, "is_open", lambda: False)
        said = stopping._interrupted(way, WireRequest("m", {}), {}, watch)
    assert said == {"came": None, "after": [], "open": False}
    assert signal.getsignal(signal.SIGINT) is handler
