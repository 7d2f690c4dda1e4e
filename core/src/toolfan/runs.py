"""`client.run()`, typed: what it takes, what it refuses, how one round is asked for.

Knows: requests, streams, limits.  Must not know: what is answered to the model, how calls are executed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .drivers import Deadline
from .errors import Unsupported, UsageError
from .extras import hide_extras
from .overloads import overload

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from typing_extensions import TypeForm, Unpack

    from .adapter import ParallelToolsAdapter
    from .forms import Messages
    from .options import OneTool, Options, Several
    from .portals import Portal
    from .request import Prepared
    from .results import Calls
    from .run_drivers import Begun, HandOver
    from .running import Run
    from .streams import AsyncCallStream, CallStream
    from .toolset import ToolSet


class _Runner:
    """What `run()` needs of its client."""

    _tools_portal: Portal | None = None

    if TYPE_CHECKING:
        adapter: ParallelToolsAdapter
        _defaults: dict[str, Any]
        _prepare: Callable[..., Prepared]

    def _begin(
        self, messages: Any, response_model: Any, tools: Any, limits: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Begun:
        """One run, about to ask.  Raises UsageError for what cannot be run, before anything is sent."""
        from .executor import Executor, check_limit  # anyio loads when something is executed
        from .run_drivers import Begun
        from .running import run_loop

        check_limit("max_rounds", limits["max_rounds"])
        hide_extras(options)
        if options.get("stream"):
            raise UsageError("stream is no option of run()", hint="early=True executes calls while they stream.")
        on_invalid = self._defaults.get("on_invalid", "keep")
        prepared = self._prepare(messages, response_model, tools, {"on_invalid": on_invalid, **options})
        early = self._early(prepared.request.tools, limits["early"])
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
            portal=self._tools_portal,
            adapter=self.adapter.name,
            tells=True,
        )
        prepared = replace(prepared, request=replace(prepared.request, stream=bool(early)))
        loop = run_loop(self.adapter, prepared, limits["max_rounds"], deadline)
        sequential = frozenset(tool.name for tool in prepared.request.tools if tool.sequential)
        return Begun(loop, executor, early, sequential, mends=prepared.policy.on_invalid == "reask")

    def _early(self, tools: ToolSet[Any], everyone: Any) -> frozenset[str]:
        """The tools whose calls start while the answer still comes."""
        if not isinstance(everyone, bool):
            raise UsageError(f"early is {everyone!r}", hint="It is True or False.")
        if not self.adapter.capabilities.streaming:
            if everyone:
                name = self.adapter.name
                raise Unsupported("this provider does not offer streams", adapter=name, hint="Leave early=True out.")
            return frozenset()
        return frozenset(tool.name for tool in tools if everyone or tool.early)


class Runs(_Runner):
    """The typed `run()` of the blocking client."""

    if TYPE_CHECKING:
        _portal: Portal

        def _whole(self, prepared: Prepared) -> Calls[Any]: ...
        def _streamed(self, prepared: Prepared) -> CallStream[Any]: ...

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
        wrong with it.  With `early=True`, and of tools that are marked `early`, a call starts as soon as it has come,
        while the rest of its answer still comes.

        It also ends after `max_rounds` answers, when the model wants more than `max_calls` calls (those beyond are not
        executed), and at the deadline, which covers everything together: `Run.stop` says which.  A required
        `tool_choice` holds for the first round.  `on_invalid` is "keep" by default: a failed call is told to the model
        beside the results of the others.  Other options are those of `create`.

        Raises what `create` raises, with what was executed in `.run`; DeadlineExceeded only while nothing was answered.
        """
        limits = {
            "early": early,
            "max_concurrency": max_concurrency,
            "max_rounds": max_rounds,
            "max_calls": max_calls,
        }
        from .run_drivers import perform

        return perform(self._begin(messages, response_model, tools, limits, options), self._ask_once, self._portal)

    def _ask_once(self, prepared: Prepared, hand_over: HandOver) -> Calls[Any]:
        if not prepared.request.stream:
            return self._whole(prepared)
        with self._streamed(prepared) as stream:
            hand_over.end = stream.stop_reading
            for outcome in stream:
                hand_over(outcome)
            return stream.calls


class AsyncRuns(_Runner):
    """The typed `run()` of the async client."""

    if TYPE_CHECKING:

        def _whole(self, prepared: Prepared) -> Coroutine[Any, Any, Calls[Any]]: ...
        def _streamed(self, prepared: Prepared) -> AsyncCallStream[Any]: ...

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
        from .run_drivers import perform_async

        return await perform_async(self._begin(messages, response_model, tools, limits, options), self._ask_once)

    async def _ask_once(self, prepared: Prepared, hand_over: HandOver) -> Calls[Any]:
        if not prepared.request.stream:
            return await self._whole(prepared)
        async with self._streamed(prepared) as stream:
            async for outcome in stream:
                hand_over(outcome)
            return stream.calls
