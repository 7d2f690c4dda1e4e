"""A run that is about to ask: what cannot be run is refused here, before anything is sent.

Knows: requests, limits, how a run is made of its parts.  Must not know: clients, how one round is asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..drivers.whole import Deadline
from ..errors import Unsupported, UsageError
from ..request.extras import hide_extras
from .executor import Executor, check_limit
from .run_drivers import Begun
from .running import run_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..adapter import ParallelToolsAdapter
    from ..request.arguments import Prepared
    from ..tools.toolset import ToolSet
    from .portals import Portal


def begin(
    adapter: ParallelToolsAdapter,
    limits: Mapping[str, Any],
    options: Mapping[str, Any],
    prepare: Callable[[], Prepared],
    portal: Portal | None,
) -> Begun:
    """One run, of the request that `prepare` makes of these options.  Raises UsageError for what cannot be run."""
    check_limit("max_rounds", limits["max_rounds"])
    hide_extras(options)
    if options.get("stream"):
        raise UsageError("stream is no option of run()", hint="early=True executes calls while they stream.")
    prepared = prepare()
    early = _early(adapter, prepared.request.tools, limits["early"])
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
        portal=portal,
        adapter=adapter.name,
        tells=True,
    )
    prepared = replace(prepared, request=replace(prepared.request, stream=bool(early)))
    loop = run_loop(adapter, prepared, limits["max_rounds"], deadline)
    sequential = frozenset(tool.name for tool in prepared.request.tools if tool.sequential)
    return Begun(loop, executor, early, sequential, mends=prepared.policy.on_invalid == "reask")


def _early(adapter: ParallelToolsAdapter, tools: ToolSet[Any], everyone: Any) -> frozenset[str]:
    """The tools whose calls start while the answer still comes."""
    if not isinstance(everyone, bool):
        raise UsageError(f"early is {everyone!r}", hint="It is True or False.")
    if not adapter.capabilities.streaming:
        if everyone:
            name = adapter.name
            raise Unsupported("this provider does not offer streams", adapter=name, hint="Leave early=True out.")
        return frozenset()
    return frozenset(tool.name for tool in tools if everyone or tool.early)
