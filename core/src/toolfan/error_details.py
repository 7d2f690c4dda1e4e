"""What an error may carry, as type checkers see it.

Knows: types alone.  Must not know: which errors there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from .calls import Turn
    from .execution.running import Run
    from .results.calls_type import Calls


class ErrorDetails(TypedDict, total=False):
    """What any toolfan error may carry; see `ToolfanError`."""

    hint: str | None
    adapter: str | None
    tool: str | None
    call_id: str | None
    retryable: bool
    attempts: int
    requests: int
    request_id: str | None
    status: int | None
    code: str | None
    retry_after: float | None
    calls: Calls[Any] | None
    turn: Turn | None
    run: Run | None
