"""Which of the vendor's clients serves this process and this event loop.

A connection that two processes share swaps their answers, and one that outlives its event loop breaks: clients that
toolfan makes are one per process and loop; one that was passed belongs to the first process and loop that use it.

Knows: processes, event loops, adapters as makers of transports.  Must not know: requests, the policy.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .errors import UsageError
from .locks import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from .adapter import ParallelToolsAdapter

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial)


def is_maker(given: object) -> bool:
    """Whether this is a function that makes a client, rather than a client."""
    return isinstance(given, _FUNCTIONS)


class _NoLoop:
    """Stands for "no event loop" among the keys."""


_NO_LOOP = _NoLoop()


def running_loop() -> Any:
    """What identifies the running event loop of asyncio or trio; `_NO_LOOP` outside of any."""
    if (asyncio := sys.modules.get("asyncio")) is not None:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            pass
    if (trio := sys.modules.get("trio")) is not None:
        try:
            return trio.lowlevel.current_trio_token()
        except RuntimeError:
            pass
    return _NO_LOOP


class Binding:
    """The vendor's client and the transport over it, for the process and event loop that ask.

    `sdk_client` is the first one, `maker` the function that makes more; without one the client was passed and is never
    closed here.
    """

    def __init__(
        self,
        adapter: ParallelToolsAdapter,
        sdk_client: object,
        *,
        use_async: bool,
        maker: Callable[[], object] | None = None,
    ) -> None:
        self._adapter, self._use_async, self._maker = adapter, use_async, maker
        self.sdk_client = sdk_client
        first: Any = adapter.transport(sdk_client, use_async=use_async)
        self._process: int | None = os.getpid() if maker else None
        self._by_loop: MutableMapping[Any, Any] = WeakKeyDictionary()
        self._last: tuple[Any, Any] = (None, None)
        self._spare: Any = None
        if use_async:
            self._spare = first  # made before a loop ran; the first that runs takes it
        else:
            self._by_loop[_NO_LOOP] = first
        # Of the processes that this one was forked from: kept, so that nothing of theirs is closed here.
        self._inherited: list[Any] = []
        self._lock = ProcessLock()

    def transport(self) -> Any:
        """The transport to send with.  Raises UsageError if the client belongs to another process or event loop."""
        loop = running_loop() if self._use_async else _NO_LOOP
        process = os.getpid()
        if self._process == process and (last := self._last)[0] is loop:
            return last[1]
        with self._lock.here():  # threads that come at once find one client
            if self._process != process:
                self._enter(process)
            found = self._by_loop.get(loop)
            if found is None:
                found = self._by_loop[loop] = self._another()
            self._last = loop, found
        return found

    def _enter(self, process: int) -> None:
        if self._process is not None:
            if self._maker is None:
                raise self._refused("it was used before this process was forked, and its connections are shared")
            self._inherited += [self._spare, self._by_loop, self._last]
            self._spare, self._by_loop, self._last = None, WeakKeyDictionary(), (None, None)
        self._process = process

    def _another(self) -> Any:
        spare, self._spare = self._spare, None
        if spare is not None:
            return spare
        if self._maker is None:
            raise self._refused("it belongs to another event loop")
        self.sdk_client = self._maker()
        return self._adapter.transport(self.sdk_client, use_async=self._use_async)

    def _refused(self, why: str) -> UsageError:
        return UsageError(
            f"this client cannot be used here: {why}",
            adapter=self._adapter.name,
            hint="Pass a function that makes the vendor's client: there will be one for each process and event loop.",
        )

    def made(self) -> list[Any]:
        """The transports of this process over clients that were made here: what is to be closed."""
        if self._maker is None or self._process != os.getpid():
            return []
        return [*([self._spare] if self._spare else []), *self._by_loop.values()]

    def made_here(self) -> list[Any]:
        """`made`, but only those that the running event loop can close."""
        mine = (self._spare, self._by_loop.get(running_loop()))
        return [transport for transport in self.made() if any(transport is one for one in mine)]
