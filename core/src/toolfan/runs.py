"""`client.run()`, typed, and its sync and its async performer.

Knows: the loop and its effects, the executor, the portal.  Must not know: how one asks, what is answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from .drivers import Deadline
from .errors import ToolfanError, UsageError
from .running import Ask, run_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from typing_extensions import TypeForm, Unpack

    from .adapter import ParallelToolsAdapter
    from .execution import Executor
    from .forms import Messages
    from .options import OneTool, Options, Several
    from .portals import Portal
    from .request import Prepared
    from .results import Calls
    from .running import Run, RunLoop
    from .toolset import ToolSet


class _Runner:
    """What `run()` needs of its client."""

    if TYPE_CHECKING:
        adapter: ParallelToolsAdapter
        _defaults: dict[str, Any]
        _prepare: Callable[..., Prepared]

    def _begin(
        self, messages: Any, response_model: Any, tools: Any, limits: Mapping[str, Any], options: Mapping[str, Any]
    ) -> tuple[RunLoop, Executor]:
        """The loop and the executor of one run.  Raises UsageError for what cannot be run, before anything is sent."""
        from .execution import Executor, check_limit  # anyio loads when something is executed

        check_limit("max_rounds", limits["max_rounds"])
        if not isinstance(limits["early"], bool):
            raise UsageError(f"early is {limits['early']!r}", hint="It is True or False.")
        if options.get("stream"):
            raise UsageError("stream is no option of run()", hint="early=True executes calls while they stream.")
        on_invalid = self._defaults.get("on_invalid", "keep")
        prepared = self._prepare(messages, response_model, tools, {"on_invalid": on_invalid, **options})
        for tool in prepared.request.tools:
            if tool.kind != "function" and tool.handler is None:
                raise UsageError(
                    f"{tool.name} cannot be executed: it is a type without a handler",
                    tool=tool.name,
                    hint=f"Offer Tool({tool.name}, handler=function), or use create() and run the calls yourself.",
                )
        deadline = Deadline(prepared.policy.deadline)
        executor = Executor(
            prepared.request.tools,
            max_concurrency=limits["max_concurrency"],
            max_calls=limits["max_calls"],
            until=deadline.end,
        )
        return run_loop(self.adapter, prepared, limits["max_rounds"], deadline), executor


class Runs(_Runner):
    """The typed `run()` of the blocking client."""

    if TYPE_CHECKING:
        _portal: Portal
        _whole: Callable[[Prepared], Calls[Any]]

    @overload
    def run(
        self,
        *,
        messages: Messages,
        tools: Several[OneTool] | ToolSet[Any],
        early: bool = False,
        max_concurrency: int = 8,
        max_rounds: int = 10,
        max_calls: int | None = None,
        **options: Unpack[Options],
    ) -> Run: ...
    @overload
    def run(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[Any],
        early: bool = False,
        max_concurrency: int = 8,
        max_rounds: int = 10,
        max_calls: int | None = None,
        **options: Unpack[Options],
    ) -> Run: ...
    def run(
        self,
        *,
        messages: Any,
        response_model: Any = None,
        tools: Any = None,
        early: bool = False,
        max_concurrency: int = 8,
        max_rounds: int = 10,
        max_calls: int | None = None,
        **options: Any,
    ) -> Run:
        """Ask, execute what the model calls, tell it the results, and ask again until it calls nothing more.

        Tools are functions, and types offered as `Tool(type, handler=function)`; calls of one answer are executed at
        the same time, as by `execute`.  Every call is answered once: with its result, what its tool raised, or what was
        wrong with it.  It also ends after `max_rounds` answers, when the model wants more than `max_calls` calls (those
        beyond are not executed), and at the deadline, which covers everything together: `Run.stop` says which.
        A required `tool_choice` holds for the first round.  `on_invalid` is "keep" by default: a failed call is told to
        the model beside the results of the others.  Other options are those of `create`.
        Raises what `create` raises, with what was executed in `.run`; DeadlineExceeded only while nothing was answered.
        """
        limits = {
            "early": early,
            "max_concurrency": max_concurrency,
            "max_rounds": max_rounds,
            "max_calls": max_calls,
        }
        loop, executor = self._begin(messages, response_model, tools, limits, options)
        return perform(loop, self._whole, executor, self._portal)


class AsyncRuns(_Runner):
    """The typed `run()` of the async client."""

    if TYPE_CHECKING:
        _whole: Callable[[Prepared], Awaitable[Calls[Any]]]

    @overload
    async def run(
        self,
        *,
        messages: Messages,
        tools: Several[OneTool] | ToolSet[Any],
        early: bool = False,
        max_concurrency: int = 8,
        max_rounds: int = 10,
        max_calls: int | None = None,
        **options: Unpack[Options],
    ) -> Run: ...
    @overload
    async def run(
        self,
        *,
        messages: Messages,
        response_model: TypeForm[Any],
        early: bool = False,
        max_concurrency: int = 8,
        max_rounds: int = 10,
        max_calls: int | None = None,
        **options: Unpack[Options],
    ) -> Run: ...
    async def run(
        self,
        *,
        messages: Any,
        response_model: Any = None,
        tools: Any = None,
        early: bool = False,
        max_concurrency: int = 8,
        max_rounds: int = 10,
        max_calls: int | None = None,
        **options: Any,
    ) -> Run:
        """`Runs.run`, awaited: coroutine functions run in this event loop, and are cancelled when it is."""
        limits = {
            "early": early,
            "max_concurrency": max_concurrency,
            "max_rounds": max_rounds,
            "max_calls": max_calls,
        }
        loop, executor = self._begin(messages, response_model, tools, limits, options)
        return await perform_async(loop, self._whole, executor)


def perform(loop: RunLoop, ask: Callable[[Prepared], Calls[Any]], executor: Executor, portal: Portal) -> Run:
    """Perform the loop's effects, blocking; coroutine functions run behind the portal."""
    effect = next(loop)
    try:
        while True:
            outcome: Any
            try:
                if isinstance(effect, Ask):
                    outcome = ask(effect.prepared)
                else:
                    if effect.calls or executor.has_calls:
                        portal.call(executor.perform, effect.calls)
                    outcome = executor.take()
            except BaseException as exc:  # noqa: BLE001 - it is thrown into the loop, which raises it
                if executor.has_calls and not isinstance(exc, ToolfanError):
                    portal.call(executor.cancel, exc)
                effect = loop.throw(exc)
            else:
                effect = loop.send(outcome)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


async def perform_async(loop: RunLoop, ask: Callable[[Prepared], Awaitable[Calls[Any]]], executor: Executor) -> Run:
    """`perform`, awaited."""
    effect = next(loop)
    try:
        while True:
            outcome: Any
            try:
                if isinstance(effect, Ask):
                    outcome = await ask(effect.prepared)
                else:
                    await executor.perform(effect.calls)
                    outcome = executor.take()
            except BaseException as exc:  # noqa: BLE001 - it is thrown into the loop, which raises it
                if executor.has_calls and not isinstance(exc, ToolfanError):
                    await executor.cancel(exc)
                effect = loop.throw(exc)
            else:
                effect = loop.send(outcome)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
