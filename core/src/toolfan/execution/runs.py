"""`client.run()`, typed.

Knows: types, how one round is asked for.  Must not know: what is answered to the model, how calls are executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..overloads import overload

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import TypeForm, Unpack

    from ..client.streams import CallStream
    from ..request.arguments import Prepared
    from ..results.calls_type import Calls
    from ..signatures.forms import Messages
    from ..signatures.options import OneTool, Options, Several
    from ..tools.toolset import ToolSet
    from .portals import Portal
    from .run_drivers import Begun, HandOver
    from .running import Run


class Runs:
    """The typed `run()` of the blocking client."""

    if TYPE_CHECKING:
        _begin: Callable[..., Begun]
        _portal: Portal

        def _whole(self, prepared: Prepared) -> Calls[Any]: ...
        def _streamed(self, prepared: Prepared, forget: Callable[[], bool]) -> CallStream[Any]: ...

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
        with self._streamed(prepared, hand_over.forget) as stream:
            hand_over.end = stream.stop_reading
            for outcome in stream:
                hand_over(outcome)
            return stream.calls
