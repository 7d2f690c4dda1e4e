"""Which of the vendor's clients serves this process and this event loop.

A connection that two processes share swaps their answers, and one that outlives its event loop breaks: clients that
toolfan makes are one per process and loop; one that was passed belongs to the first process and loop that use it.

Knows: processes, event loops, adapters as makers of transports.  Must not know: requests, the policy.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
import sys
import types
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ..errors import ToolfanError, UsageError
from ..locks import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, MutableMapping

    from ..adapter import ParallelToolsAdapter
    from ..request.arguments import Prepared
    from ..secrets.held import Secrets

_LONGEST_CLOSE = 1.0  # seconds
_detached: set[Any] = set()  # an event loop holds its tasks weakly
_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    type(functools.cache(int)),
)


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


def detach(work: Callable[[], Coroutine[Any, Any, None]]) -> Any:
    """Begin `work` as a task that belongs to nobody: it is neither waited for nor does its end touch anyone.

    The task, in asyncio.
    """
    loop = running_loop()
    if hasattr(loop, "create_task"):
        # What a loop had not done when it was closed is never done; here it would keep the loop.
        _detached.difference_update([task for task in list(_detached) if task.get_loop().is_closed()])
        task = loop.create_task(work())
        _detached.add(task)
        task.add_done_callback(_detached.discard)
        return task
    sys.modules["trio"].lowlevel.spawn_system_task(work, context=contextvars.copy_context())
    return None


def _has_ended(loop: Any) -> bool:
    """Whether this event loop, as `running_loop` names it, runs nothing any more."""
    if hasattr(loop, "is_closed"):
        return bool(loop.is_closed())
    try:
        loop.run_sync_soon(int)
    except RuntimeError:  # trio says so by an error alone
        return True
    return False


async def _close(transport: Any) -> None:
    """Close it as far as that can be done without its event loop; Python collects what is left."""
    import anyio

    with contextlib.suppress(Exception), anyio.move_on_after(_LONGEST_CLOSE):
        await transport.close()


class Binding:
    """The vendor's client and the transport over it, for the process and event loop that ask.

    `sdk_client` is the first one, `maker` the function that makes more; without one the client was passed and is never
    closed here.  `secrets` are those that settings name.
    """

    def __init__(
        self,
        adapter: ParallelToolsAdapter,
        sdk_client: object,
        *,
        use_async: bool,
        maker: Callable[[], object] | None = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self._adapter, self._use_async, self._maker, self._named = adapter, use_async, maker, secrets
        self.sdk_client = sdk_client
        first: Any = self._over(sdk_client)
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
                found = self._another()
                self._drop_those_of_ended_loops()  # afterwards: of a function that gives one again, nothing is closed
                self._by_loop[loop] = found
            self._last = loop, found
        return found

    def secrets(self, transport: Any, prepared: Prepared) -> Secrets:
        """What no error of this transport, or of what reads its answers, may show."""
        from ..secrets.known import secrets_known  # loaded, as all that is for errors, when something fails

        return secrets_known(transport, self.sdk_client, {**prepared.query, **prepared.headers}, self._named)

    def _drop_those_of_ended_loops(self) -> None:
        """A weak key does not do it: a connection refers to its loop."""
        if self._maker is None or not self._use_async:
            return
        for transport in self._of_ended_loops():
            detach(functools.partial(_close, transport))

    async def close_those_of_ended_loops(self) -> None:
        """What was made here for them is closed as far as it can be: the SDK, left alone, would try it in this loop."""
        if self.made():
            with self._lock.here():
                ended = self._of_ended_loops()
            for transport in ended:
                await _close(transport)

    def _of_ended_loops(self) -> list[Any]:
        """The transports of loops that run nothing any more; they are forgotten here."""
        return [self._by_loop.pop(loop) for loop in list(self._by_loop) if _has_ended(loop)]

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
        return self._over(self.sdk_client)

    def _over(self, sdk_client: object) -> Any:
        """The adapter's transport; an error of its own shows no key either."""
        try:
            return self._adapter.transport(sdk_client, use_async=self._use_async)
        except ToolfanError as exc:
            from ..secrets.known import hide, secrets_known

            hide(exc, secrets_known(None, sdk_client, {}, self._named))
            raise

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
