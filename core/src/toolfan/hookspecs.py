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

if TYPE_CHECKING:
    from .adapter import ParallelToolsAdapter, WireRequest
    from .calls import Call, RawCall, Turn

PROJECT = "toolfan"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def toolfan_adapter() -> ParallelToolsAdapter:
    """The adapter that this plugin offers, under the name of its entry point.

    Called once a process, only for a plugin that was selected.  It must import no SDK and do no I/O.
    """
    raise NotImplementedError  # a specification: pluggy never calls it


@hookspec
def toolfan_before_send(adapter: str, request: WireRequest, attempt: int) -> None:
    """A request is about to be sent.

    `adapter` is the adapter's name, `request` what goes on the wire (no headers, no key), `attempt` the round of
    asking, from 1.  Observers watch only: what they return is ignored, `request` is not theirs to change, and one that
    raises is logged to `toolfan` and dropped.  The same holds for every hook below.
    """


@hookspec
def toolfan_after_turn(adapter: str, turn: Turn, attempt: int) -> None:
    """A response was read: `turn` is all of it, before validation."""


@hookspec
def toolfan_call_sealed(adapter: str, call: RawCall, attempt: int) -> None:
    """A call is complete: in a stream the moment its last fragment came, before validation."""


@hookspec
def toolfan_after_execute(adapter: str | None, call: Call[Any], result: Any) -> None:
    """A call was executed.

    `call` is the valid call, `result` what execution made of it: its value, or its error.  `adapter` is None where
    calls are executed without a client.
    """
