"""Running the tools that were called: many at a time, in bounds, in order; `execute()` and `run()`.

Knows: functions, threads, tasks.  Must not know: providers, the form of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..moved import moved

if TYPE_CHECKING:
    from .executing import execute as execute
    from .executing import execute_async as execute_async
    from .running import Run as Run
    from .running import RunRound as RunRound
else:
    __getattr__, __dir__ = moved(
        __name__, {"execution.executing": "execute execute_async", "execution.running": "Run RunRound"}
    )
