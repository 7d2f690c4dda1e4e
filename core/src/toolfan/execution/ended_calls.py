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
_MOST_NOTES = 6


def tell_ended(jobs: Iterable[Job], because: BaseException) -> None:
    """Note on `because` which of these calls ran, and which still run; the log has the latter, too."""
    known = tuple(jobs)
    ran = [job for job in known if job.result is not None and job.result.started is not None and not job.abandoned]
    left = [job for job in known if job.abandoned or (job.result is None and job.started is not None)]
    if ran:
        note(because, f"calls that ran: {_names(ran)}")
    if left:
        note(because, f"calls that could not be ended and still run: {_names(left)}")
        _log.warning("calls that could not be ended still run: %s", _names(left))


def note(because: BaseException, text: str) -> None:
    """Add a note of toolfan's; of one exception that is raised again and again only the last ones are kept."""
    because.add_note(f"toolfan: {text}")
    notes = because.__notes__
    ours = [at for at, one in enumerate(notes) if isinstance(one, str) and one.startswith("toolfan: ")]
    if len(ours) > _MOST_NOTES:
        del notes[ours[0]]


def _names(jobs: Iterable[Job]) -> str:
    return ", ".join(f"{job.call.name} ({job.call.id})" for job in jobs)
