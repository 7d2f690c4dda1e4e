"""`client.run()` of the async client, typed.

Knows: types, how one round is asked for.  Must not know: what is answered to the model, how calls are executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..overloads import overload

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from typing_extensions import TypeForm, Unpack

    from ..client.async_streams import AsyncCallStream
    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from ..signatures.forms import Messages
    from ..signatures.options import OneTool, Options, Several
    from ..tools.toolset import ToolSet
    from .run_drivers import Begun, HandOver
    from .running import Run


class AsyncRuns:
    """The typed `run()` of the async client."""

    if TYPE_CHECKING:
        _begin: Callable[..., Begun]

        def _whole(self, prepared: Prepared) -> Coroutine[Any, Any, Calls[Any]]: ...
        def _streamed(self, prepared: Prepared, forget: Callable[[], bool]) -> AsyncCallStream[Any]: ...

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
        async with self._streamed(prepared, hand_over.forget) as stream:
            async for outcome in stream:
                hand_over(outcome)
            return stream.calls
