"""How long to wait before a failed request is sent again, if it shall be: backoff, what the user says, the budget.

Loaded when something fails.

Knows: errors that say `retryable` and `retry_after`; tenacity's stop and wait.  Must not know: providers, requests, how
one sleeps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import tenacity

from ..errors import ProviderError, RateLimited, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .retries import Retries, Series

_SPENT = "It was not sent again: the retries of this client are used up, and only answers earn new ones."


def seconds_before(series: Series, error: ProviderError) -> float | None:
    """Seconds to wait before the request is sent again after this retryable error; None if it shall not be."""
    series.tries += 1
    state = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    state.attempt_number, state.start_time, state.idle_for = series.tries, series.started, series.waited
    state.set_exception((type(error), error, None))
    seconds = _wait(series.retries, error, state)
    series.waited += seconds or 0.0
    return seconds


def _wait(retries: Retries, error: ProviderError, state: Any) -> float | None:
    """Seconds to wait before the request is sent again; None if it shall not be."""
    wish = error.retry_after
    if wish is not None and wish > retries.longest_wait:
        return None
    seconds = max(_backoff(retries, state), wish or 0.0)
    state.upcoming_sleep = seconds
    if _stopped(retries, state):
        return None
    with retries.lock.here():
        spent = retries.budget < 1
        retries.budget -= 0 if spent else 1
    if spent:
        error.hint = f"{error.hint or ''} {_SPENT}".strip()
        return None
    if isinstance(error, RateLimited):
        retries.slow_down(seconds)
    return seconds


def _stopped(retries: Retries, state: Any) -> bool:
    if retries.stop is None:
        return bool(state.attempt_number >= retries.tries)
    return bool(_said("stop", retries.stop, state, lambda value: isinstance(value, bool)))


def _backoff(retries: Retries, state: Any) -> float:
    if retries.wait:
        return float(min(_said("wait", retries.wait, state, _is_seconds), 1e9))
    return tenacity.wait_random_exponential(multiplier=0.5, max=8)(state)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not math.isnan(value)


def _said(name: str, function: Callable[[Any], Any], state: Any, fits: Callable[[Any], bool]) -> Any:
    """What the user's function says.  Raises UsageError if it raises, or says what it may not."""
    error: ProviderError = state.outcome.exception()
    try:
        value = function(state)
    except Exception as exc:
        what = f"{name}= raised {type(exc).__name__}: {exc}"
        raise _fault(what, f"Mend the function in {name}=.", error) from exc
    if fits(value):
        return value
    if hasattr(value, "close"):  # a coroutine, which nobody will await
        value.close()
    what = "NaN" if isinstance(value, float) and math.isnan(value) else type(value).__name__
    wanted = "seconds as a number" if name == "wait" else "True or False"
    raise _fault(f"{name}= returned {what}", f"It returns {wanted}, at once.", error) from error


def _fault(what: str, hint: str, error: ProviderError) -> UsageError:
    """It is told with the error that the function was asked about, and carries what that one brought."""
    what += f"; it was asked after {type(error).__name__}: {error.message}"
    return UsageError(what, hint=hint, calls=error.calls, turn=error.turn, request_id=error.request_id)
