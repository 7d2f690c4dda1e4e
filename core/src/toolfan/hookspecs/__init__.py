"""The hooks of plugins and observers: which there are, the mark of one, telling those who watch.

Knows: the names and arguments of hooks.  Must not know: what a plugin does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .marking import hookimpl as hookimpl
    from .specs import OBSERVER_HOOKS as OBSERVER_HOOKS
    from .specs import toolfan_adapter as toolfan_adapter
    from .specs import toolfan_after_execute as toolfan_after_execute
    from .specs import toolfan_after_failure as toolfan_after_failure
    from .specs import toolfan_after_turn as toolfan_after_turn
    from .specs import toolfan_before_send as toolfan_before_send
    from .specs import toolfan_call_sealed as toolfan_call_sealed
else:
    __getattr__, __dir__ = moved(
        __name__,
        {
            "hookspecs.marking": "hookimpl",
            "hookspecs.specs": (
                "OBSERVER_HOOKS toolfan_adapter toolfan_after_execute toolfan_after_failure toolfan_after_turn "
                "toolfan_before_send toolfan_call_sealed"
            ),
        },
    )
