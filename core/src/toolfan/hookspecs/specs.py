"""The hooks of toolfan: what a plugin offers and what it may watch.

A plugin is a module that an entry point of the group `toolfan.adapters` (or `toolfan.observers`) names:

    import toolfan

    @toolfan.hookimpl
    def toolfan_adapter():
        return AcmeAdapter()

Hooks are matched by name and arguments by name, so an implementation may leave out the arguments it does not need.
New arguments may be added to a hook; existing ones keep their names and meanings.

Knows: pluggy's markers and the neutral values.  Must not know: which plugins exist, who calls the hooks and when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from .marking import PROJECT, hookimpl

if TYPE_CHECKING:
    from ..adapter import ParallelToolsAdapter, WireRequest
    from ..calls import Call, RawCall, Result, Turn

__all__ = ["OBSERVER_HOOKS", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def toolfan_adapter() -> ParallelToolsAdapter:
    """The adapter that this plugin offers, under the name of its entry point.

    Called once a process, only for a plugin that was selected.  It must import no SDK and do no I/O.
    """
    raise NotImplementedError  # a specification: pluggy never calls it


@hookspec
def toolfan_before_send(adapter: str, request: WireRequest, attempt: int, provider: str) -> None:
    """A request is about to be sent.

    `adapter` is the adapter's name, `provider` the service's by OpenTelemetry's conventions (the adapter's where it
    tells none), `request` what goes on the wire (no headers, no key), `attempt` the round of
    asking, from 1; a request that is sent again within a round is announced again.  What follows on it gets the same
    `request` object: exactly one `toolfan_after_turn` or `toolfan_after_failure`, and the calls before it.

    Observers watch only: what they return is ignored, `request` is a copy, and one that raises is logged to `toolfan`
    and dropped.  A hook is a plain function; it is called in whatever thread or event loop does the work, which waits
    for it.  The same holds for every hook below.
    """


@hookspec
def toolfan_call_sealed(adapter: str, request: WireRequest, call: RawCall, attempt: int) -> None:
    """A call is complete: in a stream the moment its last fragment came, before validation."""


@hookspec
def toolfan_after_turn(adapter: str, request: WireRequest, turn: Turn, attempt: int) -> None:
    """A response was read: `turn` is all of it, before validation; each of its calls was announced before."""


@hookspec
def toolfan_after_failure(adapter: str, request: WireRequest, error: BaseException, attempt: int) -> None:
    """A request brought no turn.

    `error` is what went wrong: a ProviderError, maybe one of a request that is sent again; whatever else the adapter's
    code raised, and Ctrl-C; GeneratorExit where nobody waits for the answer any more, as in a stream that was left
    early or a task that was cancelled.
    """


@hookspec
def toolfan_after_execute(adapter: str | None, call: Call[Any], result: Result[Any]) -> None:
    """A call was executed.

    `call` is the valid call, `result` what came of it: its value or its error, when it began and ended; `started` is
    None for one that was not begun.  `call` and the value are copies, but for what cannot be copied (an open file); the
    error is the tool's.  `adapter` is None where calls are executed without a client.
    """


OBSERVER_HOOKS = (
    "toolfan_before_send",
    "toolfan_call_sealed",
    "toolfan_after_turn",
    "toolfan_after_failure",
    "toolfan_after_execute",
)
