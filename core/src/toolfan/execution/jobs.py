"""One call on its way through: in a thread or a task of its own, for a limited time.

The user's code runs apart from what waits for it, so nothing that a tool does, not even refusing to end, can hold its
siblings or the caller.

Knows: tools, threads, event loops.  Must not know: other calls, providers.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from ..drivers import workers
from ..drivers.binding import detach, running_loop
from ..errors import UsageError
from ..results.answering import plain_result
from ..tools.bound_calls import BoundCall
from ..tools.parameters import is_coroutine_function
from . import portals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..calls import Call, Result
    from ..tools.tool_type import Tool
    from .portals import Portal

GRACE = 1.0
"""Seconds that a tool which is told to end may take for it."""
LAST_GRACE = 0.1
"""Seconds for it beyond the deadline for all calls, where control must return on time."""
_PLAIN = frozenset({str, int, float, bool, type(None)})


class Job:
    """One call on its way: what runs it, how far it is, what came of it.

    With `tells`, `told` is what the model is told of its value, or the UsageError that says why it cannot be; an
    exception that it returned is told as itself.
    """

    def __init__(
        self, call: Call[Any], tool: Tool[Any] | None, portal: Portal | None = None, *, tells: bool = False
    ) -> None:
        self.call = call
        self._portal, self._tells = portal, tells
        self.timeout = tool.timeout if tool else None
        self.sequential = tool.sequential if tool else False
        self.function, self.is_async = runner(call, tool)
        self.value: Any = None
        self.told: Any = None
        self.error: BaseException | None = None
        self.thread: workers.Job[Any] | None = None
        self.started: float | None = None
        self.abandoned = self.stopped = False
        self.result: Result[Any] | None = None
        self.done = anyio.Event()
        self.scope, self.watch = anyio.CancelScope(), anyio.CancelScope()

    async def run(self) -> None:
        """Run the call to its end, whatever that is."""
        value: Any = None
        error: BaseException | None = None
        try:
            with self.scope:
                await anyio.lowlevel.checkpoint_if_cancelled()
                if self.is_async:
                    value = await self._awaited(self.function)
                else:
                    value, error = await self._in_thread(self.function)
                if isinstance(value, types.AsyncGeneratorType):
                    value = await self._awaited(functools.partial(_items, value))
                if error is None and _yields(value):
                    value, error = await self._in_thread(lambda: value)
        except BaseException as exc:  # noqa: BLE001 - it is the call's; what may not be kept is raised by `take`
            error = exc
        if not self.scope.cancel_called:
            self.value, self.error = value, error
        self.done.set()

    async def _in_thread(self, work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        ended, soon = anyio.Event(), portals.thread_safe()
        self.thread = thread = workers.tools.start(lambda: self._read(work()), lambda: soon(ended.set))
        await ended.wait()
        self.thread = None
        if thread.error is None and inspect.isawaitable(thread.result):
            return await self._awaited(lambda: thread.result), None
        return thread.result, thread.error

    async def _awaited(self, function: Callable[[], Awaitable[Any]]) -> Any:
        """The result of the tool's coroutine: here, or in the loop for tools, where there is one.

        In asyncio it is a task of its own, which is cancelled once: a scope would end all that it awaits to clean up.
        """
        if self._portal is None and not hasattr(running_loop(), "create_task"):
            return await self._returned(function)
        ended = anyio.Event()
        outcome: list[Any] = [None, None]

        async def run() -> None:
            try:
                outcome[0] = await self._returned(function)
            except BaseException as exc:  # noqa: BLE001 - raised below
                outcome[1] = exc

        if self._portal is not None:
            soon = portals.thread_safe()
            cancel = self._portal.begin(run, lambda: soon(ended.set))
        else:
            cancel = portals.begin_here(run, ended.set)
        try:
            await ended.wait()
        finally:
            if not ended.is_set():
                # Whoever ends the event loop cancels all of its tasks: that one, too.
                if self._portal is not None or self.scope.cancel_called:
                    cancel()
                with anyio.CancelScope(shield=True):
                    await ended.wait()
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]

    async def _returned(self, function: Callable[[], Awaitable[Any]]) -> Any:
        value = await function()
        if isinstance(value, types.AsyncGeneratorType):  # it may have begun, and then ends in the task where it did
            value = await _items(value)
        if not _yields(value):
            self._tell(value)
        return value

    def _read(self, value: Any) -> Any:
        value = in_lists(value)
        if not (inspect.isawaitable(value) or isinstance(value, types.AsyncGeneratorType)):
            self._tell(value)
        return value

    def _tell(self, value: Any) -> None:
        """Keep what the model is told: where and when the tool returned, for the value may be changed later."""
        if self._tells:
            try:
                self.told = value if isinstance(value, BaseException) else plain_result(self.call.name, value)
            except UsageError as exc:
                self.told = exc

    async def supervise(self, left: float | None) -> None:
        """Run the call for its tool's timeout, or the seconds that are left for all, then end it or leave it behind."""
        own = self.timeout is not None and (left is None or self.timeout < left)
        limit = self.timeout if own else left
        detach(self.run)
        with self.watch, anyio.move_on_after(limit):
            await self.done.wait()
        if self.stopped and self.thread is not None:
            await self._within(GRACE)
        if self.done.is_set():
            return
        self.scope.cancel()
        thread = self.thread  # it is let go of when `run` ends
        beyond = math.inf if self.stopped or left is None else left - (limit or 0) + LAST_GRACE
        await self._within(min(GRACE, beyond))
        self.abandoned = workers.tools.leave(thread) if thread is not None else not self.done.is_set()
        still = ", could not be ended and still runs" if self.abandoned else ""
        if self.stopped:
            self.error = ended(f"{self.call.name} was told to end{still}")
        elif own:
            self.error = TimeoutError(f"{self.call.name} took longer than {limit:.3g} s{still}")
        else:
            self.error = TimeoutError(f"{self.call.name} had not ended at the deadline for all calls{still}")

    async def _within(self, grace: float) -> None:
        with anyio.move_on_after(grace, shield=True):
            await self.done.wait()

    def stop(self) -> None:
        """Do not wait for it any longer."""
        self.stopped = True
        self.watch.cancel()


