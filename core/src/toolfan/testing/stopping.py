"""What becomes of a request whose sender no longer wants it: a task that is cancelled, a program that is interrupted.

Knows: the ways to ask, event loops, signals, a service that keeps silent.  Must not know: laws, the SDK.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .giving import reply_of
from .listening import PAUSE, Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from toolfan.adapter import WireRequest

    from .listening import Service
    from .ways import Way

_SILENT = Reply("no answer", None, silence=PAUSE)
_DEADLINE = 10.0
_PATIENCE = 0.3
"""Seconds in which what was stopped must have stopped."""
_TICK = 0.005
_TRIES = 2
"""A busy machine may be slow once."""
_OF_THE_SERVICE = ("process_request_thread", "serve_forever")


def stopped(
    way: Way, built: WireRequest, samples: Sequence[Mapping[str, Any]], service: Service
) -> Iterator[dict[str, Any]]:
    """What came of a request that was stopped before anything of its answer had come, and in the middle of a stream.

    `came` is the exception (None: it could not be asked), `after` what came to the service after that, `open` whether
    its connection was left open, where that can be told.
    """
    if way.run is None and not _can_interrupt():
        return
    held = next((one for one in samples if one["pause"] is not None), None) if way.streams else None
    replies = [("before the answer came", _SILENT)]
    if held is not None:
        replies.append(("in the middle of the stream", reply_of(held, "", service.key, streams=True, pauses=True)))
    for when, reply in replies:
        said: dict[str, Any] = {}
        for _ in range(_TRIES):
            said = _once(way, built, reply, service)
            if _is_right(said):
                break
        yield {"where": f"{way.name}, {when}", "wanted": "CancelledError" if way.run else "KeyboardInterrupt", **said}


def _is_right(said: Mapping[str, Any]) -> bool:
    return said["came"] in ("CancelledError", "KeyboardInterrupt") and not said["after"] and not said["open"]


def _once(way: Way, built: WireRequest, reply: Reply, service: Service) -> dict[str, Any]:
    service.reply = replace(reply, lull=None)
    service.heard.clear()
    service.goes_on.clear()
    service.left = 0
    given = threading.Event()
    awaited = given.is_set if reply.pause is not None else (lambda: bool(service.heard))
    more = {"timeout": _DEADLINE} | ({"on_event": lambda _: given.set()} if way.streams else {})
    watch = _Watch(service, awaited, closes=reply.pause is None)
    try:
        return way.run(_cancelled(way, built, more, watch)) if way.run else _interrupted(way, built, more, watch)
    finally:
        service.goes_on.set()


class _Watch:
    """What the service sees of a request that is stopped."""

    def __init__(self, service: Service, begun: Callable[[], bool], *, closes: bool) -> None:
        self.service, self.begun = service, begun
        self._closes, self._end = closes, time.monotonic() + PAUSE
        self._before: int | None = None

    def waits(self) -> bool:
        """Whether it has not begun, and still may."""
        return not self.begun() and time.monotonic() < self._end

    def stops(self) -> None:
        """What comes from now on was sent though it was stopped."""
        self._before = len(self.service.heard)

    def is_open(self) -> bool:
        """Whether the connection is there though it should not be: a thread has one until its deadline is over."""
        return self._closes and not self.service.left and not _threads()

    def said(self, came: str | None, *, is_open: bool = False) -> dict[str, Any]:
        after = [] if self._before is None else self.service.requests()[self._before :]
        return {"came": came, "after": after, "open": is_open}


def _threads() -> bool:
    """Whether something may be sent by a thread, which nobody can stop."""
    every = (one.name for one in threading.enumerate() if one is not threading.main_thread())
    return any(not any(name in one for name in _OF_THE_SERVICE) for one in every)


async def _cancelled(way: Way, built: WireRequest, more: Mapping[str, Any], watch: _Watch) -> dict[str, Any]:
    assert way.begin is not None
    task = asyncio.ensure_future(way.begin(built, **more))
    while watch.waits() and not task.done():
        await asyncio.sleep(_TICK)
    await asyncio.sleep(_TICK)  # so that it waits for what comes next
    if task.done():
        return watch.said(None)
    watch.stops()
    task.cancel()
    await asyncio.wait({task}, timeout=_PATIENCE)
    end = time.monotonic() + _PATIENCE
    while watch.is_open() and time.monotonic() < end:
        await asyncio.sleep(_TICK)
    said = watch.said(_outcome(task), is_open=watch.is_open())
    watch.service.goes_on.set()
    with contextlib.suppress(Exception):
        await asyncio.wait({task}, timeout=_PATIENCE)
        task.cancel()
        await asyncio.wait({task}, timeout=_PATIENCE)
    return said


def _outcome(task: asyncio.Task[Any]) -> str:
    if not task.done():
        return "nothing, for it goes on"
    if task.cancelled():
        return "CancelledError"
    return "an answer" if task.exception() is None else type(task.exception()).__name__


# Interrupts: what Ctrl-C does to a program that waits.


def _can_interrupt() -> bool:
    return hasattr(signal, "pthread_kill") and threading.current_thread() is threading.main_thread()


def _interrupted(way: Way, built: WireRequest, more: Mapping[str, Any], watch: _Watch) -> dict[str, Any]:
    over, sent = threading.Event(), threading.Event()

    def interrupt(*_: object) -> None:
        if not over.is_set():
            raise KeyboardInterrupt

    def wait() -> None:
        while watch.waits() and not over.is_set():
            time.sleep(_TICK)
        time.sleep(_TICK)  # so that it waits for what comes next
        if watch.begun() and not over.is_set():
            sent.set()
            watch.stops()
            signal.pthread_kill(main, signal.SIGINT)
            over.wait(_PATIENCE)
        watch.service.goes_on.set()

    main, before = threading.get_ident(), signal.signal(signal.SIGINT, interrupt)
    waiting = threading.Thread(target=wait, daemon=True)
    came = "an answer"
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # who started pytest may have blocked it
    try:
        try:
            waiting.start()
            way.ask(built, **more)
        finally:
            over.set()
    except BaseException as exc:  # noqa: BLE001 - it is what is told, also one that comes with the answer
        came = type(exc).__name__
    over.set()
    said = watch.said(came if sent.is_set() else None)
    waiting.join()
    signal.signal(signal.SIGINT, before)
    return said
