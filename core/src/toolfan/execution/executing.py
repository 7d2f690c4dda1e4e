"""`execute` and `execute_async`: calls of one answer, or of a list, executed at the same time.

Knows: what may be executed, whose loop does it.  Must not know: how calls are run, providers, what is done with the
results.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ..calls import BadCall, Call, Result
from ..errors import UsageError
from ..registry.installed_observers import load_observers
from ..results.calls_type import Calls
from ..tools.toolset import tool_set
from . import portals
from .executor import Executor
from .jobs import runner

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from ..signatures.options import OneTool, Several
    from ..tools.toolset import ToolSet
    from .portals import Portal

T = TypeVar("T")

_LONGEST = 1e8  # seconds; timers take no more than some such number


@overload
def execute(
    calls: Calls[T],
    *,
    tools: Several[OneTool] | ToolSet[Any] | None = None,
    max_concurrency: int = 8,
    timeout: float | None = None,
) -> list[Result[T]]: ...
@overload
def execute(
    calls: Sequence[Call[T] | BadCall],
    *,
    tools: Several[OneTool] | ToolSet[Any] | None = None,
    max_concurrency: int = 8,
    timeout: float | None = None,
) -> list[Result[T]]: ...
def execute(calls: Any, *, tools: Any = None, max_concurrency: int = 8, timeout: float | None = None) -> Any:
    """Execute calls at the same time, at most `max_concurrency`, and return one result for each, in call order.

    Functions are called, in threads, or awaited if they are coroutine functions; calls of types go to their tool's
    `handler`.  `calls` is what `create` returned, or a list of calls with `tools=` (functions need none).  What a tool
    raises, and the error of a failed call, is its result's `error`; no tool touches another.  After `timeout` seconds
    for all, or its tool's own, a call ends with a TimeoutError; a function that still runs then is left in its thread.
    KeyboardInterrupt and SystemExit pass.  Works inside a running event loop.
    Raises UsageError before anything runs if a call has no function and no handler.
    """
    portals.shared.open()
    executor, listed = _prepared(calls, tools, max_concurrency, timeout, portal=portals.shared.tools)
    try:
        portals.shared.call(executor.perform, keyed(listed))
        return _in_order(listed, executor.take())
    except BaseException as exc:
        portals.shared.call(executor.cancel, exc)
        raise


@overload
async def execute_async(
    calls: Calls[T],
    *,
    tools: Several[OneTool] | ToolSet[Any] | None = None,
    max_concurrency: int = 8,
    timeout: float | None = None,
) -> list[Result[T]]: ...
@overload
async def execute_async(
    calls: Sequence[Call[T] | BadCall],
    *,
    tools: Several[OneTool] | ToolSet[Any] | None = None,
    max_concurrency: int = 8,
    timeout: float | None = None,
) -> list[Result[T]]: ...
async def execute_async(
    calls: Any, *, tools: Any = None, max_concurrency: int = 8, timeout: float | None = None
) -> Any:
    """`execute`, awaited: coroutine functions run in this event loop.  When it is cancelled, so are they."""
    executor, listed = _prepared(calls, tools, max_concurrency, timeout)
    try:
        await executor.perform(keyed(listed))
        return _in_order(listed, executor.take())
    except BaseException as exc:
        await executor.cancel(exc)
        raise


def _prepared(
    calls: Any, tools: Any, max_concurrency: int, timeout: float | None, *, portal: Portal | None = None
) -> tuple[Executor, Sequence[Call[Any] | BadCall]]:
    listed: Sequence[Any] = calls.outcomes if isinstance(calls, Calls) else calls
    fits = isinstance(listed, Sequence) and not isinstance(listed, str | bytes)
    strangers = [item for item in listed if not isinstance(item, Call | BadCall)] if fits else [calls]
    if strangers:
        what = "one call, and no list of them" if isinstance(calls, Call | BadCall) else "no call"
        raise UsageError(
            f"execute() was given {type(strangers[0]).__name__}, which is {what}",
            hint="Give it the Calls that create() returned, or a list of calls: [call].",
        )
    known = tool_set(tools=tools) if tools is not None else calls.tools if isinstance(calls, Calls) else None
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if timeout is not None and not (number and 0 < timeout <= _LONGEST):
        raise UsageError(f"timeout is {timeout!r}", hint="It is a number of seconds above 0, or None for no limit.")
    until = None if timeout is None else time.monotonic() + timeout
    check_runnable(listed, known)
    load_observers()
    return Executor(known, max_concurrency=max_concurrency, until=until, portal=portal), listed


def check_runnable(calls: Iterable[Call[Any] | BadCall], tools: ToolSet[Any] | None) -> None:
    """Raises UsageError if one of the good calls cannot be executed."""
    for call in calls:
        if isinstance(call, Call):
            runner(call, tools.by_name.get(call.name) if tools is not None else None)


def keyed(calls: Sequence[Call[Any] | BadCall]) -> list[tuple[Hashable, Call[Any]]]:
    return [(at, call) for at, call in enumerate(calls) if isinstance(call, Call)]


def _in_order(calls: Sequence[Call[Any] | BadCall], found: Mapping[Any, tuple[Result[Any], Any]]) -> list[Result[Any]]:
    return [
        Result(call, error=call.error) if isinstance(call, BadCall) else found[at][0] for at, call in enumerate(calls)
    ]