def runner(call: Call[Any], tool: Tool[Any] | None) -> tuple[Callable[[], Any], bool]:
    """What runs the call, and whether that is to be awaited.  Raises UsageError if nothing can."""
    if isinstance(call.value, BoundCall):
        is_async = is_coroutine_function(call.value.function)
        return (call.value.arun if is_async else call.value.run), is_async
    if tool is None or tool.handler is None:
        raise UsageError(
            f"calls of {call.name} cannot be executed: it is a type without a handler",
            tool=call.name,
            hint=f"Offer Tool({call.name}, handler=function).  Calls that were pickled, or are given in a list, do not "
            "know their tools: execute(calls, tools=...).",
        )
    return functools.partial(tool.handler, call.value), is_coroutine_function(tool.handler)


async def _items(generator: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in generator]


def in_lists(value: Any) -> Any:
    """What a tool returned, with a list for each iterator in it, which could be read but once; else the value itself.

    Raises what an iterator raises.
    """
    return _in_lists(value) if _yields(value) else value


def _in_lists(value: Any) -> Any:
    if isinstance(value, Iterator):
        return [_in_lists(item) for item in value]
    if type(value) is dict:
        return {key: _in_lists(item) for key, item in value.items()}
    return type(value)([_in_lists(item) for item in value]) if type(value) in (list, tuple) else value


def _yields(value: Any) -> bool:
    """Whether there is an iterator in it: itself, or inside plain containers."""
    stack, seen = [value], set[int]()
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind in (dict, list, tuple):
            if id(item) not in seen:
                seen.add(id(item))
                stack.extend(item.values() if kind is dict else item)
        elif kind not in _PLAIN and isinstance(item, Iterator):
            return True
    return False


def ended(what: str) -> RuntimeError:
    """The error of a call that was ended because all of them were."""
    return RuntimeError(f"{what}: the execution was ended")
