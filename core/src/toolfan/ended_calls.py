"""What is told of calls whose execution was ended from outside: which ran, and which still run.

Knows: jobs and their results.  Must not know: how they are run, and how they were ended.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .jobs import Job

_log = logging.getLogger("toolfan")


def tell_ended(jobs: Iterable[Job], because: BaseException) -> None:
    """Note on `because` which of these calls ran, and which still run; the log has the latter, too."""
    known = tuple(jobs)
    ran = [job for job in known if job.result is not None and job.result.started is not None and not job.abandoned]
    left = [job for job in known if job.abandoned or (job.result is None and job.started is not None)]
    if ran:
        because.add_note(f"toolfan: calls that ran: {_names(ran)}")
    if left:
        because.add_note(f"toolfan: calls that could not be ended and still run: {_names(left)}")
        _log.warning("calls that could not be ended still run: %s", _names(left))


def _names(jobs: Iterable[Job]) -> str:
    return ", ".join(f"{job.call.name} ({job.call.id})" for job in jobs)
